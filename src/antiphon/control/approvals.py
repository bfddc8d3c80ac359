"""Asks people, and takes down what they say: who may answer, how often, and what their answers come to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec
from msgspec import Struct, structs

from antiphon.control.roles import Scope
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.who import Who
from antiphon.core.approval import Approval, ApprovalState, Vote, Wish
from antiphon.core.approval_store import SETTLED, ApprovalStore, Changed, Message
from antiphon.core.audit import Event, Said
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotFound
from antiphon.core.ids import Ids
from antiphon.core.ports import Approvals, Sealer

FIRST_LOOK_S = 0.1
MOST_LOOK_S = 1.0
"""The longest between two looks at an approval that is waited for."""
MOST_NOTE = 1000
"""Characters of what somebody says with their answer."""
SAYS_SO: tuple[ApprovalState, ...] = ("approved", "modified")
_spelled = msgspec.json.Encoder(order="sorted").encode


class Clockwork(Struct, frozen=True, kw_only=True):
    """Times, ids and seals."""

    now_ns: Callable[[], int]
    now_s: Callable[[], float]
    """The steady clock."""
    ids: Ids
    sealer: Sealer


class Book:
    """All approvals. Blocks on the store; what it shows is unsealed."""

    def __init__(
        self,
        store: ApprovalStore,
        settings: ApprovalSettings,
        clockwork: Clockwork,
        hooks: Sequence[str] = (),
        on_settled: Callable[[Approval], None] | None = None,
    ) -> None:
        """Args:
        hooks: Names of those who are told.
        on_settled: Called with each that came to its end here, once that is kept; must not fail. Blocks as the store does.
        """
        self.store = store
        self.settings = settings
        self._clockwork = clockwork
        self._hooks = tuple(hooks)
        self._on_settled = on_settled

    # --- asking

    def ask(self, wish: Wish) -> Approval:
        """Put a wish before people, or find the same that waits. Raises: StoreError, OverLimit."""
        now_ns, approval_id = self._clockwork.now_ns(), self._clockwork.ids.new()
        sealed = structs.replace(wish, shown=self._seal(wish.shown, approval_id, wish))
        first = Approval(id=approval_id, at_ns=now_ns, wish=sealed)
        event = self._event(first, "asked", wish.by)
        made = Changed(approval=first, events=[event], messages=self._messages(first, "asked"))
        return self._plain(self.store.put(made, self.settings.most_waiting, now_ns))

    def find(self, approval_id: str, tenant: str | None = None) -> Approval | None:
        """How it stands now. Raises: StoreError."""
        found = self.store.one(approval_id, tenant)
        return None if found is None else self._plain(self._as_of_now(found))

    def page(
        self, tenant: str | None, states: Sequence[ApprovalState] = (), before: str = "", most: int = 100
    ) -> list[Approval]:
        """The newest first, without what is to be done. Raises: StoreError."""
        found = self.store.page(tenant, states, before, most)
        return [self._bare(self._as_of_now(one)) for one in found]

    def view(self, approval_id: str, by: str) -> Approval:
        """The same as `find`, with what is to be done; that it was seen is noted. Raises: NotFound, Erased, StoreError."""

        def change(one: Approval) -> Changed:
            return Changed(approval=one, events=[self._event(one, "viewed", by)])

        return self._as_of_now(self._changed(approval_id, change))

    def use(self, tenant: str, approval_id: str) -> bool:
        """Take what it allows, once in all processes. Raises: StoreError."""
        taken = False

        def change(one: Approval) -> Changed:
            nonlocal taken
            taken = one.wish.tenant == tenant and one.state in SAYS_SO and not one.used
            if not taken:
                return Changed(approval=one)
            return Changed(approval=structs.replace(one, used=True), events=[self._event(one, "used", one.wish.by)])

        self.store.change(approval_id, change)
        return taken

    # --- answering

    def approve(self, approval_id: str, who: Who, note: str = "") -> Approval:
        """One person's yes. Raises: NotFound, NotAllowed, BadRequest, StoreError."""
        return self._voted(approval_id, who, "approved", note)

    def reject(self, approval_id: str, who: Who, note: str = "") -> Approval:
        """One person's no, which settles it. Raises: as `approve`."""
        return self._voted(approval_id, who, "rejected", note)

    def modify(self, approval_id: str, who: Who, action: object, note: str = "") -> Approval:
        """One person's yes to another action, in place of the one that was asked for. What others said before counts no
        more: they said it of something else.

        Args:
            action: The whole of it, in the form of what is shown. Raises: BadRequest, where it is none, or of another kind.
        """
        found = self.store.one(approval_id)
        if found is None:
            raise _unknown(approval_id)
        self._allowed(found, who)
        # Sealed before the change: sealing may have to write down a key of its own.
        sealed = self._seal(self._instead(found, action), found.id, found.wish)
        return self._voted(approval_id, who, "modified", note, sealed)

    def cancel(self, approval_id: str, by: str, *, tenant: str | None = None, note: str = "") -> Approval:
        """Nobody wants it any more. Raises: NotFound, BadRequest, StoreError."""

        def change(one: Approval) -> Changed:
            if tenant is not None and one.wish.tenant != tenant:
                raise _unknown(approval_id)
            self._open(one)
            return self._settled(one, "cancelled", by, note)

        return self._changed(approval_id, change)

    def why_not(self, one: Approval, who: Who) -> str:
        """Why somebody may not answer it now; empty: they may."""
        try:
            self._allowed(one, who)
            self._open(one)
            _not_twice(one, who)
        except AntiphonError as error:
            return error.message
        return ""

    def _voted(self, approval_id: str, who: Who, state: ApprovalState, note: str, instead: bytes = b"") -> Approval:
        if len(note) > MOST_NOTE:
            raise BadRequest(f"note: write at most {MOST_NOTE} characters", param="note")

        def change(one: Approval) -> Changed:
            self._allowed(one, who)
            self._open(one)
            if state == "approved":
                _not_twice(one, who)
            vote = Vote(by=who.by, user=_user(who), at_ns=self._clockwork.now_ns(), state=state, note=note)
            more = structs.replace(one, votes=(*one.votes, vote))
            if state == "modified":
                more = structs.replace(more, instead=instead)
            if state == "rejected":
                return self._settled(more, "rejected", who.by, note)
            if len(counted(more)) < one.wish.needed:
                return Changed(approval=more, events=[self._event(more, f"voted_{state}", who.by)])
            return self._settled(more, "modified" if more.instead else "approved", who.by, note)

        return self._changed(approval_id, change)

    def _allowed(self, one: Approval, who: Who) -> None:
        """Raises: NotFound, where it is not theirs to see; NotAllowed."""
        wish, scope = one.wish, Scope(one.wish.tenant)
        if not any(grant.scope.holds(scope) for grant in who.grants):
            raise _unknown(one.id)
        if who.by == wish.by or (wish.user and wish.user == _user(who)):
            raise NotAllowed("nobody approves what they ask for themselves; ask somebody else", code="own_approval")
        roles = (wish.approvers, "owner", *([wish.escalate_to] if self._escalated(one) else []))
        if not any(grant.role in roles and grant.scope.holds(scope) for grant in who.grants):
            raise NotAllowed(
                f"this needs the role {wish.approvers} in the tenant {wish.tenant}, and {who.by} has "
                f"{', '.join(who.roles) or 'no role'}",
                code="role_not_allowed",
            )

    def _escalated(self, one: Approval) -> bool:
        wish = one.wish
        return bool(wish.escalate_to and wish.escalates_ns and wish.escalates_ns <= self._clockwork.now_ns())

    def _open(self, one: Approval) -> None:
        """Raises: BadRequest, where it is settled."""
        state = self._as_of_now(one).state
        if state != "waiting":
            raise BadRequest(f"the approval {one.id} is {state} already", code="approval_settled", status=409)

    def _instead(self, one: Approval, action: object) -> bytes:
        """Another action in the spelling of what is shown. Raises: BadRequest."""
        shown: object = msgspec.json.decode(self._unseal(one.wish.shown, one.id))
        if not isinstance(action, dict) or not isinstance(shown, dict):
            raise BadRequest("action: write the whole action, as `shown` has it", param="action")
        asked, given = cast("dict[str, object]", shown), cast("dict[str, object]", action)
        for name in ("action", "endpoint"):
            if given.get(name) != asked.get(name):
                raise BadRequest(f"action.{name}: it can't be another than {asked.get(name)!r}", param=f"action.{name}")
        said = _spelled(action)
        if len(said) > self.settings.most_shown_bytes:
            raise BadRequest(f"action: write at most {self.settings.most_shown_bytes} bytes", param="action")
        return said

    # --- time

    def pass_time(self, most: int = 100) -> int:
        """Settle what has lapsed, escalate what waits for too long, drop what is old. Returns: how many were due.

        Raises: StoreError.
        """
        now_ns = self._clockwork.now_ns()
        due = self.store.due(now_ns, most)
        for approval_id in due:
            self._tell_settled(self.store.change(approval_id, self._aged))
        if self.settings.days:
            self.store.purge(now_ns - round(self.settings.days * 86_400 * 10**9), most)
        return len(due)

    def _aged(self, one: Approval) -> Changed:
        now_ns = self._clockwork.now_ns()
        if one.state != "waiting":
            return Changed(approval=one)
        if one.wish.expires_ns <= now_ns:
            return self._settled(one, "expired", "gateway", "")
        if self._escalated(one) and not one.escalated:
            more = structs.replace(one, escalated=True)
            return Changed(
                approval=more,
                events=[self._event(more, "escalated", "gateway")],
                messages=self._messages(more, "escalated"),
            )
        return Changed(approval=one)

    def _as_of_now(self, one: Approval) -> Approval:
        """What has lapsed is expired, whether or not anybody has written that down yet."""
        if one.state == "waiting" and one.wish.expires_ns <= self._clockwork.now_ns():
            return structs.replace(one, state="expired", settled_ns=one.wish.expires_ns)
        return one

    # --- parts

    def _settled(self, one: Approval, state: ApprovalState, by: str, note: str) -> Changed:
        settled = structs.replace(one, state=state, settled_ns=self._clockwork.now_ns())
        if state == "cancelled":
            vote = Vote(by=by, at_ns=settled.settled_ns, state=state, note=note)
            settled = structs.replace(settled, votes=(*settled.votes, vote))
        return Changed(
            approval=settled, events=[self._event(settled, state, by)], messages=self._messages(settled, state)
        )

    def _changed(self, approval_id: str, change: Callable[[Approval], Changed]) -> Approval:
        found = self.store.change(approval_id, change)
        if found is None:
            raise _unknown(approval_id)
        self._tell_settled(found)
        return self._plain(found)

    def _tell_settled(self, found: Approval | None) -> None:
        if self._on_settled is not None and found is not None and found.state in SETTLED:
            self._on_settled(self._plain(found))

    def _event(self, one: Approval, what: str, by: str) -> Event:
        wish = one.wish
        detail: dict[str, Said] = {
            "action": wish.action,
            "resource": wish.resource[:200],
            "digest": wish.digest,
            "receipt": wish.receipt,
            "needed": wish.needed,
            "votes": len(one.votes),
        }
        at_ns = self._clockwork.now_ns()
        return Event(tenant=wish.tenant, kind=f"approval.{what}", by=by, at_ns=at_ns, about=one.id, detail=detail)

    def _messages(self, one: Approval, event: str) -> list[Message]:
        at_ns = self._clockwork.now_ns()
        tenant = one.wish.tenant
        return [Message(approval=one.id, tenant=tenant, event=event, hook=hook, due_ns=at_ns) for hook in self._hooks]

    def _seal(self, plain: bytes, approval_id: str, wish: Wish) -> bytes:
        return self._clockwork.sealer.seal(plain, _context(approval_id), tenant=wish.tenant, subject=wish.user)

    def _unseal(self, sealed: bytes, approval_id: str) -> bytes:
        return self._clockwork.sealer.unseal(sealed, _context(approval_id)) if sealed else b""

    def _plain(self, one: Approval) -> Approval:
        shown, instead = self._unseal(one.wish.shown, one.id), self._unseal(one.instead, one.id)
        return structs.replace(one, wish=structs.replace(one.wish, shown=shown), instead=instead)

    def _bare(self, one: Approval) -> Approval:
        return structs.replace(one, wish=structs.replace(one.wish, shown=b""), instead=b"")


class People(Approvals):
    """The same for whoever waits on a loop: looks beside it, more and more seldom."""

    def __init__(
        self,
        book: Book,
        clockwork: Clockwork,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause`: waits so many seconds, once awaited."""
        self.book = book
        self._clockwork = clockwork
        self._pause = pause

    async def ask(self, wish: Wish) -> Approval:
        await self._clockwork.sealer.ready(wish.tenant)
        return await asyncio.to_thread(self.book.ask, wish)

    async def find(self, tenant: str, approval_id: str) -> Approval | None:
        return await asyncio.to_thread(self.book.find, approval_id, tenant)

    async def wait(self, tenant: str, approval_id: str, until_s: float) -> Approval:
        look_s = FIRST_LOOK_S
        while True:
            found = await self.find(tenant, approval_id)
            if found is None:
                raise _unknown(approval_id)
            left_s = until_s - self._clockwork.now_s()
            if found.state != "waiting" or left_s <= 0:
                return found
            await self._pause(min(look_s, left_s))
            look_s = min(2 * look_s, MOST_LOOK_S)

    async def use(self, tenant: str, approval_id: str) -> bool:
        return await asyncio.to_thread(self.book.use, tenant, approval_id)


def counted(one: Approval) -> tuple[Vote, ...]:
    """Those who said yes to what it is for now: since the last change of it."""
    last = max((at for at, vote in enumerate(one.votes) if vote.state == "modified"), default=0)
    return tuple(vote for vote in one.votes[last:] if vote.state in SAYS_SO)


def _not_twice(one: Approval, who: Who) -> None:
    """Raises: BadRequest."""
    user = _user(who)
    if any(vote.by == who.by or (user and vote.user == user) for vote in counted(one)):
        raise BadRequest(
            f"{who.by} has approved {one.id} already; it needs somebody else", code="voted_already", status=409
        )


def _user(who: Who) -> str:
    return "" if who.principal is None else who.principal.user


def _context(approval_id: str) -> str:
    return f"approval/{approval_id}"


def _unknown(approval_id: str) -> AntiphonError:
    return NotFound(f"there is no approval {approval_id[:64]!r}", code="approval_not_found")
