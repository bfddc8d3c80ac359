"""Results of pure tools, kept for a while: by tenant, bounded in entries and bytes."""

from collections import OrderedDict
from hashlib import sha256
from typing import Any

import msgspec

from antiphon.core.principal import Principal
from antiphon.core.tool import Tool, ToolResult

MOST_TENANTS = 1000
"""Of which anything is kept; what was kept of the one that asked longest ago goes first."""
MOST_RESULT_BYTES = 262_144
"""A longer result is not kept."""
_ENCODER = msgspec.json.Encoder(order="sorted")


def cache_key(tool: Tool, arguments: dict[str, Any], principal: Principal, *, personal: bool) -> str:
    """Names a call among those that give the same: its tenant, the tool's version and name, and the arguments."""
    whose = [principal.tenant, msgspec.to_builtins(principal) if personal else ""]
    said = _ENCODER.encode([whose, tool.source, tool.name, tool.version, arguments])
    return f"{principal.tenant}/{sha256(said).hexdigest()}"


class Kept:
    """The oldest go first, of each tenant for itself: none pushes another's out."""

    def __init__(self, *, entries: int, size_bytes: int) -> None:
        """The most of one tenant."""
        self._entries, self._size_bytes = entries, size_bytes
        self._tenants: OrderedDict[str, _Shelf] = OrderedDict()

    def get(self, tenant: str, key: str, now_s: float) -> ToolResult | None:
        """What is kept and still holds. Steady seconds."""
        shelf = self._tenants.get(tenant)
        if shelf is None:
            return None
        self._tenants.move_to_end(tenant)
        return shelf.get(key, now_s)

    def put(self, tenant: str, key: str, result: ToolResult, until_s: float) -> None:
        """Keep a result that went well."""
        size = len(msgspec.json.encode(result))
        if size > MOST_RESULT_BYTES or result.failed:
            return
        self._tenants.setdefault(tenant, _Shelf()).put(key, result, until_s, size)
        self._tenants[tenant].shrink(self._entries, self._size_bytes)
        if len(self._tenants) > MOST_TENANTS:
            self._tenants.popitem(last=False)


class _Shelf:
    """What is kept of one tenant."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[ToolResult, float, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: str, now_s: float) -> ToolResult | None:
        found = self._held.get(key)
        if found is None:
            return None
        if found[1] <= now_s:
            self._drop(key)
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: str, result: ToolResult, until_s: float, size: int) -> None:
        self._drop(key)
        self._held[key] = result, until_s, size
        self._bytes += size

    def shrink(self, entries: int, size_bytes: int) -> None:
        while self._held and (len(self._held) > entries or self._bytes > size_bytes):
            self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            self._bytes -= found[2]
