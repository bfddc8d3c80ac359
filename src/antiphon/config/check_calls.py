"""Mistakes in how calls are made: the section `calls`, and what routes say of their own calls."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_balance import BalanceSettings
from antiphon.config.check_idle import check_idle, check_places
from antiphon.config.check_timeouts import check_timeouts
from antiphon.config.fallbacks import KINDS, every_name, fallbacks
from antiphon.config.known import known
from antiphon.config.resolve import named, profile_name, resolve
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.core.plan import FallbackKind
from antiphon.providers.profile import Profile
from antiphon.providers.settings import ModelSettings
from antiphon.wire.yaml_node import Path


def check_calls(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Numbers that contradict each other, and what a route asks for that could never come to pass."""
    for path, wrong, remedy in settings.calls.check():
        at = ("calls", *path.split("."))
        if written.sound(at[:-1]):
            yield written.problem(at, wrong, remedy)
    yield from _slow(written)
    answering, judged = _Answering(settings, profiles), known(settings, written)
    for name, route in settings.routes.items():
        at = ("routes", name)
        yield from _own(route, at, written)
        yield from _attempts(route, at, written)
        yield from check_timeouts(route, settings.calls.deadline.max_s, at, written)
        yield from check_idle(route, at, written)
        yield from _strategy(route, at, written)
        if name in judged:
            yield from _hedge(route, answering.of(name, "any"), at, written)
            yield from _on_cut(route, answering.continues(name), at, written)
            yield from check_places(route, answering.ever(name), at, written)


class _Answering:
    """Who could answer, were every key there: no mistake comes and goes with the environment."""

    def __init__(self, settings: Settings, profiles: Mapping[str, Profile]) -> None:
        self._settings, self._profiles = settings, profiles
        all_on = {name: replace(profile, needs_key=False) for name, profile in profiles.items()}
        self._own = resolve(settings, all_on)
        self._pools = fallbacks(settings, all_on)

    def of(self, route: str, *kinds: FallbackKind) -> list[str]:
        """Deployments of a route and of its fallbacks of these kinds."""
        own = [one.deployment for one in self._own[route] if not one.lost]
        further = (name for kind in kinds for pool in self._pools[route][kind] for name in pool)
        return list(dict.fromkeys([*own, *further]))

    def ever(self, route: str) -> list[ModelSettings]:
        """The same of every kind, and those of the route that weigh nothing or give way to real ones."""
        models = self._settings.models
        return [models[name] for name in {*named(self._settings.routes[route], models), *self.of(route, *KINDS)}]

    def continues(self, route: str) -> bool:
        """Whether one of them goes on from the start of an answer, or there is none at all."""
        answering = self.of(route, *KINDS)
        return not answering or any(self._continues(name) for name in answering)

    def _continues(self, name: str) -> bool:
        model = self._settings.models[name]
        if model.continues is not None:
            return model.continues
        if model.provider not in self._settings.providers:
            return True
        profile = self._profiles.get(profile_name(self._settings, model.provider))
        return profile is None or profile.continues is not None


def _own(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    for below, wrong, remedy in route.check():
        at = (*path, *below.split("."))
        if written.sound(at[:-1]):
            yield written.problem(at, wrong, remedy)


def _slow(written: Written) -> Iterator[Problem]:
    """A share of slow answers where none is ever slow. An explicit `slow_after_s: null` keeps it for later."""
    path: Path = ("calls", "breaker")
    at = (*path, "slow_fraction")
    if written.has(at) and not written.has((*path, "slow_after_s")) and written.sound(path):
        yield written.problem(
            at, "has no effect without `slow_after_s`", "write `slow_after_s` beside it, or leave it out"
        )


def _strategy(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    """A strategy that nothing is shared out by, since every request sticks by its prefix; and numbers of another one.

    What is written as it would be anyhow is no mistake: a configuration that is shown has all of it.
    """
    at = (*path, "balance", "strategy")
    if not written.sound(at, (*path, "sticky")):
        return
    balance, usual = route.balance, BalanceSettings()
    if route.sticky is not None and route.sticky.by == "prefix" and balance.strategy != usual.strategy:
        wrong = "has no effect beside `sticky` by prefix, which says for every request where it goes"
        yield written.problem(at, wrong, "leave it out, or write `by: session`")
    if balance.strategy == "fastest":
        return
    for name in ("fastest_quantile", "fastest_within"):
        if getattr(balance, name) != getattr(usual, name):
            wrong = f"has no effect with the strategy {balance.strategy}"
            yield written.problem((*path, "balance", name), wrong, "write `strategy: fastest`, or leave it out")


def _attempts(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    asked = {
        "fallbacks": bool(every_name(route)),
        "hedge": route.hedge.enabled,
        "on_cut: continue": route.on_cut == "continue",
    }
    idle = [f"`{name}`" for name, is_asked in asked.items() if is_asked]
    if route.attempts == 1 and idle and written.sound(path):
        wrong = f"1 leaves no second attempt, which {' and '.join(idle)} would need"
        yield written.problem((*path, "attempts"), wrong, "write 2 or more, or leave the other out")


def _hedge(route: RouteSettings, answering: list[str], path: Path, written: Written) -> Iterator[Problem]:
    if route.hedge.enabled and len(answering) == 1:
        wrong = f"only one deployment could answer, {answering[0]}, so there is none for a second attempt"
        remedy = "add another one to the route or to `fallbacks.any`, or write `enabled: false`"
        yield written.problem((*path, "hedge", "enabled"), wrong, remedy)


def _on_cut(route: RouteSettings, continues: bool, path: Path, written: Written) -> Iterator[Problem]:
    if route.on_cut == "continue" and not continues:
        wrong = "no deployment of the route or its fallbacks goes on from the start of an answer"
        remedy = "add one that does, write `continues: true` at a model that can, or write `on_cut: fail`"
        yield written.problem((*path, "on_cut"), wrong, remedy)
