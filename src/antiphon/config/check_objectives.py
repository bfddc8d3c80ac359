"""Mistakes in objectives, and caps on cost that shut models without a price out."""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date
from typing import get_args

from antiphon.config.resolve import named
from antiphon.config.settings import Settings
from antiphon.config.unpriced import without_price
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.routing.settings_rules import Constraint, ObjectiveSettings
from antiphon.wire.yaml_node import Path

REMEDY = "give each a `price`, or write `unknown: allow` at the objective"
BOUNDS: tuple[Constraint, ...] = get_args(Constraint)


def check_objective(objective: ObjectiveSettings, path: Path, written: Written) -> Iterator[Problem]:
    """Keys without effect."""
    if not written.sound(path):
        return
    stated = [name for name in BOUNDS if getattr(objective, name) is not None]
    if objective.unknown == "allow" and not stated:
        wrong = "has no effect without a bound"
        yield written.problem((*path, "unknown"), wrong, f"write one of {', '.join(BOUNDS)}, or leave it out")
    counts = Counter(objective.relax)
    for at, name in enumerate(objective.relax):
        if name not in stated:
            wrong = f"there is no bound `{name}` to give up"
            yield written.problem((*path, "relax", at), wrong, f"write `{name}:`, or leave it out here")
        elif counts[name] > 1:
            counts[name] = 0
            yield written.problem((*path, "relax", at), f"{name} stands in this list twice", "leave one of them out")
    first, total = objective.first_token_p95_s, objective.total_p95_s
    if first is not None and total is not None and first >= total:
        wrong = "bounds nothing: a first token comes before the whole answer"
        yield written.problem((*path, "first_token_p95_s"), wrong, "write less than `total_p95_s`, or leave it out")


def shut_out(settings: Settings, day: date) -> list[str]:
    """What to warn of: candidates without a price, who keep no cap on cost."""
    if not any(_caps(one.objective) for route in settings.routes.values() for one in (route, *route.rules)):
        return []
    without = set(without_price(settings, day))
    return list(dict.fromkeys(said for name in settings.routes for said in _shut_out(name, settings, without)))


def _shut_out(name: str, settings: Settings, without: Collection[str]) -> Iterator[str]:
    route = settings.routes[name]
    own = named(route, settings.models)
    groups = [(route.objective, own, f"route {name}")]
    for rule in route.rules:
        by_tier = [model for model, one in settings.models.items() if one.tier in rule.tiers]
        models = [*rule.models, *by_tier]
        if models or rule.objective is not None:
            groups.append((rule.objective or route.objective, models or own, f"rule {rule.name} of route {name}"))
    for objective, models, of in groups:
        found = [model for model in dict.fromkeys(models) if model in without]
        if _caps(objective) and found:
            yield f"{of}: `cost_at_most_usd` shuts out models without a price: {', '.join(found)}"


def _caps(objective: ObjectiveSettings | None) -> bool:
    """Whether a candidate without a price loses."""
    return objective is not None and objective.cost_at_most_usd is not None and objective.unknown == "refuse"
