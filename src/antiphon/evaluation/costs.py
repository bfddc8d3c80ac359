"""What a call is expected to cost, by the prices that recorded costs and tokens tell."""

import numpy as np
from msgspec import Struct

from antiphon.evaluation.grid import Array, Grid

LEAST_CALLS = 10
"""Calls with tokens and cost that it takes to tell a model's prices."""


class Prices(Struct, frozen=True, kw_only=True, eq=False):
    """Of each model, in US dollars; statistics, not an account."""

    input_usd: Array
    """A token."""
    output_usd: Array
    mean_usd: Array
    """Of a call, where tokens tell nothing."""
    by_tokens: Array
    """1 where tokens tell the cost, else 0."""

    def of(self, input_tokens: Array, output_tokens: Array) -> Array:
        """Expected cost of calls; an unknown input counts as a usual one of its model."""
        usual = np.where(np.isnan(input_tokens).all(0), 0.0, np.nan_to_num(_mean(input_tokens)))
        asked = np.where(np.isnan(input_tokens), usual, input_tokens)
        counted = asked * self.input_usd + output_tokens * self.output_usd
        expected: Array = np.where(self.by_tokens > 0, counted, self.mean_usd)
        return expected


def prices(grid: Grid) -> Prices:
    """Prices by least squares, none below 0. A model without any cost is taken to cost nothing."""
    models = len(grid.models)
    into, out, by = np.zeros(models), np.zeros(models), np.zeros(models)
    for model in range(models):
        table = np.stack([grid.input_tokens[:, model], grid.output_tokens[:, model], grid.costs_usd[:, model]], 1)
        told = table[~np.isnan(table).any(1)]
        if len(told) >= LEAST_CALLS:
            found = np.linalg.lstsq(told[:, :2], told[:, 2], rcond=None)[0]
            into[model], out[model] = (max(0.0, float(one)) for one in found.tolist())
            by[model] = 1.0
    return Prices(input_usd=into, output_usd=out, mean_usd=np.nan_to_num(_mean(grid.costs_usd)), by_tokens=by)


def _mean(table: Array) -> Array:
    known = ~np.isnan(table)
    means: Array = np.where(known, table, 0.0).sum(0) / np.maximum(1, known.sum(0))
    return means
