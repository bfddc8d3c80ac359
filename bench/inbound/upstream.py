"""The upstream behind the probes of limits: it hangs, drips or floods, and knows what became of each request."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import Self

FLOOD_BYTES = 268_435_456
EVENT = (
    b'data: {"id":"chatcmpl-probe","object":"chat.completion.chunk","created":1741569952,"model":"probe","choices":'
    b'[{"index":0,"delta":{"content":"%b"},"logprobs":null,"finish_reason":null}]}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
WORDS = ("HANG", "DRIP", "FLOOD")
"""In a prompt, followed by a name of the probe: `HANG granian-gone`."""


@dataclass
class Seen:
    """What became of one request."""

    sent_bytes: int = 0
    closed: bool = False


class ProbedUpstream:
    """Serves in a thread of its own until closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seen: dict[str, Seen] = {}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._ready.set()
        await self._stop.wait()
        server.close()
        self._loop.set_exception_handler(lambda *_: None)  # streams report that they are cancelled
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            body = (await reader.readexactly(length)).decode()
            word = next(word for word in WORDS if f"{word} " in body)
            name = body.partition(f"{word} ")[2].split('"')[0].strip()
            seen = self.seen[name] = Seen()
            await self._answer(word, seen, reader, writer)
        writer.close()

    async def _answer(self, word: str, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        watching = asyncio.ensure_future(self._watch(seen, reader))
        try:
            if word != "HANG":
                writer.write(HEAD)
                piece = EVENT % (b"x" * (60_000 if word == "FLOOD" else 10))
                while not seen.closed and seen.sent_bytes < FLOOD_BYTES:
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                    seen.sent_bytes += len(piece)
                    await asyncio.sleep(0 if word == "FLOOD" else 0.05)
            await watching
        except OSError:
            seen.closed = True

    async def _watch(self, seen: Seen, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            await reader.read(1)
        seen.closed = True
