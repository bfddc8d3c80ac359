"""Begins runs by triggers: each in the name of its own service, under its own bounds, once for each event."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import AgentDocument, Document
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.documents.taking import UNTRUSTED, has
from antiphon.agents.envelope import envelope_of
from antiphon.agents.tools.secrets import Secrets, revealed
from antiphon.agents.triggers.queue import Queue
from antiphon.agents.triggers.settings import OF_TRIGGERS, TriggerSpec, WebhookSpec, principal_of
from antiphon.agents.triggers.signed import Signed, event_of
from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotAuthenticated, NotFound, TooLarge
from antiphon.core.ids import Ids
from antiphon.core.principal import Principal
from antiphon.core.run import Run, RunEnvelope
from antiphon.core.run_store import RunStore
from antiphon.wire.json import decoded

log = logging.getLogger("antiphon.agents")
EVENT = "event"
Count = Callable[[str, str], None]
"""Counts what became of an event: `cron`, `webhook` or `queue`; `begun`, `refused`, `late`, `skipped`, `dead`, `again`."""


class Begin(Protocol):
    """Begins runs, as `Runs.begin`."""

    def __call__(
        self,
        principal: Principal,
        agent: str,
        given: Any,
        *,
        version: str = "",
        session: str = "",
        once: str = "",
        envelope: RunEnvelope | None = None,
        priority: int = 5,
        trigger: str = "",
        data_class: DataClass | None = None,
    ) -> Awaitable[Run]: ...


class TriggersParts(Struct, frozen=True, kw_only=True):
    """What triggers rest on."""

    begin: Begin
    store: RunStore
    shelf: Callable[[], Shelf]
    clock: Clock
    ids: Ids
    secrets: Secrets
    count: Count | None = None


class Triggers:
    """The use cases. What blocks is done beside the loop."""

    def __init__(self, parts: TriggersParts) -> None:
        self.parts = parts

    def all(self) -> list[Document]:
        """Those that are on, by name."""
        found = self.parts.shelf().others.get("Trigger", {})
        return [one for _, one in sorted(found.items()) if one.spec.enabled]

    def one(self, name: str, kind: str) -> Document:
        """A trigger of a kind that is on. Raises: NotFound."""
        found = self.parts.shelf().others.get("Trigger", {}).get(name)
        if found is None or not found.spec.enabled or found.spec.source != kind:
            raise NotFound(f"there is no {kind} {name[:64]!r}; write a document of kind Trigger", param="name")
        return found

    def kind(self, name: str) -> str:
        """`cron`, `webhook` or `queue`; empty: there is none of this name that is on."""
        found = self.parts.shelf().others.get("Trigger", {}).get(name)
        return found.spec.source if found is not None and found.spec.enabled else ""

    def queue(self, document: Document) -> Queue:
        """The messages of a trigger; the dead letters of any kind."""
        return Queue(self.parts.store, document, self.parts.clock, self.parts.ids)

    def standing(self, principal: Principal) -> Principal:
        """The service of a trigger as its document says it at present; one that is switched off lets its runs go on.

        Raises: NotAuthenticated, where there is no such trigger any more.
        """
        name = principal.key.removeprefix(OF_TRIGGERS)
        found = self.parts.shelf().others.get("Trigger", {}).get(name)
        if found is None or found.metadata.tenant != principal.tenant:
            raise NotAuthenticated(f"there is no trigger {name[:64]} any more, in whose name this was begun")
        return principal_of(found)

    # --- firing

    async def fire(self, document: Document, event: str, body: Any = None, *, trusted: bool = True) -> Run:
        """Begin the run of an event, or find the one that it began before.

        Args:
            event: Names it, once and for all.
            body: JSON that came with it; None: nothing did.
            trusted: Strangers had no part in it.
        Raises: as `Runs.begin`.
        """
        spec: TriggerSpec = document.spec
        trigger = f"{spec.source}/{document.name}"
        given = _given(spec, self.parts.shelf().agent(spec.agent, spec.version), body, trusted=trusted)
        run = await self.parts.begin(
            principal_of(document),
            spec.agent,
            given,
            version=spec.version,
            session=spec.session,
            once=f"{trigger}/{event}",
            envelope=None if spec.envelope is None else envelope_of(spec.envelope),
            priority=spec.priority,
            trigger=trigger,
            data_class=spec.data_class,
        )
        self.count(spec.source, "begun")
        log.info("trigger.begun", extra={"trigger": trigger, "run": run.id, "tenant": run.tenant})
        return run

    async def receive(self, name: str, headers: dict[bytes, bytes], body: bytes) -> Run:
        """Take a webhook.

        Args:
            headers: Names in lower case.
        Raises: NotFound, NotAuthenticated, TooLarge, BadRequest, and as `Runs.begin`.
        """
        document = self.one(name, "webhook")
        spec: WebhookSpec = document.spec.webhook
        if len(body) > spec.most_bytes:
            raise TooLarge(f"the body has {len(body)} bytes; {name} takes {spec.most_bytes}")
        signed = Signed(
            headers=headers,
            body=body,
            secret=revealed(spec.secret, self.parts.secrets),
            now_s=self.parts.clock.now_ns() / 1e9,
            tolerance_s=spec.tolerance_s,
        )
        try:
            event = event_of(spec.scheme, signed)
            return await self.fire(document, event, _json(body), trusted=spec.trusted)
        except AntiphonError as error:
            self.refused(document, error)
            raise

    async def put(self, principal: Principal, name: str, body: bytes, event: str = "") -> str:
        """Put a message into a queue; kept once this returns.

        Args:
            event: Idempotency key; empty: it is one of its own.
        Returns: the name of the event. Raises: NotFound, NotAllowed, BadRequest, TooLarge, OverLimit, StoreError.
        """
        document = self.one(name, "queue")
        callers: list[str] = document.spec.queue.callers
        if principal.tenant != document.metadata.tenant:
            raise NotFound(f"there is no queue {name[:64]!r}; write a document of kind Trigger", param="name")
        if not principal.admin and not _names(principal) & set(callers):
            raise NotAllowed(f"{name} takes messages of {', '.join(callers) or 'admins'} alone; see spec.queue.callers")
        return await self.queue(document).put(_json(body), event)

    def count(self, kind: str, came: str) -> None:
        """Count what became of an event."""
        if self.parts.count is not None:
            self.parts.count(kind, came)

    def refused(self, document: Document, error: AntiphonError) -> None:
        """Tell that an event began nothing."""
        kind = document.spec.source
        self.count(kind, "refused")
        trigger = f"{kind}/{document.name}"
        log.warning("trigger.refused", extra={"trigger": trigger, "code": error.said_code, "reason": error.noted})


def permanent(error: AntiphonError) -> bool:
    """Trying again changes nothing before somebody mends something."""
    return isinstance(error, BadRequest)


def listed(document: Document) -> dict[str, Any]:
    """A trigger as people see it; no secret."""
    spec: TriggerSpec = document.spec
    source = msgspec.to_builtins(getattr(spec, spec.source))
    source.pop("secret", None)
    return {
        "name": document.name,
        "tenant": document.metadata.tenant,
        "agent": spec.agent,
        "kind": spec.source,
        "enabled": spec.enabled,
        spec.source: source,
        "service": structs.asdict(spec.service),
    }


def _names(principal: Principal) -> set[str]:
    """What a caller may be called in a list of callers."""
    named = (("key", principal.key), ("user", principal.user), ("team", principal.team))
    return {f"{kind}/{name}" for kind, name in named if name} | {f"role/{role}" for role in principal.roles}


def _json(body: bytes) -> Any:
    """Raises: BadRequest."""
    try:
        return decoded(body)
    except ValueError as error:
        raise BadRequest(f"the body is no JSON: {error}") from error


def _given(spec: TriggerSpec, agent: AgentDocument | None, body: Any, *, trusted: bool) -> dict[str, Any]:
    """What a run is given. What came stands as its `event`; of an agent whose `input` has no such field, the fields of what
    came are the input's own, and a time that came is left out.
    """
    given: dict[str, Any] = {**spec.inputs, **({"goal": spec.goal} if spec.goal else {})}
    if body is None:
        return given
    came: dict[str, Any] = {EVENT: body}
    if agent is not None and agent.spec.input is not None and not has(agent, EVENT):
        if spec.source == "cron":
            return given
        if isinstance(body, dict):  # what stands in the trigger is the operator's, whatever came
            came = {name: value for name, value in cast("dict[str, Any]", body).items() if name not in given}
    return {**given, **came} if trusted else {**given, UNTRUSTED: came}
