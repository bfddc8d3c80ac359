"""What has changed of what servers offer, for those who want to hear of it."""

import asyncio
from collections.abc import Mapping
from typing import Literal

Part = Literal["tools", "resources", "prompts"]
PARTS: tuple[Part, ...] = ("tools", "resources", "prompts")
What = tuple[Part, str]
"""A part, and its server; empty: what is of no server."""


class News:
    """Of one process. Whoever listens compares counts, so that nobody has to be remembered here."""

    def __init__(self) -> None:
        self._counts: dict[What, int] = {}
        self._told = asyncio.Event()

    def tell(self, part: Part, server: str = "") -> None:
        """Something of it has changed."""
        self._counts[part, server] = self._counts.get((part, server), 0) + 1
        told, self._told = self._told, asyncio.Event()
        told.set()

    @property
    def counts(self) -> Mapping[What, int]:
        """How often each has changed, as of now."""
        return dict(self._counts)

    async def after(self, counts: Mapping[What, int], wait_s: float) -> tuple[Mapping[What, int], list[What]]:
        """What has changed since: the counts by then, and what it was; nothing after `wait_s` without any."""
        told = self._told
        if self._counts == counts:
            try:
                async with asyncio.timeout(wait_s):
                    await told.wait()
            except TimeoutError:
                return counts, []
        now = self.counts
        return now, [what for what, count in now.items() if counts.get(what) != count]
