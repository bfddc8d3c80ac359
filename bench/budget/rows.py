"""A run's counts held against each other: labs, callers and books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lib.row import Row, Target

from .load import Came
from .settings import Plan
from .subjects import Books, Spend, Subject

INPUT_NANO_USD = 1_000
OUTPUT_NANO_USD = 10_000
"""Of a token: 1 and 10 USD a million."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What labs counted."""

    requests: int
    inputs: int
    outputs: int

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            requests=self.requests - other.requests,
            inputs=self.inputs - other.inputs,
            outputs=self.outputs - other.outputs,
        )

    @property
    def nano_usd(self) -> int:
        return self.inputs * INPUT_NANO_USD + self.outputs * OUTPUT_NANO_USD


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one subject's run came to."""

    plan: Plan
    came: Came
    done: Counter[str]  # what was done to the subject and its stores
    labs: Counts
    cost: int  # of one request, nano-USD
    limit: int  # nano-USD
    took_s: float

    @property
    def overshoot(self) -> int:
        """What the labs were asked for beyond the budget, in nano-USD."""
        return max(0, self.labs.nano_usd - self.limit)


def row(run: Run, subject: Subject, books: Books | Spend) -> Row:
    """A subject's row."""
    return _of_ledger(run, subject, books) if isinstance(books, Books) else _of_sum(run, subject, books)


def _of_ledger(run: Run, subject: Subject, books: Books) -> Row:
    kinds = Counter(books.entries)
    settled, unsure = kinds["settled"], kinds["assumed"] + kinds["died"]
    whole_lost = sum(1 for receipt in run.came.whole if receipt not in books.receipts)
    unknown = max(0, run.labs.requests - settled - unsure)
    double = max(0, settled - run.labs.requests) + sum(count - 1 for count in books.receipts.values() if count > 2)
    wrong_money = books.money.get("settled", 0) - settled * run.cost
    figures = {
        "settled": float(settled),
        "assumed": float(kinds["assumed"]),
        "died": float(kinds["died"]),
        "budget_used_fraction": books.spent / run.limit,
        "double_charges": float(double),
        "lost_settlements": float(whole_lost + unknown),
        "ledger_minus_lab_nano_usd": float(wrong_money),
        "left_held": float(books.held),
        "overrun_nano_usd": float(books.overrun),
    }
    faults: list[str] = []
    if wrong_money:
        faults.append(f"settled entries differ from the labs' count by {wrong_money} nano-USD")
    if books.spent > run.limit:
        faults.append("the account is over its limit")
    return Row(
        name=subject.name,
        title=_title(subject),
        figures={"antiphon": _common(run, subject) | figures},
        measure="overshoot, double charges and lost settlements together",
        value=float(run.overshoot + double + whole_lost + unknown),
        target=Target("at most", 0),
        faults=faults,
    )


def _of_sum(run: Run, subject: Subject, books: Spend) -> Row:
    """Of a peer that keeps one sum: what was lost and what was counted twice can only be told net of each other."""
    missing = run.labs.nano_usd - books.nano_usd
    figures = {
        "counted_nano_usd": float(books.nano_usd),
        "lab_nano_usd": float(run.labs.nano_usd),
        "budget_used_fraction": books.nano_usd / run.limit,
    }
    if books.settled:
        figures |= {
            "lost_nano_usd": float(max(0, missing)),
            "lost_requests": max(0, missing) / run.cost,
            "double_nano_usd": float(max(0, -missing)),
            "double_requests": max(0, -missing) / run.cost,
        }
    return Row(
        name=subject.name,
        title=_title(subject),
        figures={subject.name: _common(run, subject) | figures},
        measure="overshoot, in requests",
        value=run.overshoot / run.cost,
        notes=[subject.note] if subject.note else [],
    )


def _title(subject: Subject) -> str:
    return f"{subject.name}: {type(subject).__doc__}"


def _common(run: Run, subject: Subject) -> dict[str, float]:
    """The figures that every subject has."""
    statuses = run.came.statuses
    return {
        "requests": float(run.plan.requests),
        "answered_whole": float(statuses["200"]),
        f"refused_{subject.refusal}": float(statuses[subject.refusal]),
        "lab_requests": float(run.labs.requests),
        "lab_cost_of_budget": run.labs.nano_usd / run.limit,
        "overshoot_nano_usd": float(run.overshoot),
        "overshoot_requests": run.overshoot / run.cost,
        "seconds": run.took_s,
        **{f"did: {name}": float(count) for name, count in run.done.items()},
        **{f"status {name}": float(count) for name, count in statuses.items() if name not in ("200", subject.refusal)},
    }
