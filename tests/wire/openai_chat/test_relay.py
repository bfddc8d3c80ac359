import json
from typing import Any

import pytest
from bodies import segments
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.relay import ChunkRelay as Relay
from antiphon.wire.sse import MAX_EVENT_BYTES

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
TEXT = st.text(st.sampled_from('a"\\\n\r,:{}é😀') | st.characters(exclude_categories=("Cs",)), max_size=6) | st.just(
    ',"usage":null'
)
Item = tuple[str, Any]
"""What an event is, and what it says."""
DELTAS = st.fixed_dictionaries({}, optional={"role": st.just("assistant"), "content": st.none() | TEXT})
ITEMS = st.lists(
    st.one_of(
        st.tuples(st.just("chunk"), DELTAS),
        st.tuples(st.just("null"), DELTAS),
        st.tuples(st.sampled_from(["comment", "empty"]), st.none()),
    ),
    max_size=6,
)


def chunk_of(kind: str, said: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"id": "c", "model": "up-1", "system_fingerprint": "fp"}
    if kind == "usage":
        return {**base, "choices": [], "usage": said}
    finish = "stop" if kind == "finish" else None
    return {
        **base,
        "choices": [{"index": 0, "delta": said or {}, "finish_reason": finish}],
        **({"usage": None} if kind == "null" else {}),
    }


@st.composite
def event_of(draw: DrawFn, item: Item) -> bytes:
    """An event as some server would write it."""
    kind, said = item
    end = draw(st.sampled_from([b"\n", b"\n", b"\r\n", b"\r"]))
    if kind == "comment":
        return b": ping" + end + end
    if kind == "empty":
        return draw(st.sampled_from([b"data:", b"data: ", b"event: ping", b"id: 1"])) + end + end
    space = draw(st.sampled_from([b"", b" "]))
    if kind == "done":
        return b"data:" + space + b"[DONE]" + end + end
    text = json.dumps(chunk_of(kind, said), ensure_ascii=draw(st.booleans()), separators=draw(SEPARATORS)).encode()
    before = draw(st.sampled_from([b"", b"", b"event: message" + end, b": note" + end, b"id: 7" + end]))
    if draw(st.integers(0, 5)) == 0:
        text = text.replace(b'"choices"', end + b"data:" + space + b'"choices"', 1)
    return before + b"data:" + space + text + end + end


SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])


@st.composite
def streams(draw: DrawFn) -> list[tuple[Item, bytes]]:
    """A whole stream: what each event is, and its bytes."""
    items: list[Item] = [*draw(ITEMS), ("finish", {})]
    items += draw(st.sampled_from([[], [("usage", USAGE)]]))
    items += draw(st.sampled_from([[], [("done", None)]]))
    return [(item, draw(event_of(item))) for item in items]


def fed(pieces: tuple[bytes, ...], *, hide: bool = False) -> tuple[Relay, bytes]:
    relay = Relay(hide_usage=hide)
    out = b"".join([relay.feed(piece) for piece in pieces])
    return relay, out + relay.end()


def said(stream: bytes) -> list[Any]:
    """The data of a stream's events, by a reader of another make."""
    out: list[Any] = []
    data: list[str] = []
    for line in stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            data.append(line[5:].strip())
        elif not line and data:
            text = "\n".join(data)
            out.append(text if text in ("[DONE]", "") else json.loads(text))
            data = []
    return out


@often
@given(streams(), st.data())
def test_a_stream_goes_through_unchanged_however_it_is_cut(
    stream: list[tuple[Item, bytes]], data: st.DataObject
) -> None:
    text = b"".join(event for _, event in stream)

    relay, out = fed(data.draw(segments(text)))

    assert out == text
    kinds = [kind for (kind, _), _ in stream]
    assert relay.finished
    assert relay.done == ("done" in kinds)
    assert (relay.model, relay.fingerprint) == ("up-1", "fp")
    assert relay.usage == (Usage(input_tokens=10, output_tokens=5) if "usage" in kinds else None)
    assert relay.content_seen == any((said or {}).get("content") for (kind, said), _ in stream if kind != "usage")
    assert relay.events == sum(kind in ("chunk", "null", "finish", "usage") for kind in kinds)


@often
@given(streams(), st.data())
def test_usage_that_only_we_asked_for_is_hidden_and_nothing_else(
    stream: list[tuple[Item, bytes]], data: st.DataObject
) -> None:
    text = b"".join(event for _, event in stream)

    relay, out = fed(data.draw(segments(text)), hide=True)

    untouched = [event for (kind, _), event in stream if kind not in ("usage", "null")]
    if not any(kind == "null" for (kind, _), _ in stream):
        assert out == b"".join(untouched)
    expected = [chunk for chunk in said(text) if not isinstance(chunk, dict) or chunk["choices"]]
    for chunk in expected:
        if isinstance(chunk, dict):
            chunk.pop("usage", None)
    assert said(out) == expected
    assert relay.usage == (Usage(input_tokens=10, output_tokens=5) if text != out and b"prompt" in text else None)


@often
@given(streams(), st.booleans(), st.data())
def test_nothing_waits_that_could_have_gone(stream: list[tuple[Item, bytes]], hide: bool, data: st.DataObject) -> None:
    """An event goes out with the byte that ends it; after a lone carriage return, with the one behind that."""
    relay = Relay(hide_usage=hide)
    for _, event in stream:
        out = relay.feed(event)
        if not event.endswith(b"\r"):
            assert out.endswith(event) or hide
    assert relay.end() == b"" or stream[-1][1].endswith(b"\r")


@often
@given(streams(), st.data())
def test_a_stream_that_ends_before_its_answer_is_broken(stream: list[tuple[Item, bytes]], data: st.DataObject) -> None:
    text = b"".join(event for _, event in stream)
    finish = sum(len(event) for (kind, _), event in stream[: [kind for (kind, _), _ in stream].index("finish")])
    end = data.draw(st.integers(0, finish))
    relay = Relay(hide_usage=data.draw(st.booleans()))
    for piece in data.draw(segments(text[:end])):
        relay.feed(piece)

    with pytest.raises(UpstreamBroken, match="ended"):
        relay.end()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\r\n\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_any_pair_of_line_ends_ends_an_event(end: bytes, size: int) -> None:
    chunk = json.dumps(chunk_of("finish", {"content": "hi"})).encode()
    usage = json.dumps(chunk_of("usage", USAGE)).encode()
    text = b"data: " + chunk + end + b"data: " + usage + end + b": bye" + end + b"data: [DONE]" + end

    relay, out = fed(tuple(text[at : at + size] for at in range(0, len(text), size)), hide=True)

    assert out == text.replace(b"data: " + usage + end, b"")
    assert (relay.usage, relay.done) == (Usage(input_tokens=10, output_tokens=5), True)


@pytest.mark.parametrize("last", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]", b"data: [DONE] \r"])
def test_a_last_event_without_its_end_counts(last: bytes) -> None:
    text = b'data: {"choices":[]}\n\n' + last

    relay, out = fed((text,))

    assert (out, relay.done) == (text, True)


USAGE_BESIDE = [
    # the last choice and the usage in one event, as llama.cpp and Mistral send it
    ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE}, True),
    # what Azure sends first: no choice, but not empty
    ({"choices": [], "prompt_filter_results": [{"x": 1}], "usage": None}, False),
    ({"usage": None, "choices": [{"index": 0, "delta": {"content": "hi"}}]}, False),
    ({"choices": [{"index": 0, "delta": {"content": "x", "usage": None}}], "usage": None}, False),
    ({"choices": [{"index": 0, "delta": {"content": "x"}, "usage": None}]}, False),
]


@pytest.mark.parametrize(("chunk", "counts"), USAGE_BESIDE)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_usage_beside_something_else_is_taken_out_of_its_event(
    chunk: dict[str, Any], counts: bool, separators: tuple[str, str]
) -> None:
    text = b"data: " + json.dumps(chunk, separators=separators).encode() + b"\n\n"
    relay = Relay(hide_usage=True)

    out = relay.feed(text)

    assert said(out) == [{name: value for name, value in chunk.items() if name != "usage"}]
    assert (relay.usage is not None) == counts
    assert Relay(hide_usage=False).feed(text) == text


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_usual_null_usage_is_cut_out_and_no_other_byte(separators: tuple[str, str]) -> None:
    chunk = chunk_of("null", {"content": ',"usage":null'})
    text = json.dumps(chunk, separators=separators)
    without = json.dumps({name: value for name, value in chunk.items() if name != "usage"}, separators=separators)

    out = Relay(hide_usage=True).feed(f"data: {text}\n\n".encode())

    assert out == f"data: {without}\n\n".encode()


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"tool_calls": [{"index": 0}]},
        {"reasoning_content": "x"},
        {"reasoning": "x"},
        {"refusal": "x"},
        {"audio": {"id": "a"}},
        {"function_call": {"name": "f"}},
    ],
)
def test_any_kind_of_content_is_the_first_token(delta: dict[str, Any]) -> None:
    relay = Relay(hide_usage=False)
    relay.feed(b"data: " + json.dumps(chunk_of("chunk", {"role": "assistant", "content": ""})).encode() + b"\n\n")
    before = relay.content_seen

    relay.feed(b"data: " + json.dumps(chunk_of("chunk", delta)).encode() + b"\n\n")

    assert (before, relay.content_seen) == (False, True)


def test_the_model_is_the_first_that_is_named() -> None:
    relay = Relay(hide_usage=False)
    for model, fingerprint in (("", "fp-1"), (None, None), ("up-1", None), ("up-2", "fp-2")):
        relay.feed(f"data: {json.dumps({'model': model, 'system_fingerprint': fingerprint})}\n\n".encode())

    assert (relay.model, relay.fingerprint) == ("up-1", "fp-1")


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"null",
        b'{"choices": 4}',
        b'{"choices": [4]}',
        b'{"choices": [{"delta": []}]}',
        b'{"choices": [{"finish_reason": 4}]}',
        b'{"usage": [1]}',
        b'{"model": 5}',
        b'{"choices":[],"model":"\xff"}',
        b"\xff\xfe",
        b"[DONE",
        b'{"choices":[]} {"choices":[]}',
    ],
)
def test_an_event_that_is_no_chunk_is_malformed(data: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="not valid"):
        Relay(hide_usage=False).feed(b"data: " + data + b"\n\n")


@often
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"data:", b"\n", b"\r", b"{", b"}", b"\n\n"]), max_size=12))
@example([b"data: \xff\n\n"])
def test_any_bytes_give_an_answer_or_an_upstream_error(pieces: list[bytes]) -> None:
    try:
        _, out = fed(tuple(pieces))
    except UpstreamError:
        return
    assert out == b"".join(pieces).removeprefix(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    "behind", [b"", b"data: [DONE]\n\n", b'data: {"choices":[]}\n\ndata: [DONE]\n\n', b": bye\n\n"]
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_after_an_error_in_the_stream_nothing_goes_on(behind: bytes, size: int) -> None:
    before = b"data: " + json.dumps(chunk_of("chunk", {"content": "a"})).encode() + b"\n\n"
    text = before + b'data: {"error":{"message":"overloaded, tell no one","code":503}}\n\n' + behind
    relay = Relay(hide_usage=False)

    out = b"".join([relay.feed(text[at : at + size]) for at in range(0, len(text), size)])

    assert out == before
    assert not relay.done
    assert relay.failure is not None
    assert "overloaded, tell no one" in relay.failure.message
    assert "tell no one" not in relay.failure.noted
    with pytest.raises(UpstreamError) as caught:
        relay.end()
    assert caught.value is relay.failure


def test_an_event_that_never_ends_is_malformed_before_it_fills_the_memory() -> None:
    piece = b"data: " + b"x" * 1_048_576

    with pytest.raises(UpstreamMalformed, match=str(MAX_EVENT_BYTES)):
        fed((piece,) * (MAX_EVENT_BYTES // len(piece) + 2))


@pytest.mark.parametrize(
    "usage", [{"prompt_tokens": -1, "completion_tokens": 5}, {"prompt_tokens": 4}, {"prompt_tokens": "4"}]
)
def test_usage_that_can_not_be_believed_is_noted(usage: dict[str, Any]) -> None:
    relay = Relay(hide_usage=True)

    out = relay.feed(b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n")

    assert (out, relay.usage) == (b"", None)
    assert relay.usage_note


def test_the_usage_that_counts_is_the_last() -> None:
    relay = Relay(hide_usage=False)
    for count in (1, 2, 3):
        usage = {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": 10 + count}
        relay.feed(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode())

    assert relay.usage == Usage(input_tokens=10, output_tokens=3)
