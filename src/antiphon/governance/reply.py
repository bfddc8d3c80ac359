"""The caller's reply behind the guards: what of an answer may be released, and when."""

import asyncio
from collections import deque
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
        "_looked",
        "_masked",
        "_other",
        "_pending",
        "_pressure",
        "_size_bytes",
        "_story",
        "_under",
        "_wrong",
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
        self._held: deque[tuple[int, bytes]] = deque()
        """What guards have passed and judges have not: with the number of the last piece of text in it."""
        self._size_bytes = 0
        self._body: bytes = b""
        """What goes out in the place of the last that was given."""
        self._masked: bytes = b""
        """The same of a whole answer, as judges see it: nothing that was masked is put back."""
        self._begun: Served | None = None
        """The stream has begun, but nobody was told yet."""
        self._pressure: Callable[[bool], None] | None = None
        self._pending = len(behind.pending)
        self._wrong: BaseException | None = None
        """What a judge of the request found wrong, or failed by."""
        self._looked = False
        """The end was looked at already."""
        for task in behind.pending:
            task.add_done_callback(self._judged)
        if behind.judges is not None:
            behind.judges.on_progress = self._release

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
        self._begun = served
        self._release()

    def write(self, piece: bytes) -> None:
        assert self._gate is not None
        self._pass(self._fed(self._gate, piece))

    def end(self, last: bytes = b"") -> None:
        self._under.end(self._body)

    # --- both

    def keep(self, last: bytes) -> None:
        """Look at what is left of an answer. Raises: also GuardBlocked, GuardFailed."""
        if not self._looked:
            self._look(last)
        self._let_go()
        self._under.keep(self._body)

    def _let_go(self) -> None:
        """All checks have ended: what waits goes, so that only the end is left."""
        if self._begun is not None:
            served, self._begun = self._begun, None
            self._under.begin(served)
        held = b"".join(piece for _, piece in self._held)
        self._held.clear()
        if held:
            self._under.write(held)

    @property
    def waits(self) -> bool:
        return bool(self._behind.pending) or self._behind.judges is not None

    async def settled(self, last: bytes) -> None:
        behind = self._behind
        try:
            if behind.pending:
                await asyncio.gather(*behind.pending)
            self._look(last)
            if behind.judges is not None and self._gate is not None:
                await behind.judges.passed()
            elif behind.judges is not None:
                await behind.judges.whole(self._masked)
        except AntiphonError:
            self._forget()
            raise

    def _look(self, last: bytes) -> None:
        gate = self._gate
        self._body = self._screened(last) if gate is None else self._fed(gate, last) + self._fed(gate, None)
        self._looked = True

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        for task in self._behind.pending:
            task.cancel()
        if self._behind.judges is not None:
            self._behind.judges.stop()
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

    def _fed(self, gate: Gate, piece: bytes | None) -> bytes:
        """A piece of a stream, or its end, through the gate. Raises: GuardBlocked, GuardFailed, StoreError."""
        before, tokens = len(gate.findings), len(gate.tokens)
        try:
            out = gate.end() if piece is None else gate.feed(piece)
        except AntiphonError:
            self._forget()
            raise
        finally:
            if len(gate.findings) > before:
                self._story.findings += gate.findings[before:]
        if len(gate.tokens) > tokens and self._behind.keep is not None:
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
        self._masked, shown = screened(self._story, self._behind, body, self._dialect)
        self._capture(self._masked)
        return shown

    def _pass(self, out: bytes) -> None:
        """Release what guards have passed, or have it wait for judges."""
        judges = self._behind.judges
        if not self._held and self._begun is None and judges is None:
            if out:
                self._under.write(out)
            return
        if self._wrong is not None:
            self._forget()
            raise self._wrong
        self._held.append((0 if judges is None else judges.shown, out))
        self._size_bytes += len(out)
        if self._size_bytes > MOST_HELD_BYTES:
            self._press(on=True)
        self._release()

    def _judged(self, task: asyncio.Task[None]) -> None:
        """A judge of the request has ended. One that lets nothing pass has what still comes raise its word."""
        if task.cancelled():
            return
        wrong = task.exception()
        if wrong is None:
            self._pending -= 1
            self._release()
            return
        self._wrong = self._wrong or wrong
        self._press(on=False)

    def _release(self) -> None:
        """Let go what all judges have passed so far."""
        judges, held = self._behind.judges, self._held
        if judges is not None and judges.failed:
            self._press(on=False)  # what comes next raises what is wrong
        if self._pending:
            return
        passed = 0 if judges is None else judges.passed_pieces
        out: list[bytes] = []
        while held and held[0][0] <= passed:
            out.append(held.popleft()[1])
        if self._begun is not None and (out or judges is None):
            served, self._begun = self._begun, None
            self._under.begin(served)
        if text := b"".join(out):
            self._under.write(text)
        before, self._size_bytes = self._size_bytes, sum(len(piece) for _, piece in held)
        if before > MOST_HELD_BYTES >= self._size_bytes:
            self._press(on=False)

    def _press(self, *, on: bool) -> None:
        if self._pressure is not None:
            self._pressure(on)

    def _forget(self) -> None:
        """What waits will never go. Where nobody was told of the stream yet, it never began."""
        self._held.clear()
        if self._begun is not None:
            self._story.begun = False
