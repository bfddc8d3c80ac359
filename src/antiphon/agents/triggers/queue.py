"""Messages that wait to begin runs, and letters that began none: values in the store of runs, by when they are due."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import Document
from antiphon.agents.triggers.settings import QueueSpec
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, BadRequest, NotFound, OverLimit, TooLarge
from antiphon.core.ids import Ids
from antiphon.core.run_store import RunStore

LONGEST_BYTES = 262_144
"""Of a message."""
LONGEST_EVENT = 200
DEAD_DAYS = 30.0
_DAY_NS = 86_400_000_000_000
_S_NS = 1_000_000_000
_decode = msgspec.json.Decoder
_encode = msgspec.json.encode


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is to begin a run, and how that went so far."""

    event: str
    at_ns: int
    body: Any = None
    tries: int = 0
    code: str = ""
    """Of the last failure."""
    reason: str = ""


class Waiting(Struct, frozen=True, kw_only=True):
    """A message as it lies in the store."""

    key: str
    version: int
    message: Message


class Queue:
    """Of one trigger. What blocks is done beside the loop; any process may work on it: beginning a run is idempotent."""

    def __init__(self, store: RunStore, document: Document, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self._tenant = document.metadata.tenant
        self._spec: QueueSpec = document.spec.queue or QueueSpec()
        self._space, self._dead = f"queue/{document.name}", f"dead/{document.name}"

    async def put(self, body: Any, event: str = "") -> str:
        """Raises: BadRequest, TooLarge, OverLimit, StoreError."""
        event = event or self._ids.new()
        if len(event) > LONGEST_EVENT or not event.isprintable():
            raise BadRequest(f"an event is named by at most {LONGEST_EVENT} printable characters", param="event")
        message = Message(event=event, at_ns=self._clock.now_ns(), body=body)
        raw = _encode(message)
        if len(raw) > LONGEST_BYTES:
            raise TooLarge(
                f"the message has {len(raw)} bytes; a queue takes {LONGEST_BYTES}: leave it elsewhere, and name it"
            )
        await asyncio.to_thread(self._put, message, raw)
        return event

    def _put(self, message: Message, raw: bytes) -> None:
        count = self._store.count(self._tenant, self._space)
        if count >= self._spec.most:
            raise OverLimit(f"{count} messages wait already, and no more may; see spec.queue.most", retry_after_s=10)
        self._store.put(self._tenant, self._space, _key(message.at_ns, message.event), raw)

    async def due(self, most: int) -> list[Waiting]:
        """The oldest that are due. Raises: StoreError."""
        now_ns = self._clock.now_ns()
        until = _key(now_ns + 1, "")
        found = await asyncio.to_thread(self._store.first, self._tenant, self._space, now_ns, most, until)
        return [_read(one) for one in found]

    async def done(self, one: Waiting) -> None:
        """It began a run. Raises: StoreError."""
        await asyncio.to_thread(self._store.drop, self._tenant, self._space, one.key)

    async def failed(self, one: Waiting, error: AntiphonError, *, again: bool) -> bool:
        """It began none. Returns: whether it is tried again; else it is a dead letter. Raises: StoreError."""
        tried = structs.replace(
            one.message, tries=one.message.tries + 1, code=error.said_code, reason=error.noted[:500]
        )
        again = again and tried.tries < self._spec.tries
        if again:
            wait_ns = int(self._spec.wait_s * 2 ** (tried.tries - 1) * _S_NS)
            key = _key(self._clock.now_ns() + wait_ns, tried.event)
            await asyncio.to_thread(self._store.put, self._tenant, self._space, key, _encode(tried))
        else:
            await self.bury(tried)
        await self.done(one)
        return again

    def counts(self) -> tuple[int, int]:
        """Messages that wait, and dead letters; those whose time is over may be among them. Blocks. Raises: StoreError."""
        return self._store.count(self._tenant, self._space), self._store.count(self._tenant, self._dead)

    # --- dead letters

    async def bury(self, message: Message) -> None:
        """Keep what began nothing for people to look at. Raises: StoreError."""
        until_ns = self._clock.now_ns() + int((self._spec.keep_days or DEAD_DAYS) * _DAY_NS)
        raw = _encode(message)

        def put() -> None:
            self._store.put(self._tenant, self._dead, message.event, raw, until_ns=until_ns)

        await asyncio.to_thread(put)

    async def dead(self, most: int = 100) -> list[Message]:
        """By event. Raises: StoreError."""
        found = await asyncio.to_thread(self._store.first, self._tenant, self._dead, self._clock.now_ns(), most)
        return [_read(one).message for one in found]

    async def revive(self, event: str) -> None:
        """Try a dead letter again, as if it had just come. Raises: NotFound, StoreError."""
        message = await self._letter(event)
        fresh = structs.replace(message, tries=0, at_ns=self._clock.now_ns())

        def move() -> None:
            self._store.put(self._tenant, self._space, _key(fresh.at_ns, event), _encode(fresh))
            self._store.drop(self._tenant, self._dead, event)

        await asyncio.to_thread(move)

    async def forget(self, event: str) -> None:
        """Drop a dead letter. Raises: NotFound, StoreError."""
        await self._letter(event)
        await asyncio.to_thread(self._store.drop, self._tenant, self._dead, event)

    async def _letter(self, event: str) -> Message:
        found = await asyncio.to_thread(self._store.value, self._tenant, self._dead, event, self._clock.now_ns())
        if found is None:
            raise NotFound(f"there is no dead letter {event[:64]!r}", param="event")
        return _read((event, *found)).message


def _read(found: tuple[str, bytes, int]) -> Waiting:
    key, raw, version = found
    return Waiting(key=key, version=version, message=_message(raw))


_message = _decode(Message).decode


def _key(due_ns: int, event: str) -> str:
    """Keys sort by when they are due: UTC, ns since the epoch, in 20 digits."""
    return f"{due_ns:020}/{event}"
