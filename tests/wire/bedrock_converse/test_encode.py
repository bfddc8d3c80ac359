"""Golden bodies for Converse, and what is said of what they leave out."""

from typing import Any

import msgspec
import pytest

from antiphon.core.content import (
    Cache,
    Content,
    File,
    Image,
    Limits,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.codec import BedrockConverse
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses

OLDER, NEWER, NOVA, LLAMA = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "us.anthropic.claude-opus-4-7",
    "amazon.nova-2-lite-v1:0",
    "meta.llama3-3-70b-instruct-v1:0",
)
ASK = Message(role="user", form="text", parts=(Text(text="Hi"),))


def says(*messages: Message, **more: Any) -> Content:
    return Content(dialect="openai_chat", messages=messages or (ASK,), **more)


def turn(role: str, *parts: Part, **more: Any) -> Message:
    return Message(role=role, parts=parts, **more)


def encoded(content: Content, model: str = OLDER, **terms: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and each loss's effect by its field."""
    losses = Losses()
    body = msgspec.json.decode(BedrockConverse().encode(content, Terms(model=model, **terms), losses))
    return body, {loss.field: loss.effect for loss in losses.told()}


def test_a_conversation_with_tools_is_written_byte_for_byte() -> None:
    content = says(
        turn("system", Text(text="Be brief.", cache=Cache(ttl="1h"))),
        turn("user", Text(text="Look"), Image(url="data:image/png;base64,aGk=")),
        turn(
            "assistant",
            Reasoning(text="hm", signature="c2ln", signed_by="bedrock_converse"),
            ToolCall(id="c1", name="f", arguments='{"x": 1.10}'),
        ),
        turn("tool", Text(text="no"), tool_call_id="c1", failed=True),
        turn("user", Text(text="Go on")),
        tools=(Tool(name="f", description="d", parameters={"type": "object"}, cache=Cache()),),
        tool_choice=ToolChoice(mode="required"),
        sampling=Sampling(temperature=0.5, stop="END"),
        limits=Limits(output_tokens=100),
    )
    losses = Losses()
    assert BedrockConverse().encode(content, Terms(model=OLDER, stream=True), losses) == (
        b'{"messages":[{"role":"user","content":[{"text":"Look"},'
        b'{"image":{"format":"png","source":{"bytes":"aGk="}}}]},'
        b'{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},'
        b'{"toolUse":{"toolUseId":"c1","name":"f","input":{"x": 1.10}}}]},'
        b'{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"no"}],"status":"error"}},'
        b'{"text":"Go on"}]}],'
        b'"system":[{"text":"Be brief."},{"cachePoint":{"type":"default","ttl":"1h"}}],'
        b'"inferenceConfig":{"maxTokens":100,"temperature":0.5,"stopSequences":["END"]},'
        b'"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d",'
        b'"inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}}],"toolChoice":{"any":{}}},'
        b'"additionalModelResponseFieldPaths":["/stop_sequence"]}'
    )
    assert losses.told() == ()


def test_the_terms_put_a_prompt_before_all_and_the_start_of_an_answer_behind() -> None:
    body, losses = encoded(says(), prompt="First", so_far="Once \n")
    assert body["system"] == [{"text": "First"}]
    assert body["messages"][-1] == {"role": "assistant", "content": [{"text": "Once"}]}
    assert losses == {}


@pytest.mark.parametrize(
    ("model", "sampling", "own", "effort"),
    [
        (OLDER, Sampling(reasoning_effort="low"), {"thinking": {"type": "enabled", "budget_tokens": 2048}}, None),
        (OLDER, Sampling(reasoning_tokens=5000), {"thinking": {"type": "enabled", "budget_tokens": 5000}}, None),
        (OLDER, Sampling(reasoning_effort="none"), None, None),
        (OLDER, Sampling(top_k=4), {"top_k": 4}, None),
        (NEWER, Sampling(reasoning_effort="max"), {"thinking": {"type": "adaptive"}}, "max"),
        (NEWER, Sampling(reasoning_tokens=9000), {"thinking": {"type": "adaptive"}}, "medium"),
        (NOVA, Sampling(top_k=4), {"inferenceConfig": {"topK": 4}}, None),
        (
            NOVA,
            Sampling(reasoning_effort="high"),
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            None,
        ),
        ("openai.gpt-oss-120b-1:0", Sampling(reasoning_effort="low"), {"reasoning_effort": "low"}, None),
        (LLAMA, Sampling(reasoning_effort="low", top_k=4), None, None),
    ],
)
def test_each_family_is_told_in_its_own_fields(
    model: str, sampling: Sampling, own: dict[str, Any] | None, effort: str | None
) -> None:
    body, losses = encoded(says(sampling=sampling), model)
    assert body.get("additionalModelRequestFields") == own
    assert body.get("outputConfig", {}).get("effort") == effort
    if model == LLAMA:
        assert losses == {"reasoning_effort": "left out", "top_k": "left out"}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tools": (Tool(name="f"),), "tool_choice": ToolChoice(mode="required")}, "reasoning_effort"),
        ({"limits": Limits(output_tokens=500)}, "reasoning_effort, max_tokens"),
    ],
)
def test_a_claude_that_may_not_think_is_not_asked_to(more: dict[str, Any], field: str) -> None:
    body, losses = encoded(says(sampling=Sampling(reasoning_effort="high"), **more))
    assert "additionalModelRequestFields" not in body
    assert losses[field] == "left out"


def test_a_claude_is_not_asked_to_think_behind_calls_of_another_provider() -> None:
    history = (
        ASK,
        turn("assistant", ToolCall(id="c", name="f", arguments="{}")),
        turn("tool", Text(text="1"), tool_call_id="c"),
    )
    content = says(*history, tools=(Tool(name="f"),), sampling=Sampling(reasoning_effort="high"))
    assert "additionalModelRequestFields" not in encoded(content)[0]
    assert "thinking" in encoded(content, NEWER)[0]["additionalModelRequestFields"]


def test_what_claude_refuses_while_it_thinks_is_left_out_and_said() -> None:
    sampling = Sampling(reasoning_effort="low", temperature=0.2, top_k=3, top_p=0.5)
    body, losses = encoded(says(sampling=sampling))
    assert "inferenceConfig" not in body
    assert {name: losses[name] for name in ("temperature", "top_k", "top_p")} == dict.fromkeys(
        ("temperature", "top_k", "top_p"), "left out"
    )


def test_a_schema_is_sent_natively_or_as_an_instruction() -> None:
    form = ResponseFormat(kind="json_schema", name="n", schema={"type": "object"})
    body, losses = encoded(says(response_format=form))
    assert body["outputConfig"]["textFormat"] == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}},
    }
    assert losses == {}
    body, losses = encoded(says(response_format=form), NOVA)
    assert body["system"][0]["text"].endswith('nothing else: {"type":"object"}')
    assert losses == {"response_format": "sent as an instruction"}


def test_ids_and_names_that_bedrock_refuses_are_replaced_alike_in_call_and_result() -> None:
    content = says(
        ASK,
        turn("assistant", ToolCall(id="a b", name="x.y", arguments="free")),
        turn("tool", Text(text="1"), tool_call_id="a b"),
    )
    body, losses = encoded(content)
    call = body["messages"][1]["content"][0]["toolUse"]
    assert call["name"] == "x_y"
    assert call["input"] == {"_raw": "free"}
    assert body["messages"][2]["content"][0]["toolResult"]["toolUseId"] == call["toolUseId"] != "a b"
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "x_y"
    assert losses["tools"] == "the tools that were called are declared"


def test_results_of_the_older_kind_find_their_call() -> None:
    content = says(
        ASK,
        turn("assistant", ToolCall(id="", name="f", arguments="{}", legacy=True)),
        turn("function", Text(text="1"), name="f"),
    )
    body, _ = encoded(content)
    call, result = body["messages"][1]["content"][0]["toolUse"], body["messages"][2]["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"] == "function_call_1"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="named", name="f"), {"tool": {"name": "f"}}),
        (ToolChoice(mode="named", name="none such"), None),
    ],
)
def test_the_choice_of_a_tool_is_written(mode: ToolChoice, expected: dict[str, Any] | None) -> None:
    body, losses = encoded(says(tools=(Tool(name="f"),), tool_choice=mode))
    assert body["toolConfig"].get("toolChoice") == expected
    assert (losses == {}) is (expected is not None)


def test_without_a_choice_of_none_the_tools_are_left_out() -> None:
    body, losses = encoded(says(tools=(Tool(name="f"),), tool_choice=ToolChoice(mode="none")))
    assert "toolConfig" not in body
    assert losses == {"tool_choice": "the tools are left out"}


def test_a_search_of_the_web_is_amazons_own_where_the_model_has_it() -> None:
    content = says(tools=(Tool(name="web_search", kind="web_search"),))
    assert encoded(content, NOVA)[0]["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert encoded(content)[1] == {"tools[0]": "left out"}


def test_media_are_sent_by_their_bytes_or_from_s3_under_neutral_names() -> None:
    content = says(
        turn(
            "user",
            Text(text="See"),
            File(data="data:application/pdf;base64,aGk=", name="ignore all.pdf"),
            File(data="aGk=", name="b.CSV"),
            File(text="plain"),
            File(url="s3://bucket/clip.mp4", media_type="video/mp4"),
            Image(url="s3://bucket/one.jpg"),
        )
    )
    body, losses = encoded(content)
    assert body["messages"][0]["content"][1:] == [
        {"document": {"format": "pdf", "name": "document 1", "source": {"bytes": "aGk="}}},
        {"document": {"format": "csv", "name": "document 2", "source": {"bytes": "aGk="}}},
        {"document": {"format": "txt", "name": "document 3", "source": {"text": "plain"}}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/clip.mp4"}}}},
        {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/one.jpg"}}}},
    ]
    assert losses["messages[0].content[1].filename"] == "sent as document 1"


@pytest.mark.parametrize(
    ("content", "param", "remedy"),
    [
        (says(turn("user", Image(url="https://x/y.png"))), "messages[0].content[0]", "send a `data:` URL"),
        (says(turn("user", Image(url="data:image/bmp;base64,aGk="))), "messages[0].content[0]", "send png"),
        (says(turn("user", Image(url="data:image/png;base64,"))), "messages[0].content[0]", "send its bytes"),
        (says(turn("user", File(id="file-1"))), "messages[0].content[0]", "send its bytes"),
        (says(ASK, turn("tool", Text(text="1"))), "messages[1].tool_call_id", "send the id"),
        (says(turn("user", Text(text=" "))), "messages", "send at least one"),
        (says(limits=Limits(output_tokens=0)), "max_tokens", "send at least 1"),
        (says(tools=(Tool(name="a.b"),)), "tools[0].function.name", "rename the tool"),
    ],
)
def test_what_can_not_be_sent_is_refused_naming_the_field_and_the_remedy(
    content: Content, param: str, remedy: str
) -> None:
    with pytest.raises(BadRequest, match=remedy) as refused:
        encoded(content)
    assert refused.value.param == param


def test_proofs_of_thoughts_go_to_whom_they_are_of_only() -> None:
    def thought(signed_by: str, *, redacted: bool = False) -> Content:
        proof = Reasoning(text="hm", signature="c2ln", signed_by=signed_by, redacted=redacted)
        return says(ASK, turn("assistant", proof, Text(text="yes")), ASK)

    path = "messages[1].reasoning_content"
    assert encoded(thought("anthropic_messages"))[1] == {}
    assert encoded(thought("bedrock_converse", redacted=True))[0]["messages"][1]["content"][0] == {
        "reasoningContent": {"redactedContent": "c2ln"}
    }
    assert encoded(thought("anthropic_messages"), NOVA)[1] == {path: "left out"}
    assert encoded(thought("gemini"))[1] == {path: "left out"}


def test_bedrocks_own_fields_of_another_dialects_caller_are_carried_and_the_rest_is_said() -> None:
    extra = {"guardrailConfig": {"guardrailIdentifier": "g"}, "store": True}
    body, losses = encoded(says(extra=extra, service_tier="flex", metadata={"a": "b", "é": "c"}, user="u"))
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g"}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"a": "b"}
    assert losses == {"store": "left out", "metadata": "some left out", "user": "left out"}
