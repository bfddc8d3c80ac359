"""The record of changes to keys, budgets and limits, as people read it."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control.instants import said
from antiphon.core.objects import Change


class ChangeShown(Struct, frozen=True, kw_only=True):
    """Who did what to which object, and how it was before and after."""

    version: int
    at: str
    kind: str
    name: str
    tenant: str
    action: str
    by: str
    before: Any
    after: Any


def shown(change: Change) -> ChangeShown:
    return ChangeShown(
        version=change.version,
        at=said(change.at_ns),
        kind=change.kind,
        name=change.name,
        tenant=change.tenant,
        action=change.action,
        by=change.by,
        before=_json(change.before),
        after=_json(change.after),
    )


def _json(text: bytes | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
