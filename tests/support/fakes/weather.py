"""Upstreams with moods on a virtual clock: they do what a script says, or fail by the lab's own schedules."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from math import inf
from types import MappingProxyType
from typing import Any, Literal

from msgspec import Raw, Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.error import (
    AntiphonError,
    StaleConnection,
    UpstreamBroken,
    UpstreamMalformed,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.providers.lab.chance import chance, delay_s
from antiphon.providers.lab.faults import met
from antiphon.providers.lab.misbehave import CUT_AFTER_EVENTS, DRIP_S, FAULTS, WRONG_USAGE, Scene
from antiphon.providers.lab.request import Asked, Chat
from antiphon.providers.lab.settings import FaultSettings, LabModel
from fakes import exchange

VISIT: ContextVar[int] = ContextVar("VISIT", default=-1)
"""Number of the request that a task works for; tasks hand it on to those they start."""
SEED = 1
JSON_KIND = MappingProxyType({b"content-type": b"application/json"})
SSE_KIND = MappingProxyType({b"content-type": b"text/event-stream; charset=utf-8"})
USAGE = json.dumps({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
DONE = b"data: [DONE]\n\n"


class Act(Struct, frozen=True, kw_only=True):
    """What an upstream does with one request."""

    after_s: float = 0.1
    """To the answer's head, or to what it raises; infinity: nothing comes."""
    connects: bool = True
    raises: Callable[[], AntiphonError] | None = None
    status: int = 200
    headers: Mapping[bytes, bytes] = JSON_KIND
    pieces: tuple[tuple[float, bytes], ...] = ()
    """Each with the seconds before it."""
    ends: Literal["whole", "cut", "hangs", "too_long"] = "whole"


Play = Callable[[bool], Act]
"""Makes the act for a request; told whether a stream was asked for."""


class Sent(Struct, frozen=True, kw_only=True):
    """A request that reached the transport."""

    at_s: float
    visit: int
    deployment: str
    key: str
    fresh: bool
    timeouts: Timeouts
    body: bytes


# --- what an upstream may do


def answers(after_s: float = 0.1, *, text: str = "hi", each_s: float = 0.01, usage: str = USAGE) -> Play:
    """A good answer."""

    def play(stream: bool) -> Act:
        if not stream:
            body = _completion(text, usage)
            return Act(after_s=after_s, pieces=((0.0, body),))
        events = _events(text, usage)
        return Act(after_s=after_s, headers=SSE_KIND, pieces=tuple((each_s, event) for event in events))

    return play


def says(
    status: int, code: str = "", *, retry_after_s: float | None = None, after_s: float = 0.1, message: str = "no"
) -> Play:
    """An error answer."""
    headers = dict(JSON_KIND)
    if retry_after_s is not None:
        headers[b"retry-after"] = b"%g" % retry_after_s
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return lambda _: Act(after_s=after_s, status=status, headers=headers, pieces=((0.0, body),))


def raises(kind: type[AntiphonError], after_s: float = 0.1) -> Play:
    return lambda _: Act(after_s=after_s, raises=lambda: kind("it is the weather"))


def hangs() -> Play:
    return lambda _: Act(after_s=inf)


def unconnected() -> Play:
    """Nobody takes the connection."""
    return lambda _: Act(connects=False)


def cuts(after_events: int = CUT_AFTER_EVENTS, *, text: str = "one two three", after_s: float = 0.1) -> Play:
    """Half an answer, or so many events of a stream; then the connection ends."""

    def play(stream: bool) -> Act:
        if not stream:
            body = _completion(text, USAGE)
            return Act(after_s=after_s, pieces=((0.0, body[: len(body) // 2]),), ends="cut")
        pieces = tuple((0.01, event) for event in _events(text, USAGE)[:after_events])
        return Act(after_s=after_s, headers=SSE_KIND, pieces=pieces, ends="cut")

    return play


def stalls(after_events: int = CUT_AFTER_EVENTS, *, text: str = "one two three") -> Play:
    """So many events of a stream, then silence."""
    return lambda _: Act(
        headers=SSE_KIND, pieces=tuple((0.01, event) for event in _events(text, USAGE)[:after_events]), ends="hangs"
    )


# --- what the lab says


def lab_act(model: LabModel, name: str, number: int, stream: bool) -> Act:
    """What a lab model does with request `number`."""
    fault = met(model.faults, SEED, _asked(name), number)
    first_s = delay_s(model.first_token, chance(SEED, name, number, "first token"))
    text = " ".join(["lab"] * model.answer_tokens)
    each_s = 1 / model.tokens_per_s
    if fault is None:
        after_s = first_s if stream else first_s + each_s * model.answer_tokens
        return answers(after_s, text=text, each_s=each_s)(stream)
    return _faulty(fault, first_s, text, stream)


def _faulty(fault: FaultSettings, first_s: float, text: str, stream: bool) -> Act:
    match fault.kind:
        case "refuse":
            return raises(UpstreamUnreachable, 0.01)(stream)
        case "hang":
            return hangs()(stream)
        case "cut":
            return cuts(text=text, after_s=first_s)(stream)
        case "slow_drip":
            true = answers(first_s, text=text)(stream)
            drops = b"".join(piece for _, piece in true.pieces)
            pieces = tuple((DRIP_S, drops[place : place + 1]) for place in range(len(drops)))
            return Act(after_s=first_s, headers=true.headers, pieces=pieces)
        case "no_usage":
            return answers(first_s, text=text, usage="")(stream)
        case "wrong_usage":
            return answers(first_s, text=text, usage=json.dumps(WRONG_USAGE))(stream)
        case "huge_body":
            return Act(after_s=first_s, headers=SSE_KIND if stream else JSON_KIND, ends="too_long")
        case _:
            status, headers, pieces = _recorded(fault.kind, fault.retry_after_s)
            return Act(after_s=0.02, status=status, headers=headers, pieces=tuple((0.0, one) for one in pieces))


@lru_cache(maxsize=256)
def _recorded(kind: Any, retry_after_s: float) -> tuple[int, Mapping[bytes, bytes], tuple[bytes, ...]]:
    """Run a fault of the lab that waits for nothing, and keep what it says."""

    async def no_reply() -> Any:
        raise AssertionError("this fault has no true answer")

    asked = exchange.Asked("POST", "/v1/chat/completions")
    fault = FaultSettings(kind=kind, retry_after_s=retry_after_s)
    acting = FAULTS[fault.kind](Scene(exchange=asked.exchange, fault=fault, stream=True, reply=no_reply))
    try:
        acting.__await__().send(None)
    except StopIteration:
        headers = {name.lower().encode(): value.encode() for name, value in asked.headers.items()}
        pieces = tuple(piece + b"\n\n" for piece in asked.body.split(b"\n\n") if piece)
        return asked.status, headers, pieces if kind == "malformed_sse" else (asked.body,)
    raise AssertionError(f"{kind} waits for something")


@lru_cache(maxsize=256)
def _asked(name: str) -> Asked:
    chat = Chat(model=name, messages=[Raw(b"{}")])
    return Asked(chat=chat, messages=(), raw_messages=(), tools_bytes=0, key="weather")


@lru_cache(maxsize=1024)
def _completion(text: str, usage: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    said = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
    return json.dumps({**said, "usage": json.loads(usage)} if usage else said).encode()


@lru_cache(maxsize=1024)
def _events(text: str, usage: str) -> tuple[bytes, ...]:
    """A first event without content, one for each word, the end, the usage."""
    words = [word if not place else f" {word}" for place, word in enumerate(text.split())]
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": word}, None) for word in words]
    deltas.append(({}, "stop"))
    chunks: list[dict[str, Any]] = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        for delta, finish in deltas
    ]
    if usage:
        chunks.append({"id": "c", "model": "m", "choices": [], "usage": json.loads(usage)})
    return (*(b"data: %b\n\n" % json.dumps(one).encode() for one in chunks), DONE)


# --- how it is played


class Playing(Inbound):
    """An answer as its act says it, piece by piece, within the attempt's timeouts."""

    def __init__(
        self, name: str, act: Act, timeouts: Timeouts, began_s: float, closed: Callable[["Playing"], None]
    ) -> None:
        self.name = name
        self.status = act.status
        self.headers = dict(act.headers)
        self.reused = False
        self.queue_us, self.connect_us, self.first_byte_us = 0, None, int(act.after_s * 1e6)
        self._act = act
        self._timeouts = timeouts
        self._ends_s = began_s + timeouts.total_s
        self._closed = closed
        self._at = 0

    async def read(self, most_bytes: int) -> bytes:
        pieces: list[bytes] = []
        await self.relay(pieces.append)
        return b"".join(pieces)

    async def lead(self, sink: Callable[[bytes], bool]) -> bool:
        try:
            while (piece := await self._next()) is not None:
                if sink(piece):
                    return True
        except BaseException:
            self.close()
            raise
        self.close()
        return False

    async def relay(self, sink: Callable[[bytes], None]) -> None:
        try:
            while (piece := await self._next()) is not None:
                sink(piece)
        finally:
            self.close()

    async def _next(self) -> bytes | None:
        act, place = self._act, self._at
        if place < len(act.pieces):
            wait_s, piece = act.pieces[place]
        else:
            wait_s, piece = (inf if act.ends == "hangs" else 0.0), None
        left_s = self._ends_s - asyncio.get_running_loop().time()
        most_s = max(0.0, min(self._timeouts.between_bytes_s, left_s))
        if wait_s > most_s:
            await asyncio.sleep(most_s)
            raise UpstreamTimeout("the upstream paused for too long")
        await asyncio.sleep(wait_s)
        self._at += 1
        if piece is None and act.ends == "cut":
            raise UpstreamBroken("the connection ended before the answer did")
        if piece is None and act.ends == "too_long":
            raise UpstreamMalformed("the upstream's answer is too long")
        return piece

    def pause(self, on: bool) -> None:
        """Nobody takes bytes slowly here."""

    def close(self) -> None:
        self._closed(self)


class Weather(Transport):
    """Each deployment (the host of its origin) does what its script says, then what its lab model says."""

    def __init__(self, models: Mapping[str, LabModel] | None = None) -> None:
        self.models: dict[str, LabModel] = dict(models or {})
        self.scripts: dict[str, list[Play]] = {}
        self.sent: list[Sent] = []
        self.by_visit: defaultdict[int, list[Sent]] = defaultdict(list)
        self.numbers: Counter[str] = Counter()
        """Requests so far, by deployment."""
        self.flying: Counter[str] = Counter()
        """Requests whose answer's head has not come yet."""
        self.reading: set[Playing] = set()
        """Answers that nobody has read to their end, or given up."""
        self.watchers: list[Callable[[Sent], None]] = []
        self.stale_every = 0
        """One in so many requests finds its kept connection gone; 0: none."""

    def script(self, name: str, *plays: Play) -> None:
        self.scripts.setdefault(name, []).extend(plays)

    def to(self, name: str) -> Sequence[Sent]:
        """What reached one deployment."""
        return [one for one in self.sent if one.deployment == name]

    async def send(self, request: Outbound, *, fresh: bool = False) -> Inbound:
        loop = asyncio.get_running_loop()
        name, began_s, timeouts = request.origin.host, loop.time(), request.timeouts
        self.numbers[name] += 1
        body = b"".join(request.body)
        key = request.head.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
        sent = Sent(
            at_s=began_s, visit=VISIT.get(), deployment=name, key=key, fresh=fresh, timeouts=timeouts, body=body
        )
        self.sent.append(sent)
        self.by_visit[sent.visit].append(sent)
        for watch in self.watchers:
            watch(sent)
        if self.stale_every and not fresh and len(self.sent) % self.stale_every == 0:
            await asyncio.sleep(0)
            raise StaleConnection("a kept connection was closed")
        act = self._act(name, stream=b'"stream":true' in body)
        self.flying[name] += 1
        try:
            await self._head(act, timeouts)
        finally:
            self.flying[name] -= 1
        inbound = Playing(name, act, timeouts, began_s, self.reading.discard)
        self.reading.add(inbound)
        return inbound

    async def _head(self, act: Act, timeouts: Timeouts) -> None:
        if not act.connects:
            await asyncio.sleep(min(timeouts.connect_s, timeouts.total_s))
            error = UpstreamTimeout("no connection came about")
            error.connected = False
            raise error
        most_s = min(timeouts.first_byte_s, timeouts.total_s)
        if act.after_s >= most_s:
            await asyncio.sleep(most_s)
            raise UpstreamTimeout("the upstream sent no first byte in time")
        await asyncio.sleep(act.after_s)
        if act.raises is not None:
            raise act.raises()

    def _act(self, name: str, *, stream: bool) -> Act:
        script = self.scripts.get(name)
        if script:
            return script.pop(0)(stream)
        model = self.models.get(name)
        if model is None:
            return answers()(stream)
        return lab_act(model, name, self.numbers[name], stream)
