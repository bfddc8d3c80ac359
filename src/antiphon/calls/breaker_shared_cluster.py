"""What the machines of a cluster know of each other's breakers.

A worker asks what its own machine knows, from memory. A task puts what it says on the cluster's board, and tells the
machine what others put there. Times on the board are how long a word lasts, so the machines' clocks need not agree. Who
probes is settled on each machine by itself.
"""

import asyncio
from collections.abc import Callable

from antiphon.calls.breaker_shared import SharedBreaker, Word
from antiphon.core.board import Board, Notice
from antiphon.core.error import StoreError

EXCHANGE_S = 0.5
"""How often words are exchanged."""


class ClusterBreakers(SharedBreaker):
    """One worker's view of all machines. `run` is a task that lives as long as the worker."""

    def __init__(self, machine: SharedBreaker, board: Board, origin: str, now_s: Callable[[], float]) -> None:
        """`origin` names this machine; `now_s` is its steady clock."""
        self._machine, self._board, self._origin, self._now_s = machine, board, origin, now_s
        self._said: dict[str, Word] = {}
        """Last words that are not on the board yet."""
        self._seen: dict[str, str] = {}
        """Versions of words that were read."""

    def tell(self, name: str, word: Word) -> None:
        self._machine.tell(name, word)
        self._said[name] = word

    def heard(self, name: str) -> Word | None:
        return self._machine.heard(name)

    def claim(self, name: str, now_s: float, until_s: float) -> bool:
        return self._machine.claim(name, now_s, until_s)

    def release(self, name: str) -> None:
        self._machine.release(name)

    async def run(self) -> None:
        """Exchange words, for as long as the worker lives. Ends when cancelled."""
        while True:
            await asyncio.sleep(EXCHANGE_S)
            await self.exchange()

    async def exchange(self) -> None:
        """Put what was said on the board and take in what others said. While it is away, words wait."""
        said, now_s = dict(self._said), self._now_s()
        try:
            notices = await self._board.exchange([self._notice(name, word, now_s) for name, word in said.items()])
        except StoreError:
            return
        for name, word in said.items():
            if self._said.get(name) is word:
                del self._said[name]
        now_s = self._now_s()
        for notice in notices:
            self._take(notice, now_s)

    def _take(self, notice: Notice, now_s: float) -> None:
        """Tell the machine what another one said, once. What was said before this worker began and is over has no news."""
        before = self._seen.get(notice.name)
        if before == notice.version:
            return
        self._seen[notice.name] = notice.version
        if notice.origin == self._origin or notice.name in self._said:
            return
        if before is None and (not notice.open or notice.lasts_s <= 0):
            return
        until_s = now_s + max(notice.lasts_s, 0.0)
        self._machine.tell(notice.name, Word(open=notice.open, until_s=until_s, reason=notice.reason))

    def _notice(self, name: str, word: Word, now_s: float) -> Notice:
        lasts_s = word.until_s - now_s if word.open else 0.0
        return Notice(name=name, origin=self._origin, open=word.open, lasts_s=lasts_s, reason=word.reason)
