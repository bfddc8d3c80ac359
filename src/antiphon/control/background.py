"""Responses that are made in the background: queued at once, shown as they stand, cancelled. Source: openai-python 3.52.0,
`resources/responses`, `types/responses/response.py`.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from antiphon.agents.background import BACKGROUND
from antiphon.control.responses import ECHOED
from antiphon.core.data_class import DataClass
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.run import Mail, Run, RunEnvelope, RunStatus
from antiphon.core.run_store import RunStore

SECOND_NS = 1_000_000_000
ONE_CALL = RunEnvelope(steps=1, depth=0, fan_out=1, calls=1, tool_calls=0)
STATUSES: Mapping[RunStatus, str] = {
    "queued": "queued",
    "running": "in_progress",
    "waiting": "in_progress",
    "paused": "in_progress",
    "done": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class BackgroundResponses:
    """Use cases; a response's id is that of its run."""

    def __init__(
        self, store: RunStore, new_id: Callable[[], str], now_ns: Callable[[], int], most_queued: int = 10_000
    ) -> None:
        """`new_id`: makes ids of responses."""
        self._store, self._new_id, self._now_ns = store, new_id, now_ns
        self._most_queued = most_queued

    async def begin(
        self, principal: Principal, fields: Mapping[str, Any], *, session: str = "", data_class: DataClass = "public"
    ) -> bytes:
        """Queue a request. Returns: its response, `queued`; it is kept once this returns.

        Args:
            fields: The request, as it was read.
        Raises: BadRequest, OverLimit, StoreError.
        """
        if fields.get("store") is False:
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
            input=msgspec.json.encode(fields),
            session=session,
            envelope=ONE_CALL,
            data_class=data_class,
        )
        return _shown(await asyncio.to_thread(self._store.begin, run, self._most_queued))

    async def show(self, principal: Principal, name: str) -> bytes | None:
        """A response as it stands; None: none of the caller's is made in the background under this id. Raises: StoreError."""
        run = await self._find(principal, name)
        return None if run is None else _shown(run)

    async def cancel(self, principal: Principal, name: str) -> bytes | None:
        """End one; what has ended stays as it is. Returns: as `show`, before its end may be seen. Raises: StoreError."""
        run = await self._find(principal, name)
        if run is None or run.ended:
            return None if run is None else _shown(run)
        by = f"user/{principal.user}" if principal.user else f"key/{principal.key}"
        mail = Mail(id="cancel", run=run.id, tenant=run.tenant, kind="cancel", at_ns=self._now_ns(), by=by)
        await asyncio.to_thread(self._store.post, mail)
        return _shown(run, "cancelled")

    async def _find(self, principal: Principal, name: str) -> Run | None:
        run = await asyncio.to_thread(self._store.one, name, principal.tenant)
        if run is None or run.agent != BACKGROUND:
            return None
        mine = run.principal.subject() == principal.subject()
        return run if mine or principal.admin else None


def _shown(run: Run, status: str = "") -> bytes:
    if run.status == "done" and not status:
        said: dict[str, Any] = msgspec.json.decode(run.result)
        return msgspec.json.encode({**said, "id": run.id, "background": True})
    asked: dict[str, Any] = msgspec.json.decode(run.input)
    failed: Any = msgspec.json.decode(run.result) if run.status == "failed" and run.result else None
    error = {"code": failed["code"], "message": failed["message"]} if failed else None
    if run.status == "failed" and error is None:
        error = {"code": "internal_error", "message": run.why}
    return msgspec.json.encode(
        {
            "id": run.id,
            "object": "response",
            "created_at": run.created_ns // SECOND_NS,
            "status": status or STATUSES[run.status],
            "background": True,
            "error": error,
            "incomplete_details": None,
            "model": asked.get("model"),
            "output": [],
            "usage": None,
            "store": True,
            "previous_response_id": asked.get("previous_response_id"),
            **{name: asked[name] for name in ECHOED if name in asked},
        }
    )
