"""Mistakes among identity providers, certificates, service accounts and role bindings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from antiphon.config.check_keys import check_form
from antiphon.config.pem import MENDED, why_no_authorities
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.control.roles import OF_THEIR_TEAM
from antiphon.control.settings import AccountForm
from antiphon.control.settings_identity import BindingForm, Mistake
from antiphon.core.error import Problem
from antiphon.wire.yaml_node import Path

_HERE = "identity"


class Named(Protocol):
    """A rule with a name."""

    @property
    def name(self) -> str: ...

    def check(self) -> Iterator[Mistake]: ...


def check_identity(settings: Settings, written: Written) -> Iterator[Problem]:
    """Names that are there twice, addresses that are none, and rules that nothing can meet."""
    identity = settings.identity
    yield from _each(identity.issuers, "issuers", written)
    yield from _each(identity.certificates, "certificates", written)
    seen: dict[str, str] = {}
    for at, issuer in zip(_kept("issuers", written), identity.issuers, strict=True):
        path = (_HERE, "issuers", at)
        if issuer.issuer in seen:
            wrong = f"is that of {seen[issuer.issuer]} too, and a token names nothing else to tell them by"
            yield written.problem((*path, "issuer"), wrong, "write one entry with all `audiences`")
        seen.setdefault(issuer.issuer, issuer.name)
        wrong = why_no_authorities(issuer.ca_file) if issuer.ca_file is not None else ""
        if wrong:
            yield written.problem((*path, "ca_file"), wrong, MENDED)
    tls = settings.server.tls
    if identity.certificates and written.sound(("server", "tls")) and (tls is None or tls.client_ca_file is None):
        remedy = "set `server.tls.client_ca_file` to the authorities that sign them"
        yield written.problem((_HERE, "certificates"), "no client certificate is asked for", remedy)
    yield from check_bindings(identity.bindings, settings, written)


def _kept(section: str, written: Written) -> list[int]:
    """Positions of the items that the settings hold; none where all of `identity` could not be read."""
    return [] if (_HERE,) in written.broken else written.kept((_HERE, section))


def _each(rules: Sequence[Named], section: str, written: Written) -> Iterator[Problem]:
    names: set[str] = set()
    for at, one in zip(_kept(section, written), rules, strict=True):
        path: Path = (_HERE, section, at)
        if one.name in names:
            yield written.problem((*path, "name"), f"another one is called {one.name}", "give each its own name")
        names.add(one.name)
        for below, wrong, remedy in one.check():
            yield written.problem((*path, *([below] if below else [])), wrong, remedy)


def check_bindings(forms: Iterable[BindingForm], settings: Settings, written: Written) -> Iterator[Problem]:
    """Subjects that name nobody there could be, and roles of teams that name none."""
    names: set[str] = set()
    for at, form in zip(_kept("bindings", written), forms, strict=True):
        path: Path = (_HERE, "bindings", at)
        if form.name in names:
            yield written.problem((*path, "name"), f"another one is called {form.name}", "give each its own name")
        names.add(form.name)
        kind, _, rest = form.subject.partition("/")
        yield from _subject(kind, rest, settings, (*path, "subject"), written)
        if form.tenant == "*" and (form.team or form.role in OF_THEIR_TEAM):
            remedy = "name the tenant, or leave the team out and give another role"
            yield written.problem((*path, "tenant"), "a team is of one tenant, and this is for all of them", remedy)


def _subject(kind: str, rest: str, settings: Settings, path: Path, written: Written) -> Iterator[Problem]:
    first, slash, last = rest.partition("/")
    if kind in ("key", "account"):
        if slash:
            yield written.problem(path, "has a slash in its name, as no name has", f"write {kind}/NAME")
        return
    rules = settings.identity.certificates if kind == "certificate" else settings.identity.issuers
    known = tuple(one.name for one in rules)
    if not last:
        what = {"token": "token/ISSUER/USER", "group": "group/ISSUER/GROUP"}.get(kind, "certificate/RULE/NAME")
        yield written.problem(path, "names no one", f"write {what}")
    elif first not in known:
        where = "`identity.certificates`" if kind == "certificate" else "`identity.issuers`"
        yield written.problem(path, f"there is no {first} under {where}", choose(first, known, where))


def check_accounts(forms: Iterable[AccountForm], settings: Settings, written: Written) -> Iterator[Problem]:
    """What is wrong with keys too, and identity providers that don't exist."""
    issuers = tuple(one.name for one in settings.identity.issuers)
    for at, form in zip(written.kept(("accounts",)), forms, strict=True):
        path: Path = ("accounts", at)
        yield from check_form(form, settings, path, written)
        if bool(form.issuer) != bool(form.subject):
            missing = "subject" if form.issuer else "issuer"
            yield written.problem((*path, missing), "is missing", "write both `issuer` and `subject`, or neither")
        elif form.issuer and form.issuer not in issuers:
            remedy = choose(form.issuer, issuers, "identity providers")
            yield written.problem((*path, "issuer"), f"no identity provider is called {form.issuer}", remedy)
