"""Streams: passed on, read and written."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from anthropic_said import CODEC, body, request

from antiphon.core.content import Citation, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamLimited, UpstreamMalformed, UpstreamOverloaded
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.losses import Losses
from antiphon.wire.translated import Translated

HEAD = request(body()).head


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(
        [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event)) for event in events]
    )


def start(**usage: int) -> dict[str, Any]:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage or {"input_tokens": 0, "output_tokens": 0},
    }
    return {"type": "message_start", "message": message}


def opened(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, kind: str, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **delta}}


def closed(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str, at: str | None = None, **usage: Any) -> dict[str, Any]:
    said = {"stop_reason": reason, "stop_sequence": at}
    return {"type": "message_delta", "delta": said, "usage": usage}


STOP = {"type": "message_stop"}
USED = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 2,
    "cache_read_input_tokens": 10,
    "output_tokens": 7,
}
CITED = {
    "url": "https://a",
    "title": "T",
    "cited_text": "q",
    "type": "web_search_result_location",
    "encrypted_index": "E",
}
SEARCH = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
GOLDEN = sse(
    start(),
    opened(0, type="thinking", thinking="", signature=""),
    piece(0, "thinking_delta", thinking="Hm é"),
    piece(0, "signature_delta", signature="EqRk=="),
    closed(0),
    opened(1, type="redacted_thinking", data="opaque"),
    closed(1),
    opened(2, type="text", text=""),
    piece(2, "text_delta", text="Hel"),
    piece(2, "text_delta", text="lo\n\u2028"),
    piece(2, "citations_delta", citation=CITED),
    closed(2),
    opened(3, type="tool_use", id="toolu_1", name="f", input={}),
    piece(3, "input_json_delta", partial_json='{"x"'),
    piece(3, "input_json_delta", partial_json=":1}"),
    closed(3),
    opened(4, type="tool_use", id="toolu_2", name="g", input={}),
    closed(4),
    opened(5, type="web_search_tool_result", tool_use_id="srv_1", content=[]),
    closed(5),
    ended("tool_use", **USED),
    STOP,
)


def pieces(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def read(stream: bytes, size: int = 1 << 20) -> tuple[list[Event], Any]:
    decoder = CODEC.decoder()
    out = [event for cut in pieces(stream, size) for event in decoder.feed(cut)]
    return [*out, *decoder.end()], decoder


def write(events: Sequence[Event]) -> tuple[bytes, Losses]:
    losses = Losses()
    encoder = CODEC.encoder(HEAD, losses)
    return b"".join([encoder.event(event) for event in events]) + encoder.end(), losses


def shapes(stream: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(event.split(b"data: ")[1]) for event in stream.split(b"\n\n") if event]


def test_a_stream_of_its_own_is_read_and_written_as_it_came() -> None:
    events, decoder = read(GOLDEN)

    out, losses = write(events)

    assert out == GOLDEN
    assert losses.told() == ()
    assert decoder.done


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_how_a_stream_is_cut_makes_no_difference(size: int) -> None:
    assert read(GOLDEN, size)[0] == read(GOLDEN)[0]
    assert read(GOLDEN.replace(b"\n", b"\r\n"), size)[0] == read(GOLDEN)[0]
    relay = CODEC.relay(hides_usage=False)
    assert b"".join([relay.feed(cut) for cut in pieces(GOLDEN, size)]) + relay.end() == GOLDEN


def test_the_events_say_all_that_the_stream_does() -> None:
    events, _ = read(GOLDEN)
    deltas = [delta for event in events for delta in event.deltas]

    assert {(event.id, event.model) for event in events} == {("msg_1", "claude-x")}
    assert deltas[0].role == "assistant"
    assert [delta.reasoning for delta in deltas if delta.reasoning] == ["Hm é"]
    assert [(delta.signature, delta.signed_by, delta.redacted) for delta in deltas if delta.signature] == [
        ("EqRk==", "anthropic_messages", False),
        ("opaque", "anthropic_messages", True),
    ]
    assert "".join([delta.text or "" for delta in deltas]) == "Hello\n\u2028"
    calls = [call for delta in deltas for call in delta.tool_calls]
    assert [(call.index, call.id, call.name, call.arguments) for call in calls] == [
        (0, "toolu_1", "f", None),
        (0, None, None, '{"x"'),
        (0, None, None, ":1}"),
        (1, "toolu_2", "g", None),
    ]
    assert [delta.citations[0].url for delta in deltas if delta.citations] == ["https://a"]
    assert [part.kind for delta in deltas for part in delta.unknown] == ["web_search_tool_result"]
    assert deltas[-1].finish_reason == "tool_calls"
    assert events[-1].usage == Usage(input_tokens=17, output_tokens=7, cached_tokens=10, cache_write_tokens=2)


def test_pieces_of_a_block_without_a_word_are_put_together() -> None:
    stream = sse(
        start(),
        opened(0, **SEARCH),
        piece(0, "input_json_delta", partial_json='{"query":'),
        piece(0, "input_json_delta", partial_json='"q"}'),
        closed(0),
        opened(1, type="compaction", content=""),
        piece(1, "compaction_delta", content="so "),
        piece(1, "compaction_delta", content="far"),
        closed(1),
        ended("end_turn", **USED),
        STOP,
    )

    parts = [part for event in read(stream)[0] for delta in event.deltas for part in delta.unknown]

    assert parts == [
        Unknown(kind="server_tool_use", raw={**SEARCH, "input": {"query": "q"}}),
        Unknown(kind="compaction", raw={"type": "compaction", "content": "so far"}),
    ]


@pytest.mark.parametrize(
    ("said", "total"),
    [
        (
            (start(input_tokens=3, output_tokens=1), ended("end_turn", output_tokens=9)),
            Usage(input_tokens=3, output_tokens=9),
        ),
        (
            (start(input_tokens=3, output_tokens=1), ended("end_turn", input_tokens=30, output_tokens=9)),
            Usage(input_tokens=30, output_tokens=9),
        ),
        (
            (start(input_tokens=3, output_tokens=1), ended("end_turn", input_tokens=None, output_tokens=9)),
            Usage(input_tokens=3, output_tokens=9),
        ),
        ((start(input_tokens=3, output_tokens=1), ended("end_turn", output_tokens=-9)), None),
    ],
)
def test_usage_is_what_the_end_restates_of_the_start(said: Any, total: Usage | None) -> None:
    stream = sse(*said, STOP)
    relay = CODEC.relay(hides_usage=False)
    relay.feed(stream)

    events, decoder = read(stream)

    assert relay.usage == total
    assert events[-1].usage == total
    assert bool(relay.usage_note) == bool(decoder.usage_note) == (total is None)


def test_a_relay_knows_the_model_the_first_content_and_the_end() -> None:
    relay = CODEC.relay(hides_usage=False)

    seen = []
    for event in GOLDEN.split(b"\n\n")[:-1]:
        relay.feed(event + b"\n\n")
        seen.append((relay.content_seen, relay.done))

    assert relay.model == "claude-x"
    assert relay.events == len(seen)
    assert seen[:3] == [(False, False), (False, False), (True, False)]
    assert [done for _, done in seen].index(True) == len(seen) - 1
    assert CODEC.last_mark in GOLDEN.split(b"\n\n")[-2]


def test_pings_and_comments_pass_and_say_nothing() -> None:
    noise = b": hello\n\n" + sse({"type": "ping"}) + sse({"type": "new_kind", "x": 1})
    relay = CODEC.relay(hides_usage=False)

    assert relay.feed(noise) == noise
    assert not relay.content_seen
    assert CODEC.decoder().feed(noise) == []


@pytest.mark.parametrize(
    ("kind", "failure", "noted"),
    [
        ("overloaded_error", UpstreamOverloaded, "overloaded_error"),
        ("rate_limit_error", UpstreamLimited, "rate_limit_error"),
        ("api_error", UpstreamError, "api_error"),
        ("secret words", UpstreamError, "an error"),
    ],
)
def test_an_error_amid_a_stream_is_its_failure(kind: str, failure: type[UpstreamError], noted: str) -> None:
    stream = sse(start(), {"type": "error", "error": {"type": kind, "message": "the prompt"}})
    relay, decoder = CODEC.relay(hides_usage=False), CODEC.decoder()

    assert relay.feed(stream + GOLDEN) == sse(start())
    decoder.feed(stream + GOLDEN)

    for found in (relay.failure, decoder.failure):
        assert type(found) is failure
        assert found.noted == f"the upstream ended its stream with {noted}"
        assert "the prompt" in found.message
    with pytest.raises(failure):
        relay.end()
    assert decoder.end() == []


@pytest.mark.parametrize("at", [10, 300, 700])
def test_a_stream_that_ends_before_its_answer_is_broken(at: int) -> None:
    relay, decoder = CODEC.relay(hides_usage=False), CODEC.decoder()
    relay.feed(GOLDEN[:at])
    decoder.feed(GOLDEN[:at])

    for end in (relay.end, decoder.end):
        with pytest.raises(UpstreamBroken):
            end()


def test_a_stream_without_its_last_event_is_whole_once_the_reason_came() -> None:
    stream = GOLDEN.removesuffix(sse(STOP))
    relay = CODEC.relay(hides_usage=False)

    assert relay.feed(stream) + relay.end() == stream
    assert read(stream)[0][-1].deltas[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("data", [b"{", b"[]", b"3", b"\xff"])
def test_an_event_that_is_no_object_is_malformed(data: bytes) -> None:
    for feed in (CODEC.relay(hides_usage=False).feed, CODEC.decoder().feed):
        with pytest.raises(UpstreamMalformed):
            feed(b"event: message_start\ndata: " + data + b"\n\n")


def foreign(*deltas: Delta, usage: Usage | None = None) -> list[Event]:
    said = [Event(dialect="openai_chat", id="c1", model="m", created_s=1, deltas=(delta,)) for delta in deltas]
    if usage is not None:
        said.append(Event(dialect="openai_chat", id="c1", model="m", created_s=1, usage=usage))
    return said


def test_another_dialects_stream_is_written_in_blocks() -> None:
    out, losses = write(
        foreign(
            Delta(role="assistant", text=""),
            Delta(reasoning="hm"),
            Delta(text="a"),
            Delta(text="b"),
            Delta(tool_calls=(ToolCallDelta(index=0, id="x", name="f", kind="function", arguments=""),)),
            Delta(tool_calls=(ToolCallDelta(index=0, arguments="{}"),)),
            Delta(tool_calls=(ToolCallDelta(index=1, id="y", name="g", arguments="{}"),)),
            Delta(finish_reason="stop"),
            usage=Usage(input_tokens=17, output_tokens=7, cached_tokens=10, cache_write_tokens=2),
        )
    )

    message = start()["message"] | {"id": "c1", "model": "m"}
    assert shapes(out) == [
        {"type": "message_start", "message": message},
        opened(0, type="thinking", thinking="", signature=""),
        piece(0, "thinking_delta", thinking="hm"),
        closed(0),
        opened(1, type="text", text=""),
        piece(1, "text_delta", text="a"),
        piece(1, "text_delta", text="b"),
        closed(1),
        opened(2, type="tool_use", id="x", name="f", input={}),
        piece(2, "input_json_delta", partial_json="{}"),
        closed(2),
        opened(3, type="tool_use", id="y", name="g", input={}),
        piece(3, "input_json_delta", partial_json="{}"),
        closed(3),
        ended("tool_use", **USED),
        STOP,
    ]
    assert losses.told() == ()


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        (Delta(finish_reason="stop"), "end_turn"),
        (Delta(finish_reason="stop", stop_sequence="END"), "stop_sequence"),
        (Delta(finish_reason="length"), "max_tokens"),
        (Delta(finish_reason="content_filter"), "refusal"),
        (Delta(finish_reason="tool_calls"), "tool_use"),
        (Delta(finish_reason="other", finish_raw="eos"), "end_turn"),
    ],
)
def test_reasons_are_said_in_anthropics_words(delta: Delta, reason: str) -> None:
    out, losses = write(foreign(Delta(text="a"), delta, usage=Usage(input_tokens=5, output_tokens=7)))

    last = shapes(out)[-2]
    assert last["delta"] == {"stop_reason": reason, "stop_sequence": delta.stop_sequence}
    told = [loss.field for loss in losses.told()]
    assert told == (["answer.finish_reason"] if delta.finish_reason == "other" else [])


def test_that_a_stream_says_no_usage_is_told() -> None:
    out, losses = write(foreign(Delta(text="a"), Delta(finish_reason="stop")))

    assert shapes(out)[-2]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert [(loss.field, loss.effect) for loss in losses.told()] == [("answer.usage", "sent as 0")]


def test_a_foreign_proof_names_whose_it_is() -> None:
    call = ToolCallDelta(index=0, id="x", name="f", signature="sig", signed_by="gemini")

    out, _ = write(foreign(Delta(tool_calls=(call,)), Delta(finish_reason="tool_calls")))

    said = shapes(out)
    assert said[2] == piece(0, "signature_delta", signature="gemini:sig")
    assert said[4]["content_block"]["type"] == "tool_use"
    parts = [delta for event in read(out)[0] for delta in event.deltas if delta.signature]
    assert (parts[0].signature, parts[0].signed_by) == ("sig", "gemini")


def test_what_a_stream_can_not_carry_is_told() -> None:
    _, losses = write(
        foreign(
            Delta(refusal="no", logprobs={"content": []}),
            Delta(index=1, text="second"),
            Delta(unknown=(Unknown(kind="x", raw={}),), citations=(Citation(kind="file"),)),
        )
    )

    assert {loss.field for loss in losses.told()} == {
        "answer.refusal",
        "answer.logprobs",
        "answer.choices",
        "answer.unknown",
        "answer.citations",
        "answer.usage",
    }


def test_a_translated_stream_ends_with_its_last_event() -> None:
    losses = Losses()
    relay = Translated(CODEC.decoder(), CODEC.encoder(HEAD, losses), losses)

    assert relay.feed(GOLDEN) == GOLDEN
    assert relay.done
    assert relay.content_seen
    assert relay.usage == Usage(input_tokens=17, output_tokens=7, cached_tokens=10, cache_write_tokens=2)
    assert relay.end() == b""


def test_a_whole_thought_has_its_place_in_words() -> None:
    """The same words for a block at once, as some upstreams send it, as for one in pieces."""
    stream = sse(start(), opened(0, type="thinking", thinking="hm", signature="s"), opened(1, type="text", text="a"))
    decoder = CODEC.decoder()

    deltas = [event.deltas[0] for event in decoder.feed(stream)]

    assert [(delta.reasoning, delta.signature, delta.text) for delta in deltas[1:]] == [
        ("hm", None, None),
        (None, "s", None),
        (None, None, "a"),
    ]


def called(index: int, arguments: str, name: str | None = None) -> Delta:
    made = None if name is None else f"c{index}"
    return Delta(tool_calls=(ToolCallDelta(index=index, id=made, name=name, arguments=arguments),))


def blocks(stream: bytes) -> list[tuple[str, str]]:
    """Names and arguments of the calls in the order of their blocks; each block ends before the next begins."""
    out: list[tuple[str, str]] = []
    opened_at = -1
    for said in shapes(stream):
        match said:
            case {"type": "content_block_start", "content_block": block}:
                assert opened_at == -1
                opened_at = said["index"]
                out.append((block.get("name", block["type"]), ""))
            case {"type": "content_block_delta", "delta": delta}:
                assert said["index"] == opened_at
                name, text = out[-1]
                out[-1] = (name, text + (delta.get("partial_json") or delta.get("text", "")))
            case {"type": "content_block_stop"}:
                opened_at = -1
            case _:
                pass
    return out


def test_calls_whose_pieces_come_by_turns_are_told_one_behind_the_other() -> None:
    events = foreign(
        called(0, '{"a"', "f"),
        called(1, '{"b"', "g"),
        called(0, ":1"),
        called(2, "", "h"),
        called(1, ":2}"),
        called(0, "}"),
        called(2, "{}"),
        Delta(finish_reason="tool_calls"),
        usage=Usage(input_tokens=5, output_tokens=7),
    )
    stream, losses = write(events)
    assert blocks(stream) == [("f", '{"a":1}'), ("g", '{"b":2}'), ("h", "{}")]
    assert losses.told() == ()


def test_a_call_is_told_as_it_comes_once_the_one_before_is_whole() -> None:
    losses = Losses()
    encoder = CODEC.encoder(HEAD, losses)
    first, second, more, rest = foreign(
        called(0, '{"a":1}', "f"), called(1, '{"b', "g"), called(0, "\n"), called(1, '":2}')
    )
    encoder.event(first)
    assert b"content_block_stop" in (said := encoder.event(second))
    assert b'"name":"g"' in said
    assert encoder.event(more) == b""
    assert b"input_json_delta" in encoder.event(rest)
    assert losses.told() == ()


def test_the_proof_of_a_call_that_had_to_wait_stands_before_it() -> None:
    proven = ToolCallDelta(index=1, id="c1", name="g", arguments="{}", signature="c2ln", signed_by="gemini")
    stream, _ = write(foreign(called(0, "", "f"), Delta(tool_calls=(proven,)), called(0, "{}")))
    assert blocks(stream) == [("f", "{}"), ("thinking", ""), ("g", "{}")]


def test_a_piece_of_a_call_that_a_text_has_ended_is_a_loss() -> None:
    stream, losses = write(foreign(called(0, "{", "f"), Delta(text="hm"), called(0, "}")))
    assert blocks(stream) == [("f", "{"), ("text", "hm")]
    assert [loss.field for loss in losses.told()] == ["answer.tool_calls[0]", "answer.usage"]


def test_a_call_of_free_text_has_an_object_as_in_a_whole_answer() -> None:
    first = ToolCallDelta(index=0, id="c0", name="sh", custom=True, arguments='say "')
    stream, _ = write(foreign(Delta(tool_calls=(first,)), called(0, 'hi"'), called(1, "{}", "g")))
    assert blocks(stream) == [("sh", '{"input":"say \\"hi\\""}'), ("g", "{}")]
