"""What is kept between requests."""

import json
from typing import Any

import pytest
from openai.types.responses import CompactedResponse, InputTokenCountResponse, ResponseItemList

from antiphon.core.body import Body
from antiphon.core.content import Text
from antiphon.core.error import BadRequest
from antiphon.core.usage import Usage
from antiphon.wire.codec import Asked
from antiphon.wire.openai_responses.compaction import (
    compacted,
    compaction_item,
    count_answer,
    read_compaction,
    read_count,
)
from antiphon.wire.openai_responses.state import Wants, deleted, input_items, item_list, joined, output_items, wants

ASKED = Asked(endpoint="/v1/responses/input_tokens")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, Wants(None, None, True)),
        ({"store": False}, Wants(None, None, False)),
        ({"store": None, "previous_response_id": "resp_1"}, Wants("resp_1", None, True)),
        ({"conversation": "conv_1"}, Wants(None, "conv_1", True)),
        ({"conversation": {"id": "conv_1"}}, Wants(None, "conv_1", True)),
    ],
)
def test_a_request_says_what_it_wants_of_the_store(fields: dict[str, Any], wanted: Wants) -> None:
    assert wants(fields) == wanted


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": 3}, "previous_response_id"),
        ({"conversation": [1]}, "conversation"),
        ({"store": "no"}, "store"),
        ({"previous_response_id": "r", "conversation": "c"}, "conversation"),
    ],
)
def test_odd_wishes_are_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wants(fields)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ("hi", [{"type": "message", "role": "user", "content": "hi"}]),
        ([{"type": "function_call_output"}], [{"type": "function_call_output"}]),
        (None, []),
    ],
)
def test_a_body_is_joined_to_what_was_said_before(own: Any, after: list[Any]) -> None:
    before = [{"type": "message", "role": "user", "content": "first"}]
    body = {"model": "m", "input": own, "previous_response_id": "resp_1", "temperature": 1}

    assert json.loads(joined(before, json.dumps(body).encode())) == {
        "model": "m",
        "input": before + after,
        "temperature": 1,
    }


def test_the_items_of_an_answer_are_kept_and_of_no_answer_none() -> None:
    assert output_items(b'{"output":[{"type":"message"},3]}') == [{"type": "message"}]
    assert output_items(b'{"output":3}') == output_items(b"nope") == []


def test_input_items_have_ids_and_the_form_that_they_are_listed_in() -> None:
    body = {"model": "m", "input": [{"role": "user", "content": "hi"}, {"type": "function_call", "id": "fc_9"}]}
    body["input"] += [{"type": "custom_tool_call_output", "call_id": "c", "output": "o"}]  # type: ignore[operator]
    items = input_items(json.dumps(body).encode(), lambda prefix: f"{prefix}_new")

    assert items[0] == {
        "type": "message",
        "role": "user",
        "id": "msg_new",
        "status": "completed",
        "content": [{"type": "input_text", "text": "hi"}],
    }
    assert [item["id"] for item in items] == ["msg_new", "fc_9", "ctco_new"]
    page = ResponseItemList.model_validate_json(item_list(items[:1]))
    assert (page.first_id, page.has_more) == ("msg_new", False)


def test_a_deletion_answers_its_id() -> None:
    assert json.loads(deleted("resp_1")) == {"id": "resp_1", "object": "response", "deleted": True}


@pytest.mark.parametrize("read", [read_count, read_compaction])
def test_a_count_needs_no_model_and_no_input(read: Any) -> None:
    assert read(Body((b'{"input":null}',)), ASKED).messages == ()
    assert read(Body((b'{"input":"hi","model":"m"}',)), ASKED).messages[0].parts == (Text(text="hi"),)


def test_the_answers_are_what_the_sdk_reads() -> None:
    assert InputTokenCountResponse.model_validate_json(count_answer(5), strict=True).input_tokens == 5
    body = compacted("x", 9, [compaction_item("cmp_1", "sealed")], Usage(input_tokens=4, output_tokens=2))
    read = CompactedResponse.model_validate_json(body, strict=True)
    assert (read.output[0].type, read.usage.total_tokens) == ("compaction", 6)
