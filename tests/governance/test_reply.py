"""The caller's reply behind the guards: what a judge's word means for a stream that waits for it."""

import asyncio
import json
from collections.abc import Callable, Mapping

import pytest
from fakes.house import AT_NS, NotedReply
from receipts import ALICE

from antiphon.calls.story import Story
from antiphon.control.gated import GatedOut
from antiphon.core.arrival import Arrival
from antiphon.core.error import AntiphonError, GuardBlocked
from antiphon.core.ports import Served
from antiphon.governance.answers import Behind
from antiphon.governance.reply import MOST_HELD_BYTES, GoverningReply
from antiphon.guards.make import make
from antiphon.guards.port import Asked
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_pii import PiiSettings

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


class Taken:
    """Where an errand's answer ends up."""

    def __init__(self) -> None:
        self.out = b""

    def begin(self, status: int, headers: bytes) -> None: ...

    def write(self, piece: bytes) -> None:
        self.out += piece

    def last(self) -> bytes:
        return b""

    def end(self, last: bytes = b"") -> None:
        self.out += last

    def ends_by(self, cut: Callable[[GuardBlocked], bytes]) -> None: ...

    def error(self, error: AntiphonError, receipt_id: str) -> None: ...

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None: ...


def test_what_tokens_of_a_passed_on_stream_stand_for_is_kept_once() -> None:
    under, kept = Taken(), list[Mapping[str, str]]()
    guards = make({"people": GuardSettings(pii=PiiSettings(), action="mask")})
    behind = Behind(
        guards=guards,
        asked=Asked(),
        token=lambda kind, value: f"[[{kind.upper()}_1]]",
        restore={},
        mask=frozenset(),
        closed_from="internal",
        keep=kept.append,
    )
    out = GatedOut(under, story(), behind, "openai_chat")
    out.begin(200, b"content-type: text/event-stream\r\n")

    for text in ("Mail erika@example.org", " or write", " soon"):
        out.write(b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode())
    out.end(out.last())

    assert b"erika@example.org" not in under.out
    assert kept == [{"[[EMAIL_1]]": "erika@example.org"}]
