"""Bundles of policies: drafted, published, rolled out and rolled back while the gateway runs.

Blocks on the store, so it is asked beside a loop.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.control.ownership import Flaw, Flawed
from antiphon.control.policy_bundle import Bundle, Draft, Live, live_of, read_bundle
from antiphon.control.policy_shown import BundlePage, BundleShown, shown, told
from antiphon.control.registry import Condition
from antiphon.core.clock import Clock
from antiphon.core.error import BadRequest, NotFound, VersionConflict
from antiphon.core.objects import Action, Edit, Object, Objects
from antiphon.policy.compile import rules_of
from antiphon.policy.source import Mode, Source

MOST_TEXT_BYTES = 262_144
"""Of one bundle."""
MOST_NOTE = 500
"""Characters."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PAGE = 1000
FieldsT = TypeVar("FieldsT", bound=Struct)


class DraftFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a draft is made of."""

    text: str
    note: str = ""
    tenant: str = ""


class RolloutFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a version is put in force; what is left out stays as it is."""

    mode: Mode | None = None
    share: float | None = None
    note: str | None = None


class RollbackFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version comes back."""

    number: int


class Bundles:
    """What the admin API and the command line do to them."""

    def __init__(self, objects: Objects, tiers: Sequence[str], clock: Clock) -> None:
        """`tiers` are those of `policy.tiers`."""
        self._objects = objects
        self._tiers = tiers
        self._clock = clock

    def page(self, after: str = "", most: int = 100) -> BundlePage:
        """Those that there are."""
        found = self._objects.page("policy", after, most + 1)
        data = [shown(one, read_bundle(one), text=False) for one in found[:most]]
        return BundlePage(data=data, next=found[most - 1].name if len(found) > most else None)

    def get(self, name: str) -> BundleShown:
        """One of them. Raises: NotFound."""
        one = self._found(name)
        return shown(one, read_bundle(one))

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Every version that was published, the newest first. Raises: NotFound."""
        self._found(name)
        return [told(one) for one in self._published(name)]

    def draft(self, name: str, fields: Mapping[str, Any], condition: Condition, by: str) -> BundleShown:
        """Write a draft, of a bundle that is made where it isn't there.

        Raises: Flawed, VersionConflict.
        """
        asked = _fields(fields, DraftFields)
        if _NAME.fullmatch(name) is None:
            raise _flaw(
                "name", f"{name[:128]!r} is no name", "write up to 128 letters, digits, dots, dashes and underlines"
            )
        old = self._objects.get("policy", name)
        self._checked(name, asked)
        bundle = Bundle(tenant=asked.tenant) if old is None else read_bundle(old)
        if bundle.live is not None and bundle.tenant != asked.tenant:
            raise _flaw("tenant", f"the bundle is in force for {bundle.tenant or 'all tenants'}", "withdraw it first")
        made = Draft(text=asked.text, hash=_hash(asked.text), author=by, at_ns=self._clock.now_ns(), note=asked.note)
        return self._write(
            name,
            old,
            replace(bundle, tenant=asked.tenant, draft=made),
            "create" if old is None else "replace",
            condition,
            by,
        )

    def publish(self, name: str, fields: Mapping[str, Any], condition: Condition, by: str) -> BundleShown:
        """Put the draft in force, for all callers unless told. Raises: NotFound, Flawed, VersionConflict."""
        asked = _rollout(fields)
        old = self._found(name)
        bundle = read_bundle(old)
        draft = bundle.draft
        if draft is None:
            raise BadRequest(f"the bundle {name} has no draft; PUT /admin/v1/policies/{name} writes one")
        self._checked(name, DraftFields(text=draft.text, note=draft.note, tenant=bundle.tenant))
        live = Live(
            number=bundle.published + 1,
            text=draft.text,
            hash=draft.hash,
            author=draft.author,
            published_by=by,
            at_ns=self._clock.now_ns(),
            note=draft.note if asked.note is None else asked.note,
            mode=asked.mode or "enforce",
            share=1.0 if asked.share is None else asked.share,
        )
        made = replace(bundle, published=live.number, draft=None, live=live)
        return self._write(name, old, made, "publish", condition, by)

    def rollout(self, name: str, fields: Mapping[str, Any], condition: Condition, by: str) -> BundleShown:
        """Change the mode, or the share of callers, of what is in force. Raises: NotFound, Flawed, VersionConflict."""
        asked = _rollout(fields)
        old = self._found(name)
        bundle = read_bundle(old)
        live = _live(name, bundle)
        made = replace(
            live,
            mode=asked.mode or live.mode,
            share=live.share if asked.share is None else asked.share,
            note=live.note if asked.note is None else asked.note,
        )
        return self._write(name, old, replace(bundle, live=made), "rollout", condition, by)

    def rollback(self, name: str, fields: Mapping[str, Any], condition: Condition, by: str) -> BundleShown:
        """Put a version in force that was published before, as it was published.

        Raises: NotFound, Flawed, VersionConflict.
        """
        number = _fields(fields, RollbackFields).number
        old = self._found(name)
        bundle = read_bundle(old)
        found = next((one for one in self._published(name) if one.number == number), None)
        if found is None:
            raise NotFound(
                f"the bundle {name} has no version {number}; its newest is {bundle.published}", param="number"
            )
        self._checked(name, DraftFields(text=found.text, tenant=bundle.tenant))
        return self._write(name, old, replace(bundle, live=found), "rollback", condition, by)

    def withdraw(self, name: str, condition: Condition, by: str) -> BundleShown:
        """Put a bundle out of force; it stays, with its draft. Raises: NotFound, BadRequest, VersionConflict."""
        old = self._found(name)
        bundle = read_bundle(old)
        _live(name, bundle)
        return self._write(name, old, replace(bundle, live=None), "withdraw", condition, by)

    def delete(self, name: str, condition: Condition, by: str) -> int:
        """Take a bundle away that is not in force. Returns: the version of the change.

        Raises: NotFound, BadRequest, VersionConflict.
        """
        old = self._found(name)
        if read_bundle(old).live is not None:
            raise BadRequest(f"the bundle {name} is in force; withdraw it first")
        edit = Edit(
            kind="policy",
            name=name,
            tenant=old.tenant,
            action="delete",
            expects=condition if isinstance(condition, int) else old.version,
            spec=None,
            before=old.spec,
        )
        return self._objects.edit(edit, by, self._clock.now_ns())

    def _checked(self, name: str, asked: DraftFields) -> None:
        """Whether the policies hold. Raises: Flawed, with every mistake."""
        if len(asked.text.encode()) > MOST_TEXT_BYTES:
            raise _flaw("text", f"more than {MOST_TEXT_BYTES} bytes", "make several bundles of it")
        if len(asked.note) > MOST_NOTE:
            raise _flaw("note", f"more than {MOST_NOTE} characters", "write less")
        rules, problems = rules_of((Source(name="text", text=asked.text, tenant=asked.tenant),), self._tiers)
        if problems:
            flaws = tuple(
                Flaw(field="text", wrong=f"line {one.line}: {one.path}: {one.wrong}", remedy=one.remedy)
                for one in problems
            )
            raise Flawed(
                "; ".join(f"text:{one.line}: {one.path}: {one.wrong}; {one.remedy}" for one in problems), flaws
            )
        if not rules:
            raise _flaw("text", f"there is no policy in the bundle {name}", "write one, or withdraw the bundle")

    def _published(self, name: str) -> Iterator[Live]:
        """Versions as they were published, the newest first."""
        before = 2**63 - 1
        while True:
            page = self._objects.changes(before, _PAGE, "policy", name)
            for change in page:
                if change.action == "delete":
                    return
                if change.action == "publish" and change.after is not None:
                    live = live_of(change.after)
                    if live is not None:
                        yield live
            if len(page) < _PAGE:
                return
            before = page[-1].version

    def _found(self, name: str) -> Object:
        one = self._objects.get("policy", name)
        if one is None:
            raise NotFound(f"there is no bundle {name[:128]!r}; GET /admin/v1/policies lists those there are")
        return one

    def _write(
        self, name: str, old: Object | None, bundle: Bundle, action: Action, condition: Condition, by: str
    ) -> BundleShown:
        spec, now_ns = msgspec.json.encode(bundle), self._clock.now_ns()
        edit = Edit(
            kind="policy",
            name=name,
            tenant=bundle.tenant,
            action=action,
            expects=_expected(name, old, condition),
            spec=spec,
            before=None if old is None else old.spec,
            after=spec,
        )
        version = self._objects.edit(edit, by, now_ns)
        fresh = Object(
            kind="policy",
            name=name,
            tenant=bundle.tenant,
            spec=spec,
            version=version,
            at_ns=now_ns,
            by=by,
        )
        return shown(fresh, bundle)


def _expected(name: str, old: Object | None, condition: Condition) -> int:
    """The version that a bundle must have to be written. Raises: VersionConflict."""
    if isinstance(condition, int):
        return condition
    if condition == "new" and old is not None:
        raise VersionConflict(f"a bundle {name} is there already, at version {old.version}; change that one")
    return 0 if old is None else old.version


def _live(name: str, bundle: Bundle) -> Live:
    """Raises: BadRequest."""
    if bundle.live is None:
        raise BadRequest(f"the bundle {name} is not in force; publish it first")
    return bundle.live


def _rollout(fields: Mapping[str, Any]) -> RolloutFields:
    """Raises: Flawed."""
    asked = _fields(fields, RolloutFields)
    if asked.share is not None and not 0 <= asked.share <= 1:
        raise _flaw("share", f"{asked.share} is no part of callers", "write a number from 0 to 1")
    if asked.note is not None and len(asked.note) > MOST_NOTE:
        raise _flaw("note", f"more than {MOST_NOTE} characters", "write less")
    return asked


def _fields(fields: Mapping[str, Any], form: type[FieldsT]) -> FieldsT:
    """Raises: Flawed."""
    try:
        return msgspec.convert(dict(fields), form)
    except msgspec.ValidationError as error:
        known = ", ".join(form.__struct_fields__)
        raise _flaw("(body)", str(error), f"the fields are {known}") from error


def _flaw(field: str, wrong: str, remedy: str) -> Flawed:
    return Flawed(f"{field}: {wrong}; {remedy}", (Flaw(field=field, wrong=wrong, remedy=remedy),))


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
