"""Fires what is due by itself: times of cron, messages of queues. Any number of processes may: each event begins one run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from msgspec import Struct, structs

from antiphon.agents.documents.document import Document
from antiphon.agents.triggers.cron import Schedule
from antiphon.agents.triggers.queue import Message
from antiphon.agents.triggers.settings import CronSpec
from antiphon.agents.triggers.triggers import Triggers, permanent
from antiphon.core.error import AntiphonError, OverLimit, StoreError, VersionConflict

log = logging.getLogger("antiphon.agents")
EVERY_S = 1.0
"""Between two looks."""
AT_ONCE = 50
"""Messages of one queue in one look."""
SPACE = "triggers"
_S_NS = 1_000_000_000


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the times of a trigger were heeded."""

    schedule: str
    at_ns: int
    run: str = ""
    """The last that it began."""


_mark = msgspec.json.Decoder(Mark).decode


class Ticker:
    """For one process."""

    def __init__(self, triggers: Triggers, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """`pause`: waits so many seconds, once awaited."""
        self._triggers = triggers
        self._parts = triggers.parts
        self._pause = pause
        self._schedules: dict[tuple[str, str], Schedule] = {}
        self._next: dict[tuple[str, str], int] = {}
        """When it comes next, by name and schedule: nothing is looked up before."""

    async def watch(self) -> None:
        """Look until it is cancelled. What fails is told of, and looked at again."""
        told = ""
        while True:
            try:
                await self.tick()
                told = ""
            except StoreError as error:
                if error.noted != told:
                    told = error.noted
                    log.warning("trigger.waiting", extra={"reason": told})
            await self._pause(EVERY_S)

    async def tick(self) -> int:
        """Fire what is due. Returns: how many runs were begun. Raises: StoreError."""
        begun = 0
        for document in self._triggers.all():
            match document.spec.source:
                case "cron":
                    begun += await self._cron(document, document.spec.cron)
                case "queue":
                    begun += await self._queue(document)
                case _:
                    pass
        return begun

    # --- times

    async def _cron(self, document: Document, spec: CronSpec) -> int:
        now_ns = self._parts.clock.now_ns()
        name = document.name, f"{spec.schedule} {spec.time_zone}"
        if now_ns < self._next.get(name, 0):
            return 0
        schedule = self._schedules.setdefault(name, Schedule(spec.schedule, spec.time_zone))
        found = await asyncio.to_thread(self._parts.store.value, document.metadata.tenant, SPACE, document.name, now_ns)
        mark, version = (None, 0) if found is None else (_mark(found[0]), found[1])
        if mark is None or mark.schedule != name[1]:
            await self._heed(document, Mark(schedule=name[1], at_ns=now_ns), version)
            return 0
        due_ns, begun = schedule.last(now_ns), 0
        if due_ns > mark.at_ns:
            mark, begun = await self._due(document, spec, mark, due_ns)
            if mark.at_ns != due_ns:
                return begun  # it is tried again with the next look
            await self._heed(document, mark, version)
        self._next[name] = schedule.next(now_ns)
        return begun

    async def _due(self, document: Document, spec: CronSpec, mark: Mark, due_ns: int) -> tuple[Mark, int]:
        """Fire a time. Returns: the mark behind it, or the same where it has to be tried again; how many runs were begun."""
        heeded = structs.replace(mark, at_ns=due_ns)
        event = datetime.fromtimestamp(due_ns // _S_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._parts.clock.now_ns() - due_ns > spec.late_s * _S_NS:
            self._left(document, "late", event)
            return heeded, 0
        if spec.overlap == "skip" and mark.run and await self._goes_on(mark.run):
            self._left(document, "skipped", event)
            return heeded, 0
        try:
            run = await self._triggers.fire(document, event, {"at": event})
        except AntiphonError as error:
            if not permanent(error):
                return mark, 0
            await self._bury(document, Message(event=event, at_ns=due_ns, tries=1), error)
            return heeded, 0
        return structs.replace(heeded, run=run.id), 1

    async def _goes_on(self, run: str) -> bool:
        found = await asyncio.to_thread(self._parts.store.one, run)
        return found is not None and not found.ended

    async def _heed(self, document: Document, mark: Mark, version: int) -> None:
        raw, tenant = msgspec.json.encode(mark), document.metadata.tenant

        def put() -> None:
            with suppress(VersionConflict):  # another, which was faster, wrote the same
                self._parts.store.put(tenant, SPACE, document.name, raw, expects=version)

        await asyncio.to_thread(put)

    def _left(self, document: Document, why: str, event: str) -> None:
        self._triggers.count("cron", why)
        log.warning("trigger.left", extra={"trigger": f"cron/{document.name}", "event": event, "reason": why})

    # --- messages

    async def _queue(self, document: Document) -> int:
        queue, begun = self._triggers.queue(document), 0
        for one in await queue.due(AT_ONCE):
            message = one.message
            try:
                await self._triggers.fire(document, message.event, message.body, trusted=document.spec.queue.trusted)
            except OverLimit:
                break  # the others would meet the same; they wait in their order
            except StoreError:
                raise
            except AntiphonError as error:
                again = await queue.failed(one, error, again=not permanent(error))
                self._triggers.count("queue", "again" if again else "dead")
                if not again:
                    self._triggers.refused(document, error)
            else:
                await queue.done(one)
                begun += 1
        return begun

    async def _bury(self, document: Document, message: Message, error: AntiphonError) -> None:
        """A time that can't begin anything is a dead letter: it comes again by itself."""
        told = structs.replace(message, code=error.said_code, reason=error.noted[:500])
        await self._triggers.queue(document).bury(told)
        self._triggers.count("cron", "dead")
        self._triggers.refused(document, error)
