"""Runs a recipe: its pattern, then what its contract asks for. While a valid answer exists, it gives one."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from antiphon.core.error import AntiphonError
from antiphon.core.plan import Pattern
from antiphon.core.receipt import Noted
from antiphon.recipes import (
    best_of,
    breadth,
    debate,
    draft_verify,
    panel,
    python,
    ratings,
    refine,
    single,
    vote,
    workflow,
)
from antiphon.recipes.pick import best_so_far
from antiphon.recipes.port import Answer, Calls, Question
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_contract import ContractSettings
from antiphon.recipes.watch import FELL_BACK, Watched

Run = Callable[[Any, Question, Calls], Awaitable[Answer]]
RUNS: Mapping[Pattern, Run] = MappingProxyType(
    {
        "draft_verify": draft_verify.run,
        "refine": refine.run,
        "debate": debate.run,
        "single": single.run,
        "vote": vote.run,
        "ratings": ratings.run,
        "best_of": best_of.run,
        "panel": panel.run,
        "breadth": breadth.run,
        "workflow": workflow.run,
    }
)
"""What runs each pattern: its settings, the request, the calls. `python` and `auto` are given more."""


async def run(recipe: RecipeSettings, question: Question, calls: Calls) -> Answer:
    """Run a recipe within its envelope.

    Raises: AntiphonError, when no call gave an answer, or with `on_failure: fail` when a step failed that it needs: the
        most telling of all calls' errors.
    """
    watched = Watched(
        calls,
        recipe.steps(question.seats),
        concurrency=recipe.envelope.concurrency,
        strict=recipe.on_failure == "fail",
        buffered=_buffered(recipe.contract),
    )
    question = replace(question, contract=recipe.contract)
    try:
        answer = await _pattern(recipe, question, watched)
    except AntiphonError as error:
        return _instead(recipe, error, watched)
    watched.hold()
    return answer


def _buffered(contract: ContractSettings | None) -> bool:
    """Whether the final answer is looked at before it goes out."""
    return contract is not None and (contract.on_violation != "warn" or contract.render != "as_is")


async def _pattern(recipe: RecipeSettings, question: Question, calls: Calls) -> Answer:
    if recipe.python is not None:
        return await python.run(recipe.python, question, calls, recipe.envelope_of(question.seats))
    return await RUNS[recipe.pattern](recipe.chosen, question, calls)


def _instead(recipe: RecipeSettings, error: AntiphonError, watched: Watched) -> Answer:
    """The best answer that came before an error. Raises: the most telling of all errors, when there is none."""
    if error not in watched.errors:
        watched.errors.append(error)
    found = best_so_far(watched.answers)
    if found is None or recipe.on_failure == "fail":
        raise watched.telling(str(error)) from error
    watched.note(Noted(step=found.step, what=FELL_BACK, why=error.said_code))
    return found
