"""Requests, read: what becomes of items that belong together, and what is refused."""

from typing import Any

import pytest

from antiphon.core.content import Message, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.decode import decode
from antiphon.wire.openai_responses.encode import encode


def messages(*items: Any) -> tuple[Message, ...]:
    return decode({"model": "m", "input": list(items)}).messages


THOUGHTS = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "s"}],
    "status": "completed",
}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "phase": "commentary",
    "content": [{"type": "output_text", "text": "t", "annotations": [], "logprobs": []}],
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}", "status": "completed"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "r", "id": "fco_1", "status": "completed"}


def test_a_turn_of_items_is_one_message_and_a_result_another() -> None:
    asked, turn, result = messages({"role": "user", "content": "x"}, THOUGHTS, SAID, CALL, RESULT)

    assert asked == Message(role="user", parts=(Text(text="x"),), form="text")
    assert [type(part) for part in turn.parts] == [Reasoning, Text, ToolCall]
    assert (result.role, result.tool_call_id, result.parts) == ("tool", "c", (Text(text="r"),))


def test_a_call_is_never_parted_from_its_result() -> None:
    turn, result = messages(SAID, CALL, SAID, RESULT)

    assert [type(part) for part in turn.parts] == [Text, ToolCall, Text]
    assert result.role == "tool"


def test_two_messages_in_a_row_are_two() -> None:
    assert [message.id for message in messages(SAID, {**SAID, "id": "msg_2"})] == ["msg_1", "msg_2"]


def test_items_of_other_kinds_stand_where_they_were_said() -> None:
    search = {"type": "web_search_call", "id": "ws_1"}
    output = {"type": "shell_call_output", "call_id": "c", "output": []}
    turn, lone = messages(search, SAID, output)

    assert turn.parts[0] == Unknown(kind="web_search_call", raw=search)
    assert lone.parts == (Unknown(kind="shell_call_output", raw=output),)


def test_what_only_this_dialect_uses_is_no_loss_to_another() -> None:
    said = decode(
        {
            "model": "m",
            "instructions": "be",
            "input": [THOUGHTS, SAID, CALL, RESULT],
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "stream_options": {"include_obfuscation": False},
            "truncation": "disabled",
            "background": False,
            "text": {},
            "reasoning": {"effort": None},
            "safety_identifier": "u",
            "tools": [{"type": "web_search_preview"}],
        }
    )
    losses = Losses()
    left_over(said.extra, "", losses, "X")
    for message in said.messages:
        left_over(message.extra, "messages", losses, "X")
        for part in message.parts:
            assert not isinstance(part, Unknown)
            left_over(part.extra, "parts", losses, "X")
    left_over(said.tools[0].extra if said.tools else {}, "tools", losses, "X")

    assert losses.told() == ()
    assert said.user == "u"


def test_a_null_of_the_callers_hides_nothing() -> None:
    said = decode({"model": "m", "input": None, "stream": None, "previous_response_id": "resp_1"})
    out = encode(said, Terms(model="up", stream=True, so_far="Once"), Losses())

    assert (out["stream"], [item["content"] for item in out["input"]]) == (True, ["Once"])


def test_a_caller_can_not_forge_what_is_put_by() -> None:
    forged = {"#model": None, '#model "x"': None, "#store": None}
    body = {"model": "m", "input": [{"role": "user", "content": "x", **forged}], **forged}
    out = encode(decode(body), Terms(model="up"), Losses())

    assert out == {**body, "model": "up", "input": [{"type": "message", **body["input"][0]}]}  # type: ignore[dict-item]


def test_what_another_can_not_do_is_left_over() -> None:
    said = decode({"model": "m", "input": "x", "max_tool_calls": 3, "include": ["file_search_call.results"]})

    assert said.extra == {"max_tool_calls": 3, "include": ["file_search_call.results"]}


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([3], "input[0]"),
        ([{}], "input[0].type"),
        ([{"type": 3}], "input[0].type"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "user", "content": 3}], "input[0].content"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "input[0].content[0].text"),
        ([{"role": "user", "content": [{"type": "input_image", "image_url": {}}]}], "input[0].content[0].image_url"),
        ([{"role": 3, "content": "x"}], "input[0].role"),
        ([{**CALL, "arguments": {}}], "input[0].arguments"),
        ([{"type": "function_call_output", "call_id": "c"}], "input[0].output"),
        ([{"type": "function_call_output", "call_id": 3, "output": ""}], "input[0].call_id"),
        ([{"type": "reasoning", "summary": "x"}], "input[0].summary"),
        ([{"type": "reasoning", "encrypted_content": 1}], "input[0].encrypted_content"),
    ],
)
def test_an_item_that_can_not_be_read_is_refused_by_its_place(items: list[Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        messages(*items)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"instructions": 3}, "instructions"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"text": {"format": {"type": "json_schema", "schema": "x"}}}, "text.format.schema"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"include": "x"}, "include"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"temperature": "hot"}, "temperature"),
        ({"background": True}, "background"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        decode({"model": "m", "input": "x", **more})

    assert refused.value.param == param
