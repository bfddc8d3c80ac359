"""The lab's Bedrock as Amazon's own SDK sees it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from antiphon.providers.lab.run import running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings

botocore = pytest.importorskip("botocore", reason="needs the package botocore")
session = pytest.importorskip("botocore.session", reason="needs the package botocore")
exceptions = pytest.importorskip("botocore.exceptions", reason="needs the package botocore")
config = pytest.importorskip("botocore.config", reason="needs the package botocore")

CLOCK = {"toolSpec": {"name": "clock", "inputSchema": {"json": {"type": "object", "properties": {}}}}}
HELLO = {"role": "user", "content": [{"text": "Hello"}]}
CLAUDE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 4096,
    "messages": [{"role": "user", "content": "Hello"}],
}


def client_of(url: str, key: str | None = "AKIDLAB") -> Any:
    made = session.Session()
    quick = config.Config(retries={"total_max_attempts": 1}, signature_version="v4" if key else botocore.UNSIGNED)
    return made.create_client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, aws_access_key_id=key,
        aws_secret_access_key=key and "secret", config=quick,
    )  # fmt: skip


async def asked(
    ask: Callable[[Any], Any], *faults: FaultSettings, signed: bool = True, key: str | None = "AKIDLAB"
) -> Any:
    """What a client gets, in a thread of its own: the SDK blocks."""
    models = {"lab": LabModel(tokens_per_s=1e6, faults=list(faults)), "small": LabModel(context_tokens=20)}

    def run(url: str) -> Any:
        client = client_of(url, key)
        try:
            return ask(client)
        finally:
            client.close()

    async with running(LabSettings(aws_signature=signed, models=models)) as lab:
        return await asyncio.to_thread(run, lab.url)


async def test_converse_whole_and_as_a_stream_say_the_same() -> None:
    def ask(client: Any) -> Any:
        whole = client.converse(modelId="lab", messages=[HELLO], system=[{"text": "Be brief."}])
        stream = client.converse_stream(modelId="lab", messages=[HELLO], system=[{"text": "Be brief."}])
        return whole, list(stream["stream"])

    whole, events = await asked(ask)
    text = whole["output"]["message"]["content"][0]["text"]
    assert text.startswith("[lab, a simulated model]")
    assert (whole["stopReason"], whole["usage"]["inputTokens"]) == ("end_turn", 5)
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert "".join(deltas) == text
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    assert events[-2] == {"messageStop": {"stopReason": "end_turn"}}


async def test_tools_and_thoughts_go_around() -> None:
    given: dict[str, Any] = {
        "modelId": "lab",
        "toolConfig": {"tools": [CLOCK]},
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    }
    question = {"role": "user", "content": [{"text": "call clock"}]}

    def ask(client: Any) -> Any:
        called = client.converse(messages=[question], **given)
        message = called["output"]["message"]
        use = message["content"][1]["toolUse"]
        result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "noon"}]}}
        history = [question, message, {"role": "user", "content": [result]}]
        answer = client.converse(messages=history, **given)
        events = list(client.converse_stream(messages=[question], **given)["stream"])
        message["content"][0]["reasoningContent"]["reasoningText"]["text"] = "other"
        with pytest.raises(exceptions.ClientError, match="Invalid `signature`"):
            client.converse(messages=history, **given)
        return called, answer, events

    called, answer, events = await asked(ask)
    assert called["stopReason"] == "tool_use"
    assert 'gave "noon"' in answer["output"]["message"]["content"][1]["text"]
    starts = [
        event["contentBlockStart"]["start"]["toolUse"]["name"] for event in events if "contentBlockStart" in event
    ]
    assert starts == ["clock"]


async def test_invoke_takes_and_gives_anthropics_own_bodies() -> None:
    def ask(client: Any) -> Any:
        whole = client.invoke_model(modelId="lab", body=json.dumps(CLAUDE))["body"].read()
        stream = client.invoke_model_with_response_stream(modelId="lab", body=json.dumps(CLAUDE))["body"]
        return json.loads(whole), [json.loads(event["chunk"]["bytes"]) for event in stream]

    whole, events = await asked(ask)
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert text == whole["content"][0]["text"]
    assert events[-1]["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == whole["usage"]["input_tokens"]


async def test_structured_output_is_json_of_the_schema() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(schema), "name": "x"}}}
    }
    whole = await asked(lambda client: client.converse(modelId="lab", messages=[HELLO], outputConfig=form))
    assert json.loads(whole["output"]["message"]["content"][0]["text"]) == {"city": "lab"}


USE = {"toolUse": {"toolUseId": "t1", "name": "clock", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "t1", "content": [{"text": "noon"}]}}
TOOLS = {"toolConfig": {"tools": [CLOCK]}}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"messages": [{"role": "assistant", "content": [{"text": "Hi"}]}]}, "must start with a user message"),
    ({"messages": [HELLO, HELLO]}, "must alternate"),
    ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
    ({"messages": [HELLO, {"role": "assistant", "content": [USE]}, HELLO], **TOOLS}, "Expected toolResult blocks"),
    ({"messages": [{"role": "user", "content": [RESULT]}], **TOOLS}, "exceeds the number of toolUse blocks"),
    (
        {"messages": [HELLO, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}]},
        "toolConfig field must be defined",
    ),
    ({"modelId": "small", "messages": [{"role": "user", "content": [{"text": "word " * 100}]}]}, "prompt is too long"),
]


@pytest.mark.parametrize(("given", "says"), REFUSED)
async def test_what_the_real_one_refuses_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(exceptions.ClientError, match=says) as caught:
        await asked(lambda client: client.converse(**{"modelId": "lab", **given}))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


async def test_a_request_without_a_signature_is_refused_where_one_is_asked_for() -> None:
    def ask(client: Any) -> Any:
        return client.converse(modelId="lab", messages=[HELLO])

    with pytest.raises(exceptions.ClientError, match="Missing Authentication Token"):
        await asked(ask, key=None)
    assert (await asked(ask, key=None, signed=False))["stopReason"] == "end_turn"


async def test_throttling_is_an_error_in_its_own_form() -> None:
    with pytest.raises(exceptions.ClientError) as caught:
        await asked(
            lambda client: client.converse_stream(modelId="lab", messages=[HELLO]), FaultSettings(kind="rate_limited")
        )
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
