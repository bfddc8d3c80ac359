"""Whole answers, long ones in slices."""

import asyncio
import json
from typing import Any

import pytest
from bodies import request
from fakes.house import aimed, deployed
from fakes.upstream import Answer

from antiphon.calls.answer import LONG_BYTES, started, whole
from antiphon.core.error import UpstreamMalformed
from antiphon.providers.target import Said, say

ASKED = request(b'{"model":"fast","messages":[{"role":"user","content":"hi"}]}')
STREAM = request(b'{"model":"fast","stream":true,"messages":[{"role":"user","content":"hi"}]}')


def said(profile: str = "anthropic", asked: Any = ASKED) -> Said:
    return say(asked, aimed(deployed(output_tokens=100), profile))


def message(size: int, parts: int = 50) -> bytes:
    content = [{"type": "text", "text": "x" * (size // parts)} for _ in range(parts)]
    return json.dumps(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": content,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 4},
        }
    ).encode()


class Turns:
    """Counts turns of the loop."""

    def __init__(self) -> None:
        self.count = 0
        self._over = False

    def start(self) -> "Turns":
        self._turn()
        return self

    def _turn(self) -> None:
        self.count += 1
        if not self._over:
            asyncio.get_running_loop().call_soon(self._turn)

    def stop(self) -> int:
        self._over = True
        return self.count


async def turns_of(body: bytes, profile: str = "anthropic") -> tuple[Any, int]:
    turns = Turns().start()
    kind = b"application/json"
    got = await whole(Answer(body, kind=kind), "small", said(profile), ASKED, 7)
    return got, turns.stop()


async def test_a_long_answer_is_translated_in_slices_with_the_same_outcome() -> None:
    long = message(LONG_BYTES + 100)
    got, turns = await turns_of(long)
    _, usual = await turns_of(message(1000))

    assert turns > usual
    at_once = said().passage.whole(long, ASKED.head, 7)
    assert (got.body, got.facts, got.losses) == (at_once.body, at_once.facts, at_once.losses)
    assert json.loads(got.body)["created"] == 7
    assert got.facts.usage is not None
    assert got.facts.usage.output_tokens == 4


async def test_an_answer_of_the_callers_own_dialect_passes_at_once() -> None:
    body = json.dumps(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [], "x": "y" * LONG_BYTES}
    ).encode()
    got, turns = await turns_of(body, "openai")
    _, usual = await turns_of(b'{"choices":[]}', "openai")

    assert (got.body, turns) == (body, usual)


@pytest.mark.parametrize("size", [10, LONG_BYTES + 10])
async def test_a_long_answer_that_is_none_is_malformed(size: int) -> None:
    with pytest.raises(UpstreamMalformed):
        await whole(Answer(b"[" + b" " * size), "small", said(), ASKED, 7)


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        ("anthropic", b"text/html"),
        ("anthropic", b""),
        ("openai", b"text/event-stream"),
    ],
)
async def test_an_answer_of_another_content_type_is_none(profile: str, kind: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match="small answered with content type"):
        await whole(Answer(b"{}", kind=kind), "small", said(profile), ASKED, 7)


@pytest.mark.parametrize(
    ("profile", "wanted"),
    [
        ("anthropic", b"text/event-stream"),
        ("bedrock", b"application/vnd.amazon.eventstream"),
        ("gemini", b"text/event-stream"),
    ],
)
async def test_a_stream_has_the_content_type_of_its_upstreams_dialect(profile: str, wanted: bytes) -> None:
    with pytest.raises(UpstreamMalformed, match=wanted.decode()):
        await started(Answer(kind=b"application/json"), "small", said(profile, STREAM), STREAM, 7)
