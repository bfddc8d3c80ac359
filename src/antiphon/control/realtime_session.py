"""A realtime session while it runs: two WebSockets, and what passes between them."""

import asyncio
from collections.abc import Callable

from msgspec import Struct

from antiphon.control.realtime_words import Count, Guard, Refusal, refused
from antiphon.control.settings import RealtimeSettings
from antiphon.core.error import AntiphonError
from antiphon.governance.conversation import Conversation
from antiphon.net.exchange import Exchange
from antiphon.net.frames import LOST, Opcode
from antiphon.net.switch import Switched
from antiphon.net.websocket import WebSocket

GOODBYE_S = 2.0
"""How long a side may take to answer our close frame."""
SILENT_PINGS = 3
GOING_AWAY, UNSUPPORTED, POLICY, BROKEN = 1001, 1003, 1008, 1011


class End(Struct, frozen=True):
    """Who ended a session, and how."""

    by: str
    """`caller`, `upstream`, `idle`, `time`, `drain`, or `silence` of one of the two."""
    code: int
    reason: str = ""


class _Side:
    """Takes what one side says."""

    def __init__(self, say: Callable[[Opcode, bytes], None], end: Callable[[int, str], None]) -> None:
        self.message = say
        self.ended = end


class _Sink:
    """Takes one side's bytes."""

    def __init__(self, feed: Callable[[bytes], None], drain: Callable[[], None]) -> None:
        self.feed = feed
        self.drain = drain


class Session:
    """Passes messages on, in order, no faster than they are taken."""

    def __init__(
        self,
        exchange: Exchange,
        upstream: Switched,
        guard: Guard,
        settings: RealtimeSettings,
        *,
        now: Callable[[], float],
        until_s: float,
        conversation: Conversation | None = None,
    ) -> None:
        """Args:
        until_s: When it must be over, on the clock of `now`.
        conversation: Guards of both ways; None: nothing looks at what is said.
        """
        self._conversation = conversation
        self._exchange = exchange
        self._upstream = upstream
        self._guard = guard
        self._settings = settings
        self._now = now
        self._until_s = until_s
        self._said_s = now()
        """When a message came last, either way."""
        self._pinged_s = self._said_s
        self._ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._quiet = asyncio.Event()
        """Both sides have said their last word."""
        self.count = Count()
        self.came_in = self.went_out = 0
        """Messages from the caller, and to it."""
        self.bytes_in = self.bytes_out = 0
        most = settings.max_message_bytes
        self._caller = WebSocket(
            exchange.transport, _Side(self._asked, self._left), masks=False, most_bytes=most, now=now
        )
        self._other = WebSocket(
            upstream.transport, _Side(self._answered, self._broke), masks=True, most_bytes=most, now=now
        )

    async def run(self, headers: bytes) -> End:
        """Answer the caller, and relay until one side ends. Both are told, whatever happens."""
        exchange, upstream = self._exchange, self._upstream
        try:
            exchange.switch(headers, _Sink(self._caller.feed, self._drain))
            exchange.on_pressure(self._other.pause)
            upstream.begin(_Sink(self._other.feed, self._other.lost), self._caller.pause)
            end = await self._watch()
            code = BROKEN if end.code == LOST else end.code
            self._caller.close(code, end.reason)
            self._other.close(code, end.reason)
            await self._goodbye()
            return end
        finally:
            exchange.on_pressure(None)
            self._other.close(GOING_AWAY)
            upstream.transport.close()

    async def _watch(self) -> End:
        """Wait for the end, and bring it about where it is due."""
        settings = self._settings
        while True:
            now_s = self._now()
            due_s = min(self._until_s, self._said_s + settings.idle_timeout_s, self._pinged_s + settings.ping_s)
            done, _ = await asyncio.wait((self._ended,), timeout=max(due_s - now_s, 0.0))
            if done:
                return self._ended.result()
            end = self._overdue(self._now())
            if end is not None:
                return end

    def _overdue(self, now_s: float) -> End | None:
        settings = self._settings
        if now_s >= self._until_s:
            return End("time", GOING_AWAY, "the session has lasted as long as it may")
        if now_s - self._said_s >= settings.idle_timeout_s:
            return End("idle", GOING_AWAY, f"no message came for {settings.idle_timeout_s:g} s")
        if now_s - self._pinged_s >= settings.ping_s:
            self._pinged_s = now_s
            for name, side in (("caller", self._caller), ("upstream", self._other)):
                silent_s = now_s - side.heard_s
                if silent_s >= SILENT_PINGS * settings.ping_s:
                    return End(f"silence of the {name}", BROKEN, "a side answered no ping")
                if silent_s >= settings.ping_s / 2:
                    side.ping()
        return None

    async def _goodbye(self) -> None:
        """Give both sides a moment to answer our close frames: closing at once could take them back."""
        if not (self._caller.ended and self._other.ended):
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await self._quiet.wait()
            except TimeoutError:
                return

    # --- what comes

    def _asked(self, opcode: Opcode, payload: bytes) -> None:
        """A message of the caller's."""
        if self._ended.done():
            return
        self._said_s = self._now()
        self.came_in += 1
        self.bytes_in += len(payload)
        if opcode is not Opcode.TEXT:
            self._end(End("caller", UNSUPPORTED, "messages are JSON, as text"))
            return
        out = self._guard.outgoing(payload)
        if self._conversation is not None and not isinstance(out, Refusal):
            try:
                out = self._conversation.outgoing(out)
            except AntiphonError as error:
                out = refused(error)
        if isinstance(out, Refusal):
            self._caller.send(Opcode.TEXT, out.event)
        else:
            self._other.send(Opcode.TEXT, out)

    def _answered(self, opcode: Opcode, payload: bytes) -> None:
        """A message of the provider's."""
        self.count.incoming(payload)
        if self._ended.done():
            return
        self._said_s = self._now()
        self.went_out += 1
        self.bytes_out += len(payload)
        if self._conversation is None:
            self._caller.send(opcode, payload)
            return
        try:
            for message in self._conversation.incoming(payload):
                self._caller.send(opcode, message)
        except AntiphonError as error:
            for message in self._conversation.cut(error):
                self._caller.send(Opcode.TEXT, message)
            self._end(End("guard", POLICY, error.said_code))

    def _left(self, code: int, reason: str) -> None:
        self._end(End("caller", code, reason))

    def _broke(self, code: int, reason: str) -> None:
        self._end(End("upstream", code, reason))

    def _drain(self) -> None:
        self._end(End("drain", GOING_AWAY, "the gateway stops; connect again"))

    def _end(self, end: End) -> None:
        if not self._ended.done():
            self._ended.set_result(end)
        if self._caller.ended and self._other.ended:
            self._quiet.set()
