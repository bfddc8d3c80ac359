"""Mistakes among rules, and in what else decides a route request by request."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from antiphon.config.check_objectives import check_objective
from antiphon.config.check_scores import check_scores, expression
from antiphon.config.resolve import losses
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.expr.analyse import Finding, Rule, analyse
from antiphon.providers.profile import Profile
from antiphon.routing.environment import Environment
from antiphon.routing.settings_rules import (
    BranchSettings,
    EscalateSettings,
    RuledSettings,
    RuleSettings,
)
from antiphon.signals.catalogue import environment
from antiphon.wire.yaml_node import Path

WHOLE = 100.0
ROUNDING = 1e-9
"""Of a sum of percentages."""


def check_rules(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Names that don't exist, expressions that can't be compiled, rules that never decide, keys without effect."""
    names = (*settings.scores, *(name for name in written.names("scores") if name not in settings.scores))
    env = Environment(environment(settings.signals), written.names("models"), names, {})
    yield from check_scores(settings.scores, written, env)
    lost = losses(settings, profiles)
    tiers = {name: model.tier for name, model in settings.models.items()}
    for name, route in settings.routes.items():
        yield from _Route(route, ("routes", name), written, _Names(env=env, tiers=tiers, lost=lost)).check()


class _Names(Struct, frozen=True, kw_only=True):
    """What routes may name."""

    env: Environment
    tiers: Mapping[str, str]
    """Of each model; empty: it has none."""
    lost: Mapping[str, str]
    """Why each model can answer for no route; empty: it can."""


class _Route:
    """What decides one route."""

    def __init__(self, route: RuledSettings, path: Path, written: Written, names: _Names) -> None:
        self._route, self._path, self._written, self._names = route, path, written, names

    def check(self) -> Iterator[Problem]:
        route = self._route
        yield from self._recipe(route.recipe, self._path)
        yield from self._known(route.selector, (*self._path, "selector"), "selector")
        if route.objective is not None:
            yield from check_objective(route.objective, (*self._path, "objective"), self._written)
        yield from self._rules()
        if route.escalate is not None:
            yield from self._escalate(route.escalate, (*self._path, "escalate"))
        if route.switch is not None and not self._has_aim():
            wrong = "has no effect on candidates that stand equal"
            yield self._problem(("switch",), wrong, "write `objective:`, or `sticky:` in its place")
        yield from self._split()
        if route.shadow is not None:
            yield from self._members(route.shadow.models, [], (*self._path, "shadow"))
        drawn = route.split or route.shadow is not None
        if route.split_by != "request" and not drawn and self._written.sound((*self._path, "split")):
            yield self._problem(("split_by",), "has no effect without `split` and `shadow`", "leave it out")

    def _rules(self) -> Iterator[Problem]:
        path = (*self._path, "rules")
        seen: set[str] = set()
        sound: list[tuple[int, Rule]] = []
        for at, rule in zip(self._written.kept(path), self._route.rules, strict=True):
            where = (*path, at)
            if rule.name in seen:
                wrong = f"another rule is called {rule.name}"
                yield self._written.problem((*where, "name"), wrong, "give each its own name")
            seen.add(rule.name)
            yield from self._rule(rule, where)
            found = expression(rule.when, (*where, "when"), self._written, self._names.env)
            if not isinstance(found, Problem):
                sound.append((at, Rule(name=str(at), when=found, leads_to=_leads_to(rule))))
            elif self._written.sound(("signals",)):
                yield found
        yield from self._dead(sound)

    def _rule(self, rule: RuleSettings, path: Path) -> Iterator[Problem]:
        yield from self._recipe(rule.recipe, path)
        yield from self._members(rule.models, rule.tiers, path)
        if rule.objective is not None:
            yield from check_objective(rule.objective, (*path, "objective"), self._written)
        escalate = self._route.escalate
        looks = escalate is not None and bool(escalate.impact) and not rule.fixed
        if rule.impact is not None and not looks and self._written.sound((*self._path, "escalate")):
            why = "beside `fixed`" if rule.fixed else "where `escalate` doesn't look at `impact`"
            yield self._written.problem((*path, "impact"), f"has no effect {why}", "leave it out")
        if rule.fixed and not (escalate or self._route.split or self._route.shadow):
            wrong = "has no effect where nothing escalates, splits or shadows"
            yield self._written.problem((*path, "fixed"), wrong, "leave it out")

    def _dead(self, rules: Sequence[tuple[int, Rule]]) -> Iterator[Problem]:
        """Rules that never decide: they can't hold, or an earlier one holds wherever they do."""
        names = {str(at): one.name for at, one in zip(self._kept("rules"), self._route.rules, strict=True)}
        for found in analyse([one for _, one in rules]):
            where = (*self._path, "rules", int(found.rule), "when")
            yield self._written.problem(where, *_said(found, names))

    def _escalate(self, escalate: EscalateSettings, path: Path) -> Iterator[Problem]:
        yield from self._recipe(escalate.recipe, path)
        yield from self._members(escalate.models, escalate.tiers, path)
        if not self._written.sound(path):
            return
        if escalate.below_confidence is None and escalate.below_chance is None and not escalate.impact:
            wrong = "nothing ever escalates"
            yield self._written.problem(path, wrong, "write `below_confidence:`, `below_chance:` or `impact:`")
        if not escalate.models and not escalate.tiers and escalate.recipe is None:
            yield self._written.problem(path, "leads nowhere else", "write `tiers:`, `models:` or `recipe:`")
        if escalate.below_chance is not None and self._route.selector is None:
            wrong = "has no effect without a selector"
            yield self._written.problem(
                (*path, "below_chance"), wrong, "write `selector:` at the route, or leave it out"
            )

    def _split(self) -> Iterator[Problem]:
        seen: set[str] = set()
        total = 0.0
        for at, part in zip(self._kept("split"), self._route.split, strict=True):
            path = (*self._path, "split", at)
            total += part.percent
            yield from self._part(part, path, seen)
            if total - part.percent <= WHOLE + ROUNDING < total:
                wrong = f"the parts come to {total:g} percent by here"
                yield self._written.problem((*path, "percent"), wrong, "let all parts come to 100 at most")

    def _part(self, part: BranchSettings, path: Path, seen: set[str]) -> Iterator[Problem]:
        if part.name in seen:
            yield self._written.problem(
                (*path, "name"), f"another part is called {part.name}", "give each its own name"
            )
        seen.add(part.name)
        yield from self._recipe(part.recipe, path)
        yield from self._members(part.models, part.tiers, path)
        if not part.models and not part.tiers and part.recipe is None and self._written.sound(path):
            yield self._written.problem(path, "leads nowhere else", "write `models:`, `tiers:` or `recipe:`")

    def _members(self, models: Sequence[str], tiers: Sequence[str], path: Path) -> Iterator[Problem]:
        """Candidates that don't exist or stand twice, or of whom nobody could answer."""
        problems = [*self._models(models, path), *self._tiers(tiers, path)]
        yield from problems
        known = self._written.sound(("models",), ("providers",), path)
        if problems or not known or not (models or tiers):
            return
        named = [*models, *(name for name, tier in self._names.tiers.items() if tier in tiers)]
        if all(self._names.lost.get(name) for name in named):
            why = ", ".join(f"{name} ({self._names.lost[name]})" for name in dict.fromkeys(named))
            yield self._written.problem(path, f"no model is left that could answer: {why}", "name one that can")

    def _models(self, models: Sequence[str], path: Path) -> Iterator[Problem]:
        known = self._written.names("models")
        seen: set[str] = set()
        for at, model in zip(self._written.kept((*path, "models")), models, strict=True):
            where = (*path, "models", at)
            if model in seen:
                yield self._written.problem(where, f"{model} stands in this list twice", "leave one of them out")
            elif model not in known:
                yield self._written.problem(where, f"there is no model {model}", choose(model, known, "models"))
            seen.add(model)

    def _tiers(self, tiers: Sequence[str], path: Path) -> Iterator[Problem]:
        known = tuple(sorted({tier for tier in self._names.tiers.values() if tier}))
        for at, tier in zip(self._written.kept((*path, "tiers")), tiers, strict=True):
            if tier not in known and self._written.sound(("models",)):
                where = (*path, "tiers", at)
                yield self._written.problem(where, f"no model has the tier {tier}", choose(tier, known, "tiers"))

    def _recipe(self, name: str | None, path: Path) -> Iterator[Problem]:
        yield from self._known(name, (*path, "recipe"), "recipe")

    def _known(self, name: str | None, path: Path, what: str) -> Iterator[Problem]:
        known = self._written.names(f"{what}s")
        if name is not None and name not in known:
            yield self._written.problem(path, f"there is no {what} {name}", choose(name, known, f"{what}s"))

    def _has_aim(self) -> bool:
        route = self._route
        return route.objective is not None or route.selector is not None or any(one.objective for one in route.rules)

    def _kept(self, key: str) -> list[int]:
        return self._written.kept((*self._path, key))

    def _problem(self, path: Path, wrong: str, remedy: str) -> Problem:
        return self._written.problem((*self._path, *path), wrong, remedy)


def _leads_to(rule: RuleSettings) -> str:
    """The same text for rules that do the same."""
    return msgspec.json.encode(msgspec.structs.replace(rule, name="_", when="_")).decode()


def _said(found: Finding, names: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with a rule that never decides, and the remedy. Findings call rules by their places."""
    earlier = names.get(found.by, "")
    match found.kind:
        case "never":
            return "this can never be true", "mend the condition, or leave the rule out"
        case "shadowed":
            wrong = f"never decides: {earlier} before it holds wherever it does"
            return wrong, f"put it before {earlier}, or leave it out"
        case "duplicate":
            return f"{earlier} before it has the same condition and leads to the same", "leave one of them out"
        case "conflict":
            return (
                f"never decides: {earlier} before it has the same condition and leads elsewhere",
                "leave one of them out",
            )
