"""What of the objects is somebody's to see, and what of it they may make of them: nobody gives more than they have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from antiphon.control.instants import instant
from antiphon.control.registry import Fields, missing
from antiphon.control.roles import EVERYWHERE, MAY, Permission, Scope, granted
from antiphon.control.who import Who, told
from antiphon.core.data_class import RANKS
from antiphon.core.error import NotAllowed
from antiphon.core.objects import Action, ObjectKind
from antiphon.core.principal import LANES, Principal

NEEDS: Mapping[ObjectKind, Permission] = MappingProxyType(
    {
        "key": "keys",
        "account": "keys",
        "binding": "roles",
        "budget": "money",
        "limit": "money",
        "policy": "policy.write",
        "document": "agents",
    }
)
"""What whoever changes an object of a kind has to be allowed."""
CALLERS: frozenset[ObjectKind] = frozenset(("key", "account"))
MINTING: frozenset[Action] = frozenset(("create", "replace", "rotate"))
"""Changes that hand out, or could hand out, what an object may do."""
PUTTING: frozenset[Action] = frozenset(("create", "replace"))
ALL = "*"
_MEASURES = ("usd", "tokens", "requests")
_RATES = ("requests", "tokens", "concurrent_requests")


def scope_of(kind: ObjectKind, fields: Fields) -> Scope:
    """Whom an object concerns: its tenant and team. A budget or a limit that names no tenant concerns all of them."""
    match kind:
        case "key" | "account":
            return Scope(fields.get("tenant", "default"), fields.get("team", ""))
        case "binding":
            tenant = fields.get("tenant", "default")
            return EVERYWHERE if tenant == ALL else Scope(tenant, fields.get("team") or None)
        case "budget" | "limit":
            only = fields.get("only", {})
            tenant = _one(only.get("tenant"))
            return EVERYWHERE if tenant is None else Scope(tenant, _one(only.get("team")))
        case "policy" | "document":
            return Scope(fields.get("tenant") or None)


def _one(values: list[str] | None) -> str | None:
    """The only value that is listed, where it is no pattern."""
    return values[0] if values is not None and len(values) == 1 and not values[0].endswith("*") else None


class Ceiling(Struct, frozen=True, kw_only=True):
    """Of one who asks."""

    who: Who
    own: Callable[[], Fields]
    """Fields of the key or account that they ask by. Blocks on the store. Raises: NotFound."""

    def sees(self, kind: ObjectKind, fields: Fields) -> bool:
        """Whether an object is theirs to see."""
        return self.who.may("read", scope_of(kind, fields))

    def may(self, kind: ObjectKind, action: Action, old: Fields | None, new: Fields | None) -> None:
        """Whether they may change an object so. Raises: NotAllowed, naming the field; NotFound for what they don't see."""
        if old is not None and not self.sees(kind, old):
            if action in PUTTING:
                raise NotAllowed(f"the {kind} {old.get('name')} is not yours to change", code="role_not_allowed")
            raise missing(kind, str(old.get("name")))
        for fields in (old, new):
            if fields is not None:
                self.who.need(NEEDS[kind], scope_of(kind, fields))
                self._powers(kind, fields)
        minted = new if new is not None else old
        if kind in CALLERS and action in MINTING and minted is not None:
            self._callers(minted, scope_of(kind, minted), old)

    def _powers(self, kind: ObjectKind, fields: Fields) -> None:
        """Nobody gives, or takes away, a role that may do what they may not."""
        if fields.get("admin") and not self.who.may("roles", EVERYWHERE):
            raise _more("admin", "only an owner of all tenants makes one, or touches it")
        tenant, team = fields.get("tenant", "default"), fields.get("team", "")
        if kind == "binding":
            self._role(fields["role"], scope_of(kind, fields), "role")
        for role in fields.get("roles", ()) if kind in CALLERS else ():
            self._role(role, granted(role, tenant, team).scope, "roles")
        if fields.get("admin"):
            self._role("owner", EVERYWHERE, "admin")

    def _role(self, role: str, scope: Scope, field: str) -> None:
        lacks = sorted(one for one in MAY[role] if not self.who.may(one, scope))
        if lacks:
            raise _more(field, f"{role} may `{lacks[0]}` in {told(scope)}, and you may not")

    def _callers(self, fields: Fields, scope: Scope, old: Fields | None) -> None:
        """A key or an account is held to what whoever makes it is held to."""
        rules = not self.who.may("roles", scope)
        if rules and (fields.get("issuer") or (old or {}).get("issuer")):
            raise _more("issuer", "to say who a token stands for needs the permission `roles`")
        principal = self.who.principal
        if principal is None:
            return
        for field, why in (*_held(principal, fields), *(_same(principal, fields) if rules else ())):
            raise _more(field, why)
        if self.who.by.startswith(("key/", "account/")):
            for field, why in _bounds(self.own(), fields):
                raise _more(field, why)


def _held(own: Principal, fields: Fields) -> Iterator[tuple[str, str]]:
    """(Field, why not) for what a caller may do more than whoever makes it."""
    strange = [one for one in fields.get("models", (ALL,)) if not covered(one, own.models)]
    if strange:
        yield "models", f"you may not ask for {strange[0]}"
    strange = [one for one in fields.get("passthrough", ()) if not _passes(own, one)]
    if strange or (fields.get("admin") and not fields.get("passthrough") and not _passes(own, ALL)):
        yield "passthrough", f"you may not ask {strange[0] if strange else 'every provider'} as it is"
    if LANES.index(fields.get("priority", "normal")) < LANES.index(own.priority):
        yield "priority", f"your own requests wait in {own.priority}"
    if own.clearance is not None and RANKS.get(fields.get("clearance", ""), len(RANKS)) > RANKS[own.clearance]:
        yield "clearance", f"yours is {own.clearance}"
    if own.data_class is not None and RANKS.get(fields.get("data_class", ""), -1) < RANKS[own.data_class]:
        yield "data_class", f"what you send is taken for {own.data_class} at least"


def _same(own: Principal, fields: Fields) -> Iterator[tuple[str, str]]:
    """What policies go by is set by those who give roles; others hand on their own."""
    for field, value in (("employment", own.employment), ("department", own.department)):
        if fields.get(field, "") != value:
            yield field, f"yours is {value or 'none'}; others need the permission `roles`"


def _bounds(own: Fields, fields: Fields) -> Iterator[tuple[str, str]]:
    """What bounds the key itself that somebody asks by."""
    if own.get("expires"):
        until_ns = instant(fields.get("expires", ""))
        if until_ns is None or until_ns > (instant(own["expires"]) or 0):
            yield "expires", f"yours ends at {own['expires']}"
    yield from _within(own.get("budget"), fields.get("budget"), "budget", _MEASURES, ("window", "month"))
    yield from _within(own.get("limit"), fields.get("limit"), "limit", _RATES, ("per", "minute"))


def _within(
    own: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
    field: str,
    names: Iterable[str],
    time: tuple[str, str],
) -> Iterator[tuple[str, str]]:
    """Bounds that are the same, or lower, over the same time."""
    if own is None:
        return
    span, usual = time
    for name in names:
        if own.get(name) is None:
            continue
        mine, theirs = own[name], (other or {}).get(name)
        same = (other or {}).get(span, usual) == own.get(span, usual)
        if theirs is None or theirs > mine or not same:
            yield field, f"yours is {name} {mine} per {own.get(span, usual)}"


def covered(pattern: str, patterns: Iterable[str]) -> bool:
    """Whether every name that a pattern stands for is one that others stand for."""
    start = pattern.removesuffix("*")
    return any(start.startswith(one[:-1]) if one.endswith("*") else one == pattern for one in patterns)


def _passes(own: Principal, provider: str) -> bool:
    return own.may_pass(provider) if provider != ALL else ALL in own.passthrough or (own.admin and not own.passthrough)


def _more(field: str, why: str) -> NotAllowed:
    return NotAllowed(f"{field}: nobody gives more than they have: {why}", code="more_than_own", param=field)
