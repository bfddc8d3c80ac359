from typing import Any

import pytest

from antiphon.core.content import (
    Audio,
    File,
    Image,
    Limits,
    Message,
    Reasoning,
    Refusal,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Unknown,
)
from antiphon.core.error import BadRequest
from antiphon.wire.openai_chat.decode import decode
from antiphon.wire.openai_chat.encode import encode


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}


def message(**fields: Any) -> Message:
    return decode({"model": "m", "messages": [fields]}).messages[0]


def user_part(part: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [part]}]}


def test_a_plain_message_is_one_text() -> None:
    assert message(role="user", content="hi") == Message(role="user", parts=(Text(text="hi"),), form="text")


def test_parts_are_read_by_their_kind() -> None:
    said = message(
        role="user",
        content=[
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "f1", "filename": "a.pdf"}},
            {"type": "video_url", "video_url": {"url": "https://v"}},
        ],
    )

    assert said.form == "parts"
    assert said.parts == (
        Text(text="look"),
        Image(url="data:image/png;base64,AA", detail="low"),
        Audio(data="AA", format="wav"),
        File(id="f1", name="a.pdf"),
        Unknown(kind="video_url", raw={"type": "video_url", "video_url": {"url": "https://v"}}),
    )


def test_an_assistants_turn_is_read_in_its_order() -> None:
    said = message(
        role="assistant",
        content=None,
        reasoning_content="hm",
        refusal="no",
        audio={"id": "a1"},
        tool_calls=[
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}},
        ],
        function_call={"name": "h", "arguments": "{}"},
    )

    assert said.form == "none"
    assert said.parts == (
        Reasoning(text="hm"),
        Refusal(text="no"),
        Audio(id="a1"),
        ToolCall(id="c1", name="f", arguments="{}"),
        ToolCall(id="c2", name="g", arguments="x", kind="custom"),
        ToolCall(id="", name="h", arguments="{}", legacy=True),
    )
    assert said.extra == {"content": None}


def test_a_tools_result_names_its_call() -> None:
    said = message(role="tool", tool_call_id="c1", content="42")

    assert (said.role, said.tool_call_id, said.parts) == ("tool", "c1", (Text(text="42"),))


@pytest.mark.parametrize(("name", "label"), [("reasoning_content", ""), ("reasoning", "reasoning")])
def test_thoughts_are_read_under_either_name_and_written_under_the_same(name: str, label: str) -> None:
    turn = {"role": "assistant", "content": "a", name: "hm"}

    said = message(**turn)

    assert said.parts == (Reasoning(text="hm", label=label), Text(text="a"))
    assert encode(decode({"model": "m", "messages": [turn]}), model="m")["messages"] == [turn]


def test_thoughts_under_both_names_are_read_once_and_written_twice() -> None:
    turn = {"role": "assistant", "reasoning": "hm", "reasoning_content": "hm"}

    said = message(**turn)

    assert said.parts == (Reasoning(text="hm"),)
    assert encode(decode({"model": "m", "messages": [turn]}), model="m")["messages"] == [turn]


def test_an_unknown_role_is_carried() -> None:
    assert message(role="critic", content="x").role == "critic"


def test_tools_of_each_kind_are_read() -> None:
    schema = {"type": "object", "properties": {}}
    content = decode(
        body(
            tools=[
                {
                    "type": "function",
                    "function": {"name": "f", "description": "d", "parameters": schema, "strict": True},
                },
                {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
                {"type": "web_search", "filters": {}},
            ],
            functions=[{"name": "old", "parameters": schema}],
        )
    )

    assert content.tools == (
        Tool(name="f", description="d", parameters=schema, strict=True),
        Tool(name="c", kind="custom", extra={"custom": {"format": {"type": "text"}}}),
        Tool(name="", kind="web_search", extra={"filters": {}}),
        Tool(name="old", parameters=schema, legacy=True),
    )


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({"tool_choice": "auto"}, ToolChoice(mode="auto")),
        ({"tool_choice": "any"}, ToolChoice(mode="other", raw="any")),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ToolChoice(mode="named", name="f")),
        (
            {"tool_choice": {"type": "custom", "custom": {"name": "f"}}},
            ToolChoice(mode="named", name="f", kind="custom"),
        ),
        ({"function_call": "none"}, ToolChoice(mode="none", legacy=True)),
        ({"function_call": {"name": "f"}}, ToolChoice(mode="named", name="f", legacy=True)),
        ({"tool_choice": None}, None),
    ],
)
def test_the_choice_among_tools_is_read(fields: dict[str, Any], choice: ToolChoice | None) -> None:
    assert decode(body(**fields)).tool_choice == choice


def test_the_form_of_the_answer_is_read() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": None}}

    assert decode(body(response_format=shape)).response_format == ResponseFormat(
        kind="json_schema", name="n", schema={"type": "object"}, extra={"json_schema": {"strict": None}}
    )


@pytest.mark.parametrize(
    ("fields", "limits", "extra"),
    [
        ({"max_completion_tokens": 5}, Limits(output_tokens=5), {}),
        ({"max_tokens": 5}, Limits(output_tokens=5, legacy=True), {}),
        ({"max_tokens": 9, "max_completion_tokens": 5}, Limits(output_tokens=5), {"max_tokens": 9}),
        (
            {"max_completion_tokens": None, "max_tokens": 5},
            Limits(output_tokens=5, legacy=True),
            {"max_completion_tokens": None},
        ),
        ({}, Limits(), {}),
    ],
)
def test_the_bound_on_output_is_read(fields: dict[str, Any], limits: Limits, extra: dict[str, Any]) -> None:
    content = decode(body(**fields))

    assert (content.limits, content.extra) == (limits, extra)


def test_head_fields_are_the_writers_to_say() -> None:
    content = decode(body(stream=True, stream_options={"include_usage": True}))

    assert content.extra == {}
    assert encode(content, model="other") == body() | {"model": "other"}


PART = "messages[1].content[0]"


@pytest.mark.parametrize(
    ("request_body", "param", "said"),
    [
        ({"model": "m"}, "messages", "is missing; send a list of messages"),
        ({"model": "m", "messages": {}}, "messages", "must be a list, not an object"),
        ({"model": "m", "messages": ["hi"]}, "messages[0]", "must be an object, not a text"),
        ({"model": "m", "messages": [{"content": "hi"}]}, "messages[0].role", "is missing; send a text"),
        ({"model": "m", "messages": [{"role": 1}]}, "messages[0].role", "must be a text, not a whole number (1)"),
        (
            {"model": "m", "messages": [{"role": "user", "content": 5}]},
            "messages[0].content",
            "a text or a list of parts",
        ),
        (user_part("hi"), PART, "must be an object, not a text"),
        (user_part({"text": "hi"}), f"{PART}.type", "is missing"),
        (user_part({"type": "text"}), f"{PART}.text", "is missing"),
        (user_part({"type": "text", "text": None}), f"{PART}.text", "is missing"),
        (user_part({"type": "text", "text": 1.5}), f"{PART}.text", "must be a text, not a number (1.5)"),
        (
            user_part({"type": "image_url", "image_url": "https://i"}),
            f"{PART}.image_url",
            'must be an object such as {"url": "https://…"}, not a text',
        ),
        (user_part({"type": "image_url"}), f"{PART}.image_url", "is missing; send an object such as"),
        (user_part({"type": "image_url", "image_url": {}}), f"{PART}.image_url.url", "is missing"),
        (user_part({"type": "input_audio", "input_audio": []}), f"{PART}.input_audio", "not a list"),
        (user_part({"type": "file", "file": {"file_id": True}}), f"{PART}.file.file_id", "not true or false (True)"),
        (body(messages=[{"role": "assistant", "tool_calls": {}}]), "messages[0].tool_calls", "must be a list"),
        (
            body(
                messages=[
                    {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]}
                ]
            ),
            "messages[0].tool_calls[0].function.arguments",
            "is missing",
        ),
        (body(messages=[{"role": "assistant", "audio": {}}]), "messages[0].audio.id", "is missing"),
        (body(tools=[{"type": "function"}]), "tools[0].function", 'such as {"name": "…"}'),
        (
            body(tools=[{"type": "function", "function": {"name": "f", "parameters": []}}]),
            "tools[0].function.parameters",
            "an object",
        ),
        (body(functions=[{}]), "functions[0].name", "is missing"),
        (body(tool_choice=1), "tool_choice", "an object that names a tool"),
        (body(tool_choice={"name": "f"}), "tool_choice.type", "is missing"),
        (body(response_format="json"), "response_format", "must be an object"),
        (body(response_format={"type": "json_schema"}), "response_format.json_schema", "is missing"),
        (body(temperature="hot"), "temperature", "must be a number, not a text"),
        (body(temperature=True), "temperature", "must be a number, not true or false (True)"),
        (body(seed=1.5), "seed", "must be a whole number, not a number (1.5)"),
        (body(n="2"), "n", "must be a whole number"),
        (body(logprobs=1), "logprobs", "must be true or false"),
        (body(stop=5), "stop", "a text or a list of texts"),
        (body(stop=["a", None]), "stop[1]", "must be a text, not null"),
        (body(logit_bias={"5": "x"}), "logit_bias.5", "must be a number"),
        (body(metadata={"a": 1}), "metadata.a", "must be a text, not a whole number (1)"),
        (body(metadata=[]), "metadata", "must be an object"),
        (body(max_tokens="9"), "max_tokens", "must be a whole number"),
        (body(parallel_tool_calls="yes"), "parallel_tool_calls", "must be true or false"),
        (body(user=7), "user", "must be a text"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_with_its_place_and_the_remedy(
    request_body: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(request_body)

    assert caught.value.param == param
    assert said in caught.value.message
    assert f"`{param}`" in caught.value.message


def test_a_refusal_does_not_repeat_the_prompt() -> None:
    with pytest.raises(BadRequest) as caught:
        decode({"model": "m", "messages": ["my secret"]})

    assert "secret" not in caught.value.message
