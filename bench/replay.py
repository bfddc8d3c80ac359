"""Recorded outcomes of twelve models, answered by expected gain, by recipes, and by single models.

`python bench/replay.py --data DIR` reads `DIR/routing/zeroeval.jsonl.gz` and `mmlupro.jsonl.gz`; `bench/fetch_data.py`
makes them from public repositories. Everything is learned and tuned on 70 % of the prompts, by their hash, and told of the
rest, for five splits.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: the splits are what runs side by side

import numpy as np

from lib import recorded, report, settings
from lib import replay_figures as figures
from lib.errors import BenchError
from lib.replaying import Split, load, run
from lib.row import Row, Target

DATA = settings.REPOSITORY.parent / "shared" / "data"
MOST_COST = {"zeroeval": 0.40, "mmlupro": 0.45}
LEAST_GAIN = {"zeroeval": 3.0, "mmlupro": 2.0}
METHOD = (
    "Protocol: a prompt is tested on when the first 32 bits of SHA-256 of `seed:id` are below 0.30; seats, rates, worth of a "
    "right answer and calibration come from the others, by three folds where they must not have been fitted on. Answers are "
    "compared by `recipes.extract.key_of` on what was extracted from them. Every call that is made is paid. `as good` is the "
    "least worth at which learning was as good as the best single model; `better` the best worth in learning that costs at "
    "most 0.88 of it; `thrifty` the best that costs at most 0.36 (zeroeval) or 0.405 (mmlupro). The best single model is chosen in learning too. Intervals: 95 %, bootstrap over prompts. A scripted judge "
    "gives the answer that most members come to, and costs what its seat's own answer did, twice: its text was never generated."
)


def split(folder: Path, name: str, seed: int) -> Split:
    """One split, in a process of its own."""
    done = run(load(folder, name), seed)
    print(f"{name}, split {seed}: {len(done.ids)} prompts", file=sys.stderr, flush=True)
    return done


def measured(folder: Path, seeds: list[int], jobs: int) -> dict[str, list[Split]]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        made = {name: [pool.submit(split, folder, name, seed) for seed in seeds] for name in reversed(recorded.TWELVE)}
        return {name: [one.result() for one in made[name]] for name in recorded.TWELVE}


def rows(name: str, splits: list[Split]) -> list[Row]:
    """What is told of one set of prompts."""
    return [*cheaper(name, splits), *better(name, splits), *beside(name, splits)]


def cheaper(name: str, splits: list[Split]) -> list[Row]:
    """What the best single model's quality costs."""
    thrifty, good = figures.chosen("thrifty"), figures.chosen("as good")
    share, ends = figures.share_at_best(splits), figures.share_at_best_interval(splits)
    frontier = figures.line(splits)
    tests = sum(len(one.ids) for one in splits)
    return [
        Row(
            name=f"{name}: cost at equal quality",
            title=f"{name}: cost at the best single model's quality",
            figures={
                "the frontier in test": {"share": share or float("nan"), "low": ends[0], "high": ends[1]},
                "the worth that learning chose": _told(splits, good),
            },
            measure="cost over the best single model's",
            value=share,
            target=Target("at most", MOST_COST[name]),
            details={"frontier": [{"usd_per_1000": usd, "accuracy": right} for usd, right in frontier]},
            notes=[f"{tests} tests of {len(splits)} splits; seats of split 0: {', '.join(splits[0].kept)}"],
        ),
        Row(
            name=f"{name}: thrift",
            title=f"{name}: cost at the worth that learning chose below {MOST_COST[name]:g} of the best single model's cost",
            figures={"thrifty": _told(splits, thrifty)},
            measure="cost over the best single model's",
            value=figures.cost_share(splits, thrifty),
            target=Target("at most", MOST_COST[name]),
        ),
        Row(
            name=f"{name}: thrift, gain",
            title=f"{name}: gain there",
            figures={},
            measure="points",
            value=figures.gain(splits, thrifty).mean,
            target=Target("at least", 0.0),
        ),
    ]


def better(name: str, splits: list[Split]) -> list[Row]:
    """What is gained for less than the best single model costs."""
    pick = figures.chosen("better")
    gain, cost = figures.gain(splits, pick), figures.cost_share(splits, pick)
    return [
        Row(
            name=f"{name}: gain",
            title=f"{name}: gain over the best single model at no more than 0.9 of its cost",
            figures={"better": _told(splits, pick)},
            measure="points",
            value=gain.mean if cost <= 0.9 else None,
            target=Target("at least", LEAST_GAIN[name]),
        ),
        Row(
            name=f"{name}: gain, lower end",
            title=f"{name}: lower end of that gain's 95 % interval",
            figures={},
            measure="points",
            value=gain.low,
            target=Target("at least", 1.0),
        ),
    ]


def beside(name: str, splits: list[Split]) -> list[Row]:
    """How sure it is, what else there is, and what deciding takes."""
    _, error, own = figures.calibration(splits, figures.chosen("better"))
    tests = sum(len(one.ids) for one in splits)
    return [
        Row(
            name=f"{name}: calibration",
            title=f"{name}: calibration error of the chance that the answer is right",
            figures={f"rung {at}": _certain(splits, figures.rung(at)) for at in range(len(splits[0].rungs))},
            measure="over all splits' tests, ten ranges",
            value=error,
            target=Target("at most", 0.03),
            notes=[
                f"a single split's own error, which {len(splits[0].ids)} tests make look larger: {own:.3f} on the mean"
            ],
        ),
        Row(
            name=f"{name}: ways",
            title=f"{name}: ways of answering, decisions of recipes as the model alone decides",
            figures=_ways(name, splits),
            measure="share of requests",
            value=sum(one.same for one in splits) / tests,
            target=Target("at least", 0.995),
        ),
        Row(
            name=f"{name}: deciding",
            title=f"{name}: CPU of all decisions on one request",
            figures={"better": _took(splits)},
            measure="us, p50",
            value=_took(splits)["p50_us"],
        ),
    ]


def _told(splits: list[Split], pick: figures.Pick) -> dict[str, float]:
    gain = figures.gain(splits, pick)
    accuracy, usd = figures.accuracy(splits, pick), figures.usd(splits, pick)
    return {
        "gain": gain.mean,
        "low": gain.low,
        "high": gain.high,
        "cost_share": figures.cost_share(splits, pick),
        "accuracy": accuracy,
        "usd_per_1000": usd,
        "calls": figures.mean(splits, lambda one: pick(one).calls),
        "of_oracle_gap": figures.of_oracle(splits, pick),
        "over_matched_cost": 100 * (accuracy - figures.matched(splits, pick)),
        "router_arena": figures.arena(accuracy, usd),
    }


def _certain(splits: list[Split], pick: figures.Pick) -> dict[str, float]:
    area, error, own = figures.calibration(splits, pick)
    return {"cost_share": figures.cost_share(splits, pick), "auc": area, "error": error, "error_of_a_split": own}


def _ways(name: str, splits: list[Split]) -> dict[str, dict[str, float]]:
    names = [way for way in splits[0].ways if not way.startswith("single ")]
    told = {way: _told(splits, figures.way(way)) for way in names}
    for budget in recorded.BUDGETS_USD[name]:
        found = figures.at_budget(splits, budget)
        told[f"expected gain at ${budget:g}"] = {"accuracy": float("nan") if found is None else found}
    return told


def _took(splits: list[Split]) -> dict[str, float]:
    took = [us for one in splits for us in one.took_us]
    p50, p99 = np.quantile(took, [0.5, 0.99])
    return {"p50_us": float(p50), "p99_us": float(p99), "tuning_s": float(np.mean([one.tuned_s for one in splits]))}


def main() -> int:
    """Returns 0 when every target was met or there is no data, 1 when one was missed, 2 when the bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    settings.add_options(parser)
    parser.add_argument("--data", type=Path, default=DATA, help="directory of the recorded data")
    parser.add_argument("--sets", default=",".join(recorded.TWELVE), help="sets of prompts that are told")
    parser.add_argument("--seeds", default=",".join(map(str, recorded.SEEDS)), help="splits")
    parser.add_argument("--jobs", type=int, default=2, help="splits at once")
    options = parser.parse_args()
    folder = recorded.folder(options.data)
    if folder is None:
        print("no recorded outcomes: python bench/fetch_data.py --output DIR, then --data DIR", file=sys.stderr)
        return 0
    try:
        base = replace(settings.from_options(options), gateway_command="none: nothing is sent")
        splits = measured(folder, [int(seed) for seed in options.seeds.split(",")], options.jobs)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    made = [row for name in options.sets.split(",") for row in rows(name, splits[name])]
    report.write(base, "replay", made, METHOD)
    return 1 if any(row.passed is False for row in made) else 0


if __name__ == "__main__":
    sys.exit(main())
