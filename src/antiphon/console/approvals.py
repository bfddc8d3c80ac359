"""The pages of approvals: what people say there is kept."""

from typing import Any

from antiphon.console.ask import Ask
from antiphon.console.desk import Desk
from antiphon.console.shown import Led, Shown
from antiphon.control import inbox
from antiphon.control.approvals_shown import differences
from antiphon.control.inbox import Line
from antiphon.core.error import BadRequest, NotAllowed
from antiphon.wire import json

PATH = "/console/approvals"
_DONE = {
    "waiting": "Your vote is in. Others have to approve too.",
    "approved": "Approved.",
    "modified": "Approved as changed.",
    "rejected": "Rejected.",
}


def listed(desk: Desk, ask: Ask) -> Shown:
    """Those that wait, or those that are settled."""
    settled = ask.query.get("state") == "settled"
    found = inbox.listed(desk.book(), ask.sight, settled=settled)
    values = {"found": found, "settled": settled, "now_ns": desk.clock.now_ns()}
    return Shown(template="approvals.html", values=values)


def one(desk: Desk, ask: Ask) -> Shown:
    """One of them."""
    return _shown(desk, ask, inbox.one_of(desk.book(), ask.names[0], ask.sight))


def vote(desk: Desk, ask: Ask) -> Shown | Led:
    """What somebody says of it. A mistake is shown beside what they wrote."""
    book, form = desk.book(), ask.form
    seen = inbox.one_of(book, ask.names[0], ask.sight)
    word, note, instead = form.get("state", ""), form.get("note", ""), form.get("instead", "")
    try:
        if form.get("digest") != seen.approval.wish.digest:
            raise BadRequest("this form showed another action; look at this one first", param="digest")
        after = inbox.say(book, seen.approval, word, note, instead, ask.sight)
    except (BadRequest, NotAllowed) as error:
        wrote = {"wrong": error.message, "note": note, "instead": instead if word == "modified" else ""}
        return _shown(desk, ask, seen, status=error.said_status, **wrote)
    return Led(path=f"{PATH}/{after.id}?done={after.state}")


def _shown(desk: Desk, ask: Ask, line: Line, *, status: int = 200, **wrote: str) -> Shown:
    approval, done = line.approval, ask.query.get("done", "")
    changes = differences(json.loads(approval.wish.shown), json.loads(approval.instead)) if approval.instead else ()
    values: dict[str, Any] = {
        "line": line,
        "one": approval,
        "changes": list(changes),
        "done": _DONE.get(done, "") if done == approval.state else "",
        "now_ns": desk.clock.now_ns(),
        **{name: wrote.get(name, "") for name in ("wrong", "note", "instead")},
    }
    return Shown(template="approval.html", values=values, status=status)
