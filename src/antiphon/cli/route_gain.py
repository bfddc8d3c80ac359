"""`antiphon route train --cascades` and `antiphon route eval --route`."""

import asyncio
from argparse import Namespace
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from msgspec import to_builtins

from antiphon.app.offline import planner
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.route_outcomes import refused
from antiphon.cli.terminal import document, put, say
from antiphon.cli.text import dollars, pairs
from antiphon.config.load import Loaded
from antiphon.core.money import NANO_PER_USD, NanoUsd
from antiphon.routing.gain import Gain, Trained
from antiphon.routing.gain_file import write

if TYPE_CHECKING:
    from antiphon.app.route_replay import Answered
    from antiphon.evaluation.judge_route import RouteReport
    from antiphon.evaluation.replay_recipes import Prompt


def train(arguments: Namespace) -> int:
    """Learn what one more answer is worth, and write it."""
    from antiphon.evaluation.gain_examples import examples
    from antiphon.evaluation.outcomes import models_of, of_models, read
    from antiphon.evaluation.tune_gain import tune

    outcomes = read(Path(arguments.outcomes))
    seats: tuple[str, ...] = tuple(arguments.model or models_of(outcomes))
    found = [*examples(of_models(outcomes, seats)).values()]
    about = Trained(at=datetime.now(UTC).date().isoformat(), source=Path(arguments.outcomes).name)
    try:
        gain = tune(found, seats, seed=arguments.seed, trained=about)
    except ValueError as error:
        raise refused("--outcomes", str(error), "name a file with more outcomes") from None
    write(gain, Path(arguments.out))
    if arguments.json:
        document(
            {
                "out": arguments.out,
                "seats": gain.seats(),
                "worth_usd": gain.worth_nano_usd / NANO_PER_USD,
                "trained": to_builtins(gain.trained),
            }
        )
    else:
        put("\n".join(_trained(gain)))
        say(f"{arguments.out} is written")
    return Exit.OK


def _trained(gain: Gain) -> list[str]:
    told = gain.trained
    best = f"{told.best_seat}, {told.best_right:.3f} right at {_usd(told.best_cost_nano_usd)}"
    lines = pairs(
        [
            ("examples", str(told.examples)),
            ("seats", ", ".join(gain.seats())),
            ("best single model", best),
            ("worth of a right answer", _usd(gain.worth_nano_usd)),
            ("calibration error", "" if told.calibration_error is None else f"{told.calibration_error:.3f}"),
        ]
    )
    for one in told.rungs:
        chosen = ", chosen" if one.worth_nano_usd == gain.worth_nano_usd else ""
        gained = (
            f"{100 * (one.right - told.best_right):+.2f} points at {_share(one.cost_nano_usd, told):.2f} x its cost"
        )
        lines.append(f"  worth {_usd(one.worth_nano_usd)}: {gained}, {one.calls:.2f} calls{chosen}")
    return lines


def judge(arguments: Namespace) -> int:
    """Answer recorded prompts through a route's planner."""
    from antiphon.app.route_replay import answered
    from antiphon.evaluation.judge_route import judge as judged
    from antiphon.evaluation.outcomes import read
    from antiphon.evaluation.replay_recipes import prompts

    loaded, route = configured(arguments), arguments.route
    models = _models(loaded, route)
    found = [one for one in prompts(read(Path(arguments.outcomes))) if _whole(one, models)]
    if not found:
        wrong = f"no prompt has an outcome with a cost of every model that {route} may ask: {', '.join(models)}"
        raise refused("--outcomes", wrong, "name a file with their outcomes, under the models' names")

    async def through() -> list["Answered"]:
        return await answered(planner(loaded), route, found)

    came = asyncio.run(through())
    report = judged(found, [one.replayed for one in came], models)
    recipes = Counter(f"{one.recipe} by rule {one.rule}" if one.rule else one.recipe for one in came if not one.refused)
    refusals = Counter(one.refused for one in came if one.refused)
    took = sorted(one.decided_us for one in came)
    decided = {"p50": round(median(took)), "p99": took[min(len(took) - 1, int(len(took) * 0.99))]}
    if arguments.json:
        document(
            {
                "route": route,
                "revision": loaded.revision.id,
                "report": to_builtins(report),
                "recipes": dict(recipes),
                "refused": dict(refusals),
                "decided_us": decided,
            }
        )
    else:
        put("\n".join(_judged(report, recipes, refusals, decided)))
    return Exit.OK


def _judged(report: "RouteReport", recipes: Counter[str], refused: Counter[str], decided: dict[str, int]) -> list[str]:
    best = f"{report.best_single}, score {report.best_single_score:.3f} at {_usd(report.best_single_cost_nano_usd)}"
    gap = "" if report.of_oracle_gap is None else f", {report.of_oracle_gap:.0%} of the gap to it closed"
    return pairs(
        [
            ("prompts", str(report.prompts)),
            ("score", f"{report.score:.3f} at {_usd(report.cost_nano_usd)}, {report.calls:.2f} calls"),
            ("best single model", best),
            (
                "gain",
                f"{report.gain:+.4f} [{report.gain_low:+.4f}, {report.gain_high:+.4f}] at {report.cost_ratio:.2f} x its cost",
            ),
            ("mix of equal cost", f"score {report.matched_score:.3f}"),
            ("oracle", f"score {report.oracle_score:.3f}{gap}"),
            ("AUC", "" if report.auc is None else f"{report.auc:.3f}"),
            ("calibration error", "" if report.calibration_error is None else f"{report.calibration_error:.3f}"),
            ("plans", ", ".join(f"{name} {count}" for name, count in recipes.most_common())),
            ("refused", ", ".join(f"{code} {count}" for code, count in refused.most_common())),
            ("deciding", f"p50 {decided['p50']} us, p99 {decided['p99']} us"),
        ]
    )


def _models(loaded: Loaded, route: str) -> tuple[str, ...]:
    """Models that a route may ask. Raises: ConfigError."""
    settings = loaded.settings
    said = settings.routes.get(route)
    if said is None:
        there = ", ".join(settings.routes) or "none"
        raise refused("--route", f"{route!r} is not under `routes`", f"write one that is; there are: {there}")
    names = dict.fromkeys(said.models)
    for rule in said.rules:
        names |= dict.fromkeys(rule.models)
    recipes = {name for name in (said.recipe, *(rule.recipe for rule in said.rules)) if name}
    for name in recipes:
        names |= dict.fromkeys(seat for seat in settings.recipes[name].seats() if seat in settings.models)
    return tuple(name for name in names if name in settings.models)


def _whole(prompt: "Prompt", models: tuple[str, ...]) -> bool:
    outcomes = [prompt.outcomes.get(model) for model in models]
    return all(one is not None and one.cost_nano_usd is not None for one in outcomes)


def _usd(nano_usd: int) -> str:
    return dollars(NanoUsd(nano_usd))


def _share(cost_nano_usd: int, told: Trained) -> float:
    return cost_nano_usd / max(1, told.best_cost_nano_usd)
