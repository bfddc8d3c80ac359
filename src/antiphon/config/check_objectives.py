"""Mistakes in objectives, and caps on cost that shut models without a price out."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import get_args

from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.routing.settings_rules import Constraint, ObjectiveSettings, RuledSettings
from antiphon.wire.yaml_node import Path

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


def shut_out(
    routes: Mapping[str, RuledSettings],
    own: Mapping[str, Sequence[str]],
    unpriced: Collection[str],
    tiers: Mapping[str, str],
) -> list[str]:
    """What to warn of: candidates without a price, who keep no cap on cost.

    Args:
        own: Models of each route itself.
        unpriced: Models without a price.
        tiers: Of each model.
    """
    out: list[str] = []
    for name, route in routes.items():
        groups = [(route.objective, own[name], "")]
        for rule in route.rules:
            by_tier = [model for model, tier in tiers.items() if tier in rule.tiers]
            named = [*rule.models, *by_tier] or own[name]
            groups.append((rule.objective or route.objective, named, f"rule {rule.name} of "))
        for objective, models, of in groups:
            found = [model for model in dict.fromkeys(models) if model in unpriced]
            if (
                objective is not None
                and objective.cost_at_most_usd is not None
                and objective.unknown == "refuse"
                and found
            ):
                out.append(f"{of}route {name}: `cost_at_most_usd` shuts out models without a price: {', '.join(found)}")
    return list(dict.fromkeys(out))
