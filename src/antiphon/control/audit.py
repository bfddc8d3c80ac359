"""The record of changes to the objects that the admin API owns, as people read it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control.instants import said
from antiphon.core.objects import Change, ObjectKind


class ChangeShown(Struct, frozen=True, kw_only=True):
    """Who did what to which object, and how it was before and after."""

    version: int
    at: str
    kind: ObjectKind
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


def fields_of(change: ChangeShown) -> Iterator[dict[str, Any]]:
    """An object's fields before and after; those of keys and accounts stand beside how they are."""
    for told in (change.before, change.after):
        if told is not None:
            yield told["spec"] if change.kind in ("key", "account") else told


def _json(text: bytes | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
