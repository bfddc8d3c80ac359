"""Recorded prompts through a configuration's own planner."""

from pathlib import Path
from typing import Any

import yaml

from antiphon.app.offline import planner
from antiphon.app.route_replay import Answered, answered
from antiphon.config.load import load
from antiphon.evaluation.outcomes import Outcome
from antiphon.evaluation.replay_recipes import prompts

NAMES = ("small", "mid", "big")
PRICES = {"small": 0.1, "mid": 1, "big": 5}
CONFIG: dict[str, Any] = {
    "providers": {"lab": {"lab": {"models": {name: {} for name in NAMES}}}},
    "models": {name: {"provider": "lab", "price": {"input": PRICES[name], "output": PRICES[name]}} for name in NAMES},
    "recipes": {"thrifty": {"auto": {}}},
    "routes": {
        "r": {
            "models": list(NAMES),
            "rules": [{"name": "code", "when": "text.code", "models": ["big"]}],
            "recipe": "thrifty",
        }
    },
}
TEXTS = {
    "sum": "What is 2 plus 2?",
    "product": "What is 6 times 7?",
    "code": "Fix it\n```python\ndef f(x): return x\n```",
}
SAID = {"sum": ("4", "4", "5"), "product": ("41", "40", "42"), "code": ("x", "y", "z")}
RIGHT = {"sum": "4", "product": "42", "code": "z"}


def outcomes() -> list[Outcome]:
    return [
        Outcome(
            prompt_id=prompt_id,
            prompt=text,
            model=name,
            score=float(said == RIGHT[prompt_id]),
            cost_nano_usd=cost,
            answer=said,
        )
        for prompt_id, text in TEXTS.items()
        for name, said, cost in zip(NAMES, SAID[prompt_id], (1, 10, 100), strict=True)
    ]


async def through(tmp_path: Path, route: str = "r") -> dict[str, Answered]:
    file = tmp_path / "antiphon.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    return {one.id: one for one in await answered(planner(load(file, {})), route, prompts(outcomes()))}


async def test_each_prompt_is_decided_by_its_rules_and_answered_by_its_recipe(tmp_path: Path) -> None:
    came = await through(tmp_path)

    assert {key: (one.rule, one.replayed.asked) for key, one in came.items()} == {
        "sum": ("", ("small", "mid")),
        "product": ("", ("small", "mid", "big")),
        "code": ("code", ("big",)),
    }
    assert [one.replayed.score for one in came.values()] == [1.0, 1.0, 1.0]
    assert [one.replayed.cost_nano_usd for one in came.values()] == [11, 111, 100]


async def test_a_prompt_that_is_refused_is_told_and_scores_nothing(tmp_path: Path) -> None:
    came = await through(tmp_path, "nowhere")

    assert {(one.refused, one.replayed.score) for one in came.values()} == {("model_not_found", 0.0)}
