"""An approval as it is shown, and what differs between what was asked for and what was approved in its place."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from msgspec import Struct

from antiphon.core.approval import Approval
from antiphon.core.approval_store import Message

MOST_DIFFERENCES = 200


class Difference(Struct, frozen=True, kw_only=True):
    """One place where two actions differ. Absent on one side: null there, and `only` says on which it is."""

    path: str
    asked: Any = None
    approved: Any = None
    only: str = ""


class Voice(Struct, frozen=True, kw_only=True):
    by: str
    at: str
    state: str
    note: str


class ShownApproval(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An approval, as the API gives it."""

    id: str
    tenant: str
    by: str
    action: str
    resource: str
    state: str
    at: str
    expires: str
    needed: int
    approvers: str
    votes: list[Voice]
    digest: str
    reasons: list[str] = []
    receipt: str = ""
    escalate_to: str = ""
    escalates: str = ""
    escalated: bool = False
    settled: str = ""
    used: bool = False
    shown: Any = None
    """The exact action."""
    instead: Any = None
    """What was approved in its place."""
    changes: list[Difference] = []
    untold: list[str] = []
    """Who could not be told, and why."""


def shown(one: Approval, dead: list[Message] | None = None) -> ShownApproval:
    """All of it."""
    wish = one.wish
    asked = _decoded(wish.shown)
    instead = _decoded(one.instead)
    return ShownApproval(
        id=one.id,
        tenant=wish.tenant,
        by=wish.by,
        action=wish.action,
        resource=wish.resource,
        state=one.state,
        at=_time(one.at_ns),
        expires=_time(wish.expires_ns),
        needed=wish.needed,
        approvers=wish.approvers,
        votes=[Voice(by=vote.by, at=_time(vote.at_ns), state=vote.state, note=vote.note) for vote in one.votes],
        digest=wish.digest,
        reasons=list(wish.reasons),
        receipt=wish.receipt,
        escalate_to=wish.escalate_to,
        escalates=_time(wish.escalates_ns),
        escalated=one.escalated,
        settled=_time(one.settled_ns),
        used=one.used,
        shown=asked,
        instead=instead,
        changes=list(differences(asked, instead)) if one.instead else [],
        untold=[f"{it.event}: {it.reason}" for it in dead or ()],
    )


def differences(asked: object, approved: object) -> Iterator[Difference]:
    """Where two JSON values differ, at most `MOST_DIFFERENCES` of them."""
    for number, one in enumerate(_differences(asked, approved, "")):
        if number == MOST_DIFFERENCES:
            return
        yield one


def _differences(asked: object, approved: object, path: str) -> Iterator[Difference]:
    if type(asked) is type(approved) and isinstance(asked, dict | list):
        before, after = _members(cast("object", asked)), _members(approved)
        for name in dict.fromkeys((*before, *after)):
            below = f"{path}[{name}]" if isinstance(name, int) else f"{path}.{name}" if path else name
            if name not in after:
                yield Difference(path=below, asked=before[name], only="asked")
            elif name not in before:
                yield Difference(path=below, approved=after[name], only="approved")
            else:
                yield from _differences(before[name], after[name], below)
    elif asked != approved or type(asked) is not type(approved):
        yield Difference(path=path, asked=asked, approved=approved)


def _members(value: object) -> dict[Any, object]:
    if isinstance(value, dict):
        return cast("dict[Any, object]", value)
    return dict(enumerate(cast("list[object]", value)))


def _decoded(text: bytes) -> Any:
    return msgspec.json.decode(text) if text else None


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // 10**9, UTC).isoformat().replace("+00:00", "Z") if at_ns else ""
