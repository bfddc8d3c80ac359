"""Responses that are made in the background: queued at once, shown as they stand, cancelled. Source: openai-python 3.52.0,
`resources/responses`, `types/responses/response.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.agents.background import BACKGROUND, Queued
from antiphon.agents.background_pieces import EVERY_S, OPENING, Batch, Piece, batch, batches
from antiphon.control.replay import ending, event, replayed, told_again
from antiphon.control.responses import ECHOED
from antiphon.core.data_class import DataClass
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.run import Mail, Run, RunEnvelope, RunStatus
from antiphon.core.run_store import RunStore

SECOND_NS = 1_000_000_000
ONE_CALL = RunEnvelope(steps=1, depth=0, fan_out=1, calls=1, tool_calls=0)
LOOK_S, MOST_LOOK_S = 0.05, 0.5
"""Between two looks at a response whose events somebody reads."""
ALIVE_S = 10.0
"""Between two signs of life of a stream in which nothing happens."""
ALIVE = b": alive\n\n"
FOLLOWED_S = 3600.0
"""How long one stream goes on; its reader comes back with `starting_after`."""
LAST_OPENING = 2
"""Number of `response.in_progress`: what opens a stream ends with it."""
STATUSES: Mapping[RunStatus, str] = {
    "queued": "queued",
    "running": "in_progress",
    "waiting": "in_progress",
    "paused": "in_progress",
    "done": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class _Asked(Struct, frozen=True):
    store: bool | None = None
    input: Raw = Raw(b"null")


_asked = msgspec.json.Decoder(_Asked)
_queued = msgspec.json.Decoder(Queued)


class BackgroundResponses:
    """Use cases; a response's id is that of its run."""

    def __init__(
        self, store: RunStore, new_id: Callable[[], str], now_ns: Callable[[], int], most_queued: int = 10_000
    ) -> None:
        """`new_id`: makes ids of responses."""
        self._store, self._new_id, self._now_ns = store, new_id, now_ns
        self._most_queued = most_queued

    async def begin(
        self, principal: Principal, queued: Queued, *, session: str = "", data_class: DataClass = "public"
    ) -> Run:
        """Queue a request; it is kept once this returns.

        Args:
            queued: Its body was read before.
        Raises: BadRequest, OverLimit, StoreError.
        """
        if _asked.decode(queued.request).store is False:
            raise BadRequest("background: what runs in the background is kept; leave out `store: false`", param="store")
        name, now_ns = self._new_id(), self._now_ns()
        run = Run(
            id=name,
            root=name,
            tenant=principal.tenant,
            agent=BACKGROUND,
            version="1",
            principal=principal,
            created_ns=now_ns,
            updated_ns=now_ns,
            input=msgspec.json.encode(queued),
            session=session,
            envelope=ONE_CALL,
            data_class=data_class,
        )
        return await asyncio.to_thread(self._store.begin, run, self._most_queued)

    async def find(self, principal: Principal, name: str) -> Run | None:
        """The run of a response that is the caller's; an admin's are those of the tenant. Raises: StoreError."""
        run = await asyncio.to_thread(self._store.one, name, principal.tenant)
        if run is None or run.agent != BACKGROUND:
            return None
        mine = run.principal.subject() == principal.subject()
        return run if mine or principal.admin else None

    async def show(self, principal: Principal, name: str) -> bytes | None:
        """A response as it stands; None: none of the caller's is made in the background under this id. Raises: StoreError."""
        run = await self.find(principal, name)
        return None if run is None else shown(run)

    async def asked(self, principal: Principal, name: str) -> bytes | None:
        """The input of one, JSON; None: as `show`. Raises: StoreError."""
        run = await self.find(principal, name)
        return None if run is None else bytes(_asked.decode(_queued.decode(run.input).request).input)

    async def cancel(self, principal: Principal, name: str) -> bytes | None:
        """End one; what has ended stays as it is. Returns: as `show`, before its end may be seen. Raises: StoreError."""
        run = await self.find(principal, name)
        if run is None or run.ended:
            return None if run is None else shown(run)
        by = f"user/{principal.user}" if principal.user else f"key/{principal.key}"
        mail = Mail(id=f"{run.id}/cancel", run=run.id, tenant=run.tenant, kind="cancel", at_ns=self._now_ns(), by=by)
        await asyncio.to_thread(self._store.post, mail)
        return shown(run, "cancelled")

    async def delete(self, principal: Principal, name: str) -> bool:
        """Forget one that has ended. Returns: whether there was one. Raises: BadRequest, StoreError."""
        run = await self.find(principal, name)
        if run is None:
            return False
        if not run.ended:
            raise BadRequest(
                f"the response {run.id} is {STATUSES[run.status]}; cancel it before it is deleted",
                code="response_in_progress",
                status=409,
            )
        await asyncio.to_thread(self._store.discard, [run.id])
        return True

    async def events(self, run: Run, after: int = -1) -> AsyncIterator[bytes]:
        """What happens to a response until its end, as a stream tells it, with signs of life between.

        Args:
            after: The number of the event behind which it begins.
        Raises: StoreError.
        """
        now_s = asyncio.get_running_loop().time
        until_s, alive_s, look_s = now_s() + FOLLOWED_S, now_s() + ALIVE_S, LOOK_S
        following = _Following(self._store, run, after, self._now_ns)
        yield following.opening() or ALIVE  # the headers go out with it
        found: Run | None = run
        while found is not None:
            told = await asyncio.to_thread(following.next, found)
            if told:
                look_s = EVERY_S
                yield told
            if found.ended or now_s() >= until_s:
                return
            if now_s() >= alive_s:
                alive_s = now_s() + ALIVE_S
                yield ALIVE
            await asyncio.sleep(look_s)
            look_s = min(EVERY_S if following.lives else MOST_LOOK_S, look_s * 1.5)
            found = await asyncio.to_thread(self._store.one, run.id, run.tenant)


class _Following:
    """What a reader of a response's events was told, and what comes next."""

    def __init__(self, store: RunStore, run: Run, after: int, now_ns: Callable[[], int]) -> None:
        self._store, self._run, self._after, self._now_ns = store, run, after, now_ns
        self._place, self._last = 0, LAST_OPENING - 1
        self._streams = streams(run)

    @property
    def lives(self) -> bool:
        """Its text comes, and has begun to."""
        return self._place > 0

    def opening(self) -> bytes:
        kinds = OPENING[:LAST_OPENING]
        return b"".join(self._told(_event(kind, at, shown(self._run, "queued")), at) for at, kind in enumerate(kinds))

    def next(self, found: Run) -> bytes:
        """What is new of a run as it stands. Blocks. Raises: StoreError."""
        new = self._new() if self._streams else []
        out: list[bytes] = []
        if self._last < LAST_OPENING and (new or found.status != "queued"):
            self._last = LAST_OPENING
            out.append(self._told(_event(OPENING[-1], LAST_OPENING, shown(found, "in_progress")), LAST_OPENING))
        for one in new:
            self._last = one.number
            out.append(self._told(told_again(one.event), one.number))
        if found.ended and self.lives:
            out.append(self._told(ending(shown(found), self._last + 1), self._last + 1))
        elif found.ended:
            out.append(replayed(shown(found), max(self._after, LAST_OPENING)))
        return b"".join(out)

    def _new(self) -> list[Piece]:
        """Pieces that were kept since."""
        now_ns = self._now_ns()
        if not self._place:
            there = batches(self._store, self._run, now_ns)
        else:
            there = list[Batch]()
            while one := batch(self._store, self._run, self._place + len(there), now_ns):
                there.append(one)
        self._place += len(there)
        return [piece for one in there for piece in one.pieces]

    def _told(self, event: bytes, number: int) -> bytes:
        return event if number > self._after else b""


def streams(run: Run) -> bool:
    """Whether its text is told as it comes."""
    return bool(run.input) and _queued.decode(run.input).stream


def shown(run: Run, status: str = "") -> bytes:
    """A response, JSON. `status`: that it is said to be in, whatever became of it since."""
    if run.status == "done" and not status:
        said: dict[str, Any] = msgspec.json.decode(run.result)
        return msgspec.json.encode({**said, "id": run.id, "background": True})
    asked: dict[str, Any] = msgspec.json.decode(_queued.decode(run.input).request)
    return msgspec.json.encode(
        {
            "id": run.id,
            "object": "response",
            "created_at": run.created_ns // SECOND_NS,
            "status": status or STATUSES[run.status],
            "background": True,
            "error": None if status else _error(run),
            "incomplete_details": None,
            "model": asked.get("model"),
            "output": [],
            "usage": None,
            "store": True,
            "previous_response_id": asked.get("previous_response_id"),
            **{name: asked[name] for name in ECHOED if name in asked},
        }
    )


def _error(run: Run) -> dict[str, str] | None:
    if run.status != "failed":
        return None
    if not run.result:
        return {"code": "internal_error", "message": run.why}
    failed: Any = msgspec.json.decode(run.result)
    return {"code": failed["code"], "message": failed["message"]}


def _event(kind: str, number: int, response: bytes) -> bytes:
    return event(kind, number, {"response": Raw(response)})
