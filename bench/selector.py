"""What a learned selector is worth on recorded outcomes of twelve models, and what it costs to ask.

`python bench/selector.py --data DIR [--embedder FOLDER]` reads `DIR/routing/zeroeval.jsonl.gz` and `mmlupro.jsonl.gz`. FOLDER is
what `python -m antiphon.providers.embedders.make` has made; without it, prompts have no embeddings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a selector is trained beside other work

import numpy as np

from antiphon.evaluation.grid import Array, Grid, Places
from antiphon.evaluation.measures import oracle
from antiphon.evaluation.train import Embedded, train
from antiphon.providers.embedders.local import LocalEmbedder
from antiphon.providers.embedders.settings import LocalSettings
from antiphon.routing.selector import Selector
from lib import recorded
from lib.machine import machine, versions
from lib.replay_figures import arena
from lib.selecting import NEWCOMER_LABELS, Tested, table, tested, trained

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DRAWS = 1000
TARGETS = {"zeroeval": 0.80, "mmlupro": 0.50}
WAYS: tuple[tuple[str, bool], ...] = (
    ("ridge", False),
    ("logistic", False),
    ("blend", False),
    ("ridge", True),
    ("logistic", True),
    ("knn", True),
    ("blend", True),
)
METHOD = (
    "A prompt is tested on when the first 32 bits of SHA-256 of `seed:id` are below 0.30, seeds {seeds}; everything is "
    "learned and tuned on the others, out of fold. The file of the selector is asked as the gateway asks it; costs are "
    "expected from its output tokens. *Same score*: the least cost, over the best single model's, at which the mean over seeds "
    "loses nothing, where the frontier crosses it in test; *tuned*: the trade that cost least at no loss out of fold; "
    "*tolerance*: the cheapest model within the file's tolerance; *best*: the highest chance, with the file's margin. Gains are "
    "points over the best single model, which is chosen in training. Brackets: 95 %, bootstrap over prompts, a prompt of "
    "several splits with all of them."
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--embedder", type=Path, help="folder of the embedder's model, int8 (default: no embeddings)")
    parser.add_argument("--cache", type=Path, help="folder where embeddings are kept from one run to the next")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(recorded.SEEDS))
    names = [f"{method}{'+embedding' if near else ''}" for method, near in WAYS]
    parser.add_argument("--ways", nargs="+", choices=names, default=names, help="ways to learn (default: all)")
    parser.add_argument("--newcomers", nargs="*", choices=list(recorded.TWELVE), default=list(recorded.TWELVE))
    parser.add_argument("--newcomer-seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args(arguments)


def embeddings(name: str, texts: tuple[str, ...], options: argparse.Namespace) -> Array | None:
    """Of all prompts; None: there is no embedder."""
    if options.embedder is None:
        return None
    kept = None if options.cache is None else options.cache / f"{name}-int8.npy"
    if kept is not None and kept.is_file():
        return np.load(kept).astype("float64")
    embedder = LocalEmbedder(LocalSettings(dir=str(options.embedder), precision="int8", timeout_s=600), "--embedder")
    found = np.array([one.tolist() for one in asyncio.run(embedder.embed(texts))])
    embedder.close()
    if kept is not None:
        np.save(kept, found.astype("float32"))
    return found


class Clusters:
    """Means over seeds, with intervals by drawing prompts."""

    def __init__(self, every: list[Tested]) -> None:
        self._every = every
        ids = np.unique(np.concatenate([one.at for one in every]))
        chance = np.random.default_rng(0)
        drawn = [np.bincount(chance.integers(0, len(ids), len(ids)), minlength=len(ids)) for _ in range(DRAWS)]
        counts = np.array([np.ones(len(ids)), *drawn])
        self._weights = [counts[:, np.searchsorted(ids, one.at)] for one in every]

    def means(self, of: Callable[[Tested], Array]) -> Array:
        """Of all prompts, then of each draw. `of`: a number for each prompt, or a row of them."""
        parts = [
            (weights @ (values if values.ndim > 1 else values[:, None])) / weights.sum(1, keepdims=True)
            for weights, values in ((w, of(one)) for w, one in zip(self._weights, self._every, strict=True))
        ]
        return np.mean(parts, axis=0)

    def gain(self, of: Callable[[Tested], Places]) -> list[float]:
        """Points: mean, low, high."""
        found = 100 * self.means(lambda one: one.gains(of(one)))[:, 0]
        return [float(found[0]), *map(float, np.quantile(found[1:], [0.025, 0.975]))]

    def cost(self, of: Callable[[Tested], Places]) -> float:
        """Over the best single model's."""
        own = self.means(lambda one: one.spent(of(one)))[0, 0]
        best = self.means(lambda one: one.costs_usd[:, one.best])[0, 0]
        return float(own / best)

    def same_score(self) -> list[float | None]:
        """Cost ratio where the frontier loses nothing: mean, low, high."""
        gains = self.means(lambda one: np.stack([one.gains(point) for point in one.frontier], 1))
        spent = self.means(lambda one: np.stack([one.spent(point) for point in one.frontier], 1))
        best = self.means(lambda one: one.costs_usd[:, one.best])
        found = np.array([crossing(own, ratio) for own, ratio in zip(gains, spent / best, strict=True)])
        ends = np.quantile(found[1:], [0.025, 0.975], method="nearest")
        return [float(one) if np.isfinite(one) else None for one in (found[0], *ends)]


def crossing(gains: Array, ratios: Array) -> float:
    """The least cost at no loss on a frontier: at one of its trades, or between two neighbours, each for a part of requests."""
    least = [ratio for gain, ratio in zip(gains, ratios, strict=True) if gain >= 0]
    for at in range(len(gains) - 1):
        below, above = (at, at + 1) if gains[at] < gains[at + 1] else (at + 1, at)
        if gains[below] < 0 <= gains[above]:
            part = -gains[below] / (gains[above] - gains[below])
            least.append(ratios[below] + part * (ratios[above] - ratios[below]))
    return float(min(least, default=np.inf))


def figures(name: str, every: list[Tested]) -> dict[str, Any]:
    """Everything that is told of one way."""
    seen = Clusters(every)

    def tuned(one: Tested) -> Places:
        return one.frontier[one.tuned]

    score = float(np.mean([one.scores[np.arange(len(one.at)), tuned(one)].mean() for one in every]))
    usd = 1000 * float(np.mean([one.spent(tuned(one)).mean() for one in every]))
    top = seen.gain(lambda one: one.margin)
    oracles = float(np.mean([one.gains(oracle(one.scores, one.costs_usd)).mean() for one in every]))
    return {
        "same_score": seen.same_score(),
        "tuned": [*seen.gain(tuned), seen.cost(tuned)],
        "tolerance": [*seen.gain(lambda one: one.tolerance), seen.cost(lambda one: one.tolerance)],
        "best": [*top, seen.cost(lambda one: one.margin)],
        "oracle_share": top[0] / (100 * oracles),
        "budgets": {
            str(budget): float(np.mean([one.scores[np.arange(len(one.at)), one.budgets[at]].mean() for one in every]))
            for at, budget in enumerate(recorded.BUDGETS_USD[name])
        },
        "router_arena": arena(score, usd),
        "auc": float(np.mean([one.areas for one in every])),
        "auc_cheapest": float(np.mean([one.cheap_area for one in every])),
        "calibration_error": float(np.mean([one.error for one in every])),
    }


def newcomers(
    name: str, data: recorded.Recorded, whole: Grid, vectors: Array | None, seeds: list[int]
) -> dict[str, Any]:
    """What it costs that one model has but 100 labels: points of the best route's gain, by model, mean over seeds."""
    lost: dict[str, list[float]] = {model: [] for model in whole.models}
    for seed in seeds:
        learn, test = map(np.array, data.split(seed))
        full = tested(name, whole, learn, test, trained(whole, learn, "ridge", vectors, seed), vectors)
        some = None if vectors is None else Embedded(embedder="bench", vectors=vectors[learn])
        for at, model in enumerate(whole.models):
            hidden = from_few(whole, learn, at, seed, some)
            few = tested(name, whole, learn, test, hidden, vectors)
            lost[model].append(100 * (best_route(full) - best_route(few, full.best)))
    means = {model: float(np.mean(found)) for model, found in lost.items()}
    every = np.array([one for found in lost.values() for one in found])
    ends = np.quantile(
        [np.random.default_rng(at).choice(every, len(every)).mean() for at in range(DRAWS)], [0.025, 0.975]
    )
    return {
        "mean": float(every.mean()),
        "low": float(ends[0]),
        "high": float(ends[1]),
        "by_model": means,
        "seeds": seeds,
    }


def from_few(whole: Grid, learn: Places, model: int, seed: int, vectors: Embedded | None) -> Any:
    from lib.selecting import newcomer

    return train(newcomer(whole, learn, model, seed), "ridge", vectors, seed)


def best_route(one: Tested, best: int | None = None) -> float:
    """Gain of the highest chance over the best single model of the whole training."""
    rows = np.arange(len(one.at))
    chosen = np.argmax(one.chances, axis=1)
    return float((one.scores[rows, chosen] - one.scores[:, one.best if best is None else best]).mean())


def asking_us(selector: Selector, texts: list[str], vector: Array | None) -> list[float]:
    """CPU of one prediction in microseconds, the embedding apart: median and 99th percentile."""
    from array import array

    near = None if vector is None else array("f", vector.astype("<f4").tobytes())
    for text in texts:
        selector.predict(text, near)
    found = []
    for text in texts * 5:
        begun = time.process_time_ns()
        selector.predict(text, near)
        found.append((time.process_time_ns() - begun) / 1000)
    return [float(one) for one in np.quantile(found, [0.5, 0.99])]


def embedding_ms(folder: Path, texts: list[str]) -> list[float]:
    """Time of one embedding in milliseconds: median and 99th percentile."""
    embedder = LocalEmbedder(LocalSettings(dir=str(folder), precision="int8"), "--embedder")

    async def each() -> list[float]:
        await embedder.embed([texts[0]])
        out = []
        for text in texts:
            begun = time.perf_counter()
            await embedder.embed([text])
            out.append((time.perf_counter() - begun) * 1000)
        return out

    found = asyncio.run(each())
    embedder.close()
    return [float(one) for one in np.quantile(found, [0.5, 0.99])]


def measured(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All ways on one file."""
    data = recorded.load(path)
    whole = table(data)
    vectors = embeddings(data.name, whole.texts, options)
    out: dict[str, Any] = {"prompts": len(whole.ids), "ways": {}}
    for method, near in WAYS:
        if (near and vectors is None) or f"{method}{'+embedding' if near else ''}" not in options.ways:
            continue
        own, every, took = vectors if near else None, [], []
        for seed in options.seeds:
            learn, test = map(np.array, data.split(seed))
            begun = time.perf_counter()
            found = trained(whole, learn, method, own, seed)
            took.append(time.perf_counter() - begun)
            every.append(tested(data.name, whole, learn, test, found, own))
        way = f"{method}, {'words and embedding' if near else 'words'}"
        out["ways"][way] = {**figures(data.name, every), "training_s": float(np.mean(took))}
        print(data.name, way, json.dumps(out["ways"][way]), file=sys.stderr, flush=True)
        selector = Selector(found.file)
    texts = [text for text in whole.texts if 360 <= len(text) <= 440][:200]
    out["asking_us"] = asking_us(selector, texts, None)
    if vectors is not None:
        out["asking_embedded_us"] = asking_us(selector, texts, vectors[0])
        out["embedding_ms"] = embedding_ms(options.embedder, texts)
    if options.newcomer_seeds and data.name in options.newcomers:
        out["newcomer"] = newcomers(data.name, data, whole, vectors, options.newcomer_seeds)
    return out


def page(found: dict[str, dict[str, Any]], options: argparse.Namespace, day: str) -> str:
    """The result as markdown."""
    lines = [f"# Learned selector, {day}", "", METHOD.format(seeds=", ".join(map(str, options.seeds))), ""]
    for name, one in found.items():
        lines += [f"## {name}: {one['prompts']} prompts, 12 models", ""]
        lines += [
            "| way | same score | tuned | tolerance | best | AUC | of the cheapest | calibration error |",
            "| --- |" + " --- |" * 7,
        ]
        for way, told in one["ways"].items():
            same = told["same_score"]
            cells = [
                f"{_ratio(same[0])} [{_ratio(same[1])}, {_ratio(same[2])}]",
                *(_point(told[kind]) for kind in ("tuned", "tolerance", "best")),
                f"{told['auc']:.3f}",
                f"{told['auc_cheapest']:.3f}",
                f"{told['calibration_error']:.3f}",
            ]
            lines.append(f"| {way} | {' | '.join(cells)} |")
        lines += ["", *_more(name, one), ""]
    lines += [
        f"Machine: {machine()['cpu']}, {machine()['cores']} cores. Versions: {', '.join(f'{n} {v}' for n, v in versions().items())}."
    ]
    return "\n".join(lines) + "\n"


def _more(name: str, one: dict[str, Any]) -> list[str]:
    way, told = list(one["ways"].items())[-1]
    ratio, error = told["same_score"][0], told["calibration_error"]
    met = ratio is not None and ratio <= TARGETS[name]
    budgets = ", ".join(f"{100 * score:.1f} % at ${budget}" for budget, score in told["budgets"].items())
    lines = [
        (
            f"- Target, {way}: same score at {_ratio(ratio)} of at most {TARGETS[name]:.2f}: **{'met' if met else 'missed'}**; "
            f"calibration error {error:.3f} of at most 0.03: **{'met' if error <= 0.03 else 'missed'}**."
        ),
        (
            f"- Accuracy at budgets for 1,000 queries: {budgets}. RouterArena score, tuned: {told['router_arena']:.1f}. "
            f"Share of the gap to the oracle, best: {100 * told['oracle_share']:.0f} %. One call a request."
        ),
        f"- Asking, 400 characters: {one['asking_us'][0]:.0f} µs p50, {one['asking_us'][1]:.0f} µs p99 without embedding (at most 100).",
    ]
    if "embedding_ms" in one:
        lines.append(
            f"- With it: {one['asking_embedded_us'][0]:.0f} µs p50, {one['asking_embedded_us'][1]:.0f} µs p99, and "
            f"{one['embedding_ms'][0]:.1f} ms p50, {one['embedding_ms'][1]:.1f} ms p99 for the embedding (int8; at most 10 in all)."
        )
    if "newcomer" in one:
        new = one["newcomer"]
        worst = max(new["by_model"], key=new["by_model"].get)
        lines.append(
            f"- A model with {NEWCOMER_LABELS} labels (ridge, each of the twelve in turn, seeds {', '.join(map(str, new['seeds']))}) costs "
            f"{new['mean']:.2f} points of the full gain [{new['low']:.2f}, {new['high']:.2f}]; most: {worst}, {new['by_model'][worst]:.2f}. "
            f"At most 1: **{'met' if new['mean'] <= 1 else 'missed'}** in the mean."
        )
    return lines


def _ratio(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _point(found: list[float]) -> str:
    return f"{found[0]:+.2f} [{found[1]:+.2f}, {found[2]:+.2f}] @ {found[3]:.2f}"


def main() -> int:
    """Measure, print and keep."""
    options = parse()
    folder = recorded.folder(options.data)
    if folder is None:
        print(f"skipped: {options.data}/routing has not both recorded files; name their folder's parent with --data")
        return 0
    found = {name: measured(folder / f"{name}.jsonl.gz", options) for name in recorded.TWELVE}
    day = datetime.now(UTC).date().isoformat()
    text = page(found, options, day)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{day}-selector.md").write_text(text)
    said = {"date": day, "machine": machine(), "versions": versions(), "files": found}
    (options.output / f"{day}-selector.json").write_text(json.dumps(said, indent=1) + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
