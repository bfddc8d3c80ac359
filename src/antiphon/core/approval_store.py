"""Where approvals are kept, as ports see it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from msgspec import Struct

from antiphon.core.approval import Approval, ApprovalState
from antiphon.core.audit import Event

SETTLED: tuple[ApprovalState, ...] = ("approved", "modified", "rejected", "expired", "cancelled")


class Message(Struct, frozen=True, kw_only=True):
    """Something to be told of an approval, to one who is told."""

    number: int = 0
    """Given by the store."""
    approval: str
    tenant: str
    event: str
    """`asked`, `escalated`, or the state that it came to."""
    hook: str
    """Names who is told, whatever the order of the settings."""
    tries: int = 0
    due_ns: int = 0
    """When it is to be sent."""
    reason: str = ""
    """Why it was not sent; with `dead`: and is not tried again."""
    dead: bool = False


class Changed(Struct, frozen=True, kw_only=True):
    """What is written, all of it or nothing."""

    approval: Approval
    events: Sequence[Event] = ()
    """Noted for auditors with it."""
    messages: Sequence[Message] = ()


Change = Callable[[Approval], Changed]
"""What an approval becomes. Raises: AntiphonError, and nothing is written."""


class ApprovalStore(ABC):
    """Keeps approvals; `shown` and `instead` as they are given, sealed. Any thread may ask. All methods block.

    Raises: StoreError, each of them.
    """

    @abstractmethod
    def put(self, first: Changed, most_waiting: int, now_ns: int) -> Approval:
        """Keep one. One that waits for the same (tenant, by, digest), and has not lapsed, is found instead.

        Raises: OverLimit, when so many of its tenant wait.
        """

    @abstractmethod
    def one(self, approval_id: str, tenant: str | None = None) -> Approval | None:
        """Of this tenant, or of any; None: there is none."""

    @abstractmethod
    def page(self, tenant: str | None, states: Sequence[ApprovalState], before: str, most: int) -> list[Approval]:
        """The newest first, from one id on, which is left out; empty: from the newest."""

    @abstractmethod
    def change(self, approval_id: str, change: Change) -> Approval | None:
        """Change one, alone of all processes. None: there is none."""

    @abstractmethod
    def due(self, now_ns: int, most: int) -> list[str]:
        """Ids of those that wait, and have lapsed or are to be escalated."""

    @abstractmethod
    def purge(self, before_ns: int, most: int) -> int:
        """Drop those that were settled before. Returns: how many."""

    @abstractmethod
    def claim(self, now_ns: int, until_ns: int, most: int) -> list[Message]:
        """Messages that are due; nobody else is given them before `until_ns`."""

    @abstractmethod
    def sent(self, number: int) -> None:
        """It was told."""

    @abstractmethod
    def unsent(self, message: Message) -> None:
        """It was not: keep how it stands."""

    @abstractmethod
    def dead(self, approval_id: str) -> list[Message]:
        """Messages of an approval that are tried no more."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the store."""
