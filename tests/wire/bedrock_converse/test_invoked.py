"""Streams of InvokeModelWithResponseStream: a model's own events in frames."""

from base64 import b64encode
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamLimited, UpstreamMalformed
from antiphon.core.response import Delta, Event
from antiphon.core.usage import Usage
from antiphon.wire.bedrock_converse.invoked import Chunks, Invoked, InvokedRelay
from antiphon.wire.eventstream import encode_frame
from antiphon.wire.stream import Decoder, Relay

often = settings(max_examples=100, deadline=None)


def chunk(event: bytes) -> bytes:
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return encode_frame(headers, msgspec.json.encode({"bytes": b64encode(event).decode(), "p": "abc"}))


THROTTLED = encode_frame({":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message":"m"}')
STREAM = chunk(b'{"type":"message_start","x":"\xc3\xa9"}') + chunk(b'{"type":"message_stop"}')
PLAIN = (
    b'event: message_start\ndata: {"type":"message_start","x":"\xc3\xa9"}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@often
@given(st.lists(st.integers(0, len(STREAM)), max_size=5))
def test_chunks_become_the_events_of_the_models_maker_however_they_were_cut(cuts: list[int]) -> None:
    edges, chunks = [0, *sorted(cuts), len(STREAM)], Chunks()
    assert b"".join(chunks.feed(STREAM[at:end]) for at, end in pairwise(edges)) == PLAIN


def test_line_ends_between_the_words_of_an_event_do_not_cut_it() -> None:
    assert Chunks().feed(chunk(b'{\r\n"type":"a\\nb"\n}')) == b'event: a b\ndata: {  "type":"a\\nb" }\n\n'


def test_other_frames_are_passed_over() -> None:
    assert Chunks().feed(encode_frame({":event-type": "later", ":message-type": "event"}, b"{}")) == b""


@pytest.mark.parametrize("event", [b"", b"{", b"[]", b'{"type":7}', b"\xff", b"[" * 100_000])
def test_a_chunk_that_is_no_event_is_malformed(event: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        Chunks().feed(chunk(event))


def test_an_exception_ends_what_is_read() -> None:
    chunks = Chunks()
    assert chunks.feed(chunk(b'{"type":"a"}') + THROTTLED + chunk(b'{"type":"b"}')).count(b"event: ") == 1
    assert type(chunks.failure) is UpstreamLimited


class Counting(Decoder):
    """Tells of each piece that it was fed."""

    def feed(self, piece: bytes) -> Sequence[Event]:
        self.done = b"message_stop" in piece
        self.usage_note = "noted"
        return [
            Event(dialect="anthropic_messages", id="i", model="", created_s=0, deltas=(Delta(text=piece.decode()),))
        ]

    def end(self) -> Sequence[Event]:
        if not self.done:
            raise UpstreamBroken("broken")
        return ()


class Passing(Relay):
    """Passes on what it was fed."""

    def feed(self, piece: bytes) -> bytes:
        self.events += 1
        self.content_seen, self.model, self.usage = True, "m", Usage(input_tokens=1)
        self.done = b"message_stop" in piece
        return piece

    def end(self) -> bytes:
        if not self.done:
            raise UpstreamBroken("broken")
        return b""


def test_a_decoder_of_the_models_maker_reads_it() -> None:
    decoder = Invoked(Counting())
    events = [*decoder.feed(STREAM[:10]), *decoder.feed(STREAM[10:]), *decoder.end()]
    assert [event.deltas[0].text for event in events] == [PLAIN.decode()]
    assert (decoder.done, decoder.failure, decoder.usage_note) == (True, None, "noted")


def test_its_decoder_tells_of_failures_and_of_breaks() -> None:
    decoder = Invoked(Counting())
    decoder.feed(chunk(b'{"type":"a"}') + THROTTLED)
    assert type(decoder.failure) is UpstreamLimited
    assert decoder.end() == ()
    broken = Invoked(Counting())
    broken.feed(chunk(b'{"type":"a"}'))
    with pytest.raises(UpstreamBroken):
        broken.end()


def test_a_relay_of_the_models_maker_passes_it_on_and_its_facts_are_told() -> None:
    relay = InvokedRelay(Passing())
    assert relay.feed(STREAM) + relay.end() == PLAIN
    assert (relay.done, relay.content_seen, relay.events, relay.model) == (True, True, 1, "m")
    assert relay.usage == Usage(input_tokens=1)


def test_its_relay_raises_what_the_upstream_said() -> None:
    relay = InvokedRelay(Passing())
    relay.feed(THROTTLED)
    assert type(relay.failure) is UpstreamLimited
    with pytest.raises(UpstreamLimited):
        relay.end()


@often
@given(st.lists(st.builds(chunk, st.binary(max_size=20)) | st.binary(max_size=20), max_size=4))
def test_arbitrary_streams_raise_nothing_but_upstream_errors(pieces: list[bytes]) -> None:
    decoder = Invoked(Counting())
    try:
        for piece in pieces:
            decoder.feed(piece)
        decoder.end()
    except UpstreamError:
        return
