"""Virtual keys: what is kept of them, and what they may become."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.control import key_text
from antiphon.control.instants import instant, said
from antiphon.control.roles import Grant
from antiphon.control.settings import AccountForm, CallerForm, KeyForm
from antiphon.core.budget import NO_END_NS
from antiphon.core.error import BadRequest, StoreError
from antiphon.core.objects import Object
from antiphon.core.principal import Principal

MOST_TEXTS = 8
"""Of one key that may be taken at once: as many rotations within one overlap, and the newest."""


class KeyText(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One text of a key, as far as it is kept."""

    sha256: str
    made_ns: int
    until_ns: int = NO_END_NS
    """When it ends to be taken, as another took its place."""


class KeySpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual key as the store has it."""

    form: KeyForm
    texts: tuple[KeyText, ...]
    """The newest first."""
    made_ns: int
    revoked_ns: int = 0
    """When it was revoked; 0: it wasn't."""


class AccountSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A service account as the store has it."""

    form: AccountForm
    texts: tuple[KeyText, ...] = ()
    """The newest first; none where tokens alone stand for it."""
    made_ns: int
    revoked_ns: int = 0
    """When it was revoked; 0: it wasn't."""


SpecT = TypeVar("SpecT", KeySpec, AccountSpec)


class Known(Struct, frozen=True, gc=False, kw_only=True):
    """What stands behind one digest on the path."""

    digest: bytes
    principal: Principal
    until_ns: int = NO_END_NS
    """From then on it is refused."""
    revoked: bool = False
    replaced: bool = False
    """It ends as another text took its place, not as the key expires."""
    grants: tuple[Grant, ...] = ()
    """Roles that it was given beside its own."""


_spec = msgspec.json.Decoder(KeySpec)
_account = msgspec.json.Decoder(AccountSpec)
OF_ACCOUNTS = "account/"
"""What the key of a service account's principal begins with; no key's name has a slash."""


def read(one: Object) -> KeySpec:
    """A key as the store has it. Raises: StoreError, where a newer Antiphon wrote what this one doesn't know."""
    try:
        return _spec.decode(one.spec)
    except msgspec.MsgspecError as error:
        raise StoreError(f"the key {one.name} in the store can't be read ({error}); upgrade this Antiphon") from error


def read_account(one: Object) -> AccountSpec:
    """A service account as the store has it. Raises: StoreError, where a newer Antiphon wrote it."""
    try:
        return _account.decode(one.spec)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"the account {one.name} in the store can't be read ({error}); upgrade this Antiphon"
        ) from error


def principal(form: CallerForm) -> Principal:
    """Whom a key, or a service account, stands for."""
    return Principal(
        tenant=form.tenant,
        key=f"{OF_ACCOUNTS}{form.name}" if isinstance(form, AccountForm) else form.name,
        user=form.user,
        team=form.team,
        department=form.department,
        tags=tuple(form.tags),
        models=tuple(form.models),
        admin=isinstance(form, KeyForm) and form.admin,
        priority=form.priority,
        roles=tuple(form.roles),
        employment=form.employment,
        data_class=form.data_class,
        clearance=form.clearance,
        passthrough=tuple(form.passthrough),
    )


def ends_ns(form: CallerForm) -> int:
    """When a checked key expires."""
    at_ns = instant(form.expires) if form.expires else NO_END_NS
    return 0 if at_ns is None else at_ns


def known(spec: KeySpec | AccountSpec) -> Iterator[Known]:
    """Every text of a key, or of a service account, as the path looks it up."""
    whose, ends = principal(spec.form), ends_ns(spec.form)
    for text in spec.texts:
        yield Known(
            digest=bytes.fromhex(text.sha256),
            principal=whose,
            until_ns=0 if spec.revoked_ns else min(ends, text.until_ns),
            revoked=bool(spec.revoked_ns),
            replaced=text.until_ns < ends,
        )


def made(form: KeyForm, text: str, now_ns: int) -> KeySpec:
    """A key that begins."""
    return KeySpec(form=form, texts=(KeyText(sha256=key_text.digest(text), made_ns=now_ns),), made_ns=now_ns)


def made_account(form: AccountForm, text: str | None, now_ns: int) -> AccountSpec:
    """A service account that begins; without a text tokens alone stand for it."""
    texts = () if text is None else (KeyText(sha256=key_text.digest(text), made_ns=now_ns),)
    return AccountSpec(form=form, texts=texts, made_ns=now_ns)


def rotated(spec: SpecT, text: str, overlap_ns: int, now_ns: int) -> SpecT:
    """The same key with another text; the texts before it are taken for the overlap, and known for a while longer.

    Raises: BadRequest, for a key that is revoked, and where so many of its texts are still taken.
    """
    _living(spec)
    until_ns = now_ns + overlap_ns
    old = [replace(one, until_ns=min(one.until_ns, until_ns)) for one in spec.texts]
    taken = [one for one in old if one.until_ns > now_ns]
    if len(taken) >= MOST_TEXTS:
        wrong = f"{len(taken)} texts of the {_word(spec)} {spec.form.name} are taken at once already"
        raise BadRequest(f"{wrong}; rotate it with an overlap of 0s to end them", status=409, code="state_conflict")
    ended = [one for one in old if one.until_ns <= now_ns][: MOST_TEXTS - len(taken)]
    return replace(spec, texts=(KeyText(sha256=key_text.digest(text), made_ns=now_ns), *taken, *ended))


def revoked(spec: SpecT, now_ns: int) -> SpecT:
    """The same key, refused from now on for good. Raises: BadRequest, when it is so already."""
    _living(spec)
    return replace(spec, revoked_ns=now_ns)


def _living(spec: KeySpec | AccountSpec) -> None:
    if spec.revoked_ns:
        wrong = f"the {_word(spec)} {spec.form.name} was revoked at {said(spec.revoked_ns)}"
        raise BadRequest(f"{wrong}; make another one", status=409, code="state_conflict")


def _word(spec: KeySpec | AccountSpec) -> str:
    return "account" if isinstance(spec, AccountSpec) else "key"


def status(spec: KeySpec | AccountSpec, now_ns: int) -> dict[str, str | None]:
    """How a key is, for people. No text and no digest."""
    ends = [one.until_ns for one in spec.texts if one.until_ns > now_ns and one.until_ns != NO_END_NS]
    return {
        "state": state(spec, now_ns),
        "made": said(spec.made_ns),
        "rotated": said(spec.texts[0].made_ns) if len(spec.texts) > 1 else None,
        "old_text_ends": said(max(ends)) if ends else None,
        "revoked": said(spec.revoked_ns) if spec.revoked_ns else None,
    }


def state(spec: KeySpec | AccountSpec, now_ns: int) -> str:
    """`active`, `expired` or `revoked`."""
    if spec.revoked_ns:
        return "revoked"
    return "active" if now_ns < ends_ns(spec.form) else "expired"
