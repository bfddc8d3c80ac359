"""Makes, changes and shows the objects that the admin API owns. Blocks on the store, so it is asked beside a loop."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from antiphon.control import audit, key_text, keys
from antiphon.control.budgets import OF_KEYS
from antiphon.control.fields import written
from antiphon.control.instants import duration_ns, said
from antiphon.control.ownership import PLACES, SECTIONS, Flaw, Flawed, Forms
from antiphon.control.settings import AccountForm, KeyForm
from antiphon.core.budget import Measure
from antiphon.core.clock import Clock
from antiphon.core.error import BadRequest, NotFound, OwnedElsewhere, VersionConflict
from antiphon.core.objects import Action, Edit, Object, ObjectKind, Objects
from antiphon.metering.definitions import MEASURES

MOST_PAGE = 1000
OVERLAP = "24h"
"""How long the text before a rotation is taken, unless told."""
Owner = Literal["yaml", "api"]
Texts = Literal["key", "account"]
"""Kinds of objects that have texts to call by."""
WITH_TEXTS: frozenset[ObjectKind] = frozenset(get_args(Texts))
Condition = Literal["new", "any"] | int
"""What an object must be like to be written: not there; there or not, but a key that is replaced needs its version;
there, at this version."""
Fields = Mapping[str, Any]
"""Of an object, as the configuration file would have it, without what has its default."""
May = Callable[[ObjectKind, Action, Fields | None, Fields | None], None]
"""Asked before an object changes, with its fields before and after. Raises: NotAllowed."""
Sees = Callable[[ObjectKind, Fields], bool]
"""Whether an object is somebody's to see."""


def anything(_kind: ObjectKind, _action: Action, _old: Fields | None, _new: Fields | None) -> None:
    """What whoever may write the store may do."""


def everything(_kind: ObjectKind, _fields: Fields) -> bool:
    """What whoever may read the store sees."""
    return True


class Shown(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An object for people."""

    kind: ObjectKind
    name: str
    owner: Owner
    spec: dict[str, Any]
    """As the configuration file would have it, without what has its default."""
    version: int | None = None
    at: str | None = None
    by: str | None = None
    status: dict[str, Any] | None = None
    """Of a key or an account: how it is."""
    key: str | None = None
    """The text to call by, told once."""
    made: bool = False
    """It was not there before."""


class Page(Struct, frozen=True, kw_only=True):
    """Objects in order of names."""

    data: list[Shown]
    next: str | None
    """Name to go on after; None: that was the last page."""


class Registry:
    """What the admin API and the command line do to them."""

    def __init__(self, objects: Objects, forms: Forms, clock: Clock) -> None:
        self._objects = objects
        self._forms = forms
        self._clock = clock

    def page(
        self,
        kind: ObjectKind,
        after: str = "",
        most: int = 100,
        tenant: str | None = None,
        owner: Owner | None = None,
        sees: Sees = everything,
    ) -> Page:
        """The file's and the API's together, or those of one owner; of these what is somebody's to see."""
        file: Mapping[str, Struct] = {} if owner == "api" else self._forms.written(kind)
        mine = [
            self._written(kind, name, form)
            for name, form in file.items()
            if name > after and (tenant is None or getattr(form, "tenant", tenant) == tenant)
        ]
        kept = () if owner == "yaml" else self._kept(kind, after, most + 1, tenant, sees)
        found = sorted((*(one for one in mine if sees(kind, one.spec)), *kept), key=lambda one: one.name)
        return Page(data=found[:most], next=found[most - 1].name if len(found) > most else None)

    def _kept(self, kind: ObjectKind, after: str, most: int, tenant: str | None, sees: Sees) -> list[Shown]:
        """So many of the API's own that somebody sees, in order of names."""
        found: list[Shown] = []
        while True:
            page = self._objects.page(kind, after, most, tenant)
            shown = map(self._shown, page)
            found += [one for one in shown if sees(kind, one.spec)][: most - len(found)]
            if len(found) >= most or len(page) < most:
                return found
            after = page[-1].name

    def get(self, kind: ObjectKind, name: str, sees: Sees = everything) -> Shown:
        """One of them. Raises: NotFound, also where it isn't somebody's to see: whether it exists is not told."""
        form = self._forms.written(kind).get(name)
        found = self._shown(self._found(kind, name)) if form is None else self._written(kind, name, form)
        if not sees(kind, found.spec):
            raise missing(kind, name)
        return found

    def put(
        self, kind: ObjectKind, name: str, fields: Mapping[str, Any], condition: Condition, by: str, may: May = anything
    ) -> Shown:
        """Make an object, or replace it. A key that is made tells its text, and so does an account without an issuer.

        Raises: Flawed, OwnedElsewhere, VersionConflict, NotAllowed.
        """
        self._not_written(kind, name, "replace", may)
        form = self._forms.read(kind, name, fields)
        old = self._objects.get(kind, name)
        action: Action = "create" if old is None else "replace"
        may(kind, action, None if old is None else self._shown(old).spec, written(form))
        expects = _expected(kind, name, old, condition)
        spec, text = self._spec(old, form)
        return self._write(old, kind, name, spec, action, expects, by, text)

    def _spec(self, old: Object | None, form: Struct) -> tuple[Struct, str | None]:
        """What is kept of an object, and the text that it begins with."""
        now_ns = self._clock.now_ns()
        match form, old:
            case KeyForm(), None:
                text = key_text.make()
                return keys.made(form, text, now_ns), text
            case KeyForm(), Object():
                return msgspec.structs.replace(keys.read(old), form=form), None
            case AccountForm(), None:
                text = None if form.issuer else key_text.make()
                return keys.made_account(form, text, now_ns), text
            case AccountForm(), Object():
                return msgspec.structs.replace(keys.read_account(old), form=form), None
            case _:
                return form, None

    def delete(self, kind: ObjectKind, name: str, condition: Condition, by: str, may: May = anything) -> int:
        """Take an object away. Returns: the version of the change.

        Raises: NotFound, OwnedElsewhere, VersionConflict, NotAllowed.
        """
        self._not_written(kind, name, "delete", may)
        old = self._found(kind, name)
        may(kind, "delete", self._shown(old).spec, None)
        expects = condition if isinstance(condition, int) else old.version
        edit = Edit(
            kind=kind, name=name, tenant=old.tenant, action="delete", expects=expects, spec=None, before=_noted(old)
        )
        return self._objects.edit(edit, by, self._clock.now_ns())

    def rotate(self, name: str, overlap: str, by: str, kind: Texts = "key", may: May = anything) -> Shown:
        """Give a key, or an account, another text, and tell it.

        Raises: NotFound, OwnedElsewhere, BadRequest, NotAllowed.
        """
        overlap_ns = duration_ns(overlap)
        if overlap_ns is None:
            remedy = "write a whole number and a unit: 0s, 15m, 24h, 7d"
            raise _flaw("overlap", f"{overlap[:40]!r} is no duration of up to ten years", remedy)
        old, text, now_ns = self._changing(kind, name, "rotate", may), key_text.make(), self._clock.now_ns()
        spec = (
            keys.rotated(keys.read(old), text, overlap_ns, now_ns)
            if kind == "key"
            else keys.rotated(keys.read_account(old), text, overlap_ns, now_ns)
        )
        return self._write(old, kind, name, spec, "rotate", old.version, by, text)

    def revoke(self, name: str, by: str, kind: Texts = "key", may: May = anything) -> Shown:
        """Refuse a key, or an account, for good; it stays in the list.

        Raises: NotFound, OwnedElsewhere, BadRequest, NotAllowed.
        """
        old, now_ns = self._changing(kind, name, "revoke", may), self._clock.now_ns()
        spec = keys.revoked(keys.read(old), now_ns) if kind == "key" else keys.revoked(keys.read_account(old), now_ns)
        return self._write(old, kind, name, spec, "revoke", old.version, by)

    def raise_budget(self, name: str, fields: Mapping[str, Any], by: str, may: May = anything) -> Shown:
        """Give a budget more for a while. Raises: NotFound, OwnedElsewhere, Flawed, NotAllowed."""
        self._not_written("budget", name, "raise", may)
        old = self._found("budget", name)
        spec: dict[str, Any] = msgspec.json.decode(old.spec)
        spec["raises"] = [*spec.get("raises", []), dict(fields)]
        form = self._forms.read("budget", name, spec)
        may("budget", "raise", self._shown(old).spec, written(form))
        return self._write(old, "budget", name, form, "raise", old.version, by)

    def measure(self, name: str, sees: Sees = everything) -> Measure:
        """What a budget is measured in, that of a key too. Raises: NotFound."""
        if name.startswith(OF_KEYS):
            spec = self.get("key", name.removeprefix(OF_KEYS), sees).spec.get("budget")
        else:
            spec = self.get("budget", name, sees).spec
        if spec is None:
            raise NotFound(f"the key {name.removeprefix(OF_KEYS)} has no budget")
        return next(measure for field, measure in MEASURES.items() if spec.get(field) is not None)

    def changes(
        self,
        before: int,
        most: int,
        kind: ObjectKind | None = None,
        name: str | None = None,
        sees: Sees = everything,
    ) -> list[audit.ChangeShown]:
        """The record of changes, the newest first: those of objects that were, or became, somebody's to see."""
        found: list[audit.ChangeShown] = []
        while True:
            page = self._objects.changes(before, most, kind, name)
            shown = map(audit.shown, page)
            found += [one for one in shown if any(sees(one.kind, fields) for fields in audit.fields_of(one))]
            if len(found) >= most or len(page) < most:
                return found[:most]
            before = page[-1].version

    def _changing(self, kind: ObjectKind, name: str, action: Action, may: May) -> Object:
        self._not_written(kind, name, action, may)
        old = self._found(kind, name)
        may(kind, action, self._shown(old).spec, None)
        return old

    def _found(self, kind: ObjectKind, name: str) -> Object:
        one = self._objects.get(kind, name)
        if one is None:
            raise missing(kind, name)
        return one

    def _not_written(self, kind: ObjectKind, name: str, action: Action, may: May) -> None:
        """Raises: OwnedElsewhere; what `may` does, before whoever asks is told that the file has it."""
        form = self._forms.written(kind).get(name)
        if form is not None:
            may(kind, action, written(form), None)
            raise OwnedElsewhere(
                f"the {kind} {name} is the configuration file's; {action} it there, under `{'.'.join(PLACES[kind])}`",
                param="name",
            )

    def _write(
        self,
        old: Object | None,
        kind: ObjectKind,
        name: str,
        spec: Struct,
        action: Action,
        expects: int,
        by: str,
        text: str | None = None,
    ) -> Shown:
        now_ns = self._clock.now_ns()
        of_texts = isinstance(spec, keys.KeySpec | keys.AccountSpec)
        tenant = spec.form.tenant if of_texts else getattr(spec, "tenant", "default")
        said = spec if of_texts else written(spec)
        fresh = Object(
            kind=kind, name=name, tenant=tenant, spec=msgspec.json.encode(said), version=0, at_ns=now_ns, by=by
        )
        edit = Edit(
            kind=kind,
            name=name,
            tenant=tenant,
            action=action,
            expects=expects,
            spec=fresh.spec,
            before=None if old is None else _noted(old),
            after=_noted(fresh),
        )
        version = self._objects.edit(edit, by, now_ns)
        shown = self._shown(msgspec.structs.replace(fresh, version=version), text)
        return msgspec.structs.replace(shown, made=old is None)

    def _written(self, kind: ObjectKind, name: str, form: Struct) -> Shown:
        return Shown(kind=kind, name=name, owner="yaml", spec=written(form))

    def _shown(self, one: Object, text: str | None = None) -> Shown:
        fields, status = _told(one, self._clock.now_ns())
        return Shown(
            kind=one.kind,
            name=one.name,
            owner="api",
            spec=fields,
            version=one.version,
            at=said(one.at_ns),
            by=one.by,
            status=status,
            key=text,
        )


def _expected(kind: ObjectKind, name: str, old: Object | None, condition: Condition) -> int:
    """The version that an object must have to be written. Raises: VersionConflict, BadRequest."""
    if isinstance(condition, int):
        return condition
    if old is None:
        return 0
    if condition == "new":
        raise VersionConflict(f"a {kind} {name} is there already, at version {old.version}; change that one")
    raise BadRequest(
        f'the {kind} {name} is there, at version {old.version}; send `If-Match: "{old.version}"` to replace that',
        status=428,
        code="version_required",
    )


def missing(kind: ObjectKind, name: str) -> NotFound:
    """What is told of an object that is not there, and of one that isn't somebody's to see."""
    return NotFound(f"there is no {kind} {name[:128]!r}; GET /admin/v1/{SECTIONS[kind]} lists those there are")


def _flaw(field: str, wrong: str, remedy: str) -> Flawed:
    return Flawed(f"{field}: {wrong}; {remedy}", (Flaw(field=field, wrong=wrong, remedy=remedy),))


def _told(one: Object, now_ns: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """An object's fields, and of a key or an account how it is; no secrets."""
    if one.kind not in WITH_TEXTS:
        return msgspec.json.decode(one.spec), None
    spec = keys.read(one) if one.kind == "key" else keys.read_account(one)
    return written(spec.form), keys.status(spec, now_ns)


def _noted(one: Object) -> bytes:
    """An object for the record of changes."""
    fields, status = _told(one, one.at_ns)
    return msgspec.json.encode(fields if status is None else {"spec": fields, "status": status})
