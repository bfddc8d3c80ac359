"""How good a selector is on outcomes that it was not trained on."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from antiphon.core.embedding import Embedding
from antiphon.core.error import BadRequest
from antiphon.evaluation.costs import prices
from antiphon.evaluation.grid import Array, Grid
from antiphon.evaluation.measures import follow
from antiphon.evaluation.offpolicy import OffPolicy, estimate, logged
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.report import judged, report
from antiphon.routing.selector import Selector
from antiphon.routing.selector_file import Report


class Valued(Struct, frozen=True, kw_only=True):
    """Two ways to choose, by the same logged choices."""

    chosen: OffPolicy
    """As the selector would, at the objective `best` with its margin."""
    logged: OffPolicy
    """As it was done: its mean is what was seen."""


class Judgement(Struct, frozen=True, kw_only=True):
    """What was found. None: the outcomes can't tell."""

    judged: Report | None
    off_policy: Valued | None


class Foretold(Struct, frozen=True, kw_only=True, eq=False):
    """What a selector predicts of prompts: a row a prompt, a column a model."""

    chances: Array
    output_tokens: Array


def foretell(selector: Selector, texts: Sequence[str], vectors: Sequence[Embedding] | None) -> Foretold:
    """Ask a selector as the gateway does."""
    every = [selector.foresee(text, None if vectors is None else vectors[at]) for at, text in enumerate(texts)]
    return Foretold(
        chances=np.array([[one.chances[model].mean for model in selector.models] for one in every]),
        output_tokens=np.array(
            [[one.output_tokens[model] for model in selector.models] for one in every], dtype="float64"
        ),
    )


def judge(
    selector: Selector, grid: Grid, outcomes: Sequence[Outcome], vectors: Sequence[Embedding] | None = None
) -> Judgement:
    """Judge a selector. `grid`: of the same outcomes, in the order of the selector's models.

    Raises: BadRequest, when no outcome is of a model that the selector knows.
    """
    if not len(grid.ids):
        raise BadRequest(f"no outcome is of a model of the selector: {', '.join(selector.models)}")
    found = foretell(selector, grid.texts, vectors)
    expected = prices(grid).of(grid.input_tokens, found.output_tokens)
    best = selector.models.index(selector.best_single)
    whole = judged(grid, found.chances, expected, best)
    told = report(grid, whole, found.chances, selector.margin, selector.tolerance, 0) if len(whole.scores) else None
    return Judgement(
        judged=told,
        off_policy=_valued(selector, grid, outcomes, found.chances)
        if any(one.propensity is not None for one in outcomes)
        else None,
    )


def _valued(selector: Selector, grid: Grid, outcomes: Sequence[Outcome], chances: Array) -> Valued:
    rows, done = logged(grid, outcomes)
    told = chances[rows]
    best = selector.models.index(selector.best_single)
    target = np.zeros_like(told)
    target[np.arange(len(told)), follow(told, np.zeros_like(told), 0.0, best, selector.margin)] = 1.0
    same = np.zeros_like(told)
    same[np.arange(len(told)), done.chosen] = done.propensities
    as_logged = estimate(same, done, np.zeros_like(told))
    return Valued(chosen=estimate(target, done, told), logged=as_logged)
