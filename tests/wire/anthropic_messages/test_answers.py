"""Whole answers, errors, the operator's own text, and the clouds' form of requests."""

from typing import Any

import msgspec
import pytest
from anthropic_said import CODEC, body, request

from antiphon.core.content import Audio, Citation, Message, Part, Reasoning, Refusal, Text, ToolCall
from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    NotFound,
    OverLimit,
    TooLarge,
    UpstreamError,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.core.usage import Usage
from antiphon.wire.anthropic_messages.usage import encode_usage, usage_of
from antiphon.wire.anthropic_messages.variant import BEDROCK, VERTEX, for_cloud
from antiphon.wire.losses import Losses

HEAD = request(body()).head
GOLDEN = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":['
    b'{"type":"thinking","thinking":"hm","signature":"EqRk=="},{"type":"redacted_thinking","data":"op"},'
    b'{"type":"text","text":"Hi"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"x":[1,null]}}],'
    b'"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":2,'
    b'"cache_read_input_tokens":10,"output_tokens":7}}'
)


def test_an_answer_is_read_and_written_as_it_came() -> None:
    response, facts = CODEC.decode_answer(GOLDEN)
    losses = Losses()

    assert CODEC.encode_answer(response, HEAD, losses) == GOLDEN
    assert losses.told() == ()
    assert facts == CODEC.facts(GOLDEN)
    assert facts.model == "claude-x"
    assert facts.usage == Usage(input_tokens=17, output_tokens=7, cached_tokens=10, cache_write_tokens=2)
    assert response.choices[0].message.parts == (
        Reasoning(text="hm", signature="EqRk==", signed_by="anthropic_messages"),
        Reasoning(text="", signature="op", signed_by="anthropic_messages", redacted=True),
        Text(text="Hi"),
        ToolCall(id="toolu_1", name="f", arguments='{"x":[1,null]}'),
    )


@pytest.mark.parametrize(
    ("word", "reason", "raw"),
    [
        ("end_turn", "stop", None),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", None),
        ("model_context_window_exceeded", "length", "model_context_window_exceeded"),
        ("tool_use", "tool_calls", None),
        ("refusal", "content_filter", None),
        ("pause_turn", "other", "pause_turn"),
        (None, None, None),
    ],
)
def test_reasons_are_read_and_written(word: str | None, reason: FinishReason | None, raw: str | None) -> None:
    said = msgspec.json.decode(GOLDEN) | {"stop_reason": word}

    response, _ = CODEC.decode_answer(msgspec.json.encode(said))

    assert (response.choices[0].finish_reason, response.choices[0].finish_raw) == (reason, raw)
    assert msgspec.json.decode(CODEC.encode_answer(response, HEAD, Losses())) == said


@pytest.mark.parametrize("text", [b"{", b"[]", b"{}", b'{"content":"x"}', b'{"type":"message"}', b"\xff"])
def test_what_is_no_message_is_malformed(text: bytes) -> None:
    for read in (CODEC.facts, CODEC.decode_answer):
        with pytest.raises(UpstreamMalformed):
            read(text)


def test_an_error_in_place_of_an_answer_is_one() -> None:
    text = b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}'

    for read in (CODEC.facts, CODEC.decode_answer):
        with pytest.raises(UpstreamOverloaded, match="answered an error: busy") as caught:
            read(text)
        assert caught.value.noted == "the upstream answered overloaded_error"


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"input_tokens": 1},
        {"input_tokens": -1, "output_tokens": 1},
        {"input_tokens": 1.5, "output_tokens": 1},
        {"input_tokens": True, "output_tokens": 1},
        {"input_tokens": 10**40, "output_tokens": 1},
        {"input_tokens": 9 * 10**8, "cache_read_input_tokens": 9 * 10**8, "output_tokens": 1},
        {"input_tokens": 1, "output_tokens": 1, "output_tokens_details": {"thinking_tokens": 2}},
        {"input_tokens": 1, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 2}},
        {"input_tokens": 1, "output_tokens": 1, "server_tool_use": 3},
        "none",
    ],
)
def test_a_usage_that_can_not_be_believed_is_none_and_says_why(usage: Any) -> None:
    found, note = usage_of(usage)

    assert found is None
    assert note


def test_usage_is_counted_with_its_parts() -> None:
    said = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 6,
        "cache_read_input_tokens": 7,
        "output_tokens": 8,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 4},
        "output_tokens_details": {"thinking_tokens": 3},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
    }

    usage, note = usage_of(said)

    assert note == ""
    assert usage == Usage(
        input_tokens=18,
        output_tokens=8,
        cached_tokens=7,
        cache_write_tokens=6,
        cache_write_1h_tokens=4,
        reasoning_tokens=3,
        searches=2,
    )
    assert encode_usage(usage) == said


def answered(*parts: Part, reason: FinishReason = "stop", **fields: Any) -> tuple[dict[str, Any], set[str]]:
    choice = Choice(index=0, message=Message(role="assistant", parts=parts), finish_reason=reason)
    losses = Losses()
    said = {"id": "c1", "model": "m", "created_s": 1, "choices": (choice,), **fields}
    out = CODEC.encode_answer(Response(dialect="openai_chat", **said), HEAD, losses)
    return msgspec.json.decode(out), {loss.field for loss in losses.told()}


def test_another_dialects_answer_is_written_in_blocks() -> None:
    out, lost = answered(
        Reasoning(text="hm"),
        Text(text="Hi", citations=(Citation(kind="url", url="https://a", title="T"),)),
        ToolCall(id="x", name="f", arguments=""),
        usage=Usage(input_tokens=3, output_tokens=2),
    )

    cited = {
        "type": "web_search_result_location",
        "url": "https://a",
        "title": "T",
        "cited_text": "",
        "encrypted_index": "",
    }
    assert out["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "Hi", "citations": [cited]},
        {"type": "tool_use", "id": "x", "name": "f", "input": {}},
    ]
    assert out["stop_reason"] == "tool_use"
    assert out["usage"]["input_tokens"] == 3
    assert lost == set()


def test_what_an_answer_can_not_carry_is_told() -> None:
    out, lost = answered(
        Refusal(text="no"),
        Audio(data="AA", transcript="said"),
        Audio(data="AA"),
        extra={"service_tier": "x"},
        usage=Usage(input_tokens=1, output_tokens=1),
    )

    assert [block["text"] for block in out["content"]] == ["no", "said"]
    assert lost == {"answer.refusal", "answer.audio", "answer.service_tier"}


def test_that_an_answer_says_no_usage_is_told() -> None:
    out, lost = answered(Text(text="a"))

    assert out["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert lost == {"answer.usage"}


def test_of_several_answers_the_first_is_sent() -> None:
    choice = Choice(index=0, message=Message(role="assistant", parts=(Text(text="a"),)))

    out, lost = answered(choices=(choice, choice), usage=Usage(input_tokens=1, output_tokens=1))

    assert out["content"] == [{"type": "text", "text": "a"}]
    assert lost == {"answer.choices"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("m"), "invalid_request_error"),
        (BadRequest("m", status=401), "authentication_error"),
        (UpstreamError("m", status=402), "billing_error"),
        (BadRequest("m", status=403), "permission_error"),
        (NotFound("m"), "not_found_error"),
        (TooLarge("m"), "request_too_large"),
        (OverLimit("m"), "rate_limit_error"),
        (AntiphonError("m"), "api_error"),
        (UpstreamError("m"), "api_error"),
        (UpstreamTimeout("m"), "timeout_error"),
        (UpstreamOverloaded("m"), "overloaded_error"),
        (UpstreamError("m", status=529), "overloaded_error"),
        (BadRequest("m", status=415), "invalid_request_error"),
    ],
)
def test_errors_have_anthropics_types(error: AntiphonError, kind: str) -> None:
    text = CODEC.error(error)

    assert msgspec.json.decode(text) == {"type": "error", "error": {"type": kind, "message": "m"}}
    assert CODEC.error_event(error) == b"event: error\ndata: " + text + b"\n\n"


def test_the_field_that_is_wrong_is_named_in_the_message_once() -> None:
    unnamed, named = BadRequest("must be a list", param="messages"), BadRequest("`messages` is odd", param="messages")

    assert msgspec.json.decode(CODEC.error(unnamed))["error"]["message"] == "messages: must be a list"
    assert msgspec.json.decode(CODEC.error(named))["error"]["message"] == "`messages` is odd"


@pytest.mark.parametrize("text", [b"", b"{", b'{"error":3}', b'{"error":{"type":"x"}}'])
def test_a_refusal_without_a_message_changes_nothing(text: bytes) -> None:
    error = UpstreamRefused("ours")

    CODEC.pass_on(error, text)

    assert error.message == "ours"


def test_a_refusal_is_passed_on_in_its_own_words() -> None:
    error = UpstreamRefused("ours")

    CODEC.pass_on(error, b'{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: no"}}')

    assert (error.message, error.shown_code, error.noted) == ("max_tokens: no", "invalid_request_error", "ours")


def test_the_operators_text_is_an_answer() -> None:
    whole = CODEC.last_resort("Sorry", "r1", 5, stream=False)
    stream = CODEC.last_resort("Sorry", "r1", 5, stream=True)

    response, facts = CODEC.decode_answer(whole)
    decoder = CODEC.decoder()
    deltas = [delta for event in decoder.feed(stream) for delta in event.deltas]

    assert facts.model == "antiphon/last-resort"
    assert response.choices[0].message.parts == (Text(text="Sorry"),)
    assert "".join([delta.text or "" for delta in deltas]) == "Sorry"
    assert deltas[-1].finish_reason == "stop"
    assert decoder.done


@pytest.mark.parametrize(
    ("version", "terms", "expected"),
    [
        (BEDROCK, {}, {"anthropic_version": BEDROCK}),
        (BEDROCK, {"betas": ["b1"]}, {"anthropic_version": BEDROCK, "anthropic_beta": ["b1"]}),
        (VERTEX, {}, {"stream": True, "anthropic_version": VERTEX}),
        ("2026-10-21", {"stream_in_path": True}, {"anthropic_version": "2026-10-21"}),
    ],
)
def test_the_clouds_have_the_model_in_the_path_and_the_version_in_the_body(
    version: str, terms: dict[str, Any], expected: dict[str, Any]
) -> None:
    said = body(stream=True)
    rest = {"max_tokens": 9, "messages": said["messages"], **expected}

    assert msgspec.json.decode(for_cloud(said, version, **terms)) == rest
    assert msgspec.json.decode(for_cloud(msgspec.json.encode(said), version, **terms)) == rest


def test_the_bytes_of_fields_stay_as_they_are_in_the_clouds() -> None:
    assert b'{"x": 1.50, "y":"\\u0041"}' in for_cloud(b'{"model":"m","messages":{"x": 1.50, "y":"\\u0041"}}', VERTEX)
