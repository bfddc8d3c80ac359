"""Paths of approvals. Whoever answers is known by their own key: the first admin key and a command count as one person each."""

from typing import get_args

from antiphon.admin.ask import Ask, page_of
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Act, Route
from antiphon.control.approvals import Book
from antiphon.control.approvals_shown import shown
from antiphon.control.roles import Scope
from antiphon.control.who import Who
from antiphon.core.approval import Approval, ApprovalState
from antiphon.core.error import BadRequest, NotAllowed, NotFound

PATH = "/admin/v1/approvals"
STATES: tuple[ApprovalState, ...] = get_args(ApprovalState)


def _listed(desk: Desk, ask: Ask) -> Done:
    query = ask.query("limit", "after", "tenant", "state")
    most, state = page_of(query), query.get("state")
    if state is not None and state not in STATES:
        raise BadRequest(f"state: write one of {', '.join(STATES)}", param="state")
    states = () if state is None else (state,)
    tenant = _tenant(ask.who, query.get("tenant"))
    found = _book(desk).page(tenant, states, query.get("after", ""), most)
    following = found[-1].id if len(found) == most else None
    return Done(value={"data": [shown(one) for one in found], "next": following})


def _got(desk: Desk, ask: Ask) -> Done:
    ask.query()
    book = _book(desk)
    _seen(book, ask)
    found = book.view(ask.names[0], ask.by)
    return Done(value=shown(found, book.store.dead(found.id)))


def _approved(desk: Desk, ask: Ask) -> Done:
    note = _note(ask, "note")
    return Done(value=shown(_book(desk).approve(ask.names[0], ask.who, note)))


def _rejected(desk: Desk, ask: Ask) -> Done:
    note = _note(ask, "note")
    return Done(value=shown(_book(desk).reject(ask.names[0], ask.who, note)))


def _modified(desk: Desk, ask: Ask) -> Done:
    note = _note(ask, "note", "action")
    action: object = ask.fields("note", "action").get("action")
    return Done(value=shown(_book(desk).modify(ask.names[0], ask.who, action, note)))


def _cancelled(desk: Desk, ask: Ask) -> Done:
    note, book = _note(ask, "note"), _book(desk)
    _seen(book, ask)
    return Done(value=shown(book.cancel(ask.names[0], ask.by, note=note)))


def _note(ask: Ask, *known: str) -> str:
    ask.query()
    return ask.text(ask.fields(*known), "note", "")


def _book(desk: Desk) -> Book:
    if desk.approvals is None:
        raise NotFound("approvals are not kept here", code="approval_not_found")
    return desk.approvals()


def _seen(book: Book, ask: Ask) -> Approval:
    """One that is theirs to see. Raises: NotFound."""
    found = book.store.one(ask.names[0])
    if found is None or not ask.who.may("approve", Scope(found.wish.tenant)):
        raise NotFound(f"there is no approval {ask.names[0][:64]!r}", code="approval_not_found")
    return found


def _tenant(who: Who, asked: str | None) -> str | None:
    """The tenant whose approvals are listed; None: all. Raises: BadRequest, NotAllowed."""
    tenants = {scope.tenant for scope in who.scopes("approve") if scope.team is None}
    if None in tenants or (asked is not None and asked in tenants):
        return asked
    if asked is not None or not tenants:
        raise NotAllowed(f"{who.by} answers no approvals of that tenant", code="role_not_allowed")
    if len(tenants) > 1:
        names = ", ".join(sorted(one for one in tenants if one is not None))
        raise BadRequest(f"tenant: write one of {names}", param="tenant")
    return tenants.pop()


def _answered(verb: str, act: Act, said: str, *body: str) -> Route:
    return Route(
        method="POST",
        path=f"{PATH}/{{id}}/{verb}",
        act=act,
        said=said,
        needs="approve",
        scoped=True,
        body=body,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=PATH,
        act=_listed,
        said="What people were asked, the newest first, without what is to be done.",
        needs="approve",
        scoped=True,
        query=("limit", "after", "tenant", "state"),
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{id}}",
        act=_got,
        said="One approval with the exact action; that it was seen is noted.",
        needs="approve",
        scoped=True,
    ),
    _answered("approve", _approved, "Say yes.", "note"),
    _answered("modify", _modified, "Say yes to another action in its place.", "action", "note"),
    _answered("reject", _rejected, "Say no, which settles it.", "note"),
    _answered("cancel", _cancelled, "Take it back for whoever asked.", "note"),
)
