"""A collection as it is asked: by those who may read it."""

import asyncio
from collections.abc import Sequence

from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal
from antiphon.knowledge.index import Index, Passage
from antiphon.knowledge.settings import CollectionSpec

FRESH_S = 30.0
"""How long a look at its files holds."""


class Collection:
    """Documents under one name, one data class and one list of readers."""

    def __init__(self, name: str, spec: CollectionSpec, index: Index, clock: Clock, *, tenant: str = "") -> None:
        """`tenant`: whose it is; empty: everybody's."""
        self.name, self.spec, self.tenant = name, spec, tenant
        self._index, self._clock = index, clock
        self._looked_s: float | None = None
        self._looking = asyncio.Lock()

    @property
    def data_class(self) -> DataClass:
        return self.spec.data_class

    @property
    def department(self) -> str:
        return self.spec.department

    @property
    def skipped(self) -> dict[str, str]:
        """Why files aren't in it."""
        return self._index.skipped

    def reads(self, principal: Principal) -> bool:
        """Whether its own list lets somebody read; policies are asked beside."""
        if self.tenant not in {"", principal.tenant}:
            return False
        return not self.spec.roles or bool(set(self.spec.roles) & set(principal.roles))

    async def search(self, query: str, most: int) -> Sequence[Passage]:
        """Passages with words of a query, the best first. Raises: StoreError."""
        await self.look()
        return await asyncio.to_thread(self._index.search, query, most)

    async def around(self, document: str, place: int, most: int) -> Sequence[Passage]:
        """Passages of a document from one on. Raises: StoreError."""
        await self.look()
        return await asyncio.to_thread(self._index.around, document, place, most)

    async def look(self) -> None:
        """Take in what changed in its files, unless that was looked at within `FRESH_S`. Raises: StoreError."""
        async with self._looking:
            now_s = self._clock.steady_s()
            if self._looked_s is not None and now_s - self._looked_s < FRESH_S:
                return
            await asyncio.to_thread(self._index.refresh)
            self._looked_s = now_s

    def close(self) -> None:
        self._index.close()
