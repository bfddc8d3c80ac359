"""Whole answers and streams of Cohere's chat."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.content import Citation, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed, UpstreamRefused, UpstreamTimeout
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.cohere_chat.codec import CohereChat

often = settings(max_examples=200, deadline=None)
CODEC = CohereChat()
USED = {
    "billed_units": {"input_tokens": 3.0, "output_tokens": 5.0, "search_units": 1},
    "tokens": {"input_tokens": 70.0, "output_tokens": 6.0},
    "cached_tokens": 16,
}
CITED = {
    "start": 0,
    "end": 2,
    "text": "Hi",
    "content_index": 1,
    "type": "TEXT_CONTENT",
    "sources": [
        {"type": "document", "id": "d1", "document": {"title": "T", "url": "https://x", "snippet": "q"}},
        {"type": "tool", "id": "c:0", "tool_output": {"content": "w"}},
    ],
}
CITATIONS = (
    Citation(kind="url", url="https://x", title="T", quoted="q", start=0, end=2, extra={"id": "d1"}),
    Citation(kind="other", quoted="w", start=0, end=2, extra={"id": "c:0"}),
)
WHOLE = {
    "id": "r1",
    "finish_reason": "TOOL_CALL",
    "message": {
        "role": "assistant",
        "tool_plan": "first f",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        "citations": [CITED],
    },
    "usage": USED,
    "logprobs": [{"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}],
}
USAGE = Usage(input_tokens=70, output_tokens=6, cached_tokens=16, searches=1)


def answer(**more: Any) -> bytes:
    return msgspec.json.encode(WHOLE | more)


def test_a_whole_answer_is_read() -> None:
    response, facts = CODEC.decode_answer(answer())
    choice = response.choices[0]
    assert choice.message.parts == (
        Reasoning(text="first f"),
        Reasoning(text="hm"),
        Text(text="Hi", citations=CITATIONS),
        ToolCall(id="c1", name="f", arguments='{"x":1}'),
    )
    assert (response.id, response.model, choice.finish_reason) == ("r1", "", "tool_calls")
    assert choice.logprobs == {"content": [{"token": "Hi", "logprob": -0.75, "bytes": [72, 105], "top_logprobs": []}]}
    assert response.usage == facts.usage == USAGE


@pytest.mark.parametrize(
    ("word", "reason", "raw"),
    [
        ("COMPLETE", "stop", None),
        ("STOP_SEQUENCE", "stop", "STOP_SEQUENCE"),
        ("MAX_TOKENS", "length", None),
        ("LATER", "other", "LATER"),
    ],
)
def test_reasons_are_read(word: str, reason: str, raw: str | None) -> None:
    choice = CODEC.decode_answer(answer(finish_reason=word))[0].choices[0]
    assert (choice.finish_reason, choice.finish_raw) == (reason, raw)


@pytest.mark.parametrize(("word", "made"), [("ERROR", UpstreamError), ("TIMEOUT", UpstreamTimeout)])
def test_an_answer_that_ended_with_an_error_is_one(word: str, made: type[UpstreamError]) -> None:
    with pytest.raises(UpstreamError) as failed:
        CODEC.decode_answer(answer(finish_reason=word))
    assert type(failed.value) is made


def test_a_part_of_a_later_kind_is_kept() -> None:
    part = {"type": "later", "x": 1}
    message = CODEC.decode_answer(answer(message={"content": [part]}))[0].choices[0].message
    assert message.parts == (Unknown(kind="later", raw=part),)


@pytest.mark.parametrize(
    ("usage", "expected", "note"),
    [
        ({"billed_units": {"input_tokens": 3, "output_tokens": 5}}, Usage(input_tokens=3, output_tokens=5), ""),
        ({"tokens": {"input_tokens": 1.5, "output_tokens": 5}}, None, "1.5"),
        ({"tokens": {"input_tokens": -1, "output_tokens": 5}}, None, "-1"),
        ({"tokens": {"input_tokens": 1, "output_tokens": 5}, "cached_tokens": 2}, None, "of 1"),
        ({"tokens": {}}, None, "no tokens"),
        (None, None, ""),
    ],
)
def test_usage_is_read_or_not_believed(usage: Any, expected: Usage | None, note: str) -> None:
    _, facts = CODEC.decode_answer(answer(usage=usage))
    assert facts.usage == expected
    assert note in facts.usage_note


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'"\xff"', b"[" * 100_000, answer(message={"content": [7]})])
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        CODEC.decode_answer(body)


def test_an_error_that_came_as_an_answer_is_one_and_a_refusals_reason_is_passed_on() -> None:
    with pytest.raises(UpstreamError, match="why"):
        CODEC.decode_answer(b'{"id":"e","message":"why"}')
    error = UpstreamRefused("refused")
    CODEC.pass_on(error, b"[")
    assert error.message == "refused"
    CODEC.pass_on(error, b'{"message":"why"}')
    assert error.message == "why"


# --- streams


def event(kind: str, **more: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode({"type": kind, **more}) + b"\n\n"


def said(kind: str, index: int = 0, **message: Any) -> bytes:
    return event(kind, index=index, delta={"message": message})


BEGUN = event(
    "message-start",
    id="r1",
    delta={"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}},
)
ENDED = event("message-end", id="r1", delta={"finish_reason": "COMPLETE", "usage": USED})
STREAM = b"".join(
    (
        BEGUN,
        said("tool-plan-delta", tool_plan="first f"),
        said("content-start", content={"type": "thinking", "thinking": ""}),
        said("content-delta", content={"thinking": "hm"}),
        event("content-end", index=0),
        said("content-start", 1, content={"type": "text", "text": ""}),
        said("content-delta", 1, content={"text": "é"}),
        said("citation-start", citations=CITED),
        event("citation-end", index=0),
        said("citation-start", 1, citations={**CITED, "type": "PLAN"}),
        said(
            "tool-call-start", tool_calls={"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
        ),
        said("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
        event("tool-call-end", index=0),
        event("debug", prompt="secret"),
        ENDED,
        b"data: [DONE]\n\n",
    )
)


def read(*pieces: bytes) -> list[Event]:
    decoder = CODEC.decoder()
    decoder.model = "asked"
    events = [found for piece in pieces for found in decoder.feed(piece)]
    events += decoder.end()
    assert decoder.done or decoder.failure
    return events


def test_a_stream_is_read() -> None:
    events = read(STREAM)
    assert [delta for found in events for delta in found.deltas] == [
        Delta(role="assistant"),
        Delta(reasoning="first f"),
        Delta(reasoning="hm"),
        Delta(text="é"),
        Delta(citations=CITATIONS),
        Delta(tool_calls=(ToolCallDelta(index=0, id="c1", name="f", arguments="", kind="function"),)),
        Delta(tool_calls=(ToolCallDelta(index=0, arguments="{}"),)),
        Delta(finish_reason="stop"),
    ]
    assert {(found.id, found.model) for found in events} == {("r1", "asked")}
    assert events[-1].usage == USAGE


@often
@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_a_stream_is_read_alike_however_it_was_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read(*(STREAM[start:end] for start, end in pairwise(edges))) == read(STREAM)


def test_a_last_event_without_its_blank_line_is_read() -> None:
    assert read(BEGUN, ENDED.rstrip())[-1].deltas == (Delta(finish_reason="stop"),)


def test_log_probabilities_of_a_stream_are_told() -> None:
    piece = event(
        "content-delta",
        delta={"message": {"content": {"text": "a"}}},
        logprobs={"text": "a", "token_ids": [1], "logprobs": [-1]},
    )
    told = read(BEGUN, piece, ENDED)[1].deltas[0].logprobs
    assert told == {"content": [{"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": []}]}


@pytest.mark.parametrize(
    ("piece", "made"),
    [
        (event("message-end", delta={"finish_reason": "ERROR", "error": "secret"}), UpstreamError),
        (event("message-end", delta={"finish_reason": "TIMEOUT"}), UpstreamTimeout),
        (b'data: {"message":"secret"}\n\n', UpstreamError),
    ],
)
def test_an_error_amid_a_stream_is_the_decoders_failure(piece: bytes, made: type[UpstreamError]) -> None:
    decoder = CODEC.decoder()
    events = [*decoder.feed(BEGUN + piece + ENDED), *decoder.end()]
    assert len(events) == 1
    assert type(decoder.failure) is made
    assert "secret" not in decoder.failure.noted


def test_a_stream_that_ends_before_its_answer_is_broken() -> None:
    with pytest.raises(UpstreamBroken):
        read(BEGUN, b"data: {")


def test_odd_events_are_passed_over_and_what_is_not_json_is_malformed() -> None:
    odd = event("later") + event("content-delta", delta=7) + said("tool-call-delta", 9, tool_calls={"function": {}})
    assert len(read(BEGUN, odd, ENDED)) == 2
    with pytest.raises(UpstreamMalformed):
        read(BEGUN, b"data: {\n\n")


KEYS = st.sampled_from(["type", "delta", "message", "content", "text", "tool_calls", "function", "citations", "usage"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(["content-delta", "message-end", "text"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@often
@given(st.binary(max_size=30) | JSON.map(msgspec.json.encode) | st.builds(lambda m: answer(message=m), JSON))
def test_arbitrary_bodies_raise_nothing_but_upstream_errors(body: bytes) -> None:
    for parse in (CODEC.decode_answer, lambda text: read(b"data: " + text + b"\n\n")):
        try:
            parse(body)
        except UpstreamError:
            continue


def test_coheres_own_models_know_every_field_that_is_read_here() -> None:
    v2 = pytest.importorskip("cohere.v2.types", reason="cohere is not installed")
    core = pytest.importorskip("cohere.core.unchecked_base_model", reason="cohere is not installed")
    theirs = v2.V2ChatResponse.model_validate(WHOLE)
    assert theirs.message.content[1].text == "Hi"
    assert theirs.usage.tokens.input_tokens == USAGE.input_tokens
    kinds = []
    for raw in STREAM.split(b"\n\n")[:-2]:
        value = msgspec.json.decode(raw.partition(b"data: ")[2])
        found = core.construct_type(type_=v2.V2ChatStreamResponse, object_=value)
        kinds.append(type(found).__name__)
        assert found.type == value["type"]
    assert "ContentDeltaV2ChatStreamResponse" in kinds
    assert len(set(kinds)) == 12
