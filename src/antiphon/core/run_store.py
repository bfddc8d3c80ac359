"""Where runs are kept, as ports see it. The journal of their steps is kept by the durable engine."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from msgspec import Struct

from antiphon.core.run import Barred, Beat, Held, Intent, Mail, Memory, Run, RunEvent, RunStatus, Skill, Use


class Asked(Struct, frozen=True, kw_only=True):
    """Which runs are wanted; empty fields say nothing."""

    tenant: str | None = None
    agent: str = ""
    statuses: tuple[RunStatus, ...] = ()
    session: str = ""
    parent: str = ""
    root: str = ""
    user: str = ""
    before: str = ""
    """Id; those that are older, the newest first."""
    most: int = 100


class RunStore(ABC):
    """Keeps runs and what belongs to them; content as it is given, sealed. Any thread may ask. All methods block.

    Raises: StoreError, each of them.
    """

    # --- runs

    @abstractmethod
    def begin(self, run: Run, most_queued: int = 10_000) -> Run:
        """Keep a new run. One of the same tenant, agent and `once` is found instead; so is one of the same id.

        Raises: OverLimit, when so many of its tenant wait in the queue; NotFound, of a child whose parent is gone.
        """

    @abstractmethod
    def one(self, run: str, tenant: str | None = None) -> Run | None: ...

    @abstractmethod
    def page(self, asked: Asked) -> list[Run]: ...

    @abstractmethod
    def save(self, run: Run, expects_segment: int, statuses: Sequence[RunStatus]) -> bool:
        """Put a run in the place of itself, where it stands in this segment and in one of these states. `used` is left as
        it is kept: `hold` and `settle` count it.

        Returns: whether it was so.
        """

    @abstractmethod
    def due(self, now_ns: int, most: int) -> list[Run]:
        """Those that have to go on: `queued` without an owner (one with an owner stands in the durable engine's queue
        already); `waiting` with mail that ends their wait, or whose `wake_ns` is over; and
        those of any state but ended with a cancel, kill, pause or resume among their mail. The most urgent first.
        """

    @abstractmethod
    def counts(self, tenant: str | None = None) -> dict[tuple[str, RunStatus], int]:
        """How many there are, by agent and status."""

    # --- mail

    @abstractmethod
    def post(self, mail: Mail) -> bool:
        """Returns: whether there is such a run, and it was not there before. Raises: OverLimit, where too many messages to it
        are not read yet.
        """

    @abstractmethod
    def mail(self, run: str) -> list[Mail]:
        """What was not taken yet, the oldest first."""

    @abstractmethod
    def take(self, run: str, ids: Sequence[str]) -> None:
        """Mark mail as taken."""

    # --- what happened

    @abstractmethod
    def tell(self, events: Sequence[RunEvent]) -> None:
        """Append events. One with a `seq` that is there already is left out; so are those of a run that is gone."""

    @abstractmethod
    def told(self, run: str, after: int, most: int = 1000) -> list[RunEvent]: ...

    # --- envelopes

    @abstractmethod
    def hold(self, root: str, key: str, most: Use) -> Held:
        """Hold the most that an action may use on the root's envelope, before it. In one transaction: nobody else can
        hold the same. A `key` that is held or settled already is not held again.
        """

    @abstractmethod
    def settle(self, root: str, key: str, used: Use) -> None:
        """Put what was used in the place of what was held. A key that is settled already is left as it is."""

    # --- at most once

    @abstractmethod
    def intend(self, intent: Intent) -> Intent:
        """Write an intent, or find the one that is there for this run and step."""

    @abstractmethod
    def came(self, run: str, step: str, outcome: bytes, owner: str) -> bool:
        """What came of an intent. Returns: whether the owner still owned it, and it had none yet."""

    @abstractmethod
    def review(
        self, run: str, step: str, outcome: bytes | None, by: str, owner: str, *, was: str | None = None
    ) -> bool:
        """What a person says became of it: an outcome, or None to make the call again under a new owner.

        Args:
            was: Owner that it must have had; None: whoever. Of two who find the same owner, one becomes the next.
        Returns: whether it had no outcome yet, and that owner.
        """

    # --- workers

    @abstractmethod
    def beat(self, beat: Beat) -> bool:
        """Returns: whether the worker may go on; False: it was retired."""

    @abstractmethod
    def beats(self) -> list[Beat]: ...

    @abstractmethod
    def retire(self, worker: str, seen_ns: int) -> bool:
        """Mark a worker whose last beat was that one. Returns: whether this call did."""

    @abstractmethod
    def forget_worker(self, worker: str) -> None:
        """Tell of it no more. One that was retired can't come back all the same: its process may only have been stopped."""

    # --- memory, skills, switches

    @abstractmethod
    def remember(self, memory: Memory) -> None: ...

    @abstractmethod
    def memories(self, tenant: str, agent: str, owners: Sequence[tuple[str, str]], now_ns: int) -> list[Memory]:
        """Those of (scope, owner) pairs that have not expired, the newest first; those that wait too."""

    @abstractmethod
    def forget(self, tenant: str, *, memory: str = "", scope: str = "", owner: str = "") -> int:
        """Erase. Returns: how many."""

    @abstractmethod
    def score(self, skill: Skill) -> None:
        """Add to what is known of an agent at a skill."""

    @abstractmethod
    def skills(self, tenant: str | None = None) -> list[Skill]: ...

    @abstractmethod
    def bar(self, barred: Barred) -> None: ...

    @abstractmethod
    def unbar(self, kind: str, name: str, tenant: str) -> bool: ...

    @abstractmethod
    def barred(self) -> list[Barred]: ...

    # --- shared context, small settings of adapters

    @abstractmethod
    def put(
        self, tenant: str, space: str, key: str, value: bytes, *, expects: int | None = None, until_ns: int = 0
    ) -> int:
        """Keep a value under (tenant, space, key): files of runs, tokens of servers, pins, times that triggers fired.

        Args:
            expects: Version that it must have; 0: it must not be there; None: whatever it is.
        Returns: its version; 0: its space belongs to a run (`context/RUN`) that is gone, and nothing was kept.
        Raises: VersionConflict.
        """

    @abstractmethod
    def value(self, tenant: str, space: str, key: str, now_ns: int) -> tuple[bytes, int] | None: ...

    @abstractmethod
    def values(self, tenant: str, space: str, now_ns: int, prefix: str = "") -> list[tuple[str, bytes, int]]: ...

    def first(self, tenant: str, space: str, now_ns: int, most: int, until: str = "") -> list[tuple[str, bytes, int]]:
        """The same, by key, the first so many; with `until` those alone whose key is before it."""
        found = self.values(tenant, space, now_ns)
        return [one for one in found if not until or one[0] < until][:most]

    def count(self, tenant: str, space: str) -> int:
        """How many there are, those whose time is over too."""
        return len(self.values(tenant, space, 0))

    @abstractmethod
    def drop(self, tenant: str, space: str, key: str) -> bool: ...

    # --- age and erasure

    @abstractmethod
    def old(self, before_ns: int, most: int, after: str = "") -> list[Run]:
        """Roots that ended before a time, with all of their children, by id from behind `after` on; without content."""

    @abstractmethod
    def discard(self, roots: Sequence[str]) -> None:
        """Drop roots, with their children and all that belongs to them."""

    @abstractmethod
    def lapse(self, now_ns: int) -> int:
        """Drop values and memories whose time is over. Returns: how many."""

    @abstractmethod
    def erase(self, tenant: str, subject: str) -> list[str]:
        """Drop runs of a subject (`Principal.subject`), however they stand, and memories that are theirs or came from
        their runs; empty: all of a tenant's. Returns: ids of the roots.
        """

    @abstractmethod
    def close(self) -> None: ...
