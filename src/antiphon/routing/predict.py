"""What is expected of each candidate. What nobody knows stays unknown, never 0."""

from collections.abc import Iterable, Mapping

from antiphon.core.chance import Chance, Likely
from antiphon.core.deployment import Deployment
from antiphon.core.plan import Predicted
from antiphon.core.view import Quality, Standing
from antiphon.routing.known import Known

NARROWER = 1.645 / 1.960
"""From the ends of a 95 % interval to those of a 90 % one, each side for itself. Source: quantiles of the normal."""
NO_STANDING = Standing(deployment="")


def predict(
    known: Known,
    deployments: Iterable[Deployment],
    *,
    task: str,
    scores_at_least: float,
    predictions: Mapping[str, Chance] | None,
    likely: Mapping[str, Likely] | None,
) -> tuple[Predicted, ...]:
    """Cost, latency and quality of candidates, in their order.

    Args:
        task: The class of tasks whose quality counts; empty: all.
        scores_at_least: Scores that a measured quality rests on before it is known.
        predictions: Where a selector gives them, no measured quality takes their place.
    """
    return tuple(
        _predicted(
            one.name,
            known.standing(one.name) or NO_STANDING,
            _measured(known.quality(one.name, task), scores_at_least)
            if predictions is None
            else predictions.get(one.name),
            likely.get(one.name) if likely is not None else None,
        )
        for one in deployments
    )


def _predicted(name: str, standing: Standing, chance: Chance | None, cost: Likely | None) -> Predicted:
    return Predicted(
        deployment=name,
        cost_nano_usd=None if cost is None else cost.nano_usd,
        cost_low_nano_usd=None if cost is None else cost.low_nano_usd,
        cost_high_nano_usd=None if cost is None else cost.high_nano_usd,
        first_token_s=standing.first_token_p50_s,
        first_token_p95_s=standing.first_token_p95_s,
        total_s=standing.total_p50_s,
        total_p95_s=standing.total_p95_s,
        quality=None if chance is None else chance.mean,
        quality_low=None if chance is None else chance.low,
        quality_high=None if chance is None else chance.high,
    )


def _measured(quality: Quality | None, scores_at_least: float) -> Chance | None:
    if quality is None or quality.count < scores_at_least:
        return None
    mean = quality.mean
    return Chance(mean, mean - (mean - quality.low) * NARROWER, mean + (quality.high - mean) * NARROWER)
