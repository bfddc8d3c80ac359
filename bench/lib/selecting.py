"""One split of recorded outcomes: a selector is trained on one part, asked about the other as the gateway asks it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from antiphon.evaluation.costs import prices
from antiphon.evaluation.grid import Array, Grid, Places, grid
from antiphon.evaluation.judge import foretell
from antiphon.evaluation.measures import TRADES, auc, calibration_error, cheapest, follow
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.train import Embedded, Trained, train
from antiphon.routing.selector import Selector
from antiphon.routing.selector_file import Method

from .recorded import BUDGETS_USD, Recorded

NANO = 1_000_000_000
NEWCOMER_LABELS = 100


@dataclass(frozen=True)
class Tested:
    """What a way to choose did on the prompts of one split that it was not trained on."""

    at: Places
    """Which prompts."""
    best: int
    scores: Array
    costs_usd: Array
    chances: Array
    frontier: list[Places]
    """Choices at each trade of `TRADES`."""
    tuned: int
    """The trade that cost least at no loss out of fold, in the training."""
    tolerance: Places
    margin: Places
    budgets: list[Places]
    """Choices at the trade that was best out of fold within each budget."""

    def gains(self, chosen: Places) -> Array:
        """By prompt, over the best single model."""
        rows = np.arange(len(chosen))
        return self.scores[rows, chosen] - self.scores[:, self.best]

    def spent(self, chosen: Places) -> Array:
        return self.costs_usd[np.arange(len(chosen)), chosen]

    @property
    def areas(self) -> float:
        """AUC, mean over models."""
        return float(np.mean([auc(self.chances[:, at], self.scores[:, at]) for at in range(self.scores.shape[1])]))

    @property
    def cheap_area(self) -> float:
        """AUC of the chance that the cheapest model is right."""
        at = int(np.argmin(self.costs_usd.mean(0)))
        return auc(self.chances[:, at], self.scores[:, at])

    @property
    def error(self) -> float:
        """Calibration error over all models."""
        return calibration_error(self.chances.ravel(), self.scores.ravel())


def table(recorded: Recorded) -> Grid:
    """Recorded outcomes as a grid, prompts in their order."""
    outcomes = (
        Outcome(
            prompt_id=prompt.id,
            prompt=prompt.text,
            model=model,
            score=prompt.models[model].score or 0.0,
            cost_nano_usd=round((prompt.models[model].cost_usd or 0.0) * NANO),
            input_tokens=prompt.models[model].input_tokens,
            output_tokens=prompt.models[model].output_tokens,
            task=prompt.category,
        )
        for prompt in recorded.prompts
        for model in recorded.models
    )
    return grid(outcomes, recorded.models)


def trained(whole: Grid, learn: Places, method: Method, vectors: Array | None, seed: int) -> Trained:
    """A selector of the prompts to learn from."""
    some = None if vectors is None else Embedded(embedder="bench", vectors=vectors[learn].astype("float64"))
    return train(whole.rows(learn), method, some, seed)


def tested(name: str, whole: Grid, learn: Places, test: Places, found: Trained, vectors: Array | None) -> Tested:
    """Ask a selector about the other prompts."""
    selector = Selector(found.file)
    near = None if vectors is None else [array("f", vectors[one].astype("<f4").tobytes()) for one in test]
    told = foretell(selector, [whole.texts[one] for one in test], near)
    own, rest = whole.rows(learn), whole.rows(test)
    best = selector.models.index(selector.best_single)
    unit = float(own.costs_usd[:, best].mean())
    expected = prices(own).of(rest.input_tokens, told.output_tokens)
    before = [follow(found.chances, found.expected_usd / unit, float(trade), best) for trade in TRADES]
    rows = np.arange(len(learn))
    gains = np.array([(own.scores[rows, one] - own.scores[:, best]).mean() for one in before])
    spent = np.array([own.costs_usd[rows, one].mean() for one in before])
    frontier = [follow(told.chances, expected / unit, float(trade), best) for trade in TRADES]
    return Tested(
        at=test,
        best=best,
        scores=rest.scores,
        costs_usd=rest.costs_usd,
        chances=told.chances,
        frontier=frontier,
        tuned=int(np.argmin(np.where(gains >= 0, spent, np.inf))) if (gains >= 0).any() else int(np.argmax(gains)),
        tolerance=cheapest(told.chances, expected, selector.tolerance, best),
        margin=follow(told.chances, np.zeros_like(told.chances), 0.0, best, selector.margin),
        budgets=[
            frontier[int(np.argmax(np.where(spent <= budget / 1000, gains, -np.inf)))] for budget in BUDGETS_USD[name]
        ],
    )


def newcomer(whole: Grid, learn: Places, model: int, seed: int) -> Grid:
    """The prompts to learn from, where one model has but 100 labels."""
    own = whole.rows(learn)
    hidden = np.random.default_rng(1000 * seed + model).permutation(len(learn))[NEWCOMER_LABELS:]
    columns = []
    for one in (own.scores, own.costs_usd, own.output_tokens):
        column = one.copy()
        column[hidden, model] = np.nan
        columns.append(column)
    return Grid(
        ids=own.ids,
        texts=own.texts,
        tasks=own.tasks,
        models=own.models,
        scores=columns[0],
        costs_usd=columns[1],
        input_tokens=own.input_tokens,
        output_tokens=columns[2],
    )
