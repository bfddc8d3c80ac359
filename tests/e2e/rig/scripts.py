"""What scripted upstreams say: answers in OpenAI's shape, and the ways in which they go wrong."""

import asyncio
import json
from typing import Any

from rig.upstream import JSON, SSE, Script, Seen, head, streamed, whole

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"


def completion(text: str, model: str = "up-1", **more: Any) -> bytes:
    """A whole answer's body."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    said = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model}
    return json.dumps({**said, "choices": [choice], "usage": USAGE, **more}).encode()


def event(delta: dict[str, Any] | None = None, *, finish: str | None = None, id_: str = "chatcmpl-1") -> bytes:
    """An event of a stream."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    said = {"id": id_, "object": "chat.completion.chunk", "created": 1, "model": "up-1", "choices": [choice]}
    return b"data: %b\n\n" % json.dumps(said).encode()


ROLE = event({"role": "assistant", "content": ""})
USED = (
    b"data: %b\n\n"
    % json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "up-1",
            "choices": [],
            "usage": USAGE,
        }
    ).encode()
)


def word(text: str) -> bytes:
    return event({"content": text})


def answers(text: str) -> Script:
    """Answers with a text, whole or word by word as is asked for."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.streams:
            await streamed(ROLE, *_words(text), event(finish="stop"), USED, DONE)(seen, writer)
        else:
            await whole(completion(text))(seen, writer)

    return script


def _words(text: str) -> list[bytes]:
    first, *rest = text.split(" ")
    return [word(first), *(word(f" {one}") for one in rest)]


def streams_as(texts: list[str]) -> Script:
    """A stream of these pieces of text, an event each."""
    return streamed(ROLE, *[word(one) for one in texts], event(finish="stop"), USED, DONE)


def fails(status: bytes, message: str = "scripted", more: bytes = b"", kind: bytes = JSON, **error: Any) -> Script:
    """Refuses with a status; `more` are header lines."""
    return whole(json.dumps({"error": {"message": message, **error}}).encode(), kind, status, more)


async def reset(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """Resets the connection before any answer."""
    writer.transport.abort()
    raise ConnectionResetError


def short(text: str) -> Script:
    """A whole answer that ends before the length that it stated."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        body = completion(text)
        kind = SSE if seen.streams else JSON
        writer.write(b"%bcontent-length: %d\r\n\r\n%b" % (head(b"200 OK", kind), len(body), body[:20]))
        await writer.drain()
        writer.close()
        raise ConnectionResetError

    return script


def breaks_after(*pieces: bytes) -> Script:
    """A stream that is cut off after these."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(head(b"200 OK", SSE, b"transfer-encoding: chunked\r\n\r\n"))
        for piece in pieces:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
        writer.close()
        raise ConnectionResetError

    return script


def by_model(**scripts: Script) -> Script:
    """One script for each model; underscores in a name stand for dashes."""
    chosen = {name.replace("_", "-"): script for name, script in scripts.items()}

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await chosen[seen.model](seen, writer)

    return script


def by_key(**scripts: Script) -> Script:
    """One script for each credential."""

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await scripts[seen.headers["authorization"].removeprefix("Bearer ").replace("-", "_")](seen, writer)

    return script


def in_turn(*scripts: Script) -> Script:
    """One script for each request in the order in which they come; the last one for all that follow."""
    left = list(scripts)

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        chosen = left.pop(0) if len(left) > 1 else left[0]
        await chosen(seen, writer)

    return script


class Held:
    """Holds back every answer until `release`."""

    def __init__(self, then: Script) -> None:
        self._open = asyncio.Event()
        self._then = then

    async def release(self) -> None:
        """Let all of them go; for the loop of the servers."""
        self._open.set()

    async def released(self) -> None:
        await self._open.wait()

    async def script(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        await self.released()
        await self._then(seen, writer)
