from math import exp

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from scripted_calls import Entry, Fails, Never, Says, ScriptedCalls, answer_of, play, question

from antiphon.core.content import Sampling, ToolCall
from antiphon.core.error import AntiphonError, UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.core.sandbox import Ran, Sandbox
from antiphon.recipes.confidence import by_both, by_logprob, by_margin, chance
from antiphon.recipes.port import Answer, Asked, Seated
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_cascade import (
    CalibrationSettings,
    CascadeSettings,
    Method,
    PointSettings,
    StageSettings,
    ThresholdsSettings,
)
from antiphon.recipes.settings_contract import ChoiceSettings, CodeSettings, ContractSettings

GONE = UpstreamBroken("gone")
SURE, UNSURE = (-0.1, -0.2), (-2.0, -1.0)
CHOICE = ContractSettings(choice=ChoiceSettings(options=["A", "B"]), on_violation="warn")


def says(text: str, logprobs: tuple[float, ...] | None = None, margins: tuple[float, ...] | None = None) -> Says:
    return Says(text=text, logprobs=logprobs, margins=margins)


def stages(*seats: str) -> list[StageSettings]:
    return [StageSettings(seat=seat) for seat in seats]


def calibrated(seat: str, *table: tuple[float, float]) -> list[CalibrationSettings]:
    points = [PointSettings(score=score, chance=chance) for score, chance in table]
    return [CalibrationSettings(seat=seat, method="logprob", points=points)]


def went(
    scripts: dict[str, object],
    settings: CascadeSettings | None = None,
    *,
    envelope: Envelope | None = None,
    on_failure: str = "best",
    contract: ContractSettings | None = None,
    stream: bool = False,
    **asked: object,
) -> tuple[Answer, ScriptedCalls]:
    calls = ScriptedCalls(scripts, envelope, stream=stream)
    settings = settings or CascadeSettings(stages=stages("small", "big"))
    recipe = RecipeSettings(cascade=settings, on_failure=on_failure, contract=contract)
    return play(run(recipe, question(stream=stream, **asked), calls)), calls


# Scores.


@pytest.mark.parametrize(
    ("logprobs", "score"),
    [((-0.3, -0.3), 0.9), ((0.0,), 1.0), ((-9.0,), 0.0), ((-1.5,), 0.5), ((), None), (None, None)],
)
def test_the_mean_log_probability_becomes_a_score(logprobs: tuple[float, ...] | None, score: float | None) -> None:
    assert by_logprob(answer_of("x", logprobs=logprobs)) == (None if score is None else pytest.approx(score))


def test_the_mean_margin_becomes_a_score_and_both_can_be_weighed() -> None:
    answer = answer_of("x", logprobs=(-0.3,), margins=(3.0, 3.0))

    assert by_margin(answer) == pytest.approx(1 - exp(-1))
    assert by_margin(answer_of("x", margins=())) is None
    assert by_both(answer, 0.25) == pytest.approx(0.25 * 0.9 + 0.75 * (1 - exp(-1)))
    assert by_both(answer_of("x", logprobs=(-0.3,)), 0.5) is None


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, unique_by=lambda row: row[0]),
    st.lists(st.floats(-1, 2), min_size=2, max_size=2),
)
def test_a_calibrated_chance_rises_with_the_score_within_its_table(
    rows: list[tuple[float, float]], scores: list[float]
) -> None:
    table = list(zip(sorted(row[0] for row in rows), sorted(row[1] for row in rows), strict=True))
    low, high = (chance(score, table) for score in sorted(scores))

    assert table[0][1] - 1e-9 <= low <= high + 1e-9
    assert high <= table[-1][1] + 1e-9
    assert all(chance(score, table) == pytest.approx(told) for score, told in table)


# Acceptance and escalation.


def test_a_sure_answer_ends_it() -> None:
    answer, calls = went({"small": says("42", SURE), "big": "no"})

    assert (answer.text, answer.seat) == ("42", "small")
    assert calls.steps() == ["stage-1"]
    assert [(noted.what, noted.score) for noted in calls.notes] == [("accepted", pytest.approx(0.95))]


def test_an_unsure_one_escalates_and_the_last_stage_is_never_checked() -> None:
    answer, calls = went({"small": says("41", UNSURE), "big": says("42", UNSURE)})

    assert answer.text == "42"
    assert calls.steps() == ["stage-1", "stage-2"]
    assert not calls.of("stage-2").asked.logprobs
    assert calls.of("stage-2").final
    assert calls.whats() == ["escalated"]


def test_the_last_stage_streams_and_the_others_are_kept_back() -> None:
    answer, calls = went({"small": says("41", UNSURE)}, stream=True)
    assert (answer.streams, calls.of("stage-1").final) == (True, False)

    answer, _ = went({"small": says("42", SURE)}, stream=True)
    assert (answer.streams, answer.text) == (False, "42")


def test_without_log_probabilities_the_next_method_tells_and_no_stage_is_skipped() -> None:
    def small(asked: Asked, _: int) -> Entry:
        return '{"chance": 0.9}' if asked.step.startswith("self-check") else "42"

    answer, calls = went({"small": small})
    assert (answer.seat, calls.steps()) == ("small", ["stage-1", "self-check-1"])

    answer, calls = went({"small": says("41")}, CascadeSettings(stages=stages("small", "big"), by=["logprob"]))
    assert (answer.seat, calls.steps()) == ("big", ["stage-1", "stage-2"])
    assert calls.notes[0].why == "nothing can tell how sure it is"


@pytest.mark.parametrize("by", ["self_check", "verifier"])
@pytest.mark.parametrize(
    ("said", "accepted"),
    [
        ('{"chance": 0.71}', True),
        ('{"chance": 0.69}', False),
        ('Sure! {"chance": 1.0, "reason": "it\'s {clear}"} ok', True),
        ("I am sure.", False),
        ('{"chance": 7}', False),
        (GONE, False),
        (Never(), False),
    ],
)
def test_a_check_decides_and_one_that_can_not_be_read_accepts_nothing(by: Method, said: Entry, accepted: bool) -> None:
    def either(asked: Asked, _: int) -> Entry:
        return "41" if asked.step == "stage-1" else said

    settings = CascadeSettings(stages=stages("small", "big"), by=[by], verifier="judge", timeout_s=30)

    answer, calls = went({"small": either, "judge": said, "big": "42"}, settings)

    assert answer.seat == ("small" if accepted else "big")
    step = "self-check-1" if by == "self_check" else "verify-1"
    assert calls.of(step).asked.seat == ("small" if by == "self_check" else "judge")
    assert "41" in calls.of(step).said


@pytest.mark.parametrize(
    ("said", "released", "score"),
    [(["B", "B", "A"], "B", 2 / 3), (["A", "B", "B"], "B", 2 / 3), (["A", "B", "C"], "big", 1 / 3)],
)
def test_further_answers_that_agree_make_it_sure(said: list[str], released: str, score: float) -> None:
    settings = CascadeSettings(stages=stages("small", "big"), by=["agreement"])

    answer, calls = went({"small": said, "big": "big"}, settings)

    assert answer.text == released
    assert calls.notes[0].score == pytest.approx(score)
    assert calls.steps()[:3] == ["stage-1", "sample-1#1", "sample-1#2"]
    assert len({made.asked.seed for made in calls.made[:3]}) == 3


def test_another_model_can_be_the_one_to_agree() -> None:
    settings = CascadeSettings(stages=stages("small", "big"), by=["agreement"], agree_with="other", samples=2)

    assert went({"small": "42", "other": "The answer is 42."}, settings)[0].seat == "small"
    assert went({"small": "42", "other": "43"}, settings)[0].seat == "big"
    assert went({"small": "42", "other": GONE}, settings)[0].seat == "big"


def test_an_answer_that_breaks_the_contract_is_not_accepted_however_sure_nor_checked() -> None:
    answer, calls = went({"small": says("I don't know", SURE), "big": "B"}, contract=CHOICE)

    assert answer.text == "B"
    assert calls.steps() == ["stage-1", "stage-2"]
    assert calls.notes[0].why.startswith("choice:")


def test_keeping_the_contract_can_be_all_that_is_asked() -> None:
    settings = CascadeSettings(stages=stages("small", "big"), by=["contract"])

    assert went({"small": "A"}, settings, contract=CHOICE)[0].seat == "small"
    assert went({"small": "A"}, settings)[0].seat == "big"  # there is no contract that could tell


class Bench(Sandbox):
    """A sandbox that passes programs which say so."""

    async def run(self, code: str, **_: object) -> Ran:
        passes = "right" in code
        mark = code.rsplit("print(", 1)[1].strip("()'\n")
        return Ran(tier="monty", exit=0 if passes else 1, stdout=mark if passes else "")


@pytest.mark.parametrize(("comment", "released"), [("right", "small"), ("wrong", "big")])
def test_a_program_is_executed_before_it_is_accepted(comment: str, released: str) -> None:
    contract = ContractSettings(code=CodeSettings(tests=["assert f() == 1"]), on_violation="warn")
    calls = ScriptedCalls({"small": f"```python\ndef f():\n    return 1  # {comment}\n```"})
    calls.sandbox = Bench()
    settings = CascadeSettings(stages=stages("small", "big"), by=["contract"])

    answer = play(run(RecipeSettings(cascade=settings, contract=contract), question(), calls))

    assert answer.seat == released


def test_thresholds_can_be_set_for_a_method_and_for_a_stage() -> None:
    unsure = {"small": says("41", (-1.5,)), "big": "42"}

    by_method = CascadeSettings(stages=stages("small", "big"), thresholds=ThresholdsSettings(logprob=0.5))
    assert went(unsure, by_method)[0].seat == "small"

    by_stage = CascadeSettings(
        stages=[StageSettings(seat="small", threshold=0.51), *stages("big")], thresholds=ThresholdsSettings(logprob=0.5)
    )
    assert went(unsure, by_stage)[0].seat == "big"


def test_a_calibrated_score_is_held_against_the_threshold_as_a_chance() -> None:
    settings = CascadeSettings(
        stages=stages("small", "big"),
        thresholds=ThresholdsSettings(logprob=0.6),
        calibration=calibrated("small", (0.0, 0.1), (0.9, 0.5), (1.0, 0.7)),
    )

    _, calls = went({"small": says("41", (-0.15,)), "big": "42"}, settings)
    assert (calls.notes[0].what, calls.notes[0].score) == ("accepted", pytest.approx(0.6))
    assert went({"small": says("41", (-0.3,)), "big": "42"}, settings)[0].seat == "big"


def test_a_stage_can_have_methods_of_its_own() -> None:
    small = StageSettings(seat="small", by=["margin"])

    assert (
        went({"small": says("42", UNSURE, (9.0,))}, CascadeSettings(stages=[small, *stages("big")]))[0].seat == "small"
    )


def test_three_stages_are_asked_in_turn() -> None:
    settings = CascadeSettings(stages=stages("a", "b", "c"))

    answer, calls = went({"a": says("1", UNSURE), "b": says("2", SURE)}, settings)

    assert (answer.text, calls.steps()) == ("2", ["stage-1", "stage-2"])


# Calls of tools.


def test_a_call_of_a_tool_is_judged_by_its_tokens_alone() -> None:
    tool = ToolCall(id="t", name="look", arguments="{}")
    sure = Says(tools=(tool,), logprobs=SURE)

    assert went({"small": sure})[0].seat == "small"
    assert went({"small": replace(sure, logprobs=UNSURE)})[0].seat == "big"


def test_without_any_it_is_released_as_it_is() -> None:
    answer, calls = went({"small": Says(tools=(ToolCall(id="t", name="look", arguments="{}"),))}, contract=CHOICE)

    assert (answer.seat, answer.calls_tools, len(calls.made)) == ("small", True, 1)


# Order.

KNOWN = (
    Seated(seat="big", cost_nano_usd=900, quality=0.9, size_b=400.0),
    Seated(seat="unknown"),
    Seated(seat="small", cost_nano_usd=10, quality=0.6, size_b=8.0),
    Seated(seat="odd", cost_nano_usd=500, quality=0.5, size_b=70.0),
)


@pytest.mark.parametrize(
    ("order", "cost_weight", "expected"),
    [
        ("declared", 0.3, ["big", "unknown", "small", "odd"]),
        ("cost", 0.3, ["small", "odd", "big", "unknown"]),
        ("size", 0.3, ["small", "odd", "big", "unknown"]),
        ("quality", 0.3, ["odd", "small", "big", "unknown"]),
        ("value", 0.0, ["big", "small", "odd", "unknown"]),
        ("value", 1.0, ["small", "odd", "big", "unknown"]),
    ],
)
def test_what_is_unknown_is_asked_last_in_every_order(order: str, cost_weight: float, expected: list[str]) -> None:
    settings = CascadeSettings(order=order, cost_weight=cost_weight)

    assert [stage.seat for _, stage in settings.ordered(KNOWN)] == expected
    shape = [step.seat for step in settings.steps(KNOWN) if step.role == "stage"]
    _, calls = went(
        dict.fromkeys(["small", "odd", "big", "unknown"], says("?")), replace(settings, by=["logprob"]), seats=KNOWN
    )
    assert shape == expected
    assert [made.asked.seat for made in calls.made] == expected


def test_a_free_model_is_the_cheapest_and_not_an_unknown_one() -> None:
    seats = (Seated(seat="dear", cost_nano_usd=5), Seated(seat="free", cost_nano_usd=0))

    assert [stage.seat for _, stage in CascadeSettings(order="cost").ordered(seats)] == ["free", "dear"]


def test_steps_keep_the_names_of_their_declared_places() -> None:
    settings = CascadeSettings(order="cost", by=["logprob", "agreement", "self_check"])
    seats = (Seated(seat="dear", cost_nano_usd=5), Seated(seat="cheap", cost_nano_usd=1))

    assert [(step.name, step.seat, step.most_calls) for step in settings.steps(seats)] == [
        ("stage-2", "cheap", 1),
        ("sample-2", "cheap", 2),
        ("self-check-2", "cheap", 1),
        ("stage-1", "dear", 1),
    ]


def test_a_request_of_high_impact_goes_to_the_last_stage_where_the_recipe_says_so() -> None:
    settings = CascadeSettings(stages=stages("small", "big"), last_at=["high"])

    assert went({"small": says("1", SURE)}, settings, impact="high")[1].steps() == ["stage-2"]
    assert went({"small": says("1", SURE)}, settings, impact="low")[1].steps() == ["stage-1"]
    assert went({"small": says("1", SURE)}, settings)[1].steps() == ["stage-1"]


# Failures.

CUT = Says(text="cut o", finish_reason="length")


@pytest.mark.parametrize("on_failure", ["best", "fail"])
@pytest.mark.parametrize(
    ("scripts", "released", "fell"),
    [
        ({"a": GONE}, "c", False),
        ({"a": GONE, "b": says("2", SURE)}, "b", False),
        ({"a": GONE, "b": GONE}, "c", False),
        ({"a": "", "b": says("2", UNSURE)}, "c", False),
        ({"c": GONE}, "b", True),
        ({"b": says("2", (-2.9,)), "c": GONE}, "a", True),
        ({"b": GONE, "c": GONE}, "a", True),
        ({"c": " "}, "b", True),
        ({"c": CUT}, "b", True),
        ({"a": CUT, "b": CUT, "c": CUT}, "c", False),
        ({"a": CUT, "b": GONE, "c": GONE}, "a", True),
        ({"a": GONE, "b": GONE, "c": GONE}, "", True),
    ],
)
def test_every_failure_ends_in_the_surest_answer_or_an_error(
    scripts: dict[str, Entry], released: str, fell: bool, on_failure: str
) -> None:
    said = {"a": says("1", (-1.5,)), "b": says("2", (-1.0,)), "c": "3", **scripts}
    settings = CascadeSettings(stages=stages("a", "b", "c"), by=["logprob"])
    try:
        answer, calls = went(said, settings, on_failure=on_failure)
    except AntiphonError:
        assert not released or (fell and on_failure == "fail")
    else:
        assert answer.seat == released
        assert ("fell_back" in calls.whats()) == fell


def test_where_the_dear_stage_is_not_paid_for_the_cheap_answer_is_released() -> None:
    answer, calls = went({"small": says("41", UNSURE)}, envelope=Envelope(calls=1, seconds=60))

    assert (answer.text, calls.made[1].outcome) == ("41", "refused")


def test_an_answer_that_keeps_the_contract_is_released_before_a_surer_one_that_does_not() -> None:
    settings = CascadeSettings(stages=stages("a", "b", "c"), by=["logprob"])

    for logprobs in (UNSURE, None):
        answer, _ = went({"a": says("A", logprobs), "b": says("?", SURE), "c": GONE}, settings, contract=CHOICE)
        assert answer.seat == "a"


def test_of_two_answers_as_sure_as_each_other_the_later_is_released() -> None:
    settings = CascadeSettings(stages=stages("a", "b", "c"), by=["logprob"])

    assert went({"a": says("1", UNSURE), "b": says("2", UNSURE), "c": GONE}, settings)[0].seat == "b"


def test_a_slow_stage_is_left() -> None:
    settings = CascadeSettings(stages=stages("small", "big"), timeout_s=4)

    _, calls = went({"small": Never()}, settings)

    assert calls.of("stage-2").began_s == 4


def test_log_probabilities_that_the_caller_did_not_ask_for_are_not_released() -> None:
    class Telling(ScriptedCalls):
        async def ask(self, asked: Asked) -> Answer:
            answer = await super().ask(asked)
            choice = replace(answer.response.choices[0], logprobs={"content": []})
            return replace(answer, response=replace(answer.response, choices=(choice,)))

    recipe = RecipeSettings(cascade=CascadeSettings(stages=stages("small", "big")))
    for sampling, released in ((None, None), (Sampling(logprobs=True), {"content": []})):
        answer = play(run(recipe, question(sampling=sampling), Telling({"small": says("1", SURE)})))
        assert answer.response.choices[0].logprobs == released


def test_mistakes_are_found() -> None:
    assert CascadeSettings(by=["verifier"]).check()[0][0] == "verifier"
    assert CascadeSettings(stages=[StageSettings(seat="a", by=["verifier"])]).check()[0][0] == "verifier"
    falling = CascadeSettings(calibration=calibrated("a", (0.1, 0.9), (0.2, 0.5)))
    assert falling.check()[0][:2] == ("calibration", "the points of a's logprob don't rise")
    twice = CascadeSettings(calibration=calibrated("a", (0.1, 0.1), (0.1, 0.5)))
    assert twice.check()
    assert not CascadeSettings(calibration=calibrated("a", (0.1, 0.1), (0.3, 0.1))).check()


def test_it_is_written_in_yaml_as_documented() -> None:
    written = {
        "cascade": {
            "stages": [{"seat": "fast", "threshold": 0.8}, {"seat": "premium"}],
            "by": ["logprob", "verifier"],
            "verifier": "judge",
            "calibration": [{"seat": "fast", "method": "logprob", "points": [{"score": 0.2, "chance": 0.3}]}],
        }
    }

    recipe = msgspec.convert(written, RecipeSettings)

    assert recipe.seats() == ("fast", "premium", "judge")
    assert recipe.check() == []
    assert recipe.envelope_of().calls == 3


def test_a_failing_check_falls_to_the_next_method() -> None:
    def small(asked: Asked, _: int) -> Entry:
        return Fails(error=GONE) if asked.step.startswith("self-check") else "42"

    settings = CascadeSettings(stages=stages("small", "big"), by=["self_check", "verifier"], verifier="judge")

    answer, calls = went({"small": small, "judge": '{"chance": 0.8}'}, settings)

    assert (answer.seat, calls.steps()) == ("small", ["stage-1", "self-check-1", "verify-1"])
