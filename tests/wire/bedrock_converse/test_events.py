"""Streams of ConverseStream."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.content import Citation, Unknown
from antiphon.core.error import (
    UpstreamAuth,
    UpstreamBroken,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.bedrock_converse.codec import BedrockConverse
from antiphon.wire.eventstream import encode_frame

often = settings(max_examples=200, deadline=None)


def framed(kind: str, payload: Any, **headers: str) -> bytes:
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    said = {":event-type": kind, ":content-type": "application/json", ":message-type": "event", **headers}
    return encode_frame(said, body)


def failed(kind: str, payload: Any = None) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encode_frame(headers, msgspec.json.encode(payload or {"message": "secret words"}))


def changed(delta: Any, block: int = 0) -> bytes:
    return framed("contentBlockDelta", {"contentBlockIndex": block, "delta": delta, "p": "abc"})


START = framed("messageStart", {"role": "assistant", "p": "abcdef"})
STOP = framed("messageStop", {"stopReason": "end_turn"})
USED = framed("metadata", {"usage": {"inputTokens": 3, "outputTokens": 5}, "metrics": {"latencyMs": 9}})


def closed(block: int = 0) -> bytes:
    return framed("contentBlockStop", {"contentBlockIndex": block})


def read(*pieces: bytes) -> list[Event]:
    decoder = BedrockConverse().decoder()
    decoder.model = "asked"
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.end()
    assert decoder.done or decoder.failure
    return events


def deltas(*pieces: bytes) -> list[Delta]:
    return [delta for event in read(*pieces) for delta in event.deltas]


def test_a_text_is_read_with_its_end_and_usage() -> None:
    events = read(START, changed({"text": "He"}), changed({"text": "y"}), closed(), STOP, USED)
    assert [event.deltas for event in events] == [
        (Delta(role="assistant", text="He"),),
        (Delta(text="y"),),
        (Delta(finish_reason="stop"),),
        (),
    ]
    assert events[-1].usage == Usage(input_tokens=3, output_tokens=5)
    assert {(event.id, event.model) for event in events} == {(events[0].id, "asked")}
    assert events[0].id.startswith("bedrock-")
    assert read(START, changed({"text": "other"}), STOP)[0].id != events[0].id


def test_parallel_calls_are_counted_from_zero_whatever_their_blocks() -> None:
    def begun(block: int, name: str) -> bytes:
        return framed(
            "contentBlockStart", {"contentBlockIndex": block, "start": {"toolUse": {"toolUseId": name, "name": name}}}
        )

    found = deltas(
        START,
        changed({"text": "a"}),
        begun(1, "f"),
        changed({"toolUse": {"input": '{"x"'}}, 1),
        changed({"toolUse": {"input": ":1}"}}, 1),
        begun(4, "g"),
        changed({"toolUse": {"input": "{}"}}, 4),
        framed("messageStop", {"stopReason": "tool_use"}),
    )
    assert [call for delta in found for call in delta.tool_calls] == [
        ToolCallDelta(index=0, id="f", name="f", kind="function"),
        ToolCallDelta(index=0, arguments='{"x"'),
        ToolCallDelta(index=0, arguments=":1}"),
        ToolCallDelta(index=1, id="g", name="g", kind="function"),
        ToolCallDelta(index=1, arguments="{}"),
    ]
    assert found[-1] == Delta(finish_reason="tool_calls")


def test_thoughts_end_with_their_whole_proof() -> None:
    found = deltas(
        START,
        changed({"reasoningContent": {"text": "hm"}}),
        changed({"reasoningContent": {"signature": "c2"}}),
        changed({"reasoningContent": {"signature": "ln"}}),
        closed(),
        changed({"reasoningContent": {"redactedContent": "aGk="}}, 1),
        changed({"reasoningContent": {"redactedContent": "aG8="}}, 1),
        closed(1),
        changed({"text": "a"}, 2),
        STOP,
    )
    assert found[:4] == [
        Delta(role="assistant", reasoning="hm"),
        Delta(signature="c2ln", signed_by="bedrock_converse"),
        Delta(signature="aGlobw==", signed_by="bedrock_converse", redacted=True),
        Delta(text="a"),
    ]


def test_citations_and_tools_that_the_provider_ran_are_told() -> None:
    use = {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}
    result = {"toolUseId": "s", "status": "success"}
    found = deltas(
        START,
        framed("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": use}}),
        changed({"toolUse": {"input": "{}"}}),
        closed(),
        framed("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolResult": result}}),
        changed({"toolResult": [{"text": "found"}]}, 1),
        closed(1),
        changed({"citation": {"title": "T", "location": {"web": {"url": "https://x"}}}}, 2),
        STOP,
    )
    assert found[:3] == [
        Delta(role="assistant", unknown=(Unknown(kind="toolUse", raw={"toolUse": {**use, "input": "{}"}}),)),
        Delta(unknown=(Unknown(kind="toolResult", raw={"toolResult": {**result, "content": [{"text": "found"}]}}),)),
        Delta(citations=(Citation(kind="url", url="https://x", title="T"),)),
    ]


def test_what_is_said_at_the_end_is_told() -> None:
    stop = {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END", "x": 1}}
    events = read(START, framed("messageStop", stop), framed("metadata", {"trace": {"guardrail": {}}}))
    assert events[0].deltas == (
        Delta(role="assistant", finish_reason="stop", finish_raw="stop_sequence", stop_sequence="END"),
    )
    assert events[0].extra == {"additionalModelResponseFields": {"x": 1}}
    assert events[1].extra == {"trace": {"guardrail": {}}}


def test_usage_that_can_not_be_believed_is_noted() -> None:
    decoder = BedrockConverse().decoder()
    for piece in (START, STOP, framed("metadata", {"usage": {"inputTokens": -1, "outputTokens": 1}})):
        events = decoder.feed(piece)
    assert (list(events), decoder.done) == ([], True)
    assert "no count" in decoder.usage_note


@pytest.mark.parametrize(
    ("kind", "made", "status"),
    [
        ("throttlingException", UpstreamLimited, 429),
        ("ThrottlingException", UpstreamLimited, 429),
        ("serviceUnavailableException", UpstreamOverloaded, 503),
        ("modelNotReadyException", UpstreamOverloaded, 429),
        ("modelTimeoutException", UpstreamTimeout, 408),
        ("internalServerException", UpstreamError, 500),
        ("modelStreamErrorException", UpstreamError, 424),
        ("validationException", UpstreamRefused, 400),
        ("accessDeniedException", UpstreamAuth, 403),
        ("serviceQuotaExceededException", UpstreamQuota, 400),
        ("newException", UpstreamError, None),
    ],
)
def test_an_exception_amid_a_stream_is_the_decoders_failure(
    kind: str, made: type[UpstreamError], status: int | None
) -> None:
    decoder = BedrockConverse().decoder()
    events = [*decoder.feed(START + changed({"text": "a"}) + failed(kind) + changed({"text": "b"})), *decoder.end()]
    assert len(events) == 1
    failure = decoder.failure
    assert type(failure) is made
    assert failure.upstream_status == status
    assert "secret words" in failure.message
    assert "secret" not in failure.noted


def test_a_models_own_status_says_what_its_failure_is() -> None:
    decoder = BedrockConverse().decoder()
    decoder.feed(failed("modelStreamErrorException", {"message": "m", "originalStatusCode": 429}))
    assert type(decoder.failure) is UpstreamLimited


def test_an_error_of_the_framing_is_a_failure_too() -> None:
    decoder = BedrockConverse().decoder()
    headers = {":message-type": "error", ":error-code": "InternalServerException", ":error-message": "why"}
    decoder.feed(encode_frame(headers, b""))
    assert decoder.failure is not None
    assert decoder.failure.message.endswith("why")


def test_a_stream_that_ends_before_its_answer_is_broken_and_one_without_usage_is_not() -> None:
    decoder = BedrockConverse().decoder()
    decoder.feed(START + changed({"text": "a"}))
    with pytest.raises(UpstreamBroken):
        decoder.end()
    assert read(START, changed({"text": "a"}), STOP)[-1].deltas == (Delta(finish_reason="stop"),)


@pytest.mark.parametrize(
    "odd",
    [
        framed("later", {"x": 1}),
        framed("contentBlockDelta", {"delta": 7}),
        framed("contentBlockDelta", {"delta": {"later": 1}, "contentBlockIndex": 0}),
        framed("contentBlockStart", []),
        changed({"toolUse": {"input": "{}"}}, 9),
    ],
)
def test_odd_events_are_passed_over(odd: bytes) -> None:
    assert deltas(START, odd, changed({"text": "a"}), STOP)[0] == Delta(role="assistant", text="a")


def test_an_event_that_is_not_json_is_malformed() -> None:
    with pytest.raises(UpstreamMalformed):
        read(START, framed("contentBlockDelta", b"{"))


STREAM = b"".join(
    (START, changed({"reasoningContent": {"text": "é"}}), changed({"text": "é"}, 1), closed(1), STOP, USED)
)


@often
@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_a_stream_is_read_alike_however_it_was_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[start:end] for start, end in pairwise(edges))) == read(STREAM)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["delta", "start", "text", "toolUse", "input", "reasoningContent", "usage", "toolResult"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
KIND = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
)


@often
@given(st.lists(st.builds(framed, KIND, JSON | st.binary(max_size=5)) | st.binary(max_size=20), max_size=6))
def test_arbitrary_streams_raise_nothing_but_upstream_errors(pieces: list[bytes]) -> None:
    try:
        read(*pieces)
    except UpstreamError:
        return
