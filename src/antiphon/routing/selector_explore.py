"""A contextual bandit over a selector's chances: most requests go to the model that seems best, a few to one that may be.

The chance of each choice is known in closed form, so that what came of it can be weighed rightly later.
Source: epsilon-greedy with upper confidence bounds in place of an even draw; Langford and Zhang 2007, NIPS 20.
"""

from collections.abc import Mapping
from random import Random

from msgspec import Struct

from antiphon.core.chance import Chance

EVEN = 0.25
"""Part of the exploration that is spread evenly: no model's chance to be tried is ever 0."""


class Drawn(Struct, frozen=True, kw_only=True):
    """Which model is asked, and how likely that was."""

    model: str
    propensity: float
    """Chance with which it was chosen, above 0 and up to 1."""
    explored: bool
    """The draw was the exploration's, whoever it fell on."""


def draw(chances: Mapping[str, Chance], greedy: str, explore: float, seed: int) -> Drawn:
    """Choose a model.

    Args:
        chances: Of the models that may be asked.
        greedy: The one that would be asked without exploration; it is among them.
        explore: Share of requests that explore, 0 to 1.
        seed: The request's own: the same seed draws the same model.
    """
    spread = propensities(chances, greedy, explore)
    chance = Random(seed)  # noqa: S311 - no secret is drawn
    explored = chance.random() < explore
    model = greedy
    if explored:
        left = chance.random() * explore
        for name, whole in spread.items():
            left -= whole - (1 - explore if name == greedy else 0.0)
            if left < 0:
                model = name
                break
    return Drawn(model=model, propensity=spread[model], explored=explored)


def propensities(chances: Mapping[str, Chance], greedy: str, explore: float) -> dict[str, float]:
    """With which chance each model is asked; they add up to 1."""
    best = chances[greedy].mean
    hopes = {name: max(0.0, one.high - best) for name, one in chances.items()}
    total, count = sum(hopes.values()), len(hopes)
    return {
        name: explore * ((1 - EVEN) * hope / total + EVEN / count if total else 1 / count)
        + (1 - explore if name == greedy else 0.0)
        for name, hope in hopes.items()
    }
