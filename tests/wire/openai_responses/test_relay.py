"""Streams that pass on as they come."""

import json
from typing import Any

import pytest

from antiphon.core.error import (
    UpstreamBroken,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamRefused,
)
from antiphon.core.usage import Usage
from antiphon.wire.openai_responses.errors import event as error_event
from antiphon.wire.openai_responses.relay import ResponseRelay

USAGE = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
BEGUN = {"response": {"id": "resp_1", "model": "gpt-x", "usage": None}}


def line(kind: str, number: int, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": number, **fields})
    return f"event: {kind}\ndata: {data}\n\n".encode()


def test_a_stream_passes_byte_for_byte_and_its_facts_are_read() -> None:
    stream = [
        line("response.created", 0, **BEGUN),
        line("response.output_item.added", 1, item={"type": "message"}),
        b": a comment\n\n",
        line("response.output_text.delta", 2, delta="Hi"),
        line("response.x_new.delta", 3, delta={"any": [1]}),
        line("response.completed", 4, response={"model": "gpt-x", "usage": USAGE, "output": []}),
    ]
    relay = ResponseRelay()
    seen: list[bool] = []
    for piece in stream:
        assert relay.feed(piece) == piece
        seen.append(relay.content_seen)

    assert relay.end() == b""
    assert seen == [False, False, False, True, True, True]
    assert (relay.model, relay.done, relay.events, relay.sequence) == ("gpt-x", True, 5, 5)
    assert relay.usage == Usage(input_tokens=5, output_tokens=3)


def test_a_stream_that_is_cut_anywhere_passes_whole() -> None:
    stream = line("response.created", 0, **BEGUN) + line("response.incomplete", 1, response={"usage": USAGE})
    for at in range(len(stream)):
        relay = ResponseRelay()

        assert relay.feed(stream[:at]) + relay.feed(stream[at:]) + relay.end() == stream
        assert relay.done


def failed(code: str) -> bytes:
    return line("response.failed", 1, response={"error": {"code": code, "message": "why"}, "usage": USAGE})


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (failed("server_error"), UpstreamError),
        (failed("rate_limit_exceeded"), UpstreamLimited),
        (failed("invalid_prompt"), UpstreamRefused),
        (failed("image_too_large"), UpstreamRefused),
        (line("error", 1, code="rate_limit_exceeded", message="why", param=None), UpstreamLimited),
        (line("error", 1, error={"code": "server_error", "message": "why"}), UpstreamError),
    ],
)
@pytest.mark.parametrize("content", [b"", line("response.output_text.delta", 0, delta="Hi")])
def test_a_failure_is_held_back_and_known_by_its_code(content: bytes, last: bytes, kind: type[UpstreamError]) -> None:
    relay = ResponseRelay()
    relay.feed(content)

    assert relay.feed(last) == b""
    assert type(relay.failure) is kind
    assert relay.content_seen is bool(content)
    with pytest.raises(kind):
        relay.end()


def test_a_refusal_says_what_the_upstream_said() -> None:
    relay = ResponseRelay()
    relay.feed(failed("invalid_prompt"))

    assert relay.failure is not None
    assert (relay.failure.message, relay.failure.shown_code) == ("why", "invalid_prompt")


def test_a_stream_that_ends_early_is_broken() -> None:
    relay = ResponseRelay()
    relay.feed(line("response.created", 0, **BEGUN))

    with pytest.raises(UpstreamBroken):
        relay.end()


def test_an_event_that_is_no_json_is_malformed() -> None:
    with pytest.raises(UpstreamMalformed):
        ResponseRelay().feed(b"data: {nope\n\n")


def test_a_usage_that_can_not_be_believed_is_noted() -> None:
    relay = ResponseRelay()
    relay.feed(line("response.completed", 0, response={"usage": {**USAGE, "input_tokens": -1}}))

    assert relay.usage is None
    assert relay.usage_note == "usage.input_tokens is -1, which is no count of tokens"


def test_an_error_event_goes_on_from_the_streams_numbers() -> None:
    relay = ResponseRelay()
    relay.feed(line("response.created", 6, **BEGUN))

    said = error_event(UpstreamLimited("slow"), relay.sequence)
    assert said == (
        b'event: error\ndata: {"type":"error","code":"upstream_rate_limited","message":"slow","param":null,'
        b'"sequence_number":7}\n\n'
    )
