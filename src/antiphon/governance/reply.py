"""The caller's reply behind the guards: what of an answer may be released, and when."""

import asyncio
from collections.abc import Callable

from antiphon.calls.story import Story
from antiphon.core.error import AntiphonError, GuardBlocked
from antiphon.core.ports import Reply, Served
from antiphon.governance.answers import Behind, opened, screened
from antiphon.guards.gate import Gate

MOST_HELD_BYTES = 1_048_576
"""Most bytes of a stream that wait for a judge; above it the upstream is slowed down."""


class GoverningReply(Reply):
    """Goes before the reply that writes. Guards that are quick look at once; an answer that somebody else judges waits."""

    __slots__ = (
        "_begun",
        "_behind",
        "_body",
        "_dialect",
        "_gate",
        "_held",
        "_other",
        "_pressure",
        "_size_bytes",
        "_story",
        "_under",
    )

    def __init__(self, under: Reply, story: Story, behind: Behind, dialect: str) -> None:
        self._under = under
        self._story = story
        self._behind = behind
        self._dialect = dialect
        self._gate: Gate | None = None
        """Of a stream."""
        self._other: Gate | None = None
        """The same stream as it is captured, where the caller sees more than that."""
        self._held: list[bytes] = []
        """What has passed, and waits for judges."""
        self._size_bytes = 0
        self._body: bytes = b""
        """What goes out in the place of the last that was given."""
        self._begun: Served | None = None
        """The stream has begun, but nobody was told yet."""
        self._pressure: Callable[[bool], None] | None = None
        for task in behind.pending:
            task.add_done_callback(self._judged)

    # --- whole answers

    def whole(self, served: Served, body: bytes) -> None:
        self._under.whole(served, self._body)

    # --- streams

    def begin(self, served: Served) -> None:
        behind = self._behind
        self._gate = opened(
            behind, self._dialect, behind.restore, None if behind.judges is None else behind.judges.tap()
        )
        if behind.capture_most_bytes and behind.restore:
            self._other = opened(behind, self._dialect, {})
        if self._waiting:
            self._begun = served
        else:
            self._under.begin(served)

    def write(self, piece: bytes) -> None:
        assert self._gate is not None
        self._pass(self._fed(self._gate, piece))

    def end(self, last: bytes = b"") -> None:
        self._release()
        self._under.end(self._body)

    # --- both

    def keep(self, last: bytes) -> None:
        """Look at what is left of an answer. Raises: also GuardBlocked, GuardFailed."""
        gate = self._gate
        if gate is None:
            self._body = self._screened(last)
        else:
            self._body = self._fed(gate, last) + self._fed(gate, None)
        self._under.keep(self._body)

    @property
    def waits(self) -> bool:
        return bool(self._behind.pending) or self._behind.judges is not None

    async def settled(self, last: bytes) -> None:
        behind = self._behind
        try:
            if behind.pending:
                await asyncio.gather(*behind.pending)
            if behind.judges is not None:
                if self._gate is None:
                    await behind.judges.whole(last)
                else:
                    await behind.judges.passed()
        except AntiphonError:
            self._forget()
            raise
        self._release()

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        for task in self._behind.pending:
            task.cancel()
        if self._gate is not None and self._begun is None and isinstance(error, GuardBlocked):
            self._under.end(self._gate.cut(error))
        else:
            self._under.error(error, receipt_id, told)

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        self._under.last_resort(text, receipt_id, told, stream=stream)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._pressure = callback
        self._under.on_pressure(callback)

    # --- inside

    @property
    def _waiting(self) -> bool:
        behind = self._behind
        return any(not task.done() for task in behind.pending) or (behind.judges is not None and behind.judges.holds)

    def _fed(self, gate: Gate, piece: bytes | None) -> bytes:
        """A piece of a stream, or its end, through the gate. Raises: GuardBlocked, GuardFailed, StoreError."""
        before = len(gate.findings)
        try:
            out = gate.end() if piece is None else gate.feed(piece)
        except AntiphonError:
            self._forget()
            raise
        finally:
            if len(gate.findings) > before:
                self._story.findings += gate.findings[before:]
        if gate.tokens and self._behind.keep is not None:
            self._behind.keep(gate.tokens)
        other = self._other
        self._capture(out if other is None else other.end() if piece is None else other.feed(piece))
        return out

    def _capture(self, piece: bytes) -> None:
        """Keep what goes out, as it may be kept."""
        most, kept = self._behind.capture_most_bytes, self._story.answer
        if most and len(kept) <= most:
            kept += piece

    def _screened(self, body: bytes) -> bytes:
        """A whole answer as it may go out. Raises: GuardBlocked, GuardFailed, StoreError."""
        masked, shown = screened(self._story, self._behind, body, self._dialect)
        self._capture(masked)
        return shown

    def _pass(self, out: bytes) -> None:
        if not (self._held or self._begun is not None or self._waiting):
            if out:
                self._under.write(out)
            return
        self._held.append(out)
        self._size_bytes += len(out)
        if self._size_bytes > MOST_HELD_BYTES and self._pressure is not None:
            self._pressure(True)
        if not self._waiting:
            self._release()

    def _judged(self, task: asyncio.Task[None]) -> None:
        """A judge of the request has ended: what passed may go, if it was the last."""
        if not task.cancelled() and task.exception() is None and not self._waiting:
            self._release()

    def _release(self) -> None:
        if self._begun is not None:
            served, self._begun = self._begun, None
            self._under.begin(served)
        held, self._held = b"".join(self._held), []
        if held:
            self._under.write(held)
        if self._size_bytes > MOST_HELD_BYTES and self._pressure is not None:
            self._pressure(False)
        self._size_bytes = 0

    def _forget(self) -> None:
        """What waits will never go. Where nobody was told of the stream yet, it never began."""
        self._held.clear()
        if self._begun is not None:
            self._story.begun = False
