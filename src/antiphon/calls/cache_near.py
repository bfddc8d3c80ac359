"""Answers to requests that mean the same: found by the vector of what the user said last, everything else being equal."""

import asyncio
import sys
from array import array
from collections.abc import Mapping
from unicodedata import normalize

from msgspec import MsgspecError, Struct

from antiphon.calls.cache_guard import Wording, worded
from antiphon.calls.cache_index import MOST_OF_GROUP, CacheIndex, Hint, Near, decode, encode, nearest
from antiphon.calls.cache_shelf import CacheShelf
from antiphon.calls.settings_cache import SemanticSettings
from antiphon.core.cache import CacheStore
from antiphon.core.embedding import Embedder, Embedding
from antiphon.core.error import AntiphonError, Erased, StoreError
from antiphon.core.ports import Sealer
from antiphon.core.vault_store import CACHED
from antiphon.wire.recall import Recalled

AGAIN_NS = 2_000_000_000
"""The store is asked again for what other workers kept, once so long has passed."""
LATE_NS = 5_000_000_000
"""An answer may come into the store so long after it was given."""


class Placed(Struct, frozen=True, gc=False):
    """A text that can be compared."""

    embedder: str
    wording: Wording
    vector: Embedding


class CacheNear:
    """Texts of one worker, filled from the store as they are asked for."""

    def __init__(self, sealer: Sealer) -> None:
        self.embedders: Mapping[str, Embedder] = {}
        """By the name that routes know them by."""
        self._sealer = sealer
        self._index = CacheIndex()

    async def place(self, recalled: Recalled, settings: SemanticSettings, *, private: bool) -> Placed | None:
        """Embed what the user said last; None where it is too long or too late in a conversation, or can't be done now.

        Args:
            private: A private embedder alone may see it.
        """
        text, embedder = recalled.text, self.embedders.get(settings.embedder)
        fits = recalled.turns <= settings.max_turns and len(text) <= settings.max_characters and text.strip()
        # Composed letters count as what they are made of: so does the embedder read them.
        if (
            embedder is None
            or (private and not embedder.private)
            or not fits
            or len(normalize("NFKD", text)) > settings.max_characters
        ):
            return None
        try:
            async with asyncio.timeout(settings.timeout_s):
                (vector,) = await embedder.embed([text])
        except (TimeoutError, AntiphonError):
            return None
        return Placed(embedder.name, worded(text), vector)

    async def nearest(
        self, tenant: str, group: bytes, placed: Placed, threshold: float, shelf: CacheShelf | None, now_ns: int
    ) -> tuple[float, bytes] | None:
        """The cosine and the key of the nearest text that agrees; None: none is near enough."""
        texts = self._index.group(tenant, group)
        if shelf is not None and now_ns - texts.read_ns > AGAIN_NS:
            after_ns = texts.newest_ns - LATE_NS if texts.newest_ns else 0
            texts.read_ns = now_ns
            found = await shelf.read(lambda store: self._stored(store, tenant, group, after_ns, now_ns))
            if found:
                texts.newest_ns = max(texts.newest_ns, found[-1].at_ns)
                self._index.add(tenant, group, found)
        live = [text for text in texts.texts.values() if text.until_ns > now_ns and text.embedder == placed.embedder]
        if not live:
            return None
        best = await asyncio.to_thread(nearest, placed.vector, placed.wording, live, threshold)
        return None if best is None else (best[0], best[1].key)

    def add(self, tenant: str, group: bytes, placed: Placed, key: bytes, at_ns: int, until_ns: int) -> None:
        """Let a text be found."""
        self._index.add(tenant, group, [Near(key, until_ns, at_ns, placed.embedder, placed.wording, placed.vector)])

    def drop(self, group: bytes, key: bytes) -> None:
        """Its answer is gone."""
        self._index.drop(group, key)

    def forget(self, tenant: str) -> None:
        """Let go of all of a tenant's."""
        self._index.forget(tenant)

    def sealed(self, placed: Placed, tenant: str, key: bytes) -> bytes:
        """As it is stored."""
        hint = Hint(embedder=placed.embedder, wording=placed.wording, vector=_ordered(placed.vector).tobytes())
        return self._sealer.seal(encode(hint), _context(tenant, key), tenant=tenant, subject=CACHED)

    def _stored(self, store: CacheStore, tenant: str, group: bytes, after_ns: int, now_ns: int) -> list[Near]:
        """Read and open, the oldest first; in a thread. Raises: StoreError, when the store can't be asked."""
        out: list[Near] = []
        for entry in reversed(store.near(tenant, group, after_ns, now_ns, MOST_OF_GROUP)):
            try:
                hint = decode(self._sealer.unseal(entry.hint, _context(tenant, entry.key)))
            except (Erased, StoreError, MsgspecError):
                continue  # sealed with another key, or by another version
            vector: Embedding = array("f")
            vector.frombytes(hint.vector)
            near = Near(entry.key, entry.until_ns, entry.at_ns, hint.embedder, hint.wording, _ordered(vector))
            out.append(near)
        return out


def _ordered(vector: Embedding) -> Embedding:
    """Little-endian from the machine's order, and back."""
    if sys.byteorder == "little":
        return vector
    turned = vector[:]
    turned.byteswap()
    return turned


def _context(tenant: str, key: bytes) -> str:
    return f"{tenant}/cache-hint/{key.hex()}"
