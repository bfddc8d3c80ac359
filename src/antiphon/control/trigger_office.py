"""Triggers and their dead letters, for those who look after them. Blocks on the store, so it is asked beside a loop."""

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from antiphon.agents.documents.document import Document
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.triggers.queue import Message, Queue
from antiphon.agents.triggers.triggers import listed
from antiphon.control.instants import said
from antiphon.control.roles import Scope
from antiphon.control.who import Who
from antiphon.core.clock import Clock
from antiphon.core.error import NotFound
from antiphon.core.ids import Ids
from antiphon.core.run_store import RunStore

MOST = 1000


class ShownTrigger(Struct, frozen=True, kw_only=True):
    """A trigger, and what lies there."""

    name: str
    tenant: str
    agent: str
    kind: str
    enabled: bool
    waiting: int
    """Messages that have begun no run yet."""
    dead: int
    """Letters that began none."""
    spec: dict[str, Any]
    """Of its kind; no secret."""
    service: dict[str, Any]


class ShownLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that began no run."""

    event: str
    at: str
    tries: int
    code: str
    reason: str
    body: Any = None
    """For those who may read content."""


class TriggerOffice:
    """Use cases of whoever has a role in the control plane."""

    def __init__(self, store: RunStore, shelf: Callable[[], Shelf], clock: Clock, ids: Ids) -> None:
        self._store, self._shelf, self._clock, self._ids = store, shelf, clock, ids

    def all(self, who: Who) -> list[ShownTrigger]:
        """Those that are theirs to see, by name."""
        found = (one for _, one in sorted(self._shelf().of("Trigger").items()))
        return [self._shown(one) for one in found if who.may("read", _scope(one))]

    def letters(self, who: Who, name: str) -> list[ShownLetter]:
        """Dead letters of a trigger, by event. Raises: NotFound."""
        document = self._one(who, name)
        content = who.may("content", _scope(document))
        return [_letter(one, content=content) for one in asyncio.run(self._queue(document).dead(MOST))]

    def revive(self, who: Who, name: str, event: str) -> None:
        """Try a letter again. Raises: NotFound, NotAllowed."""
        document = self._one(who, name)
        who.need("agents", _scope(document))
        asyncio.run(self._queue(document).revive(event))

    def forget(self, who: Who, name: str, event: str) -> None:
        """Drop a letter. Raises: NotFound, NotAllowed."""
        document = self._one(who, name)
        who.need("agents", _scope(document))
        asyncio.run(self._queue(document).forget(event))

    def _one(self, who: Who, name: str) -> Document:
        """Raises: NotFound, also for what is not theirs to see."""
        found = self._shelf().of("Trigger").get(name)
        if found is None or not who.may("read", _scope(found)):
            raise NotFound(f"there is no trigger {name[:64]!r}; GET /admin/v1/triggers lists those there are")
        return found

    def _queue(self, document: Document) -> Queue:
        return Queue(self._store, document, self._clock, self._ids)

    def _shown(self, document: Document) -> ShownTrigger:
        told, queue = listed(document), self._queue(document)
        waiting, dead = queue.counts()
        return ShownTrigger(
            name=document.name,
            tenant=document.metadata.tenant,
            agent=told["agent"],
            kind=told["kind"],
            enabled=told["enabled"],
            waiting=waiting,
            dead=dead,
            spec=told[told["kind"]],
            service=told["service"],
        )


def _scope(document: Document) -> Scope:
    return Scope(document.metadata.tenant)


def _letter(one: Message, *, content: bool) -> ShownLetter:
    return ShownLetter(
        event=one.event,
        at=said(one.at_ns),
        tries=one.tries,
        code=one.code,
        reason=one.reason,
        body=one.body if content else None,
    )
