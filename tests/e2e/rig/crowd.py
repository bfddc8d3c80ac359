"""Many callers at once, each counting what it was given."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from antiphon.core.receipt import Receipt
from rig.gateway import Gateway
from rig.raw import request
from rig.upstream import SSE, Seen, head

EVENT = b'data: {"id":"c","model":"up-1","choices":[{"index":0,"delta":{"content":"tok "}}]}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USED = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}\n\n'
DONE = b"data: [DONE]\n\n"
EVENT_S = 0.04


class Gate:
    """An upstream that sends each caller one event, waits for `open`, then sends each as many as its number says.

    With `keeps` it keeps every so manieth answer's end back until `let_go`, however long the others take.
    """

    def __init__(self, keeps: int = 0) -> None:
        self._keeps = keeps
        self._open = asyncio.Event()
        self._over = asyncio.Event()

    async def open(self) -> None:
        self._open.set()

    async def let_go(self) -> None:
        self._over.set()

    async def script(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", SSE, b"transfer-encoding: chunked\r\n\r\n") + _chunk(EVENT))
        await self._open.wait()
        number = json.loads(seen.body)["seed"]
        for _ in range(5 + number * 7919 % 36):
            await asyncio.sleep(EVENT_S)
            writer.write(_chunk(EVENT))
        if self._keeps and number % self._keeps == 0:
            await self._over.wait()
        writer.write(_chunk(LAST + USED + DONE) + b"0\r\n\r\n")


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@dataclass
class One:
    """A caller: `receipt_id` once its answer has begun, `done` once it was whole."""

    number: int
    receipt_id: str = ""
    done: bool = False


class Crowd:
    """So many callers, each with a stream of its own."""

    def __init__(self, gateway: Gateway, size: int) -> None:
        self._gateway = gateway
        self.callers = [One(number) for number in range(size)]
        self.begun = self.done = 0
        self._changed = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for one in self.callers:
                group.create_task(self._call(one))

    async def reached(self, *, begun: int = 0, done: int = 0) -> None:
        """Until so many have begun, and so many are done."""
        while self.begun < begun or self.done < done:
            self._changed.clear()
            await self._changed.wait()

    async def _call(self, one: One) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.port)
        body = {"model": "gpt-test", "messages": [], "stream": True, "seed": one.number}
        try:
            writer.write(request(self._gateway, body, x_antiphon_session=f"s-{one.number}"))
            said = (await reader.readuntil(b"\r\n\r\n")).decode()
            one.receipt_id = said.split("x-antiphon-receipt: ", 1)[1].split("\r\n", 1)[0]
            self.begun += 1
            self._changed.set()
            await reader.readuntil(DONE)
            one.done = True
            self.done += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._changed.set()
            writer.close()

    def assert_accounted(self, receipts: Iterable[Receipt]) -> Counter[str]:
        """One receipt for each caller, true to what the caller saw. Returns: how those without an end ended."""
        found = list(receipts)
        assert len({one.id for one in found}) == len(found)
        by_session: dict[str, list[Receipt]] = {}
        for receipt in found:
            by_session.setdefault(receipt.lineage.session, []).append(receipt)
        ends: Counter[str] = Counter()
        for one in self.callers:
            mine = by_session.get(f"s-{one.number}", [])
            assert [receipt.id for receipt in mine] == [one.receipt_id], one
            if one.done:
                assert mine[0].outcome == "ok", one
                assert mine[0].usage is not None
            else:
                ends[mine[0].outcome] += 1
        return ends
