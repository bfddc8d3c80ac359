"""The head of a request, read at once, in slices, and by the quick way."""

import json
from typing import Any

import pytest

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Need
from antiphon.wire.codec import Asked
from antiphon.wire.openai_responses.head import read
from antiphon.wire.openai_responses.long import read_long

ASKED = Asked(endpoint="/v1/responses")


def body_of(fields: dict[str, Any]) -> Body:
    return Body((json.dumps(fields).encode(),))


def heads(fields: dict[str, Any]) -> list[Head]:
    """The same request read at once, in slices, and cut into small segments."""
    text = json.dumps(fields).encode()
    whole = Body((text,))
    cut = Body(tuple(text[at : at + 7] for at in range(0, len(text), 7)))
    return [read(whole, ASKED)[0], *[[one for one in read_long(body, ASKED) if one][-1][0] for body in (whole, cut)]]


@pytest.mark.parametrize(
    ("more", "needs"),
    [
        ({}, set()),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a"}]}]}, {"images"}),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, {"files"}),
        ({"input": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}, {"audio"}),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}]},
            {"images"},
        ),
        ({"tools": [{"type": "function", "name": "f"}]}, {"tools"}),
        ({"tools": [{"type": "web_search_preview"}, {"type": "mcp"}]}, {"web_search", "server_tools"}),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}, {"structured_output"}),
        ({"text": {"format": {"type": "text"}}}, set()),
        ({"reasoning": {"effort": "low"}}, {"reasoning"}),
        ({"reasoning": {"effort": "none"}}, set()),
        ({"top_logprobs": 2}, {"logprobs"}),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs"}),
    ],
)
def test_what_a_request_needs_is_seen_every_way(more: dict[str, Any], needs: set[Need]) -> None:
    for head in heads({"model": "m", "input": "hi", **more}):
        assert head.needs == needs


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "m", "input": "hi", "stream": True, "max_output_tokens": 7, "user": "u"},
        {"model": "m", "input": [{"type": "message", "role": "user", "content": "hi"}], "store": False},
        {"input": "hi", "model": "m", "safety_identifier": "u"},
        {"model": "m", "previous_response_id": "resp_1"},
    ],
)
def test_every_way_reads_the_same_head(fields: dict[str, Any]) -> None:
    first, *others = heads(fields)

    assert all(head == first for head in others)
    assert first.model == "m"
    assert first.stream is bool(fields.get("stream"))
    assert first.wants_usage is first.stream
    assert first.output_tokens == fields.get("max_output_tokens")
    assert first.user == (fields.get("user") or fields.get("safety_identifier") or "")


@pytest.mark.parametrize("order", [("model", "input"), ("input", "model")])
def test_the_place_of_the_model_is_known(order: tuple[str, ...]) -> None:
    values = {"model": "m-1", "input": [{"role": "user", "content": '"model": "x"'}]}
    body = body_of({name: values[name] for name in order})

    _, spots = read(body, ASKED)

    assert body.slice(*spots.model).strip() == b'"m-1"'


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": "x"}, "model"),
        ({"model": "", "input": "x"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": None}, "input"),
        ({"model": "m", "input": 3}, "input"),
        ({"model": "m", "input": "x", "background": True}, "background"),
        ({"model": "m", "input": "x", "stream": "yes"}, "stream"),
        ({"model": "m", "input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"model": "m", "input": "x", "user": 3}, "user"),
    ],
)
def test_what_can_not_be_taken_is_refused_by_name_every_way(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body_of(fields), ASKED)
    with pytest.raises(BadRequest) as refused_long:
        list(read_long(body_of(fields), ASKED))

    assert refused.value.param == refused_long.value.param == param


def test_a_background_run_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadRequest, match=r"agents: \{enabled: true\}"):
        read(body_of({"model": "m", "input": "x", "background": True}), ASKED)


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(BadRequest):
        read(Body((b'{"model":"m","input":"x","input":"y"}',)), ASKED)
