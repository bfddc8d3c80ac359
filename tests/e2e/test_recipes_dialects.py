"""Every pattern of rounds, drafts, workflows and parts answers in every dialect, whole and as a stream, with images and
results of tools; its receipt tells its steps, and whose answer went out.
"""

import json
from itertools import product
from typing import Any

import pytest

from rig.config import ALICE, KEYS
from rig.fixtures import Start
from rig.gateway import Answer, Config, Gateway

pytestmark = pytest.mark.processes

LONG = "Sum it up.\n\n" + "\n\n".join(f"Paragraph {one}. " + "It goes on. " * 20 for one in range(8))
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
RECIPES: dict[str, dict[str, Any]] = {
    "breadth": {"breadth": {"members": ["a", "b"], "schedule": [2, 2], "final": "c"}},
    "debate": {"debate": {"members": ["a", "b"], "rounds": 1}},
    "refine": {"refine": {"seat": "a", "critic": "b", "rounds": 1}},
    "draft-verify": {"draft_verify": {"draft": "a", "verifier": "b"}},
    "workflow": {
        "workflow": {
            "steps": [{"name": "facts", "seat": "a"}, {"name": "check", "seat": "b", "after": ["facts"]}],
            "final": {"seat": "c"},
        }
    },
    "planned": {"workflow": {"planner": {"seat": "c", "workers": {"coder": {"seat": "a"}}}, "final": {"seat": "c"}}},
    "map-reduce": {"map_reduce": {"seat": "a", "final": "c", "chunk_tokens": 64, "overlap_tokens": 0}},
}
STEPS = {
    "breadth": ["final", "round-1-1", "round-1-2", "round-2-1", "round-2-2"],
    "debate": ["round-1-1", "round-1-2", "round-2-1", "round-2-2"],
    "refine": ["critic-1", "draft"],
    "draft-verify": ["draft", "verifier"],
    "workflow": ["check", "facts", "final"],
    "planned": ["coder#1", "final", "planner#1", "planner#2"],
}
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
CALLED = [{"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]


def config() -> Config:
    lab = {"first_token": {"p50_ms": 1, "p99_ms": 1}, "tokens_per_s": 1_000_000, "answer_tokens": 20}
    return {
        "keys": KEYS[:1],
        "providers": {"lab": {"lab": {"models": dict.fromkeys("abc", lab)}}},
        "models": {name: {"provider": "lab", "price": {"input": 1, "output": 2}} for name in "abc"},
        "recipes": RECIPES,
        "routes": {name: {"models": ["a"], "recipe": name} for name in RECIPES},
    }


@pytest.fixture
def gateway(start: Start) -> Gateway:
    return start(config(), key=ALICE)


def asked(gateway: Gateway, model: str, dialect: str, *, stream: bool) -> Answer:
    body: dict[str, Any]
    path = "/v1/chat/completions"
    match dialect:
        case "chat":
            said = [{"type": "text", "text": LONG}, IMAGE]
            body = {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": said}]}
        case "tools":
            said = [
                {"role": "user", "content": "look"},
                {"role": "assistant", "content": None, "tool_calls": CALLED},
                {"role": "tool", "tool_call_id": "t1", "content": "a cat"},
            ]
            body = {"messages": said, "tools": [LOOK]}
        case "responses":
            path, body = "/v1/responses", {"input": LONG}
        case "anthropic":
            path, body = "/v1/messages", {"max_tokens": 300, "messages": [{"role": "user", "content": LONG}]}
        case _:
            path = f"/v1beta/models/{model}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
            return _sent(gateway, path, {"contents": [{"role": "user", "parts": [{"text": LONG}]}]})
    return _sent(gateway, path, {"model": model, "stream": stream, **body})


def _sent(gateway: Gateway, path: str, body: dict[str, Any]) -> Answer:
    headers = {"anthropic-version": "2023-06-01"}
    return gateway.ask("POST", path, json.dumps(body).encode(), headers=headers)


END = {
    "chat": b"data: [DONE]",
    "tools": b"data: [DONE]",
    "responses": b"response.completed",
    "anthropic": b"message_stop",
    "gemini": b'"finishReason"',
}


def test_every_pattern_answers_in_every_dialect_whole_and_streamed(gateway: Gateway) -> None:
    for model, dialect, stream in product(RECIPES, END, (False, True)):
        answer = asked(gateway, model, dialect, stream=stream)
        assert answer.status == 200, (model, dialect, stream, answer)
        assert stream or b"simulated model" in answer.body, (model, dialect, answer)
        assert answer.headers["x-antiphon-recipe"] == model
        assert not stream or END[dialect] in answer.body, (model, dialect, answer)


def test_a_receipt_tells_the_steps_that_were_made(gateway: Gateway) -> None:
    for model, steps in STEPS.items():
        receipt = gateway.receipt(asked(gateway, model, "chat", stream=False))
        assert sorted(attempt["step"] for attempt in receipt["attempts"]) == steps
        served = [one for one in receipt["attempts"] if one["deployment"] == receipt["served"]]
        assert receipt["usage"] in [one["usage"] for one in served]
        assert {step["name"] for step in receipt["plan"]["steps"]} >= {step.split("#")[0] for step in steps}


def test_a_long_input_is_split_and_every_part_is_a_call(gateway: Gateway) -> None:
    receipt = gateway.receipt(asked(gateway, "map-reduce", "chat", stream=True))

    steps = [attempt["step"] for attempt in receipt["attempts"]]
    assert steps[-1] == "final"
    assert sorted(steps[:-1]) == sorted(f"map#{number}" for number in range(1, len(steps)))
    assert len(steps) > 8


def test_an_answer_of_a_recipe_is_kept_for_the_next_turn(gateway: Gateway) -> None:
    """The Responses API keeps what a recipe released, also where a buffered answer is told as a stream."""
    for model in ("debate", "workflow"):
        streamed = _sent(gateway, "/v1/responses", {"model": model, "input": "hello", "stream": True, "store": True})
        event = next(
            line for line in streamed.body.splitlines() if b'"response.completed"' in line and b"data:" in line
        )
        told = json.loads(event.removeprefix(b"data:"))["response"]

        kept = gateway.get(f"/v1/responses/{told['id']}")

        assert kept.status == 200
        assert kept.json["output"] == told["output"]


FAILING: dict[str, tuple[dict[str, Any], str]] = {
    "last-call-down": (
        {"breadth": {"members": ["a", "stuck"], "schedule": [2], "final": "down", "quorum": 1}},
        "final",
    ),
    "too-few-calls": ({"breadth": {"members": ["a", "b"], "final": "c"}, "envelope": {"calls": 4}}, "final"),
    "planner-down": (
        {"workflow": {"planner": {"seat": "down", "workers": {"coder": {"seat": "a"}}}, "final": {"seat": "c"}}},
        "planner",
    ),
    "verifier-down": ({"draft_verify": {"draft": "a", "verifier": "down"}}, "verifier"),
    "critic-down": ({"refine": {"seat": "a", "critic": "down"}}, "critic-1"),
    "parts-alone": (
        {"map_reduce": {"seat": "a", "final": "down", "chunk_tokens": 64, "overlap_tokens": 0}},
        "final",
    ),
}
"""Recipes with a seat that is down or silent, and the step that they go on without."""


def test_whatever_fails_an_answer_goes_out_and_the_receipt_says_what_was_gone_without(start: Start) -> None:
    faulty = config()
    models = faulty["providers"]["lab"]["lab"]["models"]
    models |= {"down": {"faults": [{"kind": "error_500", "percent": 100}]}}
    models |= {"stuck": {"first_token": {"p50_ms": 60_000, "p99_ms": 60_000}}}
    faulty["models"] |= {name: {"provider": "lab"} for name in ("down", "stuck")}
    faulty["recipes"] = {name: recipe for name, (recipe, _) in FAILING.items()}
    faulty["routes"] = {name: {"models": ["a"], "recipe": name} for name in FAILING}
    gateway = start(faulty, key=ALICE)

    for (model, (_, without)), stream in product(FAILING.items(), (False, True)):
        answer = asked(gateway, model, "chat", stream=stream)

        assert answer.status == 200, (model, stream, answer)
        assert stream or b"simulated model" in answer.body
        assert not stream or END["chat"] in answer.body
        steps = gateway.closed_receipt(answer.receipt_id)["steps"]
        assert without in [one["step"] for one in steps if one["what"] == "fell_back"], (model, steps)
