"""Vectors of texts whose answers are kept, in the memory of one worker, by what they may be compared with."""

from collections import OrderedDict
from collections.abc import Iterable
from operator import mul

import msgspec
from msgspec import Struct

from antiphon.calls.cache_guard import Wording, agree
from antiphon.core.embedding import Embedding

MOST_OF_GROUP = 256
"""Texts of one group that are compared, the newest: with 384 numbers each about 5 ms of a thread."""
MOST_OF_TENANT = 4096
MOST = 16_384
"""Of a worker: 25 MB of vectors of 384 numbers."""


class Hint(Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """By what an answer's request is compared with others; as it is sealed."""

    embedder: str
    """Model and version: vectors of others can't be compared."""
    wording: Wording
    vector: bytes
    """float32, little-endian."""


class Near(Struct, frozen=True, gc=False):
    """One text that may be compared."""

    key: bytes
    until_ns: int
    at_ns: int
    embedder: str
    wording: Wording
    vector: Embedding


class Group:
    """Texts of requests that are alike in everything else."""

    __slots__ = ("newest_ns", "read_ns", "tenant", "texts")

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.texts: OrderedDict[bytes, Near] = OrderedDict()
        self.read_ns = 0
        """When the store was asked last."""
        self.newest_ns = 0
        """When the newest was given that came out of the store."""


class CacheIndex:
    """Groups by name; the least used go first, those of a tenant that has more than its share before others'."""

    def __init__(self, most: int = MOST, of_tenant: int = MOST_OF_TENANT, of_group: int = MOST_OF_GROUP) -> None:
        self._most, self._of_tenant, self._of_group = most, of_tenant, of_group
        self._groups: OrderedDict[bytes, Group] = OrderedDict()
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        """Texts of all groups."""
        return sum(self._counts.values())

    def group(self, tenant: str, name: bytes) -> Group:
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = Group(tenant)
        self._groups.move_to_end(name)
        while len(self._groups) > self._most:
            self._forget(next(iter(self._groups)))
        return found

    def add(self, tenant: str, name: bytes, texts: Iterable[Near]) -> None:
        """Take texts into a group; those of the same key are replaced."""
        group = self.group(tenant, name)
        for text in texts:
            if group.texts.pop(text.key, None) is None:
                self._count(tenant, 1)
            group.texts[text.key] = text
            if len(group.texts) > self._of_group:
                group.texts.popitem(last=False)
                self._count(tenant, -1)
        while self._counts.get(tenant, 0) > self._of_tenant:
            self._forget(next(key for key, one in self._groups.items() if one.tenant == tenant))
        while len(self) > self._most:
            self._forget(next(iter(self._groups)))

    def drop(self, name: bytes, key: bytes) -> None:
        """Forget one text, whose answer is gone."""
        group = self._groups.get(name)
        if group is not None and group.texts.pop(key, None) is not None:
            self._count(group.tenant, -1)

    def forget(self, tenant: str) -> None:
        """Let go of all of a tenant's."""
        for name in [name for name, one in self._groups.items() if one.tenant == tenant]:
            self._forget(name)

    def _forget(self, name: bytes) -> None:
        group = self._groups.pop(name)
        self._count(group.tenant, -len(group.texts))

    def _count(self, tenant: str, more: int) -> None:
        count = self._counts.get(tenant, 0) + more
        if count:
            self._counts[tenant] = count
        else:
            self._counts.pop(tenant, None)


def nearest(vector: Embedding, wording: Wording, texts: Iterable[Near], threshold: float) -> tuple[float, Near] | None:
    """The text that is nearest among those whose words agree, and the cosine of the two; None: none is near enough."""
    ranked = sorted(
        (
            (cosine, place, text)
            for place, text in enumerate(texts)
            if text.wording.telling == wording.telling and (cosine := sum(map(mul, vector, text.vector))) >= threshold
        ),
        reverse=True,
    )
    return next(((cosine, text) for cosine, _, text in ranked if agree(wording, text.wording)), None)


_hint = msgspec.msgpack.Decoder(Hint)


def encode(hint: Hint) -> bytes:
    return msgspec.msgpack.encode(hint)


def decode(text: bytes) -> Hint:
    """Raises: MsgspecError."""
    return _hint.decode(text)
