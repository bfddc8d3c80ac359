"""The pages of approvals: the only ones by which anything is changed."""

from typing import Any, cast, get_args

from antiphon.console.ask import Ask
from antiphon.console.desk import Desk
from antiphon.console.shown import Led, Shown
from antiphon.control.inbox import MOST, Inbox, Said, line, yes
from antiphon.core.approval import Approval
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotFound

PATH = "/console/approvals"
SAID: tuple[str, ...] = get_args(Said)
_DONE = {
    "waiting": "Your vote is in. Others have to approve too.",
    "approved": "Approved.",
    "modified": "Approved as changed.",
    "rejected": "Rejected.",
}


def listed(desk: Desk, ask: Ask) -> Shown:
    """Those that wait, or those that are settled."""
    inbox, settled = desk.inbox, ask.query.get("state") == "settled"
    found = () if inbox is None else inbox.listed(ask.sight.who, settled=settled, most=MOST)
    lines = [line(one, ask.sight.who) for one in found]
    values = {"found": lines, "settled": settled, "asks": inbox is not None, "now_ns": desk.clock.now_ns()}
    return Shown(template="approvals.html", values=values)


def one(desk: Desk, ask: Ask) -> Shown:
    """One of them."""
    inbox = _inbox(desk)
    return _shown(desk, inbox, ask, inbox.one(ask.sight.who, ask.names[0]))


def vote(desk: Desk, ask: Ask) -> Shown | Led:
    """What somebody says of it. A mistake is shown beside what they wrote."""
    inbox, form = _inbox(desk), ask.form
    approval = inbox.one(ask.sight.who, ask.names[0])
    state, note = form.get("state", ""), form.get("note", "")
    instead = form.get("instead", "") if state == "modified" else ""
    try:
        if state not in SAID:
            raise BadRequest(f"state: send one of {', '.join(SAID)}", param="state")
        if form.get("digest") != approval.wish.digest:
            raise BadRequest("this form showed another action; look at this one first", param="digest")
        after = inbox.vote(ask.sight.who, approval.id, cast("Said", state), note, instead.encode())
    except (BadRequest, NotAllowed) as error:
        return _shown(desk, inbox, ask, approval, error=error, note=note, instead=instead)
    return Led(path=f"{PATH}/{after.id}?done={after.state}")


def _inbox(desk: Desk) -> Inbox:
    if desk.inbox is None:
        raise NotFound("this gateway asks nobody for approval")
    return desk.inbox


def _shown(
    desk: Desk, inbox: Inbox, ask: Ask, approval: Approval, *, error: AntiphonError | None = None, **wrote: str
) -> Shown:
    values: dict[str, Any] = {
        "one": approval,
        "yes": yes(approval),
        "why_not": inbox.why_not(ask.sight.who, approval) if approval.state == "waiting" else "",
        "wrong": "" if error is None else error.message,
        "done": _DONE.get(ask.query.get("done", ""), "") if ask.query.get("done") == approval.state else "",
        "note": wrote.get("note", ""),
        "instead": wrote.get("instead", ""),
        "now_ns": desk.clock.now_ns(),
    }
    return Shown(template="approval.html", values=values, status=200 if error is None else error.said_status)
