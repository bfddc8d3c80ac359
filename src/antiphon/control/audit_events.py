"""What of Antiphon's own records becomes an event for auditors, and how an event is written."""

from hashlib import sha256

import msgspec
from msgspec import Struct

from antiphon.core.audit import Event, Said
from antiphon.core.audit_store import Pending, Stored
from antiphon.core.objects import Change
from antiphon.core.verdict import Verdict

VERSION = 1
"""Of the form of events."""
LONGEST = 512
"""Most characters of a text in an event."""
_encode = msgspec.json.Encoder(order="sorted").encode
"""Canonical as RFC 8785 has it: names are ASCII, numbers are integers below 2^53, and what it escapes is the same."""
_MOST = 2**53 - 1


class _Caller(Struct, gc=False):
    key: str = ""


class _Glance(Struct, gc=False):
    """The few fields of a receipt that an event tells."""

    at_ns: int
    outcome: str
    status: int = 0
    asked: str = ""
    served: str = ""
    revision: str = ""
    approval: str = ""
    principal: _Caller | None = None
    verdict: Verdict | None = None


_glance = msgspec.json.Decoder(_Glance)


def event_of(pending: Pending) -> Event:
    """The event that something which waits comes to."""
    if isinstance(pending, Event):
        return pending
    return _of_receipt(pending) if isinstance(pending, Stored) else _of_change(pending)


def _of_receipt(one: Stored) -> Event:
    """Who asked for what, what was decided by which policies and revision, and the digest of all that is told of it."""
    if one.body is None:
        gone: dict[str, Said] = {"gone": True}
        return Event(tenant=one.tenant, kind="receipt", by="gateway", at_ns=0, about=one.id, detail=gone)
    told = _glance.decode(one.body)
    detail: dict[str, Said] = {
        "digest": sha256(one.body).hexdigest(),
        "outcome": told.outcome,
        "status": told.status,
        "asked": told.asked,
        "served": told.served,
        "revision": told.revision,
    }
    if told.approval:
        detail["approval"] = told.approval
    if told.verdict is not None:
        detail |= {"policy": told.verdict.policy, "allowed": told.verdict.allowed, "reasons": told.verdict.reasons}
    return Event(
        tenant=one.tenant, kind="receipt", by=_by(told.principal), at_ns=told.at_ns, about=one.id, detail=detail
    )


def _by(caller: _Caller | None) -> str:
    """The name of a key has no slash; what comes by other ways says which."""
    key = "" if caller is None else caller.key
    return key if "/" in key or not key else f"key/{key}"


def _of_change(one: Change) -> Event:
    """Digests of how the object was and is; the record of changes has both."""
    detail: dict[str, Said] = {
        "version": one.version,
        "action": one.action,
        "before": "" if one.before is None else sha256(one.before).hexdigest(),
        "after": "" if one.after is None else sha256(one.after).hexdigest(),
    }
    about = f"{one.kind}/{one.name}"
    return Event(tenant=one.tenant, kind="admin.change", by=one.by, at_ns=one.at_ns, about=about, detail=detail)


def canonical(event: Event, seq: int, prev: bytes) -> bytes:
    """An event as it stands in its chain: RFC 8785. Texts are cut at `LONGEST`, and what is no Unicode in them is replaced.

    Args:
        prev: SHA-256 of the event before; zeros for the first.
    """
    return _encode(
        {
            "about": _text(event.about),
            "at_ns": str(event.at_ns),
            "by": _text(event.by),
            "detail": {_name(name): _said(value) for name, value in event.detail.items()},
            "kind": _text(event.kind),
            "prev": prev.hex(),
            "seq": seq,
            "tenant": _text(event.tenant),
            "v": VERSION,
        }
    )


def _said(value: Said) -> object:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, tuple):
        return [_text(one) for one in value]
    if isinstance(value, int) and not -_MOST <= value <= _MOST:
        return str(value)
    return value


def _text(value: str) -> str:
    cut = value[:LONGEST]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def _name(value: str) -> str:
    return _text(value.encode("ascii", "replace").decode())
