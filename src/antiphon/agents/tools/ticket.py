"""Tickets: opened once for a call, kept here, posted to a webhook where one is named."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.secrets import Secrets, revealed
from antiphon.agents.tools.settings_data import TicketSpec
from antiphon.core.clock import Clock
from antiphon.core.error import VersionConflict
from antiphon.core.ports import Transport
from antiphon.core.run_store import RunStore
from antiphon.core.secret import Secret
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.net.post import Hook, posted

SPACE = "tickets/"
"""Spaces of the run store that they are kept in are called so, with the queue behind."""
_TITLE_CHARS, _BODY_CHARS = 200, 20_000


class Ticket(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ticket as it is kept and posted."""

    id: str
    queue: str
    title: str
    body: str
    severity: str
    by: str
    """`user/NAME` or `key/NAME`: in whose name it was opened."""
    at_ns: int
    agent: str = ""
    run: str = ""
    fields: dict[str, str] = {}


def schema(spec: TicketSpec) -> dict[str, Any]:
    """Arguments of a ticket."""
    said: dict[str, Any] = {
        "title": {"type": "string", "minLength": 1, "maxLength": _TITLE_CHARS},
        "body": {"type": "string", "maxLength": _BODY_CHARS, "description": "What is to be done, and why."},
        "severity": {"type": "string", "enum": list(spec.severities)},
    }
    said |= {name: {"type": "string", "maxLength": 2000, "description": text} for name, text in spec.fields.items()}
    return {"type": "object", "properties": said, "required": ["title", "body"], "additionalProperties": False}


class TicketHand(Hand):
    """Opens tickets of one queue."""

    def __init__(
        self,
        tool: Tool,
        spec: TicketSpec,
        store: RunStore,
        clock: Clock,
        hook: tuple[Transport, Hook] | None,
    ) -> None:
        self.tool, self._spec, self._store, self._clock = tool, spec, store, clock
        self._hook = hook

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        principal, spec = context.principal, self._spec
        severity = str(arguments.get("severity") or spec.severities[len(spec.severities) // 2])
        ticket = Ticket(
            id="T-" + sha256(f"{principal.tenant}/{spec.queue}/{context.key}".encode()).hexdigest()[:12].upper(),
            queue=spec.queue,
            title=str(arguments["title"]),
            body=str(arguments["body"]),
            severity=severity,
            by=principal.subject(),
            at_ns=self._clock.now_ns(),
            agent=context.agent,
            run=context.run,
            fields={name: str(arguments[name]) for name in spec.fields if name in arguments},
        )
        await self._kept(ticket, context)
        if self._hook is not None:
            await self._posted(ticket, *self._hook)
        text = f"Opened ticket {ticket.id} in {ticket.queue} ({ticket.severity})."
        return ToolResult(text=text, data={"id": ticket.id, "queue": ticket.queue, "severity": ticket.severity})

    async def _kept(self, ticket: Ticket, context: ToolContext) -> None:
        value, tenant = msgspec.json.encode(ticket), context.principal.tenant
        try:
            await asyncio.to_thread(self._store.put, tenant, SPACE + ticket.queue, ticket.id, value, expects=0)
        except VersionConflict:
            return

    async def _posted(self, ticket: Ticket, transport: Transport, hook: Hook) -> None:
        outbound = posted(msgspec.json.encode(ticket), hook, self._clock.now_ns() // 10**9)
        inbound = await transport.send(outbound)
        try:
            await inbound.read(65_536)
        finally:
            inbound.close()
        if not 200 <= inbound.status < 300:
            again = inbound.status >= 500 or inbound.status == 429
            say = f"Ticket {ticket.id} is kept here, but the webhook answered {inbound.status}."
            raise ToolFailed("unavailable", say, retryable=again)


def hook_of(spec: TicketSpec, timeout_s: float, secrets: Secrets) -> Hook:
    """Where tickets are posted. Raises: BadRequest."""
    return Hook(
        url=Secret(revealed(spec.webhook, secrets)),
        timeout_s=timeout_s,
        secret=Secret(revealed(spec.secret, secrets)) if spec.secret else None,
        networks=tuple(spec.networks),
    )


def tickets(store: RunStore, tenant: str, queue: str, now_ns: int) -> Sequence[Ticket]:
    """Those of a queue, the oldest first; what was erased is left out. Blocks. Raises: StoreError."""
    found = [value for _, value, _ in store.values(tenant, SPACE + queue, now_ns) if value]
    read = [msgspec.json.decode(value, type=Ticket) for value in found]
    return sorted(read, key=lambda one: (one.at_ns, one.id))
