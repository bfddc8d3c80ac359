"""An upstream's answer, read as far as it takes to know that it is one."""

import asyncio

from msgspec.structs import replace

from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.ports import Inbound
from antiphon.core.request import Request
from antiphon.providers.failure import failure
from antiphon.providers.target import Said
from antiphon.wire.codec import Sliced
from antiphon.wire.passage import Passed
from antiphon.wire.stream import Relay

MAX_ANSWER_BYTES = 67_108_864
"""Most bytes of a whole answer; above it the upstream is cut off and the caller told."""
LONG_BYTES = 1_048_576
"""From this size on an answer is read in slices or beside the loop, so that no other request waits."""
SKIMMED_BYTES = 4_194_304
"""The same where only its facts are read: a gigabyte a second."""
MAX_ERROR_BYTES = 65_536
MOST_HELD_BYTES = 262_144
"""Most bytes of a stream that are held back while no content comes; then the stream goes out as it is."""


Whole = Passed
"""A whole answer, in the caller's dialect."""


class Started:
    """A stream whose first content has come; what came so far is held."""

    __slots__ = ("_pieces", "_size_bytes", "ended", "relay")

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.ended = False
        """The upstream's body has ended already."""
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def take(self, piece: bytes) -> bool:
        """Hold a piece. Returns: whether it may go out now. Raises: UpstreamError."""
        relay = self.relay
        out = relay.feed(piece)
        self._pieces.append(out)
        if relay.failure is not None and not relay.content_seen:
            raise relay.failure
        self._size_bytes += len(out)
        return relay.content_seen or relay.done or self._size_bytes > MOST_HELD_BYTES

    def end(self) -> None:
        """The upstream's body has ended before any content came. Raises: UpstreamError."""
        self._pieces.append(self.relay.end())
        self.ended = True

    def held(self) -> bytes:
        """All that was held; it is held no more."""
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def started(inbound: Inbound, name: str, said: Said, request: Request, created_s: int) -> Started:
    """Read a stream of a deployment up to its first content, or its end. Raises: UpstreamError subclasses."""
    passage = said.passage
    kind = inbound.headers.get(b"content-type", b"")
    if not kind.startswith(passage.streams):
        expect(kind, passage.streams, name)
    begun = Started(passage.relay(request.head, created_s, hides_usage=said.hides_usage))
    if not await inbound.lead(begun.take):
        begun.end()
    return begun


async def whole(inbound: Inbound, name: str, said: Said, request: Request, created_s: int) -> Whole:
    """Read a whole answer of a deployment. Raises: UpstreamError subclasses."""
    passage = said.passage
    own, other = passage.own, passage.other
    upstream = own if other is None else other
    kind = inbound.headers.get(b"content-type", b"")
    if kind != upstream.answers and not upstream.takes(kind):
        expect(kind, upstream.answers, name)
    body = inbound.whole(MAX_ANSWER_BYTES)
    if body is None:
        body = await inbound.read(MAX_ANSWER_BYTES)
    sliced = own.operation == "embeddings"
    if len(body) < (LONG_BYTES if other is not None or sliced else SKIMMED_BYTES):
        passed = passage.whole(body, request.head, created_s)
    elif sliced:
        passed = await _sliced(passage.whole_long(body, request.head, created_s))
    else:
        passed = await asyncio.to_thread(passage.whole, body, request.head, created_s)
    if passed.facts.usage is None and (used := own.used(request)) is not None:
        return replace(passed, facts=replace(passed.facts, usage=used))
    return passed


async def _sliced(work: Sliced[Whole]) -> Whole:
    """Do a slice in each turn of the loop."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            passed: Whole = done.value
            return passed
        await asyncio.sleep(0)


async def refusal(inbound: Inbound, name: str, said: Said) -> UpstreamError:
    """What an error answer means; where its text can't be had its status says enough."""
    try:
        body = await inbound.read(MAX_ERROR_BYTES)
    except UpstreamError:
        body = b""
    return failure(inbound.status, inbound.headers, body, name, said.passage.upstream)


def expect(said: bytes, kind: bytes, name: str) -> None:
    """An answer of another content type is not an answer. Raises: UpstreamMalformed."""
    if not said.lower().startswith(kind):
        shown = said.decode("latin-1")[:80] or "none"
        raise UpstreamMalformed(f"{name} answered with content type {shown!r}, not {kind.decode()}")
