"""Claude Code and Codex work through the gateway, whichever upstream answers."""

import json
from typing import Any

import pytest
from suite.agents import CLAUDE_HEADERS, CODEX_HEADERS, claude_code, claude_says, codex, codex_says
from suite.words import DEGREES

from rig.gateway import Answer, Gateway

pytestmark = pytest.mark.processes
Json = dict[str, Any]


def post(gateway: Gateway, path: str, body: Json, headers: dict[str, str]) -> Answer:
    answer = gateway.ask("POST", path, json.dumps(body).encode(), headers=headers)
    assert answer.status == 200, answer.body
    return answer


def events(answer: Answer) -> list[Json]:
    return [json.loads(line[5:]) for line in answer.body.split(b"\n") if line.startswith(b"data:")]


def gathered(found: list[Json]) -> list[Json]:
    """The blocks of a streamed message, as Claude Code puts them together."""
    blocks: list[Json] = []
    for event in found:
        match event:
            case {"type": "content_block_start", "content_block": block}:
                blocks.append({**block, **({"input": ""} if block["type"] == "tool_use" else {})})
            case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}:
                blocks[-1]["text"] += text
            case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": text}}:
                blocks[-1]["thinking"] += text
            case {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": proof}}:
                blocks[-1]["signature"] = proof
            case {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": piece}}:
                blocks[-1]["input"] += piece
    return [{**one, "input": json.loads(one["input"] or "{}")} if one["type"] == "tool_use" else one for one in blocks]


def test_claude_code_reads_runs_and_goes_on(gateway: Gateway, up: str) -> None:
    said = [claude_says("<system-reminder>Be good</system-reminder>", "call Read and Grep")]
    first = events(post(gateway, "/v1/messages?beta=true", claude_code(up, said), CLAUDE_HEADERS))
    blocks = gathered(first)
    calls = [block for block in blocks if block["type"] == "tool_use"]
    assert [call["name"] for call in calls] == ["Read", "Grep"]
    assert [event["delta"]["stop_reason"] for event in first if event["type"] == "message_delta"] == ["tool_use"]
    assert first[-1]["type"] == "message_stop"

    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": f"{DEGREES}"} for call in calls]
    said += [{"role": "assistant", "content": blocks}, claude_says(*results)]
    second = gathered(events(post(gateway, "/v1/messages?beta=true", claude_code(up, said), CLAUDE_HEADERS)))
    assert "".join(block["text"] for block in second if block["type"] == "text").count(DEGREES) == 2


def test_claude_code_goes_on_with_another_provider(gateway: Gateway, up: str) -> None:
    said = [claude_says("call Read")]
    blocks = gathered(events(post(gateway, "/v1/messages?beta=true", claude_code(up, said), CLAUDE_HEADERS)))
    (call,) = [block for block in blocks if block["type"] == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": DEGREES, "is_error": True}
    said += [{"role": "assistant", "content": blocks}, claude_says(result)]

    for other in {"openai", "anthropic", "gemini", "bedrock", "cohere"} - {up}:
        answer = post(gateway, "/v1/messages?beta=true", claude_code(other, said), CLAUDE_HEADERS)
        assert DEGREES in "".join(block.get("text", "") for block in gathered(events(answer)))


def test_claude_code_counts_before_it_asks(gateway: Gateway, up: str) -> None:
    asked = claude_code(up, [claude_says("How long is this?")], stream=False)
    body = {name: asked[name] for name in ("model", "system", "messages", "tools", "thinking")}
    answer = post(gateway, "/v1/messages/count_tokens?beta=true", body, CLAUDE_HEADERS)

    assert answer.json["input_tokens"] > 500


def test_codex_plans_runs_and_goes_on(gateway: Gateway, up: str) -> None:
    said = [codex_says("<environment_context>linux</environment_context>"), codex_says("call shell and update_plan")]
    first = events(post(gateway, "/v1/responses", codex(up, said), CODEX_HEADERS))
    done = [event["item"] for event in first if event["type"] == "response.output_item.done"]
    calls = [item for item in done if item["type"] == "function_call"]
    assert [call["name"] for call in calls] == ["shell", "update_plan"]
    assert json.loads(calls[0]["arguments"])["command"] == []
    assert first[-1]["type"] == "response.completed"
    assert first[-1]["response"]["usage"]["total_tokens"] > 0

    output = json.dumps({"output": DEGREES, "metadata": {"exit_code": 0, "duration_seconds": 0.1}})
    kept = [{name: value for name, value in item.items() if name != "status"} for item in done]
    said += kept + [{"type": "function_call_output", "call_id": call["call_id"], "output": output} for call in calls]
    second = events(post(gateway, "/v1/responses", codex(up, said), CODEX_HEADERS))
    text = "".join(event["delta"] for event in second if event["type"] == "response.output_text.delta")
    assert text.count("18 degrees") == 2


def test_codex_thinks_and_its_thoughts_come_back(gateway: Gateway, up: str) -> None:
    first = events(post(gateway, "/v1/responses", codex(up, [codex_says("Think")]), CODEX_HEADERS))
    done = [event["item"] for event in first if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in done] == ["reasoning", "message"]

    said = [codex_says("Think"), *done, codex_says("And now?")]
    found = events(post(gateway, "/v1/responses", codex(up, said), CODEX_HEADERS))
    text = "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
    assert "I read 4 messages" in text


def test_codex_goes_on_with_another_provider(gateway: Gateway, up: str) -> None:
    said = [codex_says("call shell")]
    first = events(post(gateway, "/v1/responses", codex(up, said), CODEX_HEADERS))
    done = [event["item"] for event in first if event["type"] == "response.output_item.done"]
    (call,) = [item for item in done if item["type"] == "function_call"]
    said += [*done, {"type": "function_call_output", "call_id": call["call_id"], "output": DEGREES}]

    for other in {"openai", "anthropic", "gemini", "bedrock", "cohere"} - {up}:
        found = events(post(gateway, "/v1/responses", codex(other, said), CODEX_HEADERS))
        assert DEGREES in "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
