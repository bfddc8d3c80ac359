"""A stream may begin with a byte order mark, which belongs to no event."""

import pytest

from antiphon.wire.codecs import CODECS

MARK = b"\xef\xbb\xbf"
FIRST = {
    "openai_chat": b'data: {"id":"c","model":"m","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}\n\n',
    "openai_completions": b'data: {"id":"c","model":"m","created":1,"choices":[{"index":0,"text":"hi"}]}\n\n',
    "openai_responses": b'event: response.created\ndata: {"type":"response.created","response":{"id":"c","model":"m"}}\n\n',
    "anthropic_messages": b'event: message_start\ndata: {"type":"message_start","message":{"model":"m","id":"c"}}\n\n',
    "gemini": b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]}}],"modelVersion":"m"}\n\n',
}


@pytest.mark.parametrize("dialect", FIRST)
@pytest.mark.parametrize("cut", [0, 1, 3, 20])
def test_it_passes_without_the_mark_and_is_noted(dialect: str, cut: int) -> None:
    relay, stream = CODECS[dialect].relay(hides_usage=False), MARK + FIRST[dialect]

    assert relay.feed(stream[:cut]) + relay.feed(stream[cut:]) == FIRST[dialect]
    assert (relay.model, relay.events) == ("m", 1)


@pytest.mark.parametrize("dialect", FIRST)
@pytest.mark.parametrize("cut", [0, 1, 3, 20])
def test_it_is_read_for_a_caller_of_another_dialect(dialect: str, cut: int) -> None:
    decoder, stream = CODECS[dialect].decoder(), MARK + FIRST[dialect]

    (event,) = [*decoder.feed(stream[:cut]), *decoder.feed(stream[cut:])]

    assert (event.model, len(event.deltas)) == ("m", 1)
