"""Wires responses that are made in the background to the gateway's own path."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec
from msgspec import Raw, Struct, structs

from antiphon.agents.asking import Kept
from antiphon.agents.background import Came, Queued
from antiphon.agents.background_pieces import Pieces
from antiphon.agents.standing import unheard
from antiphon.core.arrival import Arrival
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, NotAuthenticated, StoreError, Unavailable
from antiphon.core.ports import Reply
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.server.ask import Call, again, read_body
from antiphon.server.site import Site
from antiphon.server.turns import begun
from antiphon.wire.codecs import CODECS
from antiphon.wire.openai_responses.relay import ENDS
from antiphon.wire.sse import SseReader, data_of

CALL = Call(codec=CODECS["openai_responses"], endpoint="/v1/responses")
MOST_CALLS = 2
"""How often one is made: once, and once more where the process died that made it."""
SPACE = "background"
COUNTED_NS = 30 * 86_400 * 10**9
_queued = msgspec.json.Decoder(Queued)
_members = msgspec.json.Decoder(dict[str, Raw])


class BackgroundCalls:
    """Makes the calls of runs that are responses."""

    def __init__(self, store: RunStore, site: Callable[[], Site], now_ns: Callable[[], int]) -> None:
        """`site`: of the present revision."""
        self._store, self._site, self._now_ns = store, site, now_ns

    async def answer(self, run: Run) -> Came:
        """What came of a run's call. Raises: StoreError."""
        attempt = await asyncio.to_thread(self._counted, run)
        if not attempt:
            why = f"the process that made the call died, {MOST_CALLS} times; ask again"
            return Came(code="response_interrupted", message=why)
        queued = _queued.decode(run.input)
        if not queued.stream:
            return await self._made(run, queued, Kept())
        pieces = Pieces(self._store, run, attempt, self._now_ns)
        await pieces.open()
        keeping = asyncio.create_task(pieces.keep())
        try:
            came = await self._made(run, queued, Streamed(pieces))
            with suppress(StoreError):  # the whole answer is told with the end
                await pieces.close()
        finally:
            keeping.cancel()
        return came

    async def _made(self, run: Run, queued: Queued, kept: Kept) -> Came:
        site = self._site()
        headers = {name.encode("latin-1"): value.encode("latin-1") for name, value in queued.headers.items()}
        gateway = site.gateway
        now_s = gateway.process.caller.now()
        arrival = gateway.arrival(CALL.endpoint, CALL.codec.name, now_s, headers)
        try:
            principal = self._caller(site, run)
            request, reply = await self._begun(run, Body((_asked(queued),)), headers, site, kept)
        except AntiphonError as error:
            gateway.refuse(error, arrival, kept, run.principal)
            return structs.replace(_came(kept, arrival), gone=isinstance(error, NotAuthenticated))
        await gateway.answer(request, principal, arrival, reply)
        return _came(kept, arrival)

    def _caller(self, site: Site, run: Run) -> Principal:
        """Whoever began a run, as they stand at present. Raises: NotAuthenticated."""
        try:
            return site.identity.standing(run.principal)
        except NotAuthenticated as error:
            if unheard(error, run, self._now_ns()):
                return run.principal
            raise

    async def _begun(
        self, run: Run, body: Body, headers: dict[bytes, bytes], site: Site, kept: Kept
    ) -> tuple[Request, Reply]:
        """Raises: BadRequest, NotFound, TooLarge, StoreError, Unavailable."""
        if site.state is None:
            raise Unavailable("nothing is kept here that a response could go on from")
        request = await read_body(body, headers, CALL)
        going, reply = await begun(request, run.principal, site.state.responses, kept, run.id)
        if going.body is not request.body:
            request = await again(request, going.body, CALL)
        return (
            structs.replace(
                request,
                lineage=structs.replace(request.lineage, run=run.id),
                data_class=going.data_class or request.data_class,
            ),
            reply,
        )

    def _counted(self, run: Run) -> int:
        """Count a call before it is made. Returns: which one it is, from 1; 0: no more may be made. Blocks."""
        now_ns = self._now_ns()
        found = self._store.value(run.tenant, SPACE, run.id, now_ns)
        made = 0 if found is None else int(found[0])
        if made >= MOST_CALLS:
            return 0
        self._store.put(run.tenant, SPACE, run.id, b"%d" % (made + 1), until_ns=now_ns + COUNTED_NS)
        return made + 1


class Streamed(Kept):
    """Keeps the events of a stream as they come, and the response that its last one tells."""

    def __init__(self, pieces: Pieces) -> None:
        super().__init__()
        self._pieces, self._reader = pieces, SseReader()

    def write(self, piece: bytes) -> None:
        for event in self._reader.feed(piece):
            self._taken(event)

    def end(self, last: bytes = b"") -> None:
        for event in (*self._reader.feed(last), self._reader.end()):
            self._taken(event)

    def _taken(self, event: bytes) -> None:
        self._pieces.take(event)
        data = data_of(event)
        if data and any(kind.encode() in data for kind in ENDS):
            said = _end.decode(data)
            self.body = bytes(said.response) if said.type in ENDS else self.body


class _End(Struct):
    type: str = ""
    response: Raw = Raw(b"")


_end = msgspec.json.Decoder(_End)


def _asked(queued: Queued) -> bytes:
    request = bytes(queued.request)
    return msgspec.json.encode({**_members.decode(request), "stream": True}) if queued.stream else request


def _came(kept: Kept, arrival: Arrival) -> Came:
    if kept.failure is not None:
        return Came(code=kept.failure.said_code, message=kept.failure.message)
    if kept.served is None:
        return Came(code="no_answer", message=f"the call was over before it was answered; see receipt {arrival.id}")
    if not kept.body:
        return Came(code="no_answer", message=f"the answer came to no end; see receipt {arrival.id}")
    return Came(body=kept.body.decode())
