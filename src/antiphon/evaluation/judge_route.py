"""How good a route's answers to recorded prompts were, beside the best single model."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from antiphon.evaluation.measures import auc, bootstrap, calibration_error
from antiphon.evaluation.replay_recipes import Prompt, Replayed

_LEAST_FOR_CALIBRATION = 50


class RouteReport(Struct, frozen=True, kw_only=True):
    """What was found. Costs are means of a prompt; gains are in score, with 95 % intervals by bootstrap over prompts."""

    prompts: int
    score: float
    cost_nano_usd: int
    calls: float
    best_single: str
    best_single_score: float
    best_single_cost_nano_usd: int
    gain: float
    gain_low: float
    gain_high: float
    cost_ratio: float
    matched_score: float
    """Of single models drawn by lot so that they cost as much: the best mix of two."""
    oracle_score: float
    of_oracle_gap: float | None
    """Share of the gap between the best single model and the oracle that is closed; None: there is no gap."""
    auc: float | None = None
    """Of the chance that the answer is right, where it was told."""
    calibration_error: float | None = None


def judge(
    prompts: Sequence[Prompt], replayed: Sequence[Replayed], models: Sequence[str], *, seed: int = 0
) -> RouteReport:
    """Judge. `models`: those that the route may ask; every prompt has an outcome of each."""
    scores = np.array([[one.outcomes[model].score for model in models] for one in prompts])
    costs = np.array([[one.outcomes[model].cost_nano_usd or 0 for model in models] for one in prompts], dtype=float)
    best = int(np.lexsort((costs.mean(0), -scores.mean(0)))[0])
    own, spent = (
        np.array([one.score for one in replayed]),
        np.array([one.cost_nano_usd for one in replayed], dtype=float),
    )
    low, high = bootstrap(own - scores[:, best], seed)
    oracle, single = float(scores.max(1).mean()), float(scores[:, best].mean())
    told = [(one.chance, one.score) for one in replayed if one.chance is not None]
    enough = len(told) >= _LEAST_FOR_CALIBRATION
    chances, right = np.array([one for one, _ in told]), np.array([one for _, one in told])
    return RouteReport(
        prompts=len(prompts),
        score=float(own.mean()),
        cost_nano_usd=round(float(spent.mean())),
        calls=float(np.mean([len(one.asked) for one in replayed])),
        best_single=models[best],
        best_single_score=single,
        best_single_cost_nano_usd=round(float(costs[:, best].mean())),
        gain=float(own.mean()) - single,
        gain_low=low,
        gain_high=high,
        cost_ratio=float(spent.mean() / max(1.0, costs[:, best].mean())),
        matched_score=matched(
            list(zip(costs.mean(0).tolist(), scores.mean(0).tolist(), strict=True)), float(spent.mean())
        ),
        oracle_score=oracle,
        of_oracle_gap=(float(own.mean()) - single) / (oracle - single) if oracle > single else None,
        auc=_known(auc(chances, right)) if enough else None,
        calibration_error=calibration_error(chances, right) if enough else None,
    )


def matched(points: Sequence[tuple[float, float]], cost: float) -> float:
    """The best score of two models drawn by lot so that they cost no more. `points`: cost and score of each."""
    best = max((score for spent, score in points if spent <= cost), default=0.0)
    for cheap, low in points:
        for dear, high in points:
            if cheap <= cost < dear:
                best = max(best, low + (cost - cheap) / (dear - cheap) * (high - low))
    return best


def _known(number: float) -> float | None:
    return None if np.isnan(number) else number
