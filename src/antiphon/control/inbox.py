"""What waits for people to approve it, as somebody sees it."""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from antiphon.control.who import Who
from antiphon.core.approval import Approval

MOST = 200
Said = Literal["approved", "modified", "rejected"]


class Inbox(Protocol):
    """Approvals that are somebody's to see. Blocks on the store; all raise NotAllowed and StoreError."""

    def listed(self, who: Who, *, settled: bool, most: int) -> Sequence[Approval]:
        """Those that wait, or those that are settled, the newest first."""
        ...

    def one(self, who: Who, approval_id: str) -> Approval:
        """Raises: NotFound, also for those of others."""
        ...

    def why_not(self, who: Who, approval: Approval) -> str:
        """Why they may not vote on it now; empty: they may."""
        ...

    def vote(self, who: Who, approval_id: str, state: Said, note: str, instead: bytes) -> Approval:
        """Count what somebody says.

        Args:
            instead: What they approve in its place, JSON; only with `modified`.
        Raises: NotFound, BadRequest.
        """
        ...


class Line(Struct, frozen=True, kw_only=True):
    """One of a list."""

    approval: Approval
    yes: int
    mine: bool
    """They have voted."""


def line(approval: Approval, who: Who) -> Line:
    return Line(approval=approval, yes=yes(approval), mine=any(vote.by == who.by for vote in approval.votes))


def yes(approval: Approval) -> int:
    """How many people approve."""
    return len({vote.by for vote in approval.votes if vote.state in ("approved", "modified")})
