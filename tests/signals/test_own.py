"""Facts of an operator's own functions."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import chat, extractor, facts_of

from antiphon.core.signal import Fact
from antiphon.signals.extractor import Extractor, Outside
from antiphon.signals.own import THREADS, WAITING, NoFunction, load

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The operator's module can be imported, for each test anew."""
    monkeypatch.syspath_prepend(HERE)
    yield load("own_facts:Kept").__class__
    sys.modules.pop("own_facts", None)


def with_function(name: str, **more: Any) -> Extractor:
    return extractor(functions={"f": {"call": f"own_facts:{name}", **more}})


async def told(name: str, **more: Any) -> Fact:
    made = with_function(name, **more)
    facts = facts_of("where is my order?", extractor=made)
    await made.functions.work_out("f", facts)
    made.close()
    return facts.fact("own.f")


@pytest.mark.parametrize(
    ("name", "gives", "value"),
    [
        ("vip", "bool", True),
        ("spoken", "string", "en"),
        ("words", "strings", ("a", "b")),
        ("number", "int", 3),
        ("number", "double", 3.0),
        ("Kept.rank", "double", 0.5),
    ],
)
async def test_what_a_function_returns_is_the_fact(name: str, gives: str, value: object) -> None:
    fact = await told(name, gives=gives)
    assert (fact.value, fact.confidence, fact.why) == (value, 1.0, "")
    assert type(fact.value) is type(value)


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("fails", {}, "it raised ValueError"),
        ("nothing", {}, "it returned None"),
        ("number", {}, "it returned int, and bool is declared"),
        ("vip", {"gives": "int"}, "it returned bool, and int is declared"),
        ("number", {"gives": "strings"}, "it returned int, and strings is declared"),
        ("hangs_too", {"timeout_s": 0.01}, "it took longer than 0.01 s"),
    ],
)
async def test_what_a_function_makes_wrong_leaves_the_fact_unknown(name: str, more: dict[str, Any], why: str) -> None:
    fact = await told(name, **more)
    assert (fact.value, fact.confidence, fact.why) == (None, 0.0, why)


async def test_a_function_that_hangs_holds_nobody_up_and_more_than_wait_are_refused() -> None:
    made = with_function("hangs", timeout_s=0.01)
    late = sys.modules["own_facts"].LATE
    facts = [facts_of("hi", extractor=made) for _ in range(THREADS + WAITING + 1)]
    await asyncio.gather(*(made.functions.work_out("f", one) for one in facts))
    whys = [one.fact("own.f").why for one in facts]
    late.set()
    made.close()
    assert whys.count("it took longer than 0.01 s") == WAITING
    assert whys.count(f"{WAITING} calls of own functions wait already") == THREADS + 1


async def test_one_that_is_cancelled_is_not_told_to_have_failed() -> None:
    made = with_function("hangs_too", timeout_s=60)
    facts = facts_of("hi", extractor=made)
    task = asyncio.create_task(made.functions.work_out("f", facts))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert facts.fact("own.f").why == "the function was not called"


def test_what_has_to_be_called_is_told() -> None:
    made = with_function("vip")
    assert made.needs("own.f") == {Outside("function", "f")}
    assert facts_of("hi", extractor=made).fact("own.f").why == "the function was not called"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("no_such_module:f", "no_such_module can't be imported: ModuleNotFoundError"),
        ("own_facts:none", "own_facts has no none"),
        ("own_facts:Kept.none", "own_facts has no Kept.none"),
        ("own_facts:NO_FUNCTION", "own_facts:NO_FUNCTION is int, which can't be called"),
    ],
)
def test_what_is_no_function_is_refused_with_a_reason(call: str, why: str) -> None:
    with pytest.raises(NoFunction) as caught:
        extractor(functions={"f": {"call": call}})
    assert caught.value.why.startswith(why)
    assert caught.value.remedy


def test_a_function_sees_the_request_and_its_facts() -> None:
    vip = load("own_facts:vip")
    assert vip(facts_of(chat("my order"))) is True
    assert vip(facts_of(chat("my horse"))) is False
