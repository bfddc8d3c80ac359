"""Streams: read, written, and passed on."""

from typing import Any

import msgspec
import pytest

from antiphon.core.body import Body
from antiphon.core.content import Citation, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamLimited, UpstreamMalformed, UpstreamOverloaded
from antiphon.core.request import Head
from antiphon.core.response import Delta, Event, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.codec import Asked
from antiphon.wire.gemini.array import AsArray
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.losses import Losses
from antiphon.wire.translated import Translated

GEMINI = Gemini()
HEAD: Head = GEMINI.read(Body((b'{"contents":[]}',)), Asked(endpoint="/x", model="m", stream=True))[0]
TAIL = b'"modelVersion":"gemini-3","responseId":"r1"}\r\n\r\n'
USAGE = b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7},'


def chunk(parts: bytes, more: bytes = b"", usage: bytes = b"") -> bytes:
    return b'data: {"candidates":[{"content":{"parts":[%b],"role":"model"},%b"index":0}],%b%b' % (
        parts,
        more,
        usage,
        TAIL,
    )


THOUGHT = chunk(b'{"text":"Hm","thought":true}', usage=USAGE)
HELLO = chunk(b'{"text":"Hel"}', usage=USAGE)
LAST = chunk(b'{"text":"lo"}', b'"finishReason":"STOP",', USAGE)
STREAM = [THOUGHT, HELLO, LAST]
STREAM_USAGE = Usage(input_tokens=5, output_tokens=2)


def event(*deltas: Delta, **more: Any) -> Event:
    return Event(**{"dialect": "gemini", "id": "r1", "model": "gemini-3", "created_s": 0, "deltas": deltas, **more})


def decoded(*pieces: bytes) -> list[Event]:
    decoder = GEMINI.decoder()
    out = [found for piece in pieces for found in decoder.feed(piece)]
    assert not decoder.done
    out += decoder.end()
    assert decoder.done
    return out


def encoded(*events: Event) -> tuple[list[bytes], list[str]]:
    losses = Losses()
    encoder = GEMINI.encoder(HEAD, losses)
    out = [encoder.event(one) for one in events]
    return [piece for piece in (*out, encoder.end()) if piece], [loss.field for loss in losses.told()]


def test_a_stream_is_read_and_its_end_is_told_when_the_body_ends() -> None:
    assert decoded(*STREAM) == [
        event(Delta(role="assistant", reasoning="Hm")),
        event(Delta(text="Hel")),
        event(Delta(text="lo")),
        event(Delta(finish_reason="stop"), usage=STREAM_USAGE),
    ]


@pytest.mark.parametrize("ending", [b"\r\n\r\n", b"\n\n", b"\r\r"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_is_the_same_however_it_is_cut(ending: bytes, size: int) -> None:
    stream = b": hi" + ending + b"".join(STREAM).replace(b"\r\n\r\n", ending)

    assert decoded(*[stream[at : at + size] for at in range(0, len(stream), size)]) == decoded(*STREAM)


def test_a_stream_that_is_written_again_says_the_same() -> None:
    events = decoded(*STREAM)
    pieces, losses = encoded(*events)

    assert losses == []
    assert pieces == [
        THOUGHT.replace(USAGE, b""),
        HELLO.replace(USAGE, b""),
        chunk(b'{"text":"lo"}'),
        b'data: {"candidates":[{"content":{"role":"model"},"finishReason":"STOP","index":0}],' + USAGE + TAIL,
    ]
    assert decoded(*pieces) == events


CALL = b'{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"}'


def test_a_call_comes_whole_and_ends_the_answer() -> None:
    first, last = decoded(chunk(CALL + b',{"functionCall":{"id":"i","name":"g"}}', b'"finishReason":"STOP",'))[1:]
    events = decoded(chunk(CALL, b'"finishReason":"STOP",'))
    (call,) = events[0].deltas[0].tool_calls

    assert (call.index, call.name, call.arguments, call.kind) == (0, "f", '{"a":1}', "function")
    assert (call.signature, call.signed_by) == ("c2ln", "gemini")
    assert first.deltas[0].tool_calls == (ToolCallDelta(index=1, id="i", name="g", arguments="{}", kind="function"),)
    assert last.deltas[0].finish_reason == "tool_calls"
    assert decoded(*encoded(*events)[0]) == events


def test_a_call_that_comes_in_pieces_is_put_together() -> None:
    events = decoded(
        chunk(b'{"functionCall":{"name":"f","id":"i","willContinue":true}}'),
        chunk(
            b'{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"Os","willContinue":true}],'
            b'"willContinue":true}}'
        ),
        chunk(
            b'{"functionCall":{"partialArgs":[{"jsonPath":"$.city","stringValue":"lo"},{"jsonPath":"$.days[0].n",'
            b'"numberValue":3},{"jsonPath":"$[\'x y\']","boolValue":true},{"jsonPath":"$.z","nullValue":"NULL_VALUE"},'
            b'{"jsonPath":"nonsense","numberValue":1}],"willContinue":true}}'
        ),
        chunk(b'{"functionCall":{}}', b'"finishReason":"STOP",'),
    )

    assert [delta.tool_calls for one in events for delta in one.deltas] == [
        (ToolCallDelta(index=0, id="i", name="f", kind="function"),),
        (ToolCallDelta(index=0, arguments='{"city":"Oslo","days":[{"n":3}],"x y":true,"z":null}'),),
        (),
    ]
    assert events[-1].deltas[0].finish_reason == "tool_calls"


def test_a_refused_prompt_ends_a_stream() -> None:
    refused = b'data: {"promptFeedback":{"blockReason":"SAFETY"},' + TAIL
    (last,) = decoded(refused)

    assert last == event(
        Delta(role="assistant", finish_reason="content_filter"), extra={"promptFeedback": {"blockReason": "SAFETY"}}
    )
    assert encoded(last)[0] == [
        b'data: {"modelVersion":"gemini-3","responseId":"r1","promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n'
    ]


def test_what_comes_with_the_end_is_told_with_it() -> None:
    metadata = (
        b'"groundingMetadata":{"webSearchQueries":["q"],"groundingChunks":[{"web":{"uri":"https://a"}}],'
        b'"groundingSupports":[{"segment":{"endIndex":3},"groundingChunkIndices":[0]}]},'
    )
    *_, last = decoded(HELLO, chunk(b'{"text":"lo"}', metadata + b'"finishReason":"MAX_TOKENS",', USAGE))

    assert last.usage == Usage(input_tokens=5, output_tokens=2, searches=1)
    assert last.deltas[0].citations == (Citation(kind="url", url="https://a", start=0, end=3),)
    assert last.deltas[0].finish_reason == "length"


def test_parts_without_a_word_travel_whole() -> None:
    raw = {"executableCode": {"code": "1"}}
    events = decoded(chunk(msgspec.json.encode(raw), b'"finishReason":"STOP",'))

    assert events[0].deltas[0].unknown == (Unknown(kind="executableCode", raw=raw),)
    assert decoded(*encoded(*events)[0]) == events


def test_several_answers_end_each_for_itself() -> None:
    second = HELLO.replace(b'"index":0', b'"index":1')
    with pytest.raises(UpstreamBroken):
        decoded(HELLO, second, LAST)
    *_, last = decoded(HELLO, second, LAST, LAST.replace(b'"index":0', b'"index":1').replace(b"STOP", b"SAFETY"))

    assert [(delta.index, delta.finish_reason) for delta in last.deltas] == [(0, "stop"), (1, "content_filter")]


ERRORS = [
    (b'data: {"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"slow"}}\r\n\r\n', UpstreamLimited),
    (b'{"error":{"code":503,"status":"UNAVAILABLE"}}', UpstreamOverloaded),
    (b'[{"error":{"code":500}}]\n', UpstreamError),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_an_error_amid_a_stream_is_a_failure_of_its_kind(error: bytes, kind: type[UpstreamError]) -> None:
    decoder, relay = GEMINI.decoder(), GEMINI.relay(hides_usage=False)
    after = LAST if error.startswith(b"data") else b""
    events = [*decoder.feed(HELLO), *decoder.feed(error), *decoder.feed(after), *decoder.end()]
    passed = relay.feed(HELLO) + relay.feed(error) + relay.feed(after)

    assert [delta.text for one in events for delta in one.deltas] == ["Hel"]
    assert type(decoder.failure) is kind
    assert passed == HELLO
    with pytest.raises(kind):
        relay.end()


@pytest.mark.parametrize("pieces", [[], [HELLO], [HELLO, b'data: {"candid'], [LAST.replace(b'"STOP"', b"null")]])
def test_a_stream_that_ends_too_soon_is_broken(pieces: list[bytes]) -> None:
    for way in (GEMINI.decoder(), GEMINI.relay(hides_usage=False)):
        for piece in pieces:
            way.feed(piece)
        with pytest.raises(UpstreamBroken):
            way.end()


def test_an_event_that_is_no_json_is_malformed() -> None:
    for way in (GEMINI.decoder(), GEMINI.relay(hides_usage=False)):
        with pytest.raises(UpstreamMalformed):
            way.feed(b"data: nonsense\r\n\r\n")


def test_a_relay_passes_bytes_and_holds_what_ends_the_answer() -> None:
    relay = GEMINI.relay(hides_usage=False)

    assert relay.feed(THOUGHT) == THOUGHT
    assert relay.content_seen
    assert relay.feed(HELLO) == HELLO
    assert relay.feed(LAST) == b""
    assert not relay.done
    assert relay.end() == LAST
    assert relay.done
    assert (relay.model, relay.usage, relay.events, relay.failure) == ("gemini-3", STREAM_USAGE, 3, None)


def test_a_relay_gives_the_held_event_back_when_another_follows() -> None:
    more = b"data: {" + USAGE.replace(b"2", b"3") + TAIL
    relay = GEMINI.relay(hides_usage=False)
    relay.feed(HELLO)

    assert relay.feed(LAST) == b""
    assert relay.feed(b": still here\n\n") == b""
    assert relay.feed(more) == LAST + b": still here\n\n"
    assert relay.end() == more
    assert relay.usage == Usage(input_tokens=5, output_tokens=3)


@pytest.mark.parametrize("size", [1, 13, 1000])
def test_a_relays_bytes_are_the_upstreams_however_they_are_cut(size: int) -> None:
    stream = b"".join(STREAM)
    relay = GEMINI.relay(hides_usage=False)
    out = [relay.feed(stream[at : at + size]) for at in range(0, len(stream), size)]

    assert b"".join(out) + relay.end() == stream


def test_another_dialects_stream_is_written_with_calls_whole_and_the_end_last() -> None:
    def other(*deltas: Delta, **more: Any) -> Event:
        return event(*deltas, dialect="openai_chat", **more)

    def call(**said: Any) -> Delta:
        return Delta(tool_calls=(ToolCallDelta(**said),))

    pieces, losses = encoded(
        other(Delta(role="assistant", text="")),
        other(Delta(reasoning="hm")),
        other(Delta(signature="c2ln", signed_by="anthropic_messages")),
        other(Delta(text='"é"')),
        other(call(index=0, id="c0", name="f", kind="function", arguments="")),
        other(call(index=0, arguments='{"a"')),
        other(call(index=0, arguments=":1}")),
        other(call(index=1, id="c1", name="g", arguments="")),
        other(Delta(finish_reason="tool_calls")),
        other(usage=STREAM_USAGE),
    )

    assert losses == []
    assert pieces == [
        chunk(b'{"text":"hm","thought":true}'),
        chunk(b'{"text":"","thought":true,"thoughtSignature":"YW50aXBob24vYW50aHJvcGljX21lc3NhZ2VzOmMybG4="}'),
        chunk('{"text":"\\"é\\""}'.encode()),
        chunk(
            b'{"functionCall":{"id":"c0","name":"f","args":{"a":1}},"thoughtSignature":"skip_thought_signature_validator"}'
        ),
        chunk(b'{"functionCall":{"id":"c1","name":"g","args":{}}}'),
        b'data: {"candidates":[{"content":{"role":"model"},"finishReason":"STOP","index":0}],' + USAGE + TAIL,
    ]


def test_a_translated_stream_is_done_when_the_body_ends() -> None:
    losses = Losses()
    passage = Translated(GEMINI.decoder(), GEMINI.encoder(HEAD, losses), losses)
    out = b"".join([passage.feed(piece) for piece in STREAM])

    assert not passage.done
    assert b"finishReason" not in out
    assert b"finishReason" in passage.end()
    assert passage.done
    assert (passage.usage, passage.model, passage.content_seen) == (STREAM_USAGE, "gemini-3", True)


def test_a_usage_that_can_not_be_believed_is_noted() -> None:
    odd = LAST.replace(b'"promptTokenCount":5', b'"promptTokenCount":-5')
    decoder, relay = GEMINI.decoder(), GEMINI.relay(hides_usage=False)
    decoder.feed(odd)
    relay.feed(odd)
    (last,) = decoder.end()[-1:]
    relay.end()

    assert last.usage is None
    assert "-5" in decoder.usage_note
    assert (relay.usage, relay.usage_note) == (None, decoder.usage_note)


def test_a_stream_can_be_a_list() -> None:
    array = AsArray()
    out = [array.feed(piece) for piece in (THOUGHT, b": hi\n\n", HELLO + LAST[:9], LAST[9:])]
    whole = b"".join(out) + array.end()

    assert whole.startswith(b'[{"candidates"')
    assert whole.endswith(b"}\n]\n")
    assert whole.count(b"}\n,\r\n{") == 2
    assert msgspec.json.decode(whole) == [msgspec.json.decode(event[6:]) for event in STREAM]


def test_a_list_of_nothing_is_a_list() -> None:
    assert AsArray().end() == b"[]\n"


def called(index: int, arguments: str, name: str | None = None) -> Event:
    made = None if name is None else f"c{index}"
    call = ToolCallDelta(index=index, id=made, name=name, arguments=arguments)
    return event(Delta(tool_calls=(call,)), dialect="openai_chat")


def test_calls_whose_pieces_come_by_turns_are_told_whole() -> None:
    said, losses = encoded(
        called(0, '{"a"', "f"),
        called(1, '{"b"', "g"),
        called(0, ":1"),
        called(2, "{}", "h"),
        called(1, ":2}"),
        called(0, "}"),
        event(Delta(finish_reason="tool_calls"), dialect="openai_chat"),
    )
    parts = msgspec.json.decode(said[0].removeprefix(b"data: "))["candidates"][0]["content"]["parts"]
    calls = [part["functionCall"] for part in parts]
    assert [(call["name"], call["args"]) for call in calls] == [("f", {"a": 1}), ("g", {"b": 2}), ("h", {})]
    assert losses == []


def test_a_call_that_is_surely_whole_is_told_when_the_next_begins() -> None:
    losses = Losses()
    encoder = GEMINI.encoder(HEAD, losses)
    assert encoder.event(called(0, '{"a":1}', "f")) == b""
    assert b'"name":"f"' in encoder.event(called(1, "{", "g"))
    assert encoder.event(called(0, " ")) == b""
    assert losses.told() == ()
    encoder.event(called(0, "more"))
    assert [loss.field for loss in losses.told()] == ["answer.tool_calls[0]"]
