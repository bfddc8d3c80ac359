"""The table of the admin API's paths."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import unquote

from antiphon.admin.ask import MOST_VERSION, Ask, kind_of, number, owner_of, page_of
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Act, Route
from antiphon.admin.routes_agents import ROUTES as AGENTS
from antiphon.admin.routes_approvals import ROUTES as APPROVALS
from antiphon.admin.routes_audit import ROUTES as AUDIT
from antiphon.admin.routes_policies import ROUTES as POLICIES
from antiphon.admin.routes_triggers import ROUTES as TRIGGERS
from antiphon.control import accounts, corrections
from antiphon.control.ceiling import NEEDS
from antiphon.control.ownership import SECTIONS
from antiphon.control.registry import OVERLAP, Shown, Texts
from antiphon.control.roles import Scope
from antiphon.control.whoami import told
from antiphon.core.error import NotFound, WrongMethod
from antiphon.core.objects import ObjectKind

LONGEST_PART = 512
"""Most bytes of a part of a path."""


def _changed(one: Shown, *, made: bool = False) -> Done:
    return Done(value=one, version=one.version, changed=one.version, made=made)


def _listed(kind: ObjectKind) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        query = ask.query("limit", "after", "tenant", "owner")
        owner = owner_of(query)
        sees = desk.ceiling(ask.who).sees
        found = desk.registry.page(kind, query.get("after", ""), page_of(query), query.get("tenant"), owner, sees)
        return Done(value=found)

    return act


def _got(kind: ObjectKind) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        one = desk.registry.get(kind, ask.names[0], desk.ceiling(ask.who).sees)
        return Done(value=one, version=one.version)

    return act


def _put(kind: ObjectKind) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        may = desk.ceiling(ask.who).may
        one = desk.registry.put(kind, ask.names[0], ask.fields(), ask.condition(), ask.by, may)
        return _changed(one, made=one.made)

    return act


def _deleted(kind: ObjectKind) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        may = desk.ceiling(ask.who).may
        changed = desk.registry.delete(kind, ask.names[0], ask.condition(), ask.by, may)
        return Done(value={"kind": kind, "name": ask.names[0], "deleted": True}, changed=changed)

    return act


def _rotated(kind: Texts) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        overlap = ask.text(ask.fields("overlap"), "overlap", OVERLAP)
        return _changed(desk.registry.rotate(ask.names[0], overlap, ask.by, kind, desk.ceiling(ask.who).may))

    return act


def _revoked(kind: Texts) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        ask.fields("")
        return _changed(desk.registry.revoke(ask.names[0], ask.by, kind, desk.ceiling(ask.who).may))

    return act


def _raised(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields("usd", "tokens", "requests", "until", "note")
    return _changed(desk.registry.raise_budget(ask.names[0], fields, ask.by, desk.ceiling(ask.who).may))


def _accounts(desk: Desk, ask: Ask) -> Done:
    query, name = ask.query("limit", "after"), ask.names[0]
    most, measure = page_of(query), desk.registry.measure(name, desk.ceiling(ask.who).sees)
    with closing(desk.bank()) as bank:
        return Done(value=accounts.page(bank, desk.clock, name, measure, query.get("after", ""), most))


def _corrected(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields(*corrections.FIELDS)
    entry = fields.get("entry")
    with closing(desk.database()) as database:
        found = database.posting(entry) if isinstance(entry, str) else None
        if found is not None and not ask.who.may("money", Scope(found.tenant)):
            raise NotFound(f"there is no entry {entry} in the ledger", code="entry_not_found")
        return Done(value=corrections.correct(database, fields, ask.by, desk.ids))


def _changes(desk: Desk, ask: Ask) -> Done:
    query = ask.query("limit", "before", "kind", "name")
    most, before = page_of(query), number(query, "before", MOST_VERSION)
    found = desk.registry.changes(before, most, kind_of(query), query.get("name"), desk.ceiling(ask.who).sees)
    return Done(value={"data": found, "next": found[-1].version if len(found) == most else None})


def _me(_desk: Desk, ask: Ask) -> Done:
    ask.query()
    return Done(value=told(ask.who))


def _of_kind(kind: ObjectKind, section: str) -> Iterator[Route]:
    path, needs = f"/admin/v1/{section}", NEEDS[kind]
    yield Route(
        method="GET",
        path=path,
        act=_listed(kind),
        said=f"The {section} of the file and of the API, in order of names.",
        scoped=True,
        query=("limit", "after", "tenant", "owner"),
    )
    yield Route(method="GET", path=f"{path}/{{name}}", act=_got(kind), said=f"One {kind}.", scoped=True)
    yield Route(
        method="PUT",
        path=f"{path}/{{name}}",
        act=_put(kind),
        said=f"Make a {kind}, or replace it.",
        needs=needs,
        scoped=True,
        body=("*",),
    )
    yield Route(
        method="DELETE",
        path=f"{path}/{{name}}",
        act=_deleted(kind),
        said=f"Take a {kind} away.",
        needs=needs,
        scoped=True,
    )
    if kind in ("key", "account"):
        yield Route(
            method="POST",
            path=f"{path}/{{name}}/rotate",
            act=_rotated(kind),
            said=f"Give a {kind} another text; the one before is taken for the overlap.",
            needs=needs,
            scoped=True,
            body=("overlap",),
        )
        yield Route(
            method="POST",
            path=f"{path}/{{name}}/revoke",
            act=_revoked(kind),
            said=f"Refuse a {kind} for good.",
            needs=needs,
            scoped=True,
        )


ROUTES: tuple[Route, ...] = (
    *(route for kind, section in SECTIONS.items() for route in _of_kind(kind, section)),
    Route(
        method="POST",
        path="/admin/v1/budgets/{name}/raises",
        act=_raised,
        said="Give a budget more for a while.",
        needs="money",
        scoped=True,
        body=("usd", "tokens", "requests", "until", "note"),
    ),
    Route(
        method="GET",
        path="/admin/v1/budgets/{name}/accounts",
        act=_accounts,
        said="How a budget's accounts stand in the window that runs now.",
        scoped=True,
        query=("limit", "after"),
    ),
    Route(
        method="POST",
        path="/admin/v1/ledger/corrections",
        act=_corrected,
        said="Book a correction of an entry of the ledger, which stays.",
        needs="money",
        scoped=True,
        body=corrections.FIELDS,
    ),
    Route(
        method="GET",
        path="/admin/v1/changes",
        act=_changes,
        said="Who did what, the newest first.",
        scoped=True,
        query=("limit", "before", "kind", "name"),
    ),
    Route(method="GET", path="/admin/v1/whoami", act=_me, said="Who asks, and what they may where.", scoped=True),
    *POLICIES,
    *AUDIT,
    *APPROVALS,
    *AGENTS,
    *TRIGGERS,
)


def find(asked: bytes, path: bytes) -> tuple[Route, tuple[str, ...]]:
    """Who answers a method on a path, and the names in the path. Raises: NotFound, WrongMethod."""
    parts = path.split(b"/")
    found: dict[bytes, tuple[Route, tuple[str, ...]]] = {}
    for route in ROUTES:
        names = _names(route, parts)
        if names is not None:
            found[route.method.encode()] = (route, names)
    method = b"GET" if asked == b"HEAD" else asked
    if method in found:
        return found[method]
    shown = path[:LONGEST_PART].decode("latin-1")
    if found:
        allow = ", ".join(sorted(one.decode() for one in found))
        raise WrongMethod(f"{shown} takes {allow} only", allow=allow)
    raise NotFound(f"nothing is served at {shown}; see GET /openapi.json")


def _names(route: Route, parts: list[bytes]) -> tuple[str, ...] | None:
    """What stands for the placeholders of a route's path; None: it is another path, or has a NUL, as no name does."""
    wanted = route.path.encode().split(b"/")
    if len(wanted) != len(parts):
        return None
    names: list[str] = []
    for want, part in zip(wanted, parts, strict=True):
        if want.startswith(b"{") and part:
            names.append(unquote(part[:LONGEST_PART].decode("latin-1")))
        elif want != part:
            return None
    return None if any("\0" in name for name in names) else tuple(names)
