"""Which deployments take over for each route, by what went wrong.

The rule of `resolve` holds here too: behind a route with a real deployment no lab deployment takes over.
"""

from collections.abc import Iterator, Mapping
from typing import get_args

from msgspec import Struct

from antiphon.config.descent import descend
from antiphon.config.resolve import labs, losses, resolve
from antiphon.config.settings import Settings
from antiphon.core.plan import FallbackKind
from antiphon.providers.profile import Profile
from antiphon.routing.settings import RouteSettings

KINDS: tuple[FallbackKind, ...] = get_args(FallbackKind)
Pools = tuple[tuple[str, ...], ...]
"""Deployments that stand equal, in the order in which they are tried."""


def fallbacks(settings: Settings, profiles: Mapping[str, Profile]) -> dict[str, dict[FallbackKind, Pools]]:
    """Pools of each route and kind. A model is a pool of one; a route is its live deployments, then its own pools.

    A name of both is the route. No deployment comes twice, or where the route has it itself; those that are
    lost, and names that don't exist, are left out. A loop ends where it closes.
    """
    live = _live(settings, profiles)
    found = {kind: _pools(settings, kind, live) for kind in KINDS}
    return {name: {kind: found[kind][name] for kind in KINDS} for name in settings.routes}


def names_of(route: RouteSettings, kind: FallbackKind) -> list[str]:
    """What a route names as its fallbacks of one kind."""
    names: list[str] = getattr(route.fallbacks, kind)
    return names


def every_name(route: RouteSettings) -> set[str]:
    """What a route names as its fallbacks, of any kind."""
    return {name for kind in KINDS for name in names_of(route, kind)}


def leads(settings: Settings, kind: FallbackKind) -> dict[str, list[str]]:
    """The routes that each route names as its fallbacks of one kind, each once."""
    return {
        name: list(dict.fromkeys(one for one in names_of(route, kind) if one in settings.routes))
        for name, route in settings.routes.items()
    }


class _Live(Struct, frozen=True, kw_only=True):
    """Deployments that could answer."""

    by_name: Mapping[str, tuple[str, ...]]
    """By name of a route or a model."""
    labs: frozenset[str]


def _live(settings: Settings, profiles: Mapping[str, Profile]) -> _Live:
    models = {name: () if lost else (name,) for name, lost in losses(settings, profiles).items()}
    routes = {
        name: tuple(one.deployment for one in candidates if not one.lost)
        for name, candidates in resolve(settings, profiles).items()
    }
    return _Live(by_name={**models, **routes}, labs=labs(settings))


def _pools(settings: Settings, kind: FallbackKind, live: _Live) -> dict[str, Pools]:
    """By route. What a route leads to comes before it, so that its pools are there to be handed on."""
    out: dict[str, Pools] = {}
    for name in descend(leads(settings, kind)).order:
        out[name] = tuple(_fresh(name, names_of(settings.routes[name], kind), live, out))
    return out


def _fresh(route: str, names: list[str], live: _Live, known: Mapping[str, Pools]) -> Iterator[tuple[str, ...]]:
    own = live.by_name[route]
    passed = {*own, *(live.labs if any(one not in live.labs for one in own) else ())}
    for name in names:
        for pool in (live.by_name.get(name, ()), *known.get(name, ())):
            fresh = tuple(one for one in pool if one not in passed)
            passed.update(fresh)
            if fresh:
                yield fresh
