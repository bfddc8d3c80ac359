"""The caller's reply behind the guards: what a judge's word means for a stream that waits for it."""

import asyncio

import pytest
from fakes.house import AT_NS, NotedReply
from receipts import ALICE

from antiphon.calls.story import Story
from antiphon.core.arrival import Arrival
from antiphon.core.error import GuardBlocked
from antiphon.core.ports import Served
from antiphon.governance.answers import Behind
from antiphon.governance.reply import MOST_HELD_BYTES, GoverningReply
from antiphon.guards.port import Asked

SERVED = Served("r", "d", {}, b"", b"text/event-stream")
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"a" * 65_536)


def story() -> Story:
    arrival = Arrival(id="r", at_ns=AT_NS, started_s=0.0, endpoint="/v1/chat/completions", dialect="openai_chat")
    return Story(arrival, "rev-1", 0, 0.0, principal=ALICE)


async def test_a_judge_that_blocks_a_stream_which_is_slowed_down_ends_it_at_once() -> None:
    word: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def judge() -> None:
        await word

    task = asyncio.ensure_future(judge())
    under, pressed = NotedReply([]), list[bool]()
    behind = Behind(
        guards=(),
        asked=Asked(),
        token=lambda kind, value: value,
        restore={},
        mask=frozenset(),
        closed_from="internal",
        pending=(task,),
    )
    reply = GoverningReply(under, story(), behind, "openai_chat")
    reply.on_pressure(pressed.append)
    reply.begin(SERVED)
    while not pressed:
        reply.write(EVENT)
    assert pressed == [True]
    assert 20 * len(EVENT) > MOST_HELD_BYTES

    word.set_exception(GuardBlocked("no", reasons=("rules",)))
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert pressed == [True, False]
    with pytest.raises(GuardBlocked):
        reply.write(EVENT)
