import json
from typing import Any

import pytest

from antiphon.control.realtime_words import Count, Guard, Refusal
from antiphon.core.usage import Usage

GUARD = Guard(names=frozenset({"fast", "up-fast"}), own="up-fast", may_hear=lambda model: model == "ears")


def say(**event: Any) -> bytes:
    return json.dumps(event).encode()


@pytest.mark.parametrize(
    "payload",
    [
        say(type="input_audio_buffer.append", audio="AAAA"),
        say(type="conversation.item.create", item={"content": [{"text": "session"}]}),
        b'{ "type" : "response.cancel" }',
    ],
)
def test_what_names_no_model_goes_on_as_it_came(payload: bytes) -> None:
    assert GUARD.outgoing(payload) is payload


def test_the_sessions_own_model_is_put_in_the_providers_words() -> None:
    out = GUARD.outgoing(say(type="session.update", session={"model": "fast", "voice": "x"}))
    assert isinstance(out, bytes)
    assert json.loads(out) == {"type": "session.update", "session": {"model": "up-fast", "voice": "x"}}


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({"session": {"model": "other"}}, "session.model"),
        ({"response": {"model": "other"}}, "response.model"),
        (
            {"session": {"audio": {"input": {"transcription": {"model": "x"}}}}},
            "session.audio.input.transcription.model",
        ),
        ({"session": {"input_audio_transcription": {"model": "x"}}}, "session.input_audio_transcription.model"),
    ],
)
def test_a_forbidden_model_is_answered_and_does_not_go_on(event: dict[str, Any], param: str) -> None:
    out = GUARD.outgoing(say(type="session.update", event_id="e1", **event))
    assert isinstance(out, Refusal)
    said = json.loads(out.event)
    assert (said["type"], said["error"]["code"], said["error"]["param"]) == ("error", "model_not_allowed", param)
    assert said["error"]["event_id"] == "e1"


@pytest.mark.parametrize(
    "session",
    [
        {},
        {"model": None},
        {"audio": {"input": {"transcription": None}}},
        {"audio": {"input": {"transcription": {}}}},
        {"audio": {"input": {"transcription": {"model": "ears"}}}},
        {"audio": {"output": {"voice": "x"}}},
    ],
)
def test_a_session_that_names_no_forbidden_model_goes_on(session: dict[str, Any]) -> None:
    out = GUARD.outgoing(say(type="session.update", session=session))
    assert isinstance(out, bytes)
    assert json.loads(out)["session"] == session


def test_what_is_said_twice_goes_out_as_it_was_looked_at() -> None:
    out = GUARD.outgoing(b'{"session":{"model":"other"},"type":"x","type":"session.update","session":{"model":"fast"}}')
    assert out == b'{"session":{"model":"up-fast"},"type":"session.update"}'


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b'"x"', b'{"session":{"model":7}}', b'{"sess\\u0069on":{"model":"x"}}']
)
def test_what_can_not_be_read_does_not_go_on(payload: bytes) -> None:
    assert isinstance(GUARD.outgoing(payload), Refusal)


def done(**usage: Any) -> bytes:
    return say(type="response.done", response={"usage": usage})


def test_usage_is_summed_over_responses() -> None:
    count = Count()
    read = {"text_tokens": 3, "audio_tokens": 5, "image_tokens": 1, "cached_tokens": 4}
    count.incoming(
        done(input_tokens=9, output_tokens=7, input_token_details=read, output_token_details={"audio_tokens": 6})
    )
    count.incoming(say(type="response.output_text.delta", delta="response.done"))
    count.incoming(done(input_tokens=1, output_tokens=2))
    assert count.usage == Usage(
        input_tokens=10,
        output_tokens=9,
        cached_tokens=4,
        input_audio_tokens=5,
        input_image_tokens=1,
        output_audio_tokens=6,
    )
    assert (count.responses, count.unread) == (2, 0)


@pytest.mark.parametrize(
    "payload",
    [
        say(type="response.done", response={}),
        say(type="response.done"),
        done(input_tokens=-1, output_tokens=0),
        done(input_tokens=10**12, output_tokens=0),
        done(input_tokens=1, output_tokens=1, input_token_details={"audio_tokens": 2}),
        done(input_tokens=1, output_tokens=1, output_token_details={"audio_tokens": 2}),
        done(input_tokens="x", output_tokens=1),
    ],
)
def test_usage_that_can_not_be_believed_is_counted_as_unread(payload: bytes) -> None:
    count = Count()
    count.incoming(payload)
    assert (count.usage, count.unread) == (Usage(), 1)
