"""What a response in the background has said so far: its events in batches, written by the process that makes its call, and
read by any. Source of the events: openai-python 3.52.0, `types/responses/response_stream_event.py`.

A batch is kept under its place, once. A call that is made again begins behind what the one before it said: items that are open
are ended as `incomplete`, and its own come behind them.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import StoreError, VersionConflict
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.wire.openai_responses.relay import ENDS
from antiphon.wire.sse import data_of

EVERY_S = 0.1
"""Between two batches."""
OPENING = ("response.created", "response.queued", "response.in_progress")
"""They are told from how the run stands, with the first numbers; its end is too, with the last."""
FIRST = len(OPENING)
KEPT_NS = 30 * 86_400_000_000_000
"""How long they are kept: 30 days."""
_PREFIX = "piece/"
Said = dict[str, Any]
_read = msgspec.json.Decoder(Said).decode


class Piece(Struct, frozen=True, array_like=True):
    """An event of a stream."""

    number: int
    """Its `sequence_number`."""
    event: str
    """JSON."""


class Batch(Struct, frozen=True, array_like=True):
    """Events that were kept at once."""

    attempt: int
    """Of the call that said them, from 1."""
    pieces: tuple[Piece, ...]


_batch = msgspec.json.Decoder(Batch)


def batches(store: RunStore, run: Run, now_ns: int) -> list[Batch]:
    """All that is kept, in order; none, where a part has lapsed or was erased. Blocks. Raises: StoreError."""
    found = [value for _, value, _ in store.values(run.tenant, _space(run), now_ns, _PREFIX)]
    there = [_batch.decode(value) for value in found if value]
    return there if len(there) == len(found) and there and there[0].pieces[0].number == FIRST else []


def batch(store: RunStore, run: Run, place: int, now_ns: int) -> Batch | None:
    """One of them, from 0. Blocks. Raises: StoreError."""
    found = store.value(run.tenant, _space(run), _key(place), now_ns)
    return _batch.decode(found[0]) if found is not None and found[0] else None


class Pieces:
    """Keeps what one call says, as it comes."""

    def __init__(self, store: RunStore, run: Run, attempt: int, now_ns: Callable[[], int]) -> None:
        self._store, self._run, self._attempt, self._now_ns = store, run, attempt, now_ns
        self._unsaid: list[Said] = []
        self._place, self._number, self._shift = 0, FIRST, 0
        self._closing: list[Said] = []
        self._came, self._over, self._turn = asyncio.Event(), False, asyncio.Lock()

    async def open(self) -> None:
        """Go on behind what there is. Raises: StoreError."""
        self._follow(await self._kept())

    def take(self, event: bytes) -> None:
        """An event of the call, as it came."""
        data = data_of(event)
        try:
            said = _read(data) if data else {}
        except msgspec.MsgspecError:
            return
        if said and said.get("type") not in OPENING and said.get("type") not in ENDS:
            self._unsaid.append(said)
            self._came.set()

    async def keep(self) -> None:
        """Keep what comes, a batch every `EVERY_S`, until `close`. A batch that can't be kept now is kept with the next."""
        while not self._over:
            await self._came.wait()
            self._came.clear()
            try:
                await self._flush()
            except StoreError:
                self._came.set()
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """Keep the rest. Raises: StoreError."""
        await self._flush()
        self._over = True

    async def _flush(self) -> None:
        """Raises: StoreError."""
        async with self._turn:
            await self._flushed()

    async def _flushed(self) -> None:
        while self._unsaid:
            taken = len(self._unsaid)
            made = self._numbered([*self._closing, *self._unsaid[:taken]])
            try:
                await asyncio.to_thread(self._put, made)
            except VersionConflict:
                if not await self._behind(made):
                    continue
            del self._unsaid[:taken]
            self._closing = []
            self._place, self._number = self._place + 1, self._number + len(made.pieces)

    async def _behind(self, made: Batch) -> bool:
        """Another call wrote here: one that is over is gone on behind, one that began later has taken over.

        Returns: whether it is this very batch, whose writing was not answered.
        """
        there = await self._kept()
        if there[self._place : self._place + 1] == [made]:
            return True
        if there and there[-1].attempt >= self._attempt:
            self._unsaid.clear()
            self._over = True
        else:
            self._follow(there)
        return False

    def _follow(self, there: Sequence[Batch]) -> None:
        self._place = len(there)
        pieces = [one for batch in there for one in batch.pieces]
        self._number = pieces[-1].number + 1 if pieces else FIRST
        self._closing, self._shift = left_open(_read(one.event) for one in pieces)

    def _numbered(self, said: list[Said]) -> Batch:
        own, pieces = len(self._closing), list[Piece]()
        for place, one in enumerate(said):
            at = one.get("output_index")
            moved = {"output_index": at + self._shift} if place >= own and isinstance(at, int) else {}
            number = self._number + place
            event = msgspec.json.encode({**one, **moved, "sequence_number": number}).decode()
            pieces.append(Piece(number, event))
        return Batch(self._attempt, tuple(pieces))

    async def _kept(self) -> list[Batch]:
        return await asyncio.to_thread(batches, self._store, self._run, self._now_ns())

    def _put(self, made: Batch) -> None:
        until_ns = self._now_ns() + KEPT_NS
        body = msgspec.json.encode(made)
        self._store.put(self._run.tenant, _space(self._run), _key(self._place), body, expects=0, until_ns=until_ns)


def left_open(said: Iterable[Said]) -> tuple[list[Said], int]:
    """Events that end what a call had begun when it broke off, and how many items it had begun. Pure."""
    items: dict[int, Said] = {}
    texts: dict[int, str] = {}
    begun = 0
    for one in said:
        at = one.get("output_index")
        if not isinstance(at, int):
            continue
        begun = max(begun, at + 1)
        match one.get("type"):
            case "response.output_item.added":
                items[at] = one.get("item") or {}
            case "response.output_item.done":
                items.pop(at, None)
            case "response.output_text.delta":
                texts[at] = texts.get(at, "") + str(one.get("delta") or "")
            case _:
                pass
    return [_ended(at, item, texts.get(at, "")) for at, item in sorted(items.items())], begun


def _ended(at: int, item: Said, text: str) -> Said:
    said: Said = {"content": [{"type": "output_text", "text": text, "annotations": []}]} if text else {}
    return {
        "type": "response.output_item.done",
        "output_index": at,
        "item": {**item, **said, "status": "incomplete"},
    }


def _key(place: int) -> str:
    return f"{_PREFIX}{place:08}"


def _space(run: Run) -> str:
    """Belongs to the run, and goes with it."""
    return f"context/{run.id}"
