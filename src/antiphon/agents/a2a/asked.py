"""One task at a remote agent, from the message to its end, or to where it needs an answer.

Where the remote agent streams, its news are followed; a stream that breaks off is taken up again, and where that can't be, the
task is looked at from time to time.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, cast

import msgspec
from msgspec import structs

from antiphon.agents.a2a.brought import Brought
from antiphon.agents.a2a.peer import NoStream, Peer
from antiphon.agents.a2a.recorded import WAITS, Came
from antiphon.agents.tools.grip import failed
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, UpstreamBroken, UpstreamError, UpstreamRefused
from antiphon.core.tool import ToolContext, ToolResult
from antiphon.wire.a2a.words import ENDED, STOPPED, Item, Message, Part, State, Status, Task, data_of, text_of

LOOK_S, MOST_LOOK_S = 0.1, 2.0
CANCEL_S = 5.0
MISSES = 3
"""So many looks in a row may fail before the task is given up."""
MOST_NEWS, MOST_NEWS_TEXT = 100, 500
"""News of one task that are told on, and characters of one."""
News = Callable[[str, str], None]
"""Hears how a task goes: its state in a word, and what was said of it."""


class Asked:
    """One task."""

    def __init__(self, peer: Peer, name: str, clock: Clock, brought: Brought, news: News | None = None) -> None:
        self._peer, self._name, self._clock, self._brought, self._news = peer, name, clock, brought, news
        self._id, self._state = "", cast("State", "TASK_STATE_UNSPECIFIED")
        self._message: Message | None = None
        self._events, self._told, self._last = 0, 0, ("", "")

    async def run(self, message: Message, until_s: float, lines: Mapping[str, str]) -> Came:
        """Raises: UpstreamError."""
        try:
            streams = await self._begin(message, until_s, lines)
            if self._message is not None:
                said = await self._brought.with_files(_said(self._message), self._message.parts, until_s)
                return Came(result=said)
            task = await self._stopped(until_s, streams=streams)
        except asyncio.CancelledError:
            await asyncio.shield(self._cancel())
            raise
        if task is None:
            await self._cancel()
            late = failed("timeout", f"{self._name} was not done in time, and was told to stop.", unknown=True)
            return Came(result=late, task=self._id)
        result = _came(task, self._name)
        if not result.failed:
            result = await self._brought.with_files(result, _parts(task), until_s)
        return Came(result=result, task=self._id)

    async def _begin(self, message: Message, until_s: float, lines: Mapping[str, str]) -> bool:
        """Begin the task, or go on with it. Returns: whether it can be followed. Raises: UpstreamError."""
        if (await self._peer.card(until_s)).capabilities.streaming:
            try:
                await self._peer.stream(message, until_s, self._heard, lines)
            except NoStream:
                return await self._sent(message, until_s, lines)
            except UpstreamError:
                if not self._id:
                    raise
            if not self._id and self._message is None:
                raise UpstreamBroken("the remote agent's stream ended before it told of a task")
            return True
        return await self._sent(message, until_s, lines)

    async def _sent(self, message: Message, until_s: float, lines: Mapping[str, str]) -> bool:
        self._heard(await self._peer.send(message, until_s, lines))
        if not self._id and self._message is None:
            raise UpstreamRefused("the remote agent answered with neither a message nor a task")
        return False

    async def _stopped(self, until_s: float, *, streams: bool) -> Task | None:
        """The task once it has stopped; None: time is over first. Raises: UpstreamError."""
        look_s, misses = LOOK_S, 0
        while (left_s := until_s - self._clock.steady_s()) > look_s or self._state in STOPPED:
            try:
                task = await self._peer.get(self._id, until_s)
                misses = 0
            except UpstreamRefused:
                raise
            except UpstreamError:
                misses += 1
                if misses >= MISSES or left_s <= look_s:
                    raise
            else:
                self._goes(task.status)
                if task.status.state in STOPPED:
                    return task
                streams = streams and await self._followed(until_s)
                if self._state in STOPPED:
                    continue
            await asyncio.sleep(look_s)
            look_s = min(MOST_LOOK_S, look_s * 1.5)
        return None

    async def _followed(self, until_s: float) -> bool:
        """Hear its news until they end. Returns: whether it is worth to hear them again."""
        before = self._events
        try:
            await self._peer.subscribe(self._id, until_s, self._heard)
        except UpstreamRefused:
            return False
        except UpstreamError:
            return self._events > before
        return True

    def _heard(self, item: Item) -> bool:
        """Take in what is told. Returns: whether that is all that is waited for."""
        self._events += 1
        if item.message is not None:
            self._message = item.message
            return True
        if item.task is not None:
            self._id = item.task.id
            self._goes(item.task.status)
        elif item.status_update is not None:
            self._id = self._id or item.status_update.task_id
            self._goes(item.status_update.status)
        elif item.artifact_update is not None:
            self._id = self._id or item.artifact_update.task_id
        return bool(self._id) and self._state in STOPPED

    def _goes(self, status: Status) -> None:
        self._state = status.state
        text = "" if status.message is None else text_of(status.message)[:MOST_NEWS_TEXT]
        news = status.state.removeprefix("TASK_STATE_").lower(), text
        if self._news is not None and news != self._last and self._told < MOST_NEWS:
            self._told, self._last = self._told + 1, news
            self._news(*news)

    async def _cancel(self) -> None:
        """Nobody waits for it any more."""
        if self._id:
            with suppress(AntiphonError):  # it may have ended, or be out of reach: nothing depends on it
                await self._peer.cancel(self._id, self._clock.steady_s() + CANCEL_S)


TASK = "a2a_task"
"""In the data of a task, or as `a2a_task: ID` at the start of its text: the remote task that it goes on with."""
_GOES_ON = re.compile(rf"\s*{TASK}:\s*([\w.:-]{{1,128}})\s*")


def message_of(task: str, data: Any, context: ToolContext) -> Message:
    """What is sent. The same `context.key` gives the same message id, by which a peer can tell that it was sent before."""
    said = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    going, rest = str(said.get(TASK, "")), cast("object", data)
    if going:
        rest = {name: value for name, value in said.items() if name != TASK}
    elif found := _GOES_ON.match(task):
        going, task = found[1], task[found.end() :]
    parts = [Part(text=task)] if task else []
    if rest is not None and rest != {}:
        parts.append(Part(data=rest, media_type="application/json"))
    return Message(
        message_id=sha256(context.key.encode()).hexdigest()[:32],
        role="ROLE_USER",
        parts=tuple(parts),
        context_id="" if going else sha256(f"{context.principal.tenant}/{context.run}".encode()).hexdigest()[:32],
        task_id=going,
    )


def _said(message: Message) -> ToolResult:
    data = data_of(message)
    return ToolResult(text=text_of(message), data=data[0] if len(data) == 1 else data or None)


def _parts(task: Task) -> tuple[Part, ...]:
    """What a task that is done gave."""
    told, parts = task.status.message, tuple(part for one in task.artifacts for part in one.parts)
    return told.parts if not parts and told is not None else parts


def _came(task: Task, name: str) -> ToolResult:
    """What a task that has stopped gave."""
    told = task.status.message
    if task.status.state == "TASK_STATE_COMPLETED":
        result = _said(Message(parts=_parts(task)))
        if not result.text and result.data is not None:
            return structs.replace(result, text=msgspec.json.encode(result.data).decode())
        return result
    why = "" if told is None else text_of(told)
    if task.status.state in ENDED:
        word = task.status.state.removeprefix("TASK_STATE_").lower()
        return failed(word, f"{name}: its task is {word}{f': {why}' if why else ''}")
    asks = {TASK: task.id, "asks": [] if told is None else data_of(told)}
    say = f"{name} needs an answer first: {why or 'see `asks`'}. Ask it again with `{TASK}: {task.id}` and the answer as the task."
    return structs.replace(failed(WAITS, say), data=asks)
