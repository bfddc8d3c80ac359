"""Figures over the splits of recorded outcomes: means over seeds, intervals by bootstrap over prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2

import numpy as np

from antiphon.evaluation.judge_route import matched as mix
from antiphon.evaluation.measures import auc, calibration_error
from antiphon.evaluation.replay_recipes import cost_at, score_at

from .replaying import Split, Way

DRAWS = 2000
PER = 1000
NANO = 1_000_000_000
Pick = Callable[[Split], Way]


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, with its 95 % interval."""

    mean: float
    low: float
    high: float


def gain(splits: list[Split], pick: Pick) -> Interval:
    """Points of accuracy over the best single model, prompt by prompt.

    The interval is by bootstrap over prompts: a prompt that several splits test is drawn with all of them. Source: Efron
    1979, Ann. Stat. 7(1); clusters: Davison and Hinkley 1997, section 3.8.
    """
    seen: dict[str, list[float]] = {}
    for one in splits:
        for name, own, other in zip(one.ids, pick(one).right, one.ways["best single"].right, strict=True):
            seen.setdefault(name, []).append(own - other)
    sums = np.array([sum(values) for values in seen.values()])
    counts = np.array([len(values) for values in seen.values()])
    chance = np.random.default_rng(0)
    means: list[float] = []
    for _ in range(DRAWS):
        drawn = chance.integers(0, len(sums), len(sums))
        means.append(float(sums[drawn].sum() / counts[drawn].sum()))
    low, high = np.quantile(means, [0.025, 0.975])
    by_seed = [float(np.mean(pick(one).right) - np.mean(one.ways["best single"].right)) for one in splits]
    return Interval(100 * float(np.mean(by_seed)), 100 * float(low), 100 * float(high))


def cost_share(splits: list[Split], pick: Pick) -> float:
    """Cost over the best single model's, mean over seeds."""
    return float(np.mean([np.mean(pick(one).cost) / np.mean(one.ways["best single"].cost) for one in splits]))


def mean(splits: list[Split], of: Callable[[Split], list[float] | list[int]]) -> float:
    return float(np.mean([np.mean(of(one)) for one in splits]))


def accuracy(splits: list[Split], pick: Pick) -> float:
    return mean(splits, lambda one: pick(one).right)


def usd(splits: list[Split], pick: Pick) -> float:
    """For 1,000 queries."""
    return mean(splits, lambda one: pick(one).cost) * PER / NANO


def line(splits: list[Split]) -> list[tuple[float, float]]:
    """The frontier: US dollars for 1,000 queries and accuracy, means over seeds, a point for each rung."""
    return [(usd(splits, rung(at)), accuracy(splits, rung(at))) for at in range(len(splits[0].rungs))]


def rung(at: int) -> Pick:
    return lambda one: one.rungs[at]


def chosen(what: str) -> Pick:
    """The rung that each split's learning chose."""
    return lambda one: one.rungs[one.chosen[what]]


def way(name: str) -> Pick:
    return lambda one: one.ways[name]


def share_at_best(splits: list[Split]) -> float | None:
    """Cost at the best single model's accuracy, over its cost: where the frontier crosses it, in test."""
    best = way("best single")
    at = cost_at(line(splits), accuracy(splits, best))
    return None if at is None else at / usd(splits, best)


def share_at_best_interval(splits: list[Split]) -> tuple[float, float]:
    """Ends of its 95 % interval: the frontier is drawn again over drawn prompts. NaN where it isn't crossed."""
    ids = sorted({name for one in splits for name in one.ids})
    place = {name: at for at, name in enumerate(ids)}
    chance = np.random.default_rng(0)
    rows = [np.array([place[name] for name in one.ids]) for one in splits]
    right = [np.array([rung.right for rung in one.rungs] + [one.ways["best single"].right]) for one in splits]
    cost = [np.array([rung.cost for rung in one.rungs] + [one.ways["best single"].cost], float) for one in splits]
    found: list[float] = []
    for _ in range(500):
        drawn = np.bincount(chance.integers(0, len(ids), len(ids)), minlength=len(ids))
        weights = [drawn[row] for row in rows]
        scores = np.mean([(one * w).sum(1) / w.sum() for one, w in zip(right, weights, strict=True)], axis=0)
        spent = np.mean([(one * w).sum(1) / w.sum() for one, w in zip(cost, weights, strict=True)], axis=0)
        at = cost_at(list(zip(spent[:-1].tolist(), scores[:-1].tolist(), strict=True)), float(scores[-1]))
        found.append(float("nan") if at is None else at / float(spent[-1]))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def at_budget(splits: list[Split], budget_usd: float) -> float | None:
    """Accuracy at no more than a budget for 1,000 queries."""
    return score_at(line(splits), budget_usd)


def matched(splits: list[Split], pick: Pick) -> float:
    """Accuracy of single models drawn by lot so that they cost as much: the best mix of two, in test."""
    names = [name for name in splits[0].ways if name.startswith("single ")]
    points = [(usd(splits, way(name)), accuracy(splits, way(name))) for name in names]
    return mix(points, usd(splits, pick))


def of_oracle(splits: list[Split], pick: Pick) -> float:
    """Share of the gap between the best single model and the oracle that is closed."""
    best = accuracy(splits, way("best single"))
    return (accuracy(splits, pick) - best) / (accuracy(splits, way("oracle")) - best)


def calibration(splits: list[Split], pick: Pick) -> tuple[float, float, float]:
    """AUC, calibration error over all seeds' requests together, and the mean of the seeds' own calibration errors."""
    pairs = [(np.array(pick(one).chance), np.array(pick(one).right)) for one in splits]
    every = np.concatenate([one for one, _ in pairs]), np.concatenate([one for _, one in pairs])
    areas = [auc(chances, right) for chances, right in pairs]
    own = [calibration_error(chances, right) for chances, right in pairs]
    return float(np.mean(areas)), calibration_error(*every), float(np.mean(own))


def arena(accuracy: float, usd_per_1000: float) -> float:
    """RouterArena's score, times 100.

    Source: RouteWorks/RouterArena, compute_arena_score: beta 0.1, costs between $0.0044 and $200 for 1,000 queries.
    """
    beta, least, most = 0.1, 0.0044, 200.0
    thrift = (log2(most) - log2(usd_per_1000)) / (log2(most) - log2(least))
    return 100 * (1 + beta) * accuracy * thrift / (beta * accuracy + thrift)
