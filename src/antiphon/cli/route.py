"""`antiphon route train` and `antiphon route eval`."""

import asyncio
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from msgspec import to_builtins

from antiphon.cli import route_gain
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.route_outcomes import need_file, outcomes_of, refused
from antiphon.cli.terminal import document, put, say
from antiphon.cli.text import pairs
from antiphon.core.embedding import Embedder, Embedding
from antiphon.providers.embedders.local import LocalEmbedder
from antiphon.providers.extras import require
from antiphon.routing.selector import Selector
from antiphon.routing.selector_file import Report, write

if TYPE_CHECKING:
    from antiphon.evaluation.judge import Judgement
    from antiphon.evaluation.train import Trained


def run(arguments: Namespace) -> int:
    """Train or judge."""
    require("numpy", "train", "--outcomes", "learning from outcomes and judging by them")
    if arguments.verb == "train":
        if arguments.cascades:
            need_file(arguments, "--cascades")
            return route_gain.train(arguments)
        return _train(arguments)
    if arguments.route:
        need_file(arguments, "--route")
        return route_gain.judge(arguments)
    return _judge(arguments)


def _train(arguments: Namespace) -> int:
    from antiphon.evaluation.grid import grid
    from antiphon.evaluation.outcomes import of_models
    from antiphon.evaluation.report import whole_rows
    from antiphon.evaluation.train import embedded, train

    outcomes, learned = outcomes_of(arguments)
    wanted: list[str] = arguments.model or []
    outcomes = list(of_models(outcomes, wanted)) if wanted else outcomes
    table = grid(outcomes, wanted)
    embedder = _embedder(arguments)
    vectors = None if embedder is None else embedded(embedder.name, _embeddings(embedder, table.texts))
    trained = train(table, arguments.method, vectors, arguments.seed, outcomes)
    file = trained.file
    write(file, Path(arguments.out))
    judged = int(whole_rows(table).sum())
    if arguments.json:
        document(
            {
                "out": arguments.out,
                "sha256": file.sha256,
                "method": file.method,
                "models": file.models,
                "best_single": file.best_single,
                "margin": file.margin,
                "tolerance": file.tolerance,
                "report": to_builtins(file.report),
                "judged_prompts": judged,
                "choices": trained.choices,
                "receipts": to_builtins(learned),
            }
        )
    else:
        put("\n".join(_lines(file.report, file.margin, file.tolerance) if judged else _unjudged(trained)))
        say(f"{arguments.out} is written")
    return Exit.OK


def _judge(arguments: Namespace) -> int:
    from antiphon.evaluation.grid import grid
    from antiphon.evaluation.judge import judge

    selector = Selector.load(Path(arguments.selector), "--selector")
    outcomes, learned = outcomes_of(arguments)
    table = grid(outcomes, selector.models)
    embedder = _embedder(arguments)
    if embedder is not None and embedder.name != selector.embedder:
        wrong = (
            f"the selector was trained on embeddings of {selector.embedder or 'no embedder'}, not of {embedder.name}"
        )
        raise refused("--embedder", wrong, "name the same embedder, or none")
    vectors = None if embedder is None else _embeddings(embedder, table.texts)
    found = judge(selector, table, outcomes, vectors)
    if arguments.json:
        document(
            {
                "sha256": selector.sha256,
                "best_single": selector.best_single,
                "margin": selector.margin,
                "tolerance": selector.tolerance,
                **cast("dict[str, object]", to_builtins(found)),
                "receipts": to_builtins(learned),
            }
        )
    else:
        put("\n".join(_told(found, selector)))
        if learned is not None and not learned.propensities:
            say(
                "no receipt keeps a propensity, so nothing is told of other choices: set `selectors.NAME.explore` above 0"
            )
    return Exit.OK


def _told(found: "Judgement", selector: Selector) -> list[str]:
    lines = (
        _lines(found.judged, selector.margin, selector.tolerance)
        if found.judged
        else ["no prompt has a score and a cost of every model"]
    )
    if found.off_policy is not None:
        for name, one in (("as logged", found.off_policy.logged), ("by selector", found.off_policy.chosen)):
            lines += [
                (
                    f"{name}: IPS {one.ips.mean:.3f} [{one.ips.low:.3f}, {one.ips.high:.3f}], self-normalised "
                    f"{one.self_normalised.mean:.3f} [{one.self_normalised.low:.3f}, {one.self_normalised.high:.3f}], doubly "
                    f"robust {one.doubly_robust.mean:.3f} [{one.doubly_robust.low:.3f}, {one.doubly_robust.high:.3f}]; "
                    f"{one.effective:.0f} of {one.choices} choices in effect"
                )
            ]
    return lines


def _lines(report: Report, margin: float, tolerance: float) -> list[str]:
    equal = "not reached" if report.equal_cost_ratio is None else f"{report.equal_cost_ratio:.2f} x its cost"
    return pairs(
        [
            ("prompts", f"{report.prompts}, {report.labels} scores"),
            ("AUC", f"{report.auc:.3f}"),
            ("calibration error", f"{report.calibration_error:.3f}"),
            ("best single model", f"{report.best_single}, score {report.best_single_score:.3f}"),
            ("oracle", f"score {report.oracle_score:.3f}"),
            ("same score", equal),
            (
                "best route",
                f"{report.gain:+.4f} [{report.gain_low:+.4f}, {report.gain_high:+.4f}] at {report.gain_cost_ratio:.2f} x its cost",
            ),
            (
                "cheapest route",
                f"{report.kept_gain:+.4f} at {report.kept_cost_ratio:.2f} x its cost, with a tolerance of {tolerance:g}",
            ),
            (
                "margin",
                f"{margin:g}" if margin < 1 else "1: no gain is sure, so every prompt stays with the best single",
            ),
        ]
    )


def _unjudged(trained: "Trained") -> list[str]:
    """What is known where no prompt tells what another model would have made of it."""
    file, report = trained.file, trained.file.report
    rows = [
        ("prompts", f"{report.prompts}, {report.labels} scores"),
        ("AUC", f"{report.auc:.3f}"),
        ("calibration error", f"{report.calibration_error:.3f}"),
        ("best single model", report.best_single),
        ("margin", f"{file.margin:g}, by {trained.choices} choices that chance made" if trained.choices else ""),
        ("tolerance", f"{file.tolerance:g}, by the same" if trained.choices else ""),
    ]
    if trained.choices:
        return pairs(rows)
    why = (
        "no prompt has a score and a cost of every model, so no gain can be told: unless the configuration sets "
        f"`margin` or `tolerance`, prompts stay with {report.best_single}"
    )
    return [*pairs(rows), why]


def _embedder(arguments: Namespace) -> Embedder | None:
    """Raises: ConfigError, when the configuration has none of this name that runs here."""
    name: str | None = arguments.embedder
    if name is None:
        return None
    embedders = configured(arguments).settings.embedders
    said = embedders.get(name)
    if said is None:
        there = ", ".join(embedders) or "none"
        raise refused("--embedder", f"{name!r} is not under `embedders`", f"write one there; there are: {there}")
    if said.local is None:
        raise refused("--embedder", f"{name!r} is a server's", "name one with a section `local`")
    return LocalEmbedder(said.local, f"embedders.{name}.local")


def _embeddings(embedder: Embedder, texts: tuple[str, ...]) -> list[Embedding]:
    say(f"embedding {len(texts)} prompts")
    try:
        return asyncio.run(embedder.embed(texts))
    finally:
        embedder.close()
