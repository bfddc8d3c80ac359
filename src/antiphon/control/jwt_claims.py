"""What the claims of a verified token must be, and whom they make of their bearer."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

from antiphon.control.jwt_read import Read, wrong
from antiphon.control.settings_identity import IssuerSettings
from antiphon.core.principal import Principal

LONGEST = 256
"""Most characters of a name out of a claim."""
MOST_GROUPS = 1000
OF_TOKENS = "token/"
"""What the key of a principal by a token begins with; no key's name has a slash."""
_MISSING = object()


class Bearer(Struct, frozen=True):
    """Who a token stands for."""

    principal: Principal
    subjects: tuple[str, ...]
    """What bindings may call them: themselves, and their groups."""
    until_ns: int
    """From then on the token is refused."""


def check(read: Read, issuer: IssuerSettings, now_ns: int) -> int:
    """Whether a token is for here and now. Returns: when it ends, UTC ns. Raises: NotAuthenticated."""
    claims = read.claims
    if read.type not in {one.lower().removeprefix("application/") for one in issuer.types}:
        raise wrong("is of another kind than those of `types`")
    if claims.get("iss") != issuer.issuer:
        raise wrong("is of another issuer")
    audience = claims.get("aud")
    told = [audience] if isinstance(audience, str) else audience
    if not isinstance(told, list) or not any(one in issuer.audiences for one in cast("list[object]", told)):
        raise wrong("is for another audience")
    for path, value in issuer.required.items():
        if value not in _values(_at(claims, path)):
            raise wrong(f"has no `{path}` of the value that is required")
    return int(_ends_s(claims, issuer, now_ns / 1e9) * 1e9)


def _ends_s(claims: Mapping[str, Any], issuer: IssuerSettings, now_s: float) -> float:
    """When a token ends, the skew of clocks allowed for. Raises: NotAuthenticated, where its time is not now."""
    skew = issuer.skew_s
    ends_s, begins_s, made_s = _instant(claims, "exp"), _instant(claims, "nbf"), _instant(claims, "iat")
    if ends_s is None:
        raise wrong("never expires: it has no `exp`")
    if now_s >= ends_s + skew:
        raise wrong("has expired")
    if begins_s is not None and now_s < begins_s - skew:
        raise wrong("is not valid yet")
    if made_s is not None and now_s < made_s - skew:
        raise wrong("was issued in the future")
    if issuer.max_age_s is not None:
        if made_s is None:
            raise wrong("doesn't say when it was issued")
        ends_s = min(ends_s, made_s + issuer.max_age_s)
        if now_s >= ends_s + skew:
            raise wrong("is too old")
    return ends_s + skew


def bearer(read: Read, issuer: IssuerSettings, until_ns: int) -> Bearer:
    """Whom a token that was checked stands for. Raises: NotAuthenticated."""
    claims, paths = read.claims, issuer.claims
    user = _name(claims, paths.user)
    if not user:
        raise wrong(f"names no user: it has no `{paths.user}`")
    tenant = issuer.tenant
    if paths.tenant:
        tenant = _name(claims, paths.tenant)
        if tenant not in issuer.tenants:
            raise wrong(f"names a tenant by `{paths.tenant}` that its issuer may not speak for")
    groups = tuple(dict.fromkeys(_groups(_at(claims, paths.groups))))
    me = f"{OF_TOKENS}{issuer.name}/{user}"
    principal = Principal(
        tenant=tenant,
        key=me,
        user=user,
        team=_name(claims, paths.team),
        department=_name(claims, paths.department),
        models=tuple(issuer.models),
        roles=tuple(dict.fromkeys(issuer.roles[group] for group in groups if group in issuer.roles)),
        employment=_name(claims, paths.employment) or issuer.employment,
        data_class=issuer.data_class,
        clearance=issuer.clearance,
    )
    return Bearer(principal, (me, *(f"group/{issuer.name}/{group}" for group in groups)), until_ns)


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    """Seconds since the epoch; None: the claim is not there. Raises: NotAuthenticated."""
    value = claims.get(name, _MISSING)
    if value is _MISSING:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value < 2**40
    ):
        raise wrong(f"has a claim `{name}` that is no time")
    return float(value)


def _at(claims: Mapping[str, Any], path: str) -> object:
    """What is at a path: the claim of that whole name, else claims within each other; `_MISSING`: nothing is."""
    if not path:
        return _MISSING
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return _MISSING
        found = cast("dict[str, object]", found)[part]
    return found


def _name(claims: Mapping[str, Any], path: str) -> str:
    """A name out of a claim; empty: there is none. Raises: NotAuthenticated, where it is no text that records could hold."""
    value = _at(claims, path)
    if value is _MISSING or value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise wrong(f"has a claim `{path}` that is no text of one line, of up to {LONGEST} characters")
    return value


def _groups(value: object) -> Iterator[str]:
    """Names of groups out of a claim. Others than texts give none."""
    listed = value.split() if isinstance(value, str) else value
    if isinstance(listed, list):
        for one in cast("list[object]", listed)[:MOST_GROUPS]:
            if isinstance(one, str):
                yield one


def _values(value: object) -> tuple[str, ...]:
    """What a claim counts as where a value of it is required."""
    match value:
        case bool():
            return (str(value).lower(),)
        case str():
            return (value,)
        case int():
            return (str(value),)
        case list():
            return tuple(one for one in cast("list[object]", value) if isinstance(one, str))
        case _:
            return ()
