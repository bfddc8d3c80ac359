"""A board on which the machines of a cluster tell each other how deployments are."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from msgspec import Struct


class Notice(Struct, frozen=True, gc=False, kw_only=True):
    """What one machine says of a deployment."""

    name: str
    origin: str
    """The machine that says so."""
    open: bool
    """It is left alone."""
    lasts_s: float = 0.0
    """Seconds from now until it may be probed; below 0: so long ago."""
    reason: str = ""
    version: str = ""
    """Another one for each word; empty when it is not on the board yet."""


class Board(ABC):
    """Holds the last word on each deployment."""

    @abstractmethod
    async def exchange(self, said: Sequence[Notice]) -> list[Notice]:
        """Put words on the board and read all of it. Raises: StoreError; then they may stand there or not."""
