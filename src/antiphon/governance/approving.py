"""Calls that people have to approve first: what is put before them, and which call their answer is for."""

import time
from collections.abc import Callable
from hashlib import sha256

import msgspec
from msgspec import Struct

from antiphon.calls.story import Story
from antiphon.core.approval import Approval, Wish
from antiphon.core.error import ApprovalPending, ApprovalRefused, NotFound, TooLarge
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.core.request import Request

HEADER = b"x-antiphon-approval"
S_NS = 1_000_000_000
_encode = msgspec.json.Encoder(order="sorted").encode


class ApprovingSettings(Struct, frozen=True, kw_only=True):
    """How people are asked about calls, as `approvals` says."""

    expires_s: float
    wait_s: float
    retry_after_s: float
    needed: int
    approvers: str
    escalate_s: float
    escalate_to: str
    most_shown_bytes: int


class Approving:
    """Asks people about calls."""

    def __init__(
        self,
        approvals: Approvals,
        settings: ApprovingSettings,
        now_ns: Callable[[], int],
        now_s: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`now_s`: the steady clock that `Approvals.wait` goes by."""
        self._approvals = approvals
        self._settings = settings
        self._now_ns, self._now_s = now_ns, now_s

    async def ask(self, story: Story, request: Request, reasons: tuple[str, ...], until_s: float) -> None:
        """Have a call approved, which then has been used up for it. The story is told by which approval it runs.

        Args:
            request: As it would be sent, masked.
            until_s: When its deadline passes, on the steady clock.
        Raises: ApprovalPending, ApprovalRefused, NotFound, TooLarge, StoreError, OverLimit.
        """
        wish = self.wish(story, request, reasons)
        ticket = story.arrival.headers.get(HEADER, b"").decode("latin-1").strip()
        if ticket:
            found = await self._named(wish, ticket)
        else:
            found = await self._approvals.ask(wish)
        story.approval = found.id
        if found.state == "waiting":
            found = await self._waited(found, until_s)
        self._check(found, wish)
        if not await self._approvals.use(wish.tenant, found.id):
            raise ApprovalRefused(f"the approval {found.id} was for one call, which was made; ask again without it")

    def wish(self, story: Story, request: Request, reasons: tuple[str, ...]) -> Wish:
        """What is put before people. Raises: TooLarge."""
        settings, now_ns = self._settings, self._now_ns()
        shown = shown_of(request)
        if len(shown) > settings.most_shown_bytes:
            most = settings.most_shown_bytes
            raise TooLarge(f"nobody can approve a request of more than {most} bytes; send a shorter one")
        return wish_of(story, "call_model", request.head.model, shown, reasons, settings, now_ns)

    async def _named(self, wish: Wish, ticket: str) -> Approval:
        """The approval that a caller comes with. Raises: NotFound, ApprovalRefused, StoreError."""
        found = await self._approvals.find(wish.tenant, ticket)
        if found is None or found.wish.by != wish.by:
            raise NotFound(f"there is no approval {ticket[:64]!r} of yours", param=HEADER.decode())
        asked = found.wish
        if (asked.needed, asked.approvers) != (wish.needed, wish.approvers) and asked.needed < wish.needed:
            raise ApprovalRefused(f"more people have to approve this than the approval {found.id} asked for")
        if asked.approvers != wish.approvers:
            raise ApprovalRefused(f"others have to approve this than those of the approval {found.id}")
        return found

    async def _waited(self, found: Approval, until_s: float) -> Approval:
        """The same once it is settled. Raises: ApprovalPending."""
        settings, now_s = self._settings, self._now_s()
        until_s = min(until_s, now_s + settings.wait_s)
        if until_s > now_s:
            found = await self._approvals.wait(found.wish.tenant, found.id, until_s)
        if found.state == "waiting":
            raise ApprovalPending(
                f"people have to approve this; send the same request with the header {HEADER.decode()}: {found.id} "
                f"once GET /v1/approvals/{found.id} says so",
                approval=found.id,
                retry_after_s=settings.retry_after_s,
            )
        return found

    def _check(self, found: Approval, wish: Wish) -> None:
        """See that it allows this very call. Raises: ApprovalRefused."""
        match found.state:
            case "approved":
                allowed = found.wish.digest
            case "modified":
                allowed = sha256(found.instead).hexdigest()
            case state:
                raise ApprovalRefused(f"the approval {found.id} is {state}: {_why(found)}")
        if wish.digest == allowed:
            return
        if found.state == "modified" and wish.digest == found.wish.digest:
            raise ApprovalRefused(
                f"the approval {found.id} is for a changed request; send what GET /v1/approvals/{found.id} has as `instead`",
            )
        raise ApprovalRefused(f"the approval {found.id} is for another request; send the one that was approved")


def shown_of(request: Request) -> bytes:
    """The exact action, as JSON in one spelling: the same request comes to the same bytes."""
    body = request.body.whole()
    try:
        said: object = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = {"bytes": len(body), "sha256": sha256(body).hexdigest()}
    head = request.head
    return _encode({"action": "call_model", "endpoint": head.endpoint, "model": head.model, "request": said})


def wish_of(
    story: Story,
    action: str,
    resource: str,
    shown: bytes,
    reasons: tuple[str, ...],
    settings: ApprovingSettings,
    now_ns: int,
) -> Wish:
    """What a caller wants done, for those whom policy names, else for those of the settings."""
    principal, obliged = story.principal, story.allowed.obligations
    return Wish(
        tenant=principal.tenant,
        by=by_of(principal),
        user=principal.user,
        action=action,
        resource=resource,
        shown=shown,
        digest=sha256(shown).hexdigest(),
        reasons=reasons,
        receipt=story.arrival.id,
        needed=max(obliged.approvals if obliged.approve else 1, settings.needed),
        approvers=obliged.approve or settings.approvers,
        expires_ns=now_ns + round(settings.expires_s * S_NS),
        escalates_ns=now_ns + round(settings.escalate_s * S_NS) if settings.escalate_s else 0,
        escalate_to=settings.escalate_to if settings.escalate_s else "",
    )


def by_of(principal: Principal) -> str:
    """What records call a principal."""
    return principal.key if "/" in principal.key else f"key/{principal.key}"


def _why(found: Approval) -> str:
    note = next((vote.note for vote in reversed(found.votes) if vote.note), "")
    return note or "ask again, or ask whoever approves"
