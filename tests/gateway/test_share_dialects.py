"""Identical requests that share a call, of callers who don't speak their upstream's dialect."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.house import DONE, House, chunk, events_of, usage_event

from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_flow import CoalesceSettings
from antiphon.core.body import Body
from antiphon.core.request import Dialect, Request
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

SHARES = RouteSettings(coalesce=CoalesceSettings(enabled=True))
BODIES: dict[Dialect, dict[str, Any]] = {
    "anthropic_messages": {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"input": "hi", "store": False},
}


def asked(dialect: Dialect) -> Request:
    body = {"model": "fast", "stream": True, "temperature": 0, **BODIES[dialect]}
    whole = Body((json.dumps(body).encode(),))
    head, spots = CODECS[dialect].read(whole, Asked(endpoint="/v1/some"))
    return Request(head=head, body=whole, spots=spots, digest=whole.sha256())


@pytest.mark.parametrize("dialect", BODIES)
@pytest.mark.parametrize("word", ["lo", "message_stop", "response.completed"])
async def test_each_gets_the_whole_stream_with_its_end(tmp_path: Path, dialect: Dialect, word: str) -> None:
    script = events_of(chunk(""), chunk("Hel"), chunk(word), chunk("!"), chunk(finish="stop"), usage_event(), DONE)
    house = House(tmp_path, script, policy=SHARES, profile="deepseek")

    replies = await asyncio.gather(*[house.answer(asked(dialect)) for _ in range(3)])
    while house.policy.coalescer is not None and len(house.policy.coalescer):
        await asyncio.sleep(0)

    house.check_settled()
    assert len(house.transport.sent) == 1
    assert len({reply.out for reply in replies}) == 1
    assert all(reply.ended and reply.failure is None for reply in replies)
    out = replies[0].out.decode()
    mark = CODECS[dialect].last_mark.decode()
    *_, last = [line for line in out.split("\n") if line.startswith("data: ")]
    assert json.loads(last[6:])["type"] == mark
    assert "Hel" in out
    assert word in out
    assert all(reply.served is not None and reply.served.content_type == b"text/event-stream" for reply in replies)


async def test_each_is_told_what_was_lost(tmp_path: Path) -> None:
    script = events_of(chunk("hi"), chunk(finish="stop"), usage_event(), DONE)
    house = House(tmp_path, script, policy=SHARES, profile="deepseek")
    body = {"model": "fast", "stream": True, "temperature": 0, "max_tokens": 9, "top_k": 3}
    whole = Body((json.dumps({**body, "messages": [{"role": "user", "content": "hi"}]}).encode(),))
    head, spots = CODECS["anthropic_messages"].read(whole, Asked(endpoint="/v1/messages"))
    request = Request(head=head, body=whole, spots=spots, digest=whole.sha256())

    replies = await asyncio.gather(*[house.answer(request) for _ in range(2)])

    assert len(house.transport.sent) == 1
    for reply in replies:
        assert reply.served is not None
        assert b'x-antiphon-losses: "top_k"' in reply.served.told
    told = [receipt for receipt in house.journal.shut if receipt.shared]
    assert [[loss.field for loss in receipt.losses] for receipt in told] == [["top_k"], ["top_k"]]
