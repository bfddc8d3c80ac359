"""Answers in the memory of one worker: the least used go first, and no tenant takes more than its share."""

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")
_Places = OrderedDict[bytes, None]


class CacheMemory(Generic[T]):
    """Values by key, each with a tenant and a size."""

    def __init__(self, most_bytes: int, tenant_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._tenant_bytes = tenant_bytes
        self._values: OrderedDict[bytes, tuple[T, str, int]] = OrderedDict()
        self._tenants: dict[str, _Places] = {}
        self._sizes: dict[str, int] = {}
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def of(self, tenant: str) -> int:
        """Bytes of one tenant."""
        return self._sizes.get(tenant, 0)

    def get(self, key: bytes) -> T | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        self._tenants[found[1]].move_to_end(key)
        return found[0]

    def forget(self, tenant: str) -> None:
        """Let go of all of a tenant's."""
        for key in list(self._tenants.get(tenant, ())):
            self.drop(key)

    def put(self, key: bytes, value: T, tenant: str, size_bytes: int) -> None:
        """Keep a value, and let go of what it takes the room of; one that never fits is not kept."""
        self.drop(key)
        if size_bytes > min(self._most_bytes, self._tenant_bytes):
            return
        self._values[key] = (value, tenant, size_bytes)
        self._tenants.setdefault(tenant, OrderedDict())[key] = None
        self._sizes[tenant] = self.of(tenant) + size_bytes
        self.size_bytes += size_bytes
        while self.of(tenant) > self._tenant_bytes:
            self.drop(next(iter(self._tenants[tenant])))
        while self.size_bytes > self._most_bytes:
            self.drop(next(iter(self._values)))

    def drop(self, key: bytes) -> None:
        """Let go of a value, if it is there."""
        found = self._values.pop(key, None)
        if found is None:
            return
        _, tenant, size_bytes = found
        self.size_bytes -= size_bytes
        self._sizes[tenant] -= size_bytes
        places = self._tenants[tenant]
        del places[key]
        if not places:
            del self._tenants[tenant], self._sizes[tenant]

    def bound(self, most_bytes: int, tenant_bytes: int) -> None:
        """Set other bounds; what goes beyond them goes at the next `put`."""
        self._most_bytes, self._tenant_bytes = most_bytes, tenant_bytes
