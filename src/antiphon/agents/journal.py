"""What the loop needs of durability: results that are written down once, and waits that outlive the process."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from antiphon.core.run import Mail, Run, RunStatus, Stop, Wait


class Parked(BaseException):
    """The run waits: this segment of it has ended, with its State kept. Raised by the loop, taken by the engine.

    A BaseException, so that no handler of failures takes it for one.
    """

    def __init__(self, wait: Wait, state: bytes) -> None:
        """`state`: JSON, all that it goes on from."""
        super().__init__(wait.kind)
        self.wait, self.state = wait, state


class Interrupted(BaseException):
    """The run was cancelled, killed or paused from outside. Raised by `Journal.step` before the work."""

    def __init__(self, mail: Mail) -> None:
        super().__init__(mail.kind)
        self.mail = mail


class Journal(ABC):
    """One segment of one run. Calls of it come in the same order on every replay."""

    run: Run

    @abstractmethod
    async def step(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do work and write down what it gave, JSON; where that was written before, give it back and do nothing.

        After a crash, work whose result was not written is done again: what must not be has an intent or a key.
        Steps of one name at once are told apart by their order.

        Raises: Interrupted, and what the work raises: AntiphonErrors are written down too, and raised again on replay.
        """

    @abstractmethod
    async def steps(self, works: list[tuple[str, Callable[[], Awaitable[Any]]]]) -> list[Any]:
        """Several at once, each written down by itself. An exception stands in the place of its result."""

    @abstractmethod
    async def now_ns(self) -> int:
        """The time, written down."""

    @abstractmethod
    async def random(self) -> float:
        """A fraction by chance, written down."""

    @abstractmethod
    def tell(self, kind: str, body: Any = None) -> None:
        """Tell those who watch. Lost with the process at worst; said once on a replay."""

    @abstractmethod
    def aside(self, kind: str, body: Any = None) -> None:
        """The same from within the work of a step, while it is done. On a replay it is not said again."""

    @abstractmethod
    async def mail(self) -> list[Mail]:
        """What was said to this run since it last asked, written down."""


class Ended(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a run ended."""

    status: RunStatus
    stop: Stop
    why: str
    result: bytes = b""
    """JSON."""
    state: bytes = b""
    """JSON."""


class Driver(ABC):
    """Drives a segment of a run: the loop, or an agent in Python. Nothing outside the journal changes what it does."""

    @abstractmethod
    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        """From `run.state` (empty: from `run.input`) to the end or the next wait.

        Args:
            mail: What ended the wait that it was in; the segment begins with it.
        Raises: Parked, Interrupted.
        """
