"""Keys of recipes without effect: what another key switches off, or what nothing looks at."""

from collections.abc import Iterator
from typing import get_args

from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_cascade import CascadeSettings, Method
from antiphon.recipes.settings_contract import ContractSettings
from antiphon.recipes.settings_members import MembersSettings
from antiphon.recipes.settings_vote import VoteSettings
from antiphon.recipes.settings_workflow import WorkflowSettings
from antiphon.wire.yaml_node import Path

Idle = tuple[Path, str, str]
"""Path below the pattern or the contract, why nothing comes of it, what to write."""
OUT = "leave it out"
METHODS: tuple[Method, ...] = get_args(Method)
ASKED: tuple[tuple[str, tuple[Method, ...]], ...] = (
    ("verifier", ("verifier",)),
    ("agree_with", ("agreement",)),
    ("samples", ("agreement",)),
    ("logprob_weight", ("hybrid",)),
    ("judging", ("self_check", "verifier")),
)
"""Keys of a cascade, and the methods that look at them."""


def check_recipe_keys(recipe: RecipeSettings, at: Path, written: Written) -> Iterator[Problem]:
    """Keys that are written and do nothing. The recipe has exactly one pattern, and no other mistake."""
    below = (*at, recipe.pattern)
    for path, why, remedy in _of_pattern(recipe):
        if written.has((*below, *path)):
            yield written.problem((*below, *path), f"has no effect {why}", remedy)
    if recipe.contract is not None:
        for path, why, remedy in _of_contract(recipe.contract):
            if written.has((*at, "contract", *path)):
                yield written.problem((*at, "contract", *path), f"has no effect {why}", remedy)


def _of_pattern(recipe: RecipeSettings) -> Iterator[Idle]:
    if recipe.cascade is not None:
        yield from _of_cascade(recipe.cascade)
        yield from _of_stages(recipe.cascade)
    members: MembersSettings | None = (
        recipe.vote or recipe.ratings or recipe.best_of or recipe.panel or recipe.breadth or recipe.debate
    )
    if members is not None and members.quorum is None:
        yield ("grace_s",), "without a quorum", f"write `quorum:`, or {OUT}"
    if recipe.vote is not None:
        yield from _of_vote(recipe.vote)
    if recipe.workflow is not None:
        yield from _of_workflow(recipe.workflow)
    yield from _switched_off(recipe)


def _switched_off(recipe: RecipeSettings) -> Iterator[Idle]:
    """Keys that one other key decides on."""
    debate, refine, auto = recipe.debate, recipe.refine, recipe.auto
    if debate is not None and debate.decide != "judge":
        yield ("judge_prompt",), "where a vote decides", f"write `decide: judge`, or {OUT}"
    if refine is not None and not refine.criticises:
        for key in ("critic", "critic_prompt", "check_last"):
            yield (key,), "where the contract alone decides", f"write `until: both`, or {OUT}"
    if recipe.draft_verify is not None and recipe.contract is None:
        yield ("contract_first",), "without a contract", f"give the recipe a `contract`, or {OUT}"
    if auto is not None and not auto.file:
        for key in ("worth_usd", "call_usd", "costs", "at_once"):
            yield (key,), "without a file", f"write `file:`, or {OUT}"


def _of_cascade(cascade: CascadeSettings) -> Iterator[Idle]:
    used = cascade.used()
    keys = [((key,), methods) for key, methods in ASKED]
    keys += [(("thresholds", method), (method,)) for method in METHODS]
    keys += [(("calibration", at, "method"), (one.method,)) for at, one in enumerate(cascade.calibration)]
    for path, methods in keys:
        if used.isdisjoint(methods):
            yield path, f"while `by` has no {' or '.join(methods)}", f"name it in `by`, or {OUT}"
    if cascade.order != "value":
        yield ("cost_weight",), f"on the order {cascade.order}", f"write `order: value`, or {OUT}"


def _of_stages(cascade: CascadeSettings) -> Iterator[Idle]:
    for place, _ in enumerate(cascade.stages):
        if cascade.order != "size":
            yield ("stages", place, "size_b"), f"on the order {cascade.order}", f"write `order: size`, or {OUT}"
    if cascade.stages and cascade.order == "declared":
        for key in ("by", "threshold"):
            yield ("stages", len(cascade.stages) - 1, key), "on the last stage: its answer is taken as it is", OUT
    seats = [stage.seat for stage in cascade.stages]
    for place, one in enumerate(cascade.calibration):
        if seats and one.seat not in seats:
            yield ("calibration", place, "seat"), "for a seat that no stage has", f"write one of {', '.join(seats)}"


def _of_vote(vote: VoteSettings) -> Iterator[Idle]:
    if not vote.early_stop:
        yield ("agree",), "while `early_stop` is false", OUT
    for seat in vote.weights:
        if vote.members and seat not in vote.members:
            yield ("weights", seat), "for a seat that is no member", f"name it under `members`, or {OUT}"


def _of_workflow(workflow: WorkflowSettings) -> Iterator[Idle]:
    for place, step in enumerate(workflow.listed):
        if not step.verifies:
            yield ("steps", place, "repairs"), "on a step that judges none", f"write `verifies:`, or {OUT}"


def _of_contract(contract: ContractSettings) -> Iterator[Idle]:
    if contract.on_violation == "warn":
        yield ("repairs",), "beside `on_violation: warn`", f"write another `on_violation`, or {OUT}"
    exact = contract.exact
    if exact is not None and exact.type != "number":
        yield ("exact", "tolerance"), f"on a {exact.type}", f"write `type: number`, or {OUT}"
    if exact is not None and exact.type != "text":
        yield ("exact", "normalise"), f"on a {exact.type}", f"write `type: text`, or {OUT}"
