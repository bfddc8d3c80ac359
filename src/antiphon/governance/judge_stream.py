"""Judges of answers: of whole ones, and of streams in windows that end with a sentence, as they come."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from antiphon.calls.story import Story
from antiphon.core.error import AntiphonError, GuardFailed
from antiphon.governance.blocked import blocked
from antiphon.governance.judge import Judge
from antiphon.guards.gate import TextTap
from antiphon.guards.port import Asked, Text
from antiphon.guards.texts import answer_texts

T = TypeVar("T")
OVERLAP = 5
"""A window begins with a fifth of the one before, so that what stands across two is seen."""
MOST_AT_ONCE = 4
"""Windows of one stream that one judge is asked about at once."""
MOST_WAITING = 64
"""Windows of one stream that wait for one judge; more fail its guard."""
MOST_TEXT = 4_194_304
"""Characters of one lane that wait for a judge of the whole; more fail its guard."""
_SENTENCE = re.compile("[.!?\N{HORIZONTAL ELLIPSIS}]['\")\\]]*\\s|[\u3002\uff01\uff1f]|\n")


class Window:
    """Text of one lane that waits to be asked about by one judge."""

    __slots__ = ("before", "pieces", "text")

    def __init__(self) -> None:
        self.text = ""
        self.before = ""
        """The end of what was asked about already."""
        self.pieces: list[tuple[int, int]] = []
        """(where it begins in `text`, its number), of each piece that any of `text` is from."""

    @property
    def first(self) -> int:
        """Number of the piece that it begins with; 0: it is empty."""
        return self.pieces[0][1] if self.text else 0

    def add(self, text: str, number: int) -> None:
        self.pieces.append((len(self.text), number))
        self.text += text

    def cut(self, end: int) -> str:
        """Take what comes before a place. What comes behind it may begin amid a piece."""
        text, self.text = self.text[:end], self.text[end:]
        inside = max((at for at, (start, _) in enumerate(self.pieces) if start <= end), default=0)
        self.pieces = [(max(start - end, 0), number) for start, number in self.pieces[inside:]] if self.text else []
        return text


class Hearing:
    """What one judge makes of one stream."""

    def __init__(
        self, judge: Judge, asked: Asked, story: Story, settled: Callable[[AntiphonError | None, int], None]
    ) -> None:
        """`settled` is called each time a window was judged, with what ends the stream, if anything does, and
        the number of the piece that the window begins with.
        """
        self._judge = judge
        self._asked = asked
        self._story = story
        self._settled = settled
        self._windows: dict[str, Window] = {}
        self._running: dict[asyncio.Task[None], int] = {}
        """Tasks, each with the number of the piece that its window begins with."""
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self.gates = judge.stream == "sync"
        """What it was not asked about yet may not go out."""

    @property
    def first_open(self) -> int:
        """Number of the first piece that it has not passed; 0: it has passed all."""
        waiting = [one.first for one in self._windows.values() if one.first]
        return min((*waiting, *self._running.values()), default=0)

    def take(self, lane: str, text: str, number: int) -> None:
        """More of a lane. Raises: GuardFailed, where too much waits."""
        window = self._windows.setdefault(lane, Window())
        window.add(text, number)
        if self._judge.stream == "end":
            if len(window.text) > MOST_TEXT:
                raise GuardFailed(f"the answer is longer than the guard `{self._judge.guard.name}` is asked about")
            return
        least = self._judge.window_characters
        while len(window.text) >= least:
            end = _end(window.text, least)
            if not end:
                return
            self._ask(lane, window, end)

    def close(self, lane: str | None = None) -> None:
        """Ask about what is left of a lane, or of all."""
        for name in [lane] if lane is not None else list(self._windows):
            window = self._windows.get(name)
            if window is not None and window.text:
                self._ask(name, window, len(window.text))

    def _ask(self, lane: str, window: Window, end: int) -> None:
        """Begin to ask about the text up to a place."""
        if len(self._running) >= MOST_WAITING:
            raise GuardFailed(f"the guard `{self._judge.guard.name}` is slower than the answer")
        first = window.first
        text = window.before + window.cut(end)
        window.before = text[-(self._judge.window_characters // OVERLAP) :]
        task = asyncio.get_running_loop().create_task(self._one(Text(lane, "assistant", text)))
        self._running[task] = first
        task.add_done_callback(self._done)

    async def _one(self, text: Text) -> None:
        async with self._turn:
            await judged(self._judge, [text], self._asked, self._story)

    def _done(self, task: asyncio.Task[None]) -> None:
        first = self._running.pop(task)
        if not task.cancelled():
            error = task.exception()
            known = error if isinstance(error, AntiphonError) or error is None else GuardFailed("a guard failed")
            self._settled(known, first)

    async def ended(self) -> None:
        """Wait for all that was begun; what they came to was told to `settled`."""
        while self._running:
            await asyncio.wait(self._running)

    def stop(self) -> None:
        """Nobody waits any more."""
        self._windows.clear()
        for task in self._running:
            task.cancel()


class AnswerJudges(TextTap):
    """All judges of one answer."""

    def __init__(self, judges: Sequence[Judge], asked: Asked, story: Story, dialect: str) -> None:
        self._judges = tuple(judges)
        self._asked = asked
        self._story = story
        self._dialect = dialect
        self._hearings: list[Hearing] = []
        self._error: AntiphonError | None = None
        self.shown = 0
        """Pieces of text that were shown so far."""
        self._most: int | None = None
        """No piece behind this one goes out any more: a window that begins there was bad, or nobody waits."""
        self.on_progress: Callable[[], None] | None = None
        """Called when more of a stream was judged, or one was found to be bad."""

    @property
    def holds(self) -> bool:
        """Something was shown that a judge has to pass before it goes out."""
        return self.passed_pieces < self.shown or self._error is not None

    @property
    def failed(self) -> bool:
        """One judge found the answer bad, or could not say: nothing more goes out."""
        return self._error is not None

    @property
    def passed_pieces(self) -> int:
        """So many pieces from the first on have been passed by every judge that holds a stream back."""
        opens = [one.first_open for one in self._hearings if one.gates]
        passed = min((first - 1 for first in opens if first), default=self.shown)
        return passed if self._most is None else min(passed, self._most)

    # --- streams

    def tap(self) -> TextTap | None:
        """What a stream's texts are shown to."""
        self._hearings = [Hearing(one, self._asked, self._story, self._heard) for one in self._judges]
        return self

    def text(self, lane: str, text: str) -> None:
        """More of a lane. Raises: GuardBlocked, GuardFailed, when what came before was bad: nothing more goes out."""
        self._check()
        self.shown += 1
        for one in self._hearings:
            one.take(lane, text, self.shown)

    def ended(self, lane: str) -> None:
        for one in self._hearings:
            one.close(lane)

    async def passed(self) -> None:
        """Wait until all that was shown so far is judged. Raises: GuardBlocked, GuardFailed."""
        for one in self._hearings:
            one.close()
        try:
            for one in self._hearings:
                await one.ended()
        except BaseException:
            self.stop()
            raise
        self._check()

    def stop(self) -> None:
        """End what runs: nobody waits for the answer any more, and nothing more of it goes out."""
        self._most = self.passed_pieces
        for one in self._hearings:
            one.stop()

    def _check(self) -> None:
        if self._error is not None:
            self.stop()
            raise self._error

    def _heard(self, error: AntiphonError | None, first: int) -> None:
        if error is not None:
            self._error = self._error or error
            self._most = first - 1 if self._most is None else min(self._most, first - 1)
        if self.on_progress is not None:
            self.on_progress()

    # --- whole answers

    async def whole(self, body: bytes) -> None:
        """Judge a whole answer. Raises: GuardBlocked, GuardFailed."""
        texts = answer_texts(body, self._dialect).items
        await together([judged(one, texts, self._asked, self._story) for one in self._judges])


async def judged(judge: Judge, texts: Sequence[Text], asked: Asked, story: Story) -> None:
    """One judge's word on texts of an answer; the story is told. Raises: GuardBlocked, GuardFailed."""
    found = await judge.judge(texts, asked, story, "answer")
    story.findings += found.findings
    if found.blocked:
        raise blocked(found, "answer")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all at once. What one raises ends the others, and is raised."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise


def _end(text: str, least: int) -> int:
    """Where a window ends: behind the last sentence that does, or at twice its size; 0: not yet."""
    end = max((found.end() for found in _SENTENCE.finditer(text)), default=0)
    if end >= least // 2:
        return end
    return len(text) if len(text) >= 2 * least else 0
