"""Outcomes as arrays: a row a prompt, a column a model; what is unknown is NaN."""

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.core.money import NANO_PER_USD
from antiphon.evaluation.outcomes import Outcome, models_of

Array = NDArray[np.float64]
Places = NDArray[np.int64]


class Grid(Struct, frozen=True, kw_only=True, eq=False):
    """Outcomes of models on prompts."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    tasks: tuple[str, ...]
    models: tuple[str, ...]
    scores: Array
    costs_usd: Array
    input_tokens: Array
    output_tokens: Array

    def rows(self, at: Places) -> "Grid":
        """Some prompts alone."""
        places = [int(one) for one in at.tolist()]
        return Grid(
            ids=tuple(self.ids[one] for one in places),
            texts=tuple(self.texts[one] for one in places),
            tasks=tuple(self.tasks[one] for one in places),
            models=self.models,
            scores=self.scores[at],
            costs_usd=self.costs_usd[at],
            input_tokens=self.input_tokens[at],
            output_tokens=self.output_tokens[at],
        )

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where there is a score."""
        return ~np.isnan(self.scores)


def grid(outcomes: Iterable[Outcome], models: Sequence[str] = ()) -> Grid:
    """Arrays of outcomes. `models`: these, in this order; empty: all."""
    every = list(outcomes)
    names = tuple(models) or models_of(every)
    column = {name: at for at, name in enumerate(names)}
    row: dict[str, int] = {}
    texts: list[str] = []
    tasks: list[str] = []
    cells: list[tuple[int, int, Outcome]] = []
    for one in every:
        if one.model in column:
            at = row.setdefault(one.prompt_id, len(row))
            if at == len(texts):
                texts.append(one.prompt)
                tasks.append(one.task)
            cells.append((at, column[one.model], one))
    arrays = [np.full((len(row), len(names)), np.nan) for _ in range(4)]
    for at, to, one in cells:
        cost = None if one.cost_nano_usd is None else one.cost_nano_usd / NANO_PER_USD
        for array, value in zip(arrays, (one.score, cost, one.input_tokens, one.output_tokens), strict=True):
            if value is not None:
                array[at, to] = value
    scores, costs, asked, answered = arrays
    return Grid(
        ids=tuple(row),
        texts=tuple(texts),
        tasks=tuple(tasks),
        models=names,
        scores=scores,
        costs_usd=costs,
        input_tokens=asked,
        output_tokens=answered,
    )
