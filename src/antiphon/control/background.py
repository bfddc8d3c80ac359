"""Responses that are made in the background: queued at once, shown as they stand, cancelled. Source: openai-python 3.52.0,
`resources/responses`, `types/responses/response.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.agents.background import BACKGROUND, Queued
from antiphon.control.replay import event, replayed
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
        for number, kind in enumerate(("response.created", "response.queued")):
            if number > after:
                yield _event(kind, number, shown(run, "queued"))
        after = max(after, LAST_OPENING - 1)
        found: Run | None = run
        while found is not None:
            if found.status != "queued" and after < LAST_OPENING:
                after = LAST_OPENING
                yield _event("response.in_progress", after, shown(found, "in_progress"))
            if found.ended:
                yield replayed(shown(found), after)
                return
            if now_s() >= until_s:
                return
            if now_s() >= alive_s:
                alive_s = now_s() + ALIVE_S
                yield b": alive\n\n"
            await asyncio.sleep(look_s)
            look_s = min(MOST_LOOK_S, look_s * 1.5)
            found = await asyncio.to_thread(self._store.one, run.id, run.tenant)


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
