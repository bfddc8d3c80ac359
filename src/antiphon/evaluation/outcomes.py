"""Recorded outcomes: what each model made of each prompt, and what it cost. See docs/how-to/train-a-selector.md."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from msgspec import Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.core.money import NANO_PER_USD
from antiphon.evaluation.outcomes_rows import Cells, rows

COLUMNS: Final = (
    "prompt_id",
    "prompt",
    "model",
    "score",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "answer",
    "task",
    "propensity",
)
NEEDED: Final = ("prompt_id", "prompt", "model", "score")
MOST_TOKENS: Final = 2**31 - 1
LEAST_PROPENSITY: Final = 1e-6


class Outcome(Struct, frozen=True, kw_only=True):
    """What one model made of one prompt. None: unknown, never 0."""

    prompt_id: str
    prompt: str
    model: str
    score: float
    """0 to 1."""
    cost_nano_usd: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    answer: str | None = None
    task: str = ""
    propensity: float | None = None
    """The chance that this model was asked, when chance chose it."""


def read(path: Path, where: str = "--outcomes") -> list[Outcome]:
    """Every outcome in a file: `.jsonl`, `.jsonl.gz`, `.csv` or `.parquet`. A null score is left out.

    Args:
        where: The option that names the file.

    Raises: ConfigError, which names file, line and column of up to 20 mistakes; OSError.
    """
    found: list[Outcome] = []
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    texts: dict[str, str] = {}
    for line, cells in rows(path, where):
        try:
            outcome = _outcome(cells, texts)
        except _WrongCell as wrong:
            problems.append(
                Problem(file=str(path), line=line, path=wrong.column, wrong=wrong.wrong, remedy=wrong.remedy)
            )
        else:
            if outcome is None:
                continue
            key = (outcome.prompt_id, outcome.model)
            if key in seen:
                twice = f"{outcome.model} has an outcome for prompt {outcome.prompt_id!r} already"
                problems.append(
                    Problem(file=str(path), line=line, path="model", wrong=twice, remedy="leave one of them out")
                )
            seen.add(key)
            found.append(outcome)
        if len(problems) >= 20:
            break
    if problems:
        raise ConfigError(problems)
    if not found:
        problem = Problem(
            file=str(path), line=0, path=where, wrong="has no outcome", remedy=f"write rows with {', '.join(NEEDED)}"
        )
        raise ConfigError([problem])
    return found


class _WrongCell(Exception):
    def __init__(self, column: str, wrong: str, remedy: str) -> None:
        super().__init__(column, wrong, remedy)
        self.column, self.wrong, self.remedy = column, wrong, remedy


def _outcome(cells: Cells, texts: dict[str, str]) -> Outcome | None:
    """`texts`: prompts so far by id; a text need not stand again. None: the row has no score. Raises: _WrongCell."""
    if cells.get("score") in {None, ""}:
        return None
    prompt_id, model = _text(cells, "prompt_id"), _text(cells, "model")
    prompt = cells.get("prompt") or texts.get(prompt_id)
    if not isinstance(prompt, str) or not prompt:
        raise _WrongCell("prompt", f"prompt {prompt_id!r} has no text", "write its text in the first of its rows")
    if texts.setdefault(prompt_id, prompt) != prompt:
        raise _WrongCell("prompt", f"prompt {prompt_id!r} had another text before", "give each text an id of its own")
    answer, task = cells.get("answer"), cells.get("task")
    return Outcome(
        prompt_id=prompt_id,
        prompt=prompt,
        model=model,
        score=_number(cells, "score", 0, 1) or 0.0,
        cost_nano_usd=_cost(cells),
        input_tokens=_count(cells, "input_tokens"),
        output_tokens=_count(cells, "output_tokens"),
        answer=None if answer is None else str(answer),
        task="" if task is None else str(task),
        propensity=_number(cells, "propensity", LEAST_PROPENSITY, 1),
    )


def _text(cells: Mapping[str, object], column: str) -> str:
    value = cells.get(column)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise _WrongCell(column, f"{value!r} is no {column}", f"write a text in {column}")
    return value


def _number(cells: Mapping[str, object], column: str, least: float, most: float) -> float | None:
    value = cells.get(column)
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise _WrongCell(column, f"{value!r} is no number from {least:g} to {most:g}", "write one, or leave it empty")
    return number


def _count(cells: Mapping[str, object], column: str) -> int | None:
    number = _number(cells, column, 0, MOST_TOKENS)
    return None if number is None else round(number)


def _cost(cells: Mapping[str, object]) -> int | None:
    value = cells.get("cost_usd")
    if value is None or value == "":
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= 1_000_000):
        raise _WrongCell("cost_usd", f"{value!r} is no amount of US dollars", "write one from 0 on, or leave it empty")
    return round(amount * NANO_PER_USD)


def models_of(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Names of the models, in order of their first outcome."""
    return tuple(dict.fromkeys(one.model for one in outcomes))


def of_models(outcomes: Iterable[Outcome], models: Iterable[str]) -> Iterator[Outcome]:
    """Outcomes of these models alone."""
    wanted = set(models)
    return (one for one in outcomes if one.model in wanted)
