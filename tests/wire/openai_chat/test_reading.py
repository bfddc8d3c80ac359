"""Streams of Chat Completions, read for callers of other dialects."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.content import Audio
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.response import Delta, Event
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.events import decode_event
from antiphon.wire.openai_chat.reading import ChunkDecoder

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
DONE = "data: [DONE]"


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **fields: Any
) -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "gpt",
        "choices": [{"index": index, "delta": delta or {}, "finish_reason": finish, "logprobs": None}],
        **fields,
    }


def stream(*events: dict[str, Any] | str, end: str = "\n\n") -> bytes:
    texts = [event if isinstance(event, str) else f"data: {json.dumps(event)}" for event in events]
    return "".join(text + end for text in texts).encode()


def read(body: bytes, cut: int = 0, decoder: ChunkDecoder | None = None) -> tuple[list[Event], ChunkDecoder]:
    decoder = decoder or ChunkDecoder()
    pieces = [body[at : at + cut] for at in range(0, len(body), cut)] if cut else [body]
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.end()], decoder


def words(event: Event) -> tuple[Any, ...]:
    """What an event says in canonical words; what stands beside them in every chunk of a stream, the first tells."""
    deltas = tuple(
        (one.index, one.role, one.text, one.refusal, one.reasoning, one.tool_calls, one.finish_reason, one.logprobs)
        for one in event.deltas
    )
    return (event.id, event.model, event.created_s, deltas, event.usage)


FIRST = chunk({"role": "assistant", "content": ""})
LAST = chunk(finish="stop")


def test_a_stream_is_read_to_its_end() -> None:
    events, decoder = read(stream(FIRST, chunk({"content": "a"}), LAST, chunk(choices=[], usage=USAGE), DONE))

    assert [event.deltas[0].text for event in events[:2]] == ["", "a"]
    assert events[2].deltas[0].finish_reason == "stop"
    assert events[3].usage == Usage(input_tokens=10, output_tokens=5)
    assert (decoder.done, decoder.failure, decoder.usage_note) == (True, None, "")
    assert {(event.id, event.model, event.dialect) for event in events} == {("c", "gpt", "openai_chat")}


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
DELTAS = st.fixed_dictionaries(
    {},
    optional={
        "content": st.none() | TEXT,
        "reasoning_content": TEXT,
        "reasoning": TEXT,
        "refusal": st.none() | TEXT,
        "tool_calls": st.just(
            [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}]
        ),
        "function_call": st.just({"name": "f", "arguments": "{}"}),
        "audio": st.just({"id": "a", "data": "AA"}),
        "x": TEXT,
    },
)
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "usage": st.none() | st.just(USAGE) | st.just({"prompt_tokens": -1, "completion_tokens": 0}),
        "system_fingerprint": TEXT,
        "service_tier": st.none() | TEXT,
        "obfuscation": TEXT,
        "error": st.none(),
    },
)
CHUNKS = st.builds(
    lambda delta, finish, index, told, chances: {
        **chunk(delta, finish, index, **told),
        **({} if chances is None else {"choices": [{"index": index, "delta": delta, "logprobs": chances}]}),
    },
    DELTAS | st.fixed_dictionaries({"content": TEXT}),
    st.none() | st.sampled_from(["stop", "length", "odd"]),
    st.integers(0, 2),
    TOLD,
    st.none() | st.just({"content": [{"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}),
)


@often
@given(st.lists(CHUNKS, max_size=6), st.integers(1, 40), st.sampled_from(["\n\n", "\r\n\r\n", "\r\r"]), st.booleans())
def test_however_it_is_cut_every_event_says_what_its_chunk_says(
    chunks: list[dict[str, Any]], cut: int, end: str, done: bool
) -> None:
    line = end[: len(end) // 2]
    body = stream(
        ": hello", "event: x" + line + "data: " + json.dumps(FIRST), *chunks, LAST, *([DONE] if done else []), end=end
    )

    events, decoder = read(body, cut)

    assert [words(event) for event in events] == [words(decode_event(one)) for one in (FIRST, *chunks, LAST)]
    assert (decoder.done, decoder.failure) == (done, None)


def test_the_first_chunk_keeps_what_it_says_beside() -> None:
    events, _ = read(
        stream(chunk({"role": "assistant", "x": 1}, service_tier="flex", system_fingerprint="fp"), LAST, DONE)
    )

    assert events[0] == decode_event(chunk({"role": "assistant", "x": 1}, service_tier="flex", system_fingerprint="fp"))


def test_sound_and_further_answers_are_read() -> None:
    events, _ = read(
        stream(FIRST, chunk({"audio": {"id": "a", "data": "AA"}}, index=1), chunk({"content": "b"}, index=1), LAST)
    )

    assert events[1].deltas[0].audio == Audio(id="a", data="AA")
    assert events[2].deltas == (Delta(index=1, text="b"),)


@pytest.mark.parametrize("fields", [{"usage": None}, {}])
def test_usage_counts_wherever_it_comes(fields: dict[str, Any]) -> None:
    before, _ = read(stream(FIRST, chunk(choices=[], usage=USAGE), LAST, DONE))
    beside, _ = read(stream(FIRST, chunk({"content": "a"}, **fields), chunk(finish="stop", usage=USAGE), DONE))
    behind, _ = read(stream(FIRST, LAST, chunk(choices=[], usage=USAGE), DONE))

    for events in (before, beside, behind):
        assert [event.usage for event in events if event.usage] == [Usage(input_tokens=10, output_tokens=5)]


def test_usage_that_can_not_be_believed_is_noted() -> None:
    events, decoder = read(stream(FIRST, LAST, chunk(choices=[], usage={**USAGE, "prompt_tokens": -5}), DONE))

    assert all(event.usage is None for event in events)
    assert "prompt_tokens is -5" in decoder.usage_note


def test_a_model_that_is_not_named_is_the_one_that_was_asked() -> None:
    decoder = ChunkDecoder()
    decoder.model = "asked"

    events, _ = read(stream(chunk({"role": "assistant"}, model=None), LAST), decoder=decoder)

    assert events[0].model == "asked"


def test_what_follows_the_end_is_not_read() -> None:
    events, _ = read(stream(FIRST, LAST, DONE, chunk({"content": "more"}), "data: nonsense"))

    assert len(events) == 2


# --- failures


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"message": "overloaded", "code": 502}},
        {"error": "overloaded", "choices": []},
        chunk({"content": ""}, "error", error={"message": "overloaded"}),
    ],
)
def test_an_error_amid_the_stream_ends_it(told: dict[str, Any]) -> None:
    events, decoder = read(stream(FIRST, chunk({"content": "a"}), told, chunk({"content": "b"}), DONE))

    assert len(events) == 2
    assert isinstance(decoder.failure, UpstreamError)
    assert "overloaded" in decoder.failure.message
    assert decoder.failure.noted == "the upstream ended its stream with an error"
    assert not decoder.done


@pytest.mark.parametrize(
    "body", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n", b"data: " + b"[" * 5000 + b"\n\n"]
)
def test_what_is_no_chunk_is_not_passed_over(body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        ChunkDecoder().feed(stream(FIRST) + body)


@pytest.mark.parametrize("rest", [b"", b'data: {"choices"', b": wait\n\n"])
def test_a_stream_that_ends_amid_its_answer_is_broken(rest: bytes) -> None:
    decoder = ChunkDecoder()
    decoder.feed(stream(FIRST, chunk({"content": "a"})) + rest)

    with pytest.raises(UpstreamBroken):
        decoder.end()


def test_a_last_event_needs_no_line_end() -> None:
    events, decoder = read(stream(FIRST) + f"data: {json.dumps(LAST)}".encode())

    assert events[-1].deltas[0].finish_reason == "stop"
    assert not decoder.done
