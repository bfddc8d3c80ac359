"""A key of a recipe that nothing looks at is a mistake, and so is a seat or a file that leads nowhere."""

from pathlib import Path

import pytest
from gained import member, model

from antiphon.config.load import load_text
from antiphon.core.error import ConfigError
from antiphon.routing.gain_file import write

HEAD = """\
providers: {lab: {lab: {models: {quick: {}, grand: {}}}}}
models:
  quick: {provider: lab}
  grand: {provider: lab}
recipes:
  team:
    """
POINTS = "points: [{score: 0.5, chance: 0.3}]"


def told(recipe: str) -> list[tuple[str, str]]:
    """Paths below the recipe and remedies of all mistakes."""
    try:
        load_text(HEAD + recipe, "f.yaml", Path("/"), {})
    except ConfigError as error:
        return [(one.path.removeprefix("recipes.team."), one.remedy) for one in error.problems]
    return []


@pytest.mark.parametrize(
    ("idle", "path", "mended"),
    [
        ("panel: {grace_s: 1}", "panel.grace_s", "panel: {grace_s: 1, quorum: 2}"),
        ("debate: {grace_s: 1}", "debate.grace_s", "debate: {grace_s: 1, quorum: 2}"),
        ("vote: {agree: 2, early_stop: false}", "vote.agree", "vote: {agree: 2}"),
        (
            "vote: {members: [quick, grand], weights: {fast: 2}}",
            "vote.weights.fast",
            "vote: {members: [quick, grand], weights: {quick: 2}}",
        ),
        ("debate: {judge_prompt: Judge.}", "debate.judge_prompt", "debate: {judge_prompt: Judge., decide: judge}"),
        ("cascade: {verifier: grand}", "cascade.verifier", "cascade: {verifier: grand, by: [verifier]}"),
        ("cascade: {samples: 4}", "cascade.samples", "cascade: {samples: 4, by: [agreement]}"),
        ("cascade: {agree_with: grand}", "cascade.agree_with", "cascade: {agree_with: grand, by: [agreement]}"),
        ("cascade: {logprob_weight: 0.3}", "cascade.logprob_weight", "cascade: {logprob_weight: 0.3, by: [hybrid]}"),
        ("cascade: {cost_weight: 0.3}", "cascade.cost_weight", "cascade: {cost_weight: 0.3, order: value}"),
        (
            "cascade: {by: [logprob], judging: {rubric: Right?}}",
            "cascade.judging",
            "cascade: {by: [self_check], judging: {rubric: Right?}}",
        ),
        (
            "cascade: {thresholds: {margin: 0.3}}",
            "cascade.thresholds.margin",
            "cascade: {thresholds: {margin: 0.3}, by: [margin]}",
        ),
        (
            "cascade: {stages: [{seat: quick, size_b: 7}, {seat: grand}]}",
            "cascade.stages[0].size_b",
            "cascade: {stages: [{seat: quick, size_b: 7}, {seat: grand}], order: size}",
        ),
        (
            "cascade: {stages: [{seat: quick}, {seat: grand, threshold: 0.9}]}",
            "cascade.stages[1].threshold",
            "cascade: {stages: [{seat: quick, threshold: 0.9}, {seat: grand}]}",
        ),
        (
            f"cascade: {{stages: [{{seat: quick}}], calibration: [{{seat: grand, method: logprob, {POINTS}}}]}}",
            "cascade.calibration[0].seat",
            f"cascade: {{stages: [{{seat: quick}}], calibration: [{{seat: quick, method: logprob, {POINTS}}}]}}",
        ),
        (
            f"cascade: {{calibration: [{{seat: grand, method: margin, {POINTS}}}]}}",
            "cascade.calibration[0].method",
            f"cascade: {{calibration: [{{seat: grand, method: logprob, {POINTS}}}]}}",
        ),
        (
            "{refine: {until: contract, critic: grand}, contract: {regex: a}}",
            "refine.critic",
            "{refine: {until: both, critic: grand}, contract: {regex: a}}",
        ),
        (
            "draft_verify: {contract_first: false}",
            "draft_verify.contract_first",
            "{draft_verify: {contract_first: false}, contract: {regex: a}}",
        ),
        (
            "workflow: {steps: [{name: one}, {name: two, after: [one], repairs: 2}]}",
            "workflow.steps[1].repairs",
            "workflow: {steps: [{name: one}, {name: two, verifies: one, repairs: 2}]}",
        ),
        ("auto: {at_once: 2}", "auto.at_once", "auto: {most_calls: 2}"),
        (
            "{single: {}, contract: {regex: a, on_violation: warn, repairs: 2}}",
            "contract.repairs",
            "{single: {}, contract: {regex: a, repairs: 2}}",
        ),
        (
            "{single: {}, contract: {exact: {type: text, tolerance: 1}}}",
            "contract.exact.tolerance",
            "{single: {}, contract: {exact: {type: number, tolerance: 1}}}",
        ),
        (
            "{single: {}, contract: {exact: {type: date, normalise: false}}}",
            "contract.exact.normalise",
            "{single: {}, contract: {exact: {type: text, normalise: false}}}",
        ),
    ],
)
def test_a_key_without_effect_is_told_with_its_place_and_none_is_once_it_has_one(
    idle: str, path: str, mended: str
) -> None:
    assert [one for one, _ in told(idle)] == [path]
    assert told(mended) == []


def test_a_seat_that_nobody_sits_in_is_told_at_the_place_where_it_is_named() -> None:
    recipe = (
        "workflow: {steps: [{name: one, seat: quick}, {name: two, fallback: grnad, after: [one]}], final: {seat: fats}}"
    )

    assert dict(told(recipe)) == {
        "workflow.steps[1].fallback": "did you mean `grand`?",
        "workflow.final.seat": "write one of grand, quick",
    }


@pytest.mark.parametrize(
    ("members", "right"), [("", True), (", members: [grand]", False), (", members: [quick]", True)]
)
def test_a_model_of_expected_gain_has_to_know_somebody_who_may_be_asked(
    members: str, right: bool, tmp_path: Path
) -> None:
    file = tmp_path / "gain.json"
    write(model(member("quick", 0.9, 0.5, cost_nano_usd=1000)), file)

    paths = [path for path, _ in told(f"auto: {{file: {file}{members}}}")]

    assert paths == ([] if right else ["auto.file"])
