"""Mistakes in recipes are told with their place, whatever the pattern."""

from pathlib import Path

import pytest

from antiphon.config.load import load_text
from antiphon.core.error import ConfigError

HEAD = """\
providers: {lab: {lab: {models: {quick: {}}}}}
models:
  quick: {provider: lab}
recipes:
  team:
"""


@pytest.mark.parametrize(
    ("recipe", "line", "path"),
    [
        ("    vote: {}\n    panel: {}\n", 5, "recipes.team"),
        ("    {}\n", 5, "recipes.team"),
        ("    single: {seat: grand}\n", 6, "recipes.team.single.seat"),
        ("    breadth:\n      schedule: [4, 2]\n      quorum: 3\n", 8, "recipes.team.breadth.quorum"),
        ("    refine:\n      until: contract\n", 7, "recipes.team.refine.until"),
        ("    debate:\n      members: [quick]\n", 7, "recipes.team.debate.members"),
        (
            "    workflow:\n      steps:\n        - name: one\n        - name: two\n          after: [three]\n",
            9,
            "recipes.team.workflow.steps[1]",
        ),
        (
            "    workflow:\n      steps:\n        - name: one\n          prompt: '{question}'\n",
            9,
            "recipes.team.workflow.steps[0].prompt",
        ),
        (
            "    workflow:\n      planner:\n        workers:\n          final: {}\n",
            9,
            "recipes.team.workflow.planner.workers.final",
        ),
        (
            "    map_reduce:\n      chunk_tokens: 100\n      overlap_tokens: 60\n",
            8,
            "recipes.team.map_reduce.overlap_tokens",
        ),
        ("    python:\n      call: 'no_such_module:team'\n", 7, "recipes.team.python.call"),
    ],
)
def test_a_mistake_in_a_recipe_is_told_with_its_place(recipe: str, line: int, path: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_text(HEAD + recipe, "f.yaml", Path("/"), {})

    assert [(problem.line, problem.path) for problem in told.value.problems] == [(line, path)]
