"""Runs a recipe: its pattern, then what its contract asks for. While a valid answer exists, it gives one."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from antiphon.core.error import AntiphonError, ContractViolated
from antiphon.core.plan import Pattern
from antiphon.core.receipt import Noted
from antiphon.recipes import (
    auto,
    best_of,
    breadth,
    cascade,
    debate,
    draft_verify,
    map_reduce,
    panel,
    python,
    ratings,
    refine,
    single,
    vote,
    workflow,
)
from antiphon.recipes.contract import check, rendered_as
from antiphon.recipes.pick import best_so_far, valid
from antiphon.recipes.port import Answer, Calls, Question
from antiphon.recipes.repair import hold, released
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_contract import ContractSettings
from antiphon.recipes.watch import FELL_BACK, Watched

Run = Callable[[Any, Question, Calls], Awaitable[Answer]]
RUNS: Mapping[Pattern, Run] = MappingProxyType(
    {
        "single": single.run,
        "cascade": cascade.run,
        "vote": vote.run,
        "ratings": ratings.run,
        "best_of": best_of.run,
        "panel": panel.run,
        "breadth": breadth.run,
        "debate": debate.run,
        "refine": refine.run,
        "draft_verify": draft_verify.run,
        "workflow": workflow.run,
        "map_reduce": map_reduce.run,
        "auto": auto.run,
    }
)
"""What runs each pattern: its settings, the request, the calls. `python` is given more."""


async def run(recipe: RecipeSettings, question: Question, calls: Calls) -> Answer:
    """Run a recipe within its envelope.

    Raises: AntiphonError, when no call gave an answer, or with `on_failure: fail` when a step failed that it needs: the
        most telling of all calls' errors. ContractViolated, with `on_violation: refuse`, when no answer keeps the contract.
    """
    contract = recipe.contract
    watched = Watched(
        calls,
        recipe.steps(question.seats),
        concurrency=recipe.envelope.concurrency,
        strict=recipe.on_failure == "fail",
        buffered=contract is not None and (contract.on_violation != "warn" or rendered_as(contract) != "as_is"),
    )
    question = replace(question, contract=contract)
    try:
        answer = await _pattern(recipe, question, watched)
    except AntiphonError as error:
        answer = _instead(recipe, error, watched)
    watched.hold()
    return answer if contract is None else await _held(contract, answer, question, watched)


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


async def _held(contract: ContractSettings, answer: Answer, question: Question, watched: Watched) -> Answer:
    """Hold the answer to the contract. Where it can't be mended, another one that came and keeps it takes its place.

    Raises: ContractViolated.
    """
    if answer.streams:
        watched.note(Noted(step=answer.step, what="skipped", why="it streams: the contract isn't checked"))
        return answer
    try:
        held = await hold(contract, answer, question, watched, sandbox=watched.sandbox)
    except ContractViolated:
        other = await _other(contract, question, watched)
        if other is None:
            raise
        return other
    if not valid(held) and valid(answer):
        watched.note(Noted(step=answer.step, what=FELL_BACK, why="what was to mend it says nothing"))
        return answer
    if contract.on_violation != "best" or (await check(contract, held, question, sandbox=watched.sandbox)).ok:
        return held
    return await _other(contract, question, watched) or held


async def _other(contract: ContractSettings, question: Question, watched: Watched) -> Answer | None:
    """The last answer of any step that keeps the contract, as it is released; None: there is none."""
    for answer in reversed(watched.answers):
        found = await check(contract, answer, question, sandbox=watched.sandbox)
        if valid(answer) and found.ok:
            watched.note(Noted(step=answer.step, what="accepted", why="of all answers, it keeps the contract"))
            return released(contract, answer, found)
    return None
