"""Mistakes among the fallbacks of routes."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from antiphon.config.descent import descend
from antiphon.config.fallbacks import KINDS, leads, names_of
from antiphon.config.known import known
from antiphon.config.resolve import labs, named
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.core.plan import FallbackKind


def check_fallbacks(settings: Settings, written: Written) -> Iterator[Problem]:
    """Names that don't exist or stand twice, routes that lead in a loop, fallbacks that add nobody."""
    for kind in KINDS:
        yield from _Lists(settings, written, kind).check()


class _Item(Struct, frozen=True, kw_only=True):
    """One name in a list, and where it stands in the file."""

    name: str
    at: int


class _Lists:
    """The lists of one kind, of all routes."""

    def __init__(self, settings: Settings, written: Written, kind: FallbackKind) -> None:
        self._settings, self._written = settings, written
        self._kind: FallbackKind = kind
        descent = descend(leads(settings, kind))
        self._loops = {(loop[-2], loop[-1]): loop for loop in descent.loops}
        """By the route and the name that close each."""
        self._reach = _reach(settings, kind, descent.order)
        self._labs = labs(settings)
        self._known = known(settings, written)

    def check(self) -> Iterator[Problem]:
        for route, settings in self._settings.routes.items():
            names = names_of(settings, self._kind)
            kept = self._written.kept(self._path(route))
            items = [_Item(name=name, at=at) for at, name in zip(kept, names, strict=True)]
            first = {item.name: item for item in reversed(items)}
            for item in items:
                if item is first[item.name]:
                    yield from self._first(route, item)
                else:
                    yield self._problem(route, item, f"{item.name} stands in this list twice", "leave one of them out")

    def _first(self, route: str, item: _Item) -> Iterator[Problem]:
        public = (*self._written.names("routes"), *self._written.names("models"))
        loop = self._loops.get((route, item.name))
        if item.name not in public:
            remedy = choose(item.name, public, "models or routes")
            yield self._problem(route, item, f"no model or route is called {item.name}", remedy)
        elif loop is not None:
            wrong = f"leads in a loop: {' -> '.join(loop)}"
            yield self._problem(route, item, wrong, "leave this name out, or name a model in its place")
        elif route in self._known:
            yield from self._effect(route, item)

    def _effect(self, route: str, item: _Item) -> Iterator[Problem]:
        own = set(named(self._settings.routes[route], self._settings.models))
        reached = self._reach[item.name]
        if not own or not reached:
            return
        if reached <= own:
            wrong = f"{item.name} adds no deployment that the route doesn't have"
            yield self._problem(route, item, wrong, "name another one, or leave it out")
        elif reached - own <= self._labs and not own & self._labs:
            wrong = f"{item.name} adds lab deployments only, which never stand in for real ones"
            yield self._problem(route, item, wrong, "name a real one, or leave it out")

    def _path(self, route: str) -> tuple[str, ...]:
        return ("routes", route, "fallbacks", self._kind)

    def _problem(self, route: str, item: _Item, wrong: str, remedy: str) -> Problem:
        return self._written.problem((*self._path(route), item.at), wrong, remedy)


def _reach(settings: Settings, kind: FallbackKind, order: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """Deployments that each name could lead to as a fallback, whatever their keys and weights."""
    out = {name: frozenset({name}) for name in settings.models if name not in settings.routes}
    for name in order:
        route = settings.routes[name]
        further = (out.get(one, frozenset[str]()) for one in names_of(route, kind))
        out[name] = frozenset(named(route, settings.models)).union(*further)
    return out
