"""Requests of other dialects, put to an upstream that speaks this one, and what no place is found for."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from antiphon.core.content import (
    Audio,
    Cache,
    Citation,
    Content,
    File,
    Image,
    Limits,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Unknown,
)
from antiphon.wire.codec import Quirks, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.codec import OpenAIResponses

CODEC = OpenAIResponses()
TERMS = Terms(model="gpt-x")


def content(*messages: Message, **fields: Any) -> Content:
    return Content(**{"dialect": "anthropic_messages", "messages": messages, **fields})


def sent(said: Content, terms: Terms = TERMS) -> tuple[dict[str, Any], dict[str, bool]]:
    """The body, and the losses: whether each is a mere change of form."""
    losses = Losses()
    body = json.loads(CODEC.encode(said, terms, losses))
    return body, {loss.field: loss.adapted for loss in losses.told()}


def heard(*parts: Part, role: str = "user") -> Content:
    return content(Message(role=role, parts=parts))


def test_the_bytes_of_a_conversation() -> None:
    said = content(
        Message(role="system", parts=(Text(text="be"),), form="text"),
        Message(role="user", parts=(Text(text="hi"),), form="text"),
        Message(
            role="assistant",
            parts=(Text(text="I look"), ToolCall(id="toolu_1", name="f", arguments='{"a":1}')),
        ),
        Message(role="tool", tool_call_id="toolu_1", parts=(Text(text="42"),), form="text"),
        tools=(Tool(name="f", description="d", parameters={"type": "object"}),),
        limits=Limits(output_tokens=100),
    )

    assert CODEC.encode(said, Terms(model="gpt-x", stream=True), Losses()) == (
        b'{"model":"gpt-x","instructions":"be","input":['
        b'{"type":"message","role":"user","content":"hi"},'
        b'{"type":"message","role":"assistant","content":[{"type":"output_text","text":"I look","annotations":[]}]},'
        b'{"type":"function_call","call_id":"toolu_1","name":"f","arguments":"{\\"a\\":1}"},'
        b'{"type":"function_call_output","call_id":"toolu_1","output":"42"}],"stream":true,"max_output_tokens":100,'
        b'"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}],'
        b'"include":["reasoning.encrypted_content"],"store":false}'
    )


PNG = "data:image/png;base64,AAAA"


@pytest.mark.parametrize(
    ("part", "written", "losses"),
    [
        (Image(url=PNG), {"type": "input_image", "detail": "auto", "image_url": PNG}, {}),
        (Image(id="file_1", detail="low"), {"type": "input_image", "detail": "low", "file_id": "file_1"}, {}),
        (
            File(data="AAAA", media_type="application/pdf"),
            {"type": "input_file", "filename": "file", "file_data": "data:application/pdf;base64,AAAA"},
            {},
        ),
        (File(url="https://a/b.pdf"), {"type": "input_file", "file_url": "https://a/b.pdf"}, {}),
        (File(id="file_1"), {"type": "input_file", "file_id": "file_1"}, {}),
        (
            File(text="body", name="a.txt"),
            {"type": "input_text", "text": "a.txt:\nbody"},
            {"messages[0].content[0]": True},
        ),
        (
            Audio(data="AA", format="mp3"),
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "mp3"}},
            {},
        ),
        (
            Text(text="x", cache=Cache(ttl="5m"), extra={"odd": 1, "null": None}),
            {"type": "input_text", "text": "x"},
            {"messages[0].content[0].cache_control": True, "messages[0].content[0].odd": False},
        ),
    ],
)
def test_parts_of_a_user_are_carried(part: Part, written: dict[str, Any], losses: dict[str, bool]) -> None:
    body, told = sent(heard(part))

    assert body["input"] == [{"type": "message", "role": "user", "content": [written]}]
    assert told == losses


@pytest.mark.parametrize(
    ("role", "part"),
    [
        ("user", Unknown(kind="video", raw={"type": "video"})),
        ("assistant", Unknown(kind="server_tool_use", raw={"type": "server_tool_use"})),
        ("user", Image()),
        ("user", File(name="empty")),
        ("user", Audio(id="audio_1")),
        ("assistant", Image(url=PNG)),
    ],
)
def test_what_has_no_place_is_left_out_and_told(role: str, part: Part) -> None:
    body, told = sent(heard(part, role=role))

    assert body["input"] == []
    assert told == {"messages[0].content[0]": False}


@pytest.mark.parametrize(
    "part", [Reasoning(text="hm"), Reasoning(text="hm", signature="s", signed_by="anthropic_messages")]
)
def test_thoughts_that_openai_did_not_prove_are_left_out_and_no_answer_is_the_poorer(part: Part) -> None:
    body, told = sent(heard(part, role="assistant"))

    assert body["input"] == []
    assert told == {"messages[0].content[0]": True}


def test_openais_own_proofs_come_back_to_openai() -> None:
    body, told = sent(heard(Reasoning(text="s", signature="enc", signed_by="openai_responses"), role="assistant"))

    assert body["input"] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "enc"}
    ]
    assert told == {}


def test_an_assistants_parts_are_written_as_it_said_them() -> None:
    parts = (Text(text="x", citations=(Citation(kind="url", url="https://a"),)), Refusal(text="no"))
    body, _ = sent(heard(*parts, role="assistant"))

    assert body["input"][0]["content"] == [
        {
            "type": "output_text",
            "text": "x",
            "annotations": [
                {"type": "url_citation", "url": "https://a", "title": "", "start_index": 0, "end_index": 1}
            ],
        },
        {"type": "refusal", "refusal": "no"},
    ]


def test_calls_and_results_keep_together_under_ids_that_are_taken() -> None:
    long = "x" * 65
    said = content(
        Message(role="assistant", parts=(ToolCall(id=long, name="sh", arguments="ls", kind="custom"),)),
        Message(role="tool", tool_call_id=long, parts=(Image(url=PNG),), failed=True),
    )
    body, told = sent(said)
    call, result = body["input"]

    assert (call["type"], call["input"]) == ("custom_tool_call", "ls")
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64
    assert result["type"] == "custom_tool_call_output"
    assert result["output"] == [{"type": "input_image", "detail": "auto", "image_url": PNG}]
    assert told == {"messages[1].is_error": True}


@pytest.mark.parametrize(
    ("messages", "instructions", "roles"),
    [
        (["system", "user"], "0", ["user"]),
        (["system", "system", "user"], "0", ["system", "user"]),
        (["developer", "user"], None, ["developer", "user"]),
        (["user", "system"], None, ["user", "system"]),
    ],
)
def test_a_first_system_message_is_the_instructions(
    messages: list[str], instructions: str | None, roles: list[str]
) -> None:
    said = content(*[Message(role=role, parts=(Text(text=str(at)),)) for at, role in enumerate(messages)])
    body, told = sent(said)

    assert body.get("instructions") == instructions
    assert [item["role"] for item in body["input"]] == roles
    assert told == {}


def test_the_operators_prompt_and_the_answers_start_are_added() -> None:
    said = content(Message(role="system", parts=(Text(text="own"),)), Message(role="user", parts=(Text(text="x"),)))
    body, _ = sent(said, Terms(model="m", prompt="P", so_far="Once"))

    assert body["instructions"] == "P\n\nown"
    assert body["input"][-1] == {"type": "message", "role": "assistant", "content": "Once"}


@pytest.mark.parametrize(
    ("sampling", "has", "losses"),
    [
        (Sampling(temperature=0.5, top_p=0.9), {"temperature": 0.5, "top_p": 0.9}, {}),
        (Sampling(seed=0, stop="x", top_k=4), {}, {"seed": False, "stop": False, "top_k": False}),
        (Sampling(frequency_penalty=0, presence_penalty=1.0), {}, {"presence_penalty": False}),
        (Sampling(logit_bias={"1": 2}, n=2), {}, {"logit_bias": False, "n": False}),
        (Sampling(n=1, stop=()), {}, {}),
        (
            Sampling(logprobs=True, top_logprobs=3),
            {"top_logprobs": 3, "include": ["reasoning.encrypted_content", "message.output_text.logprobs"]},
            {},
        ),
        (
            Sampling(reasoning_effort="high", reasoning_shown=True),
            {"reasoning": {"effort": "high", "summary": "auto"}},
            {},
        ),
        (
            Sampling(reasoning_tokens=9000),
            {"reasoning": {"effort": "medium", "summary": "auto"}},
            {"reasoning_tokens": True},
        ),
        (Sampling(reasoning_tokens=0), {"reasoning": {"effort": "none"}}, {"reasoning_tokens": True}),
        (Sampling(reasoning_tokens=-1), {}, {"reasoning_tokens": True}),
        (Sampling(verbosity="low"), {"text": {"verbosity": "low"}}, {}),
    ],
)
def test_how_the_answer_is_drawn(sampling: Sampling, has: dict[str, Any], losses: dict[str, bool]) -> None:
    plain, _ = sent(content())
    body, told = sent(content(sampling=sampling))

    assert {name: value for name, value in body.items() if plain.get(name) != value} == has
    assert told == losses


def test_the_least_bound_is_kept() -> None:
    body, told = sent(content(limits=Limits(output_tokens=1)))

    assert body["max_output_tokens"] == 16
    assert told == {"max_tokens": True}


SCHEMA = {"type": "object"}


def test_a_form_of_the_answer_is_text_format() -> None:
    shape = ResponseFormat(kind="json_schema", name="n", schema=SCHEMA, strict=True, extra={"odd": 1})
    body, _ = sent(content(response_format=shape))

    assert body["text"] == {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}


@pytest.mark.parametrize(
    ("tool", "written", "losses"),
    [
        (Tool(name="", kind="web_search", extra={"max_uses": 3}), {"type": "web_search"}, {"tools[0]": True}),
        (
            Tool(name="", kind="code_execution"),
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"tools[0]": True},
        ),
        (Tool(name="", kind="computer"), None, {"tools[0]": False}),
        (Tool(name="t", kind="custom", description="d"), {"type": "custom", "name": "t", "description": "d"}, {}),
    ],
)
def test_tools_of_every_kind(tool: Tool, written: dict[str, Any] | None, losses: dict[str, bool]) -> None:
    body, told = sent(content(tools=(tool,)))

    assert body.get("tools") == (written and [written])
    assert told == losses


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="named", name="f"), {"type": "function", "name": "f"}),
        (
            ToolChoice(mode="auto", names=("f",)),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
        (
            ToolChoice(
                mode="other",
                raw={
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
                },
            ),
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_a_choice_of_tools(choice: ToolChoice, written: object) -> None:
    body, told = sent(content(tools=(Tool(name="f"),), tool_choice=choice))

    assert body["tool_choice"] == written
    assert told == {}


def test_what_openais_chat_dialect_says_by_the_same_name_goes_on() -> None:
    extra = {
        "safety_identifier": "s",
        "store": True,
        "web_search_options": {
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"city": "Oslo"}},
        },
        "modalities": ["text", "audio"],
        "x_odd": 1,
        "x_null": None,
    }
    body, told = sent(content(dialect="openai_chat", extra=extra))

    assert (body["safety_identifier"], body["store"]) == ("s", True)
    assert body["tools"] == [
        {"type": "web_search", "search_context_size": "low", "user_location": {"type": "approximate", "city": "Oslo"}}
    ]
    assert told == {"modalities": False, "x_odd": False}


def test_what_the_upstream_refuses_is_left_out() -> None:
    body, told = sent(content(user="u"), Terms(model="m", quirks=Quirks(who="X", rejects=("user", "include"))))

    assert "user" not in body
    assert "include" not in body
    assert told == {"user": False, "include": False}


@pytest.mark.parametrize(
    ("dialect", "tier", "has", "losses"),
    [
        ("anthropic_messages", "standard_only", "default", {}),
        ("anthropic_messages", "auto", "auto", {}),
        ("gemini", "flex", "flex", {}),
        ("gemini", "batch", None, {"service_tier": False}),
        ("openai_chat", "scale", "scale", {}),
    ],
)
def test_a_tier_is_sent_where_there_is_one_like_it(
    dialect: Any, tier: str, has: str | None, losses: dict[str, bool]
) -> None:
    body, told = sent(replace(heard(Text(text="a")), dialect=dialect, service_tier=tier))

    assert body.get("service_tier") == has
    assert told == losses
