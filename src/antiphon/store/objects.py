"""The statements on the tables of objects and their changes, which SQLite and Postgres have in common.

`?` marks a value. `by` is a word of SQL, so it stands in quotes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.core.error import VersionConflict
from antiphon.core.objects import Change, Edit, Object, ObjectKind, Update

_OBJECT = 'kind, name, tenant, spec, version, at_ns, "by"'
_CHANGE = 'version, at_ns, kind, name, tenant, action, "by", before, after'

NEWEST = "SELECT coalesce(max(version), 0) FROM changes"
ALL = f"SELECT {_OBJECT} FROM objects"  # noqa: S608 - the names of the columns alone, here and below
TOUCHED = "SELECT DISTINCT kind, name FROM changes WHERE version > ? AND version <= ?"
ONE = f"SELECT {_OBJECT} FROM objects WHERE kind = ? AND name = ?"  # noqa: S608
PAGE = f"SELECT {_OBJECT} FROM objects WHERE kind = ? AND name > ? ORDER BY name LIMIT ?"  # noqa: S608
PAGE_OF_TENANT = f"SELECT {_OBJECT} FROM objects WHERE kind = ? AND name > ? AND tenant = ? ORDER BY name LIMIT ?"  # noqa: S608
VERSION = "SELECT version FROM objects WHERE kind = ? AND name = ?"
NOTE = (
    'INSERT INTO changes (at_ns, kind, name, tenant, action, "by", before, after)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING version"
)
PUT = (
    f"INSERT INTO objects ({_OBJECT}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET"  # noqa: S608
    ' tenant = excluded.tenant, spec = excluded.spec, version = excluded.version, at_ns = excluded.at_ns, "by" = excluded."by"'
)
DELETE = "DELETE FROM objects WHERE kind = ? AND name = ?"

ObjectRow = Sequence[Any]
"""As `_OBJECT` has the columns."""


def changes_query(
    before: int, most: int, kind: ObjectKind | None, name: str | None
) -> tuple[str, tuple[int | str, ...]]:
    """The statement for a page of changes, and its values."""
    where, out = ["version < ?"], list[int | str]((before,))
    for column, value in (("kind", kind), ("name", name)):
        if value is not None:
            where.append(f"{column} = ?")
            out.append(value)
    text = f"SELECT {_CHANGE} FROM changes WHERE {' AND '.join(where)} ORDER BY version DESC LIMIT ?"  # noqa: S608
    return text, (*out, most)


def object_of(row: ObjectRow) -> Object:
    kind, name, tenant, spec, version, at_ns, by = row
    return Object(kind=kind, name=name, tenant=tenant, spec=bytes(spec), version=version, at_ns=at_ns, by=by)


def change_of(row: Sequence[Any]) -> Change:
    version, at_ns, kind, name, tenant, action, by, before, after = row
    return Change(
        version=version,
        at_ns=at_ns,
        kind=kind,
        name=name,
        tenant=tenant,
        action=action,
        by=by,
        before=None if before is None else bytes(before),
        after=None if after is None else bytes(after),
    )


def update(version: int, found: Mapping[tuple[ObjectKind, str], Object | None]) -> Update:
    """What became of the objects that were touched."""
    return Update(
        version=version,
        whole=False,
        objects=tuple(one for one in found.values() if one is not None),
        gone=tuple(key for key, one in found.items() if one is None),
    )


def note(edit: Edit, by: str, at_ns: int) -> tuple[int | str | bytes | None, ...]:
    """The values of `NOTE`."""
    return at_ns, edit.kind, edit.name, edit.tenant, edit.action, by, edit.before, edit.after


def check(edit: Edit, found: int) -> None:
    """Whether an object has the version that an edit expects; 0: it isn't there. Raises: VersionConflict."""
    if found == edit.expects:
        return
    if not found:
        raise VersionConflict(f"the {edit.kind} {edit.name} is there no more; get the list again")
    if not edit.expects:
        raise VersionConflict(f"a {edit.kind} {edit.name} is there already, at version {found}; change that one")
    raise VersionConflict(
        f"the {edit.kind} {edit.name} is at version {found}, not {edit.expects}; get it again, then change it"
    )
