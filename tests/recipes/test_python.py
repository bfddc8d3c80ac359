import sys
from types import ModuleType
from typing import Any

import pytest
from scripted_calls import Never, ScriptedCalls, play, question

from antiphon.core.error import AntiphonError, DeadlineExceeded, UpstreamBroken
from antiphon.core.plan import Envelope
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.python import load
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_python import PythonSettings

GONE = UpstreamBroken("gone")


async def longest(request: Question, calls: Calls, envelope: Envelope) -> Answer:
    answers = [await calls.ask(Asked(step=f"answer-1#{number}", seat="a")) for number in range(1, 4)]
    return max(answers, key=lambda answer: len(answer.text))


async def first_then_never(request: Question, calls: Calls, envelope: Envelope) -> Answer:
    await calls.ask(Asked(step="answer-1#1", seat="a"))
    return await calls.ask(Asked(step="answer-2#1", seat="b"))


async def envelope_told(request: Question, calls: Calls, envelope: Envelope) -> Answer:
    assert envelope.calls == 6
    return await calls.final(Asked(step="answer-1#1", seat="a"))


async def wrong(request: Question, calls: Calls, envelope: Envelope) -> Any:
    return "42"


async def breaks(request: Question, calls: Calls, envelope: Envelope) -> Any:
    raise KeyError("a secret")


async def own_timeout(request: Question, calls: Calls, envelope: Envelope) -> Any:
    raise TimeoutError


def plain(request: Question, calls: Calls, envelope: Envelope) -> None: ...
async def of_two(request: Question, calls: Calls) -> None: ...


@pytest.fixture(autouse=True)
def module() -> Any:
    """This file, by a name that a configuration can have."""
    made = ModuleType("own_recipes")
    made.__dict__.update(globals())
    sys.modules["own_recipes"] = made
    yield made
    del sys.modules["own_recipes"]


def went(name: str, scripts: dict[str, object], **settings: object) -> tuple[Answer, ScriptedCalls]:
    calls = ScriptedCalls(scripts)
    recipe = RecipeSettings(python=PythonSettings(call=f"own_recipes:{name}", **settings))
    return play(run(recipe, question(), calls)), calls


def test_a_function_makes_calls_and_gives_one_answer() -> None:
    answer, calls = went("longest", {"a": ["x", "xxx", "xx"]}, members=["a"])

    assert answer.text == "xxx"
    assert len(calls.made) == 3


def test_it_is_told_its_envelope() -> None:
    assert went("envelope_told", {"a": "x"}, members=["a", "b"], most_calls=3)[0].text == "x"


def test_its_time_is_bounded_and_the_best_answer_so_far_is_given() -> None:
    answer, calls = went("first_then_never", {"a": "x", "b": Never()}, members=["a", "b"], timeout_s=9.0)

    assert (answer.text, calls.made[1].ended_s, calls.made[1].outcome) == ("x", 9.0, "cancelled")
    with pytest.raises(DeadlineExceeded, match=r"more than 9\.0 s"):
        went("first_then_never", {"a": Never()}, members=["a", "b"], timeout_s=9.0)


def test_a_call_s_failure_that_it_lets_through_is_told() -> None:
    with pytest.raises(UpstreamBroken):
        went("longest", {"a": GONE}, members=["a"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wrong", "it gave str, not an Answer"),
        ("breaks", "it raised KeyError"),
        ("own_timeout", "it raised TimeoutError"),
    ],
)
def test_what_it_does_wrong_is_said_without_its_words(name: str, why: str) -> None:
    with pytest.raises(AntiphonError, match=why) as caught:
        went(name, {})

    assert caught.value.said_code == "recipe_failed"
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("no_such_module:f", "can't be imported: ModuleNotFoundError"),
        ("own_recipes:nothing", "has no nothing"),
        ("own_recipes:plain", "is no `async def`"),
        ("own_recipes:of_two", r"doesn't take \(request, calls, envelope\)"),
    ],
)
def test_what_can_not_be_used_is_found_when_it_is_loaded(call: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load(call)


def test_a_name_of_another_form_is_no_setting() -> None:
    import msgspec

    for call in ("module", "module:", ":f", "a b:f", "os.system('x'):f"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"call": call}, PythonSettings)


def test_its_shape_has_a_step_for_each_seat() -> None:
    steps = PythonSettings(call="m:f", members=["a", "b"], most_calls=2).steps()

    assert [(step.name, step.seat, step.most_calls) for step in steps] == [("answer-1", "a", 2), ("answer-2", "b", 2)]
    assert PythonSettings(call="m:f").steps()[0].seat == ""
