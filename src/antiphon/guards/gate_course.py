"""One text of a stream on its way through guards: what of it may go, what is held."""

import re

from msgspec import Struct

from antiphon.core.error import GuardBlocked, GuardFailed
from antiphon.core.finding import Channel
from antiphon.guards.gate_flow import KEEPING, MOST_HELD, Flow
from antiphon.guards.gate_restore import Restoring
from antiphon.guards.lane import Lane
from antiphon.guards.piece import Decision, Found, Piece, pieces
from antiphon.guards.port import Guard, Match, Text
from antiphon.guards.screen import moved, replacement
from antiphon.guards.screen_find import within_token

MOST_SENTENCE = 800
"""Characters of a sentence; a longer one is looked at in parts."""
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f]+[\"')\]]*\s|\n")
_BEHIND = 512
"""Characters of a lane that are known still when a match in it is decided on."""


class Course:
    """One lane of text."""

    __slots__ = (
        "_channel",
        "_flow",
        "_judged",
        "_lane",
        "_long",
        "_most",
        "_out",
        "_raw",
        "_raw_start",
        "_restoring",
        "ended",
        "where",
    )

    def __init__(self, flow: Flow, where: str, channel: Channel) -> None:
        self.where = where
        self._flow = flow
        self._channel: Channel = channel
        self._lane = Lane(flow.spans, self._decide) if flow.spans else None
        self._restoring = None if flow.restore is None else Restoring(flow.restore)
        self._raw = ""
        """The lane's text, from `_raw_start` on."""
        self._raw_start = 0
        self._judged = 0
        """Characters that guards of sentences have seen."""
        self._long: set[str] = set()
        """Guards that have found it too long."""
        self._most = MOST_HELD
        """Characters of it that may go."""
        self._out: list[_Waiting] = []
        """What waits for those guards."""
        self.ended = False

    def push(self, text: str) -> str:
        """Take more text. Returns: what may go now. Raises: GuardBlocked, GuardFailed."""
        flow = self._flow
        if flow.waiting:
            return self._push_waiting(text)
        lane = self._lane
        if lane is None:
            return self._release(text)
        if len(self._raw) > 4 * _BEHIND:
            self._forget()
        self._raw += text
        made = self._lane_push(lane, text)
        if len(made) == 1 and made[0].winner is None and not made[0].found:
            return self._release(made[0].text)
        return self._release("".join([self._placed(piece) for piece in made]))

    def end(self) -> str:
        """No more follows. Returns: what was held. Raises: GuardBlocked, GuardFailed."""
        if self.ended:
            return ""
        self.ended = True
        flow = self._flow
        last = self._lane_push(self._lane, None) if self._lane is not None else []
        if flow.waiting:
            self._out += [self._waiting(piece) for piece in last]
            for guard in flow.limits:
                self._limited(guard)
            self._judge(len(self._raw), last=True)
            out = "".join(one.text for one in self._out)
            self._out = []
        else:
            out = "".join([self._placed(piece) for piece in last])
        out = self._release(out)
        if self._restoring is not None:
            out += self._restoring.end()
        if flow.tap is not None:
            flow.tap.ended(self.where)
        return out

    # --- spans

    def _lane_push(self, lane: Lane, text: str | None) -> list[Piece]:
        """Push, or end where there is no text. Raises: GuardFailed."""
        try:
            return lane.end() if text is None else lane.push(text)
        except (GuardBlocked, GuardFailed):
            raise
        except Exception as error:  # noqa: BLE001 - a guard of any kind may fail in any way; what that means is stated
            return self._without(lane.position, error, last=text is None)

    def _without(self, position: int, error: Exception, *, last: bool) -> list[Piece]:
        """Go on without the guards that failed. Raises: GuardFailed, where nothing may pass without them."""
        flow = self._flow
        left = self._raw[max(position - self._raw_start, 0) :]
        failed = [guard for guard in flow.spans if _fails(guard, self._raw)] or flow.spans
        flow.findings += [flow.rules.failed(guard, self.where, error) for guard in failed]
        flow.spans = [guard for guard in flow.spans if guard not in failed]
        self._lane = None
        found = [
            Found(guard, match, self._decide(guard, match))
            for guard in flow.spans
            for match in guard.detector.find(left)
        ]
        del last
        return [_moved_piece(piece, position) for piece in pieces(left, found)]

    def _decide(self, guard: Guard, match: Match) -> Decision:
        if match.score < guard.threshold:
            return _ALLOWED
        start = match.start - self._raw_start
        if start >= 0 and within_token(self._raw, start, match.end - self._raw_start):
            return _ALLOWED
        return self._flow.rules.decide(guard, match)

    def _placed(self, piece: Piece) -> str:
        """What of a piece may go. Raises: GuardBlocked."""
        flow = self._flow
        for found in piece.found:
            flow.note(found, self.where)
        winner = piece.winner
        if winner is None:
            return piece.text
        if piece.goes_on:
            return ""
        near = Found(winner.guard, moved(winner.match, piece.start, len(piece.text)), winner.decision)
        return replacement(piece.text, 0, len(piece.text), near, flow.token, flow.tokens)

    def _forget(self) -> None:
        self._raw_start += len(self._raw) - _BEHIND
        self._raw = self._raw[-_BEHIND:]

    # --- sentences and wholes

    def _push_waiting(self, text: str) -> str:
        flow = self._flow
        self._raw += text
        if len(self._raw) > MOST_HELD:
            raise GuardFailed(f"more than {MOST_HELD} characters of one text would have to be held for a guard")
        if self._lane is None:
            position = len(self._raw) - len(text)
            self._out.append(_Waiting(position, position + len(text), text, plain=True))
        else:
            made = self._lane_push(self._lane, text)
            self._out += [self._waiting(piece) for piece in made]
        for guard in flow.limits:
            self._limited(guard)
        if flow.sentences:
            self._judge(_sentence_end(self._raw, self._judged), last=False)
        if any(guard in flow.wholes for guard in flow.waits):
            return ""
        upto = self._judged if flow.waits else len(self._raw)
        return self._release(self._taken(upto))

    def _waiting(self, piece: Piece) -> "_Waiting":
        return _Waiting(piece.start, piece.end, self._placed(piece), plain=piece.winner is None)

    def _taken(self, upto: int) -> str:
        """What waits, up to a position; what stands for text that goes beyond it waits."""
        out: list[str] = []
        left: list[_Waiting] = []
        for one in self._out:
            if one.end <= upto:
                out.append(one.text)
            elif one.plain and one.start < upto:
                before, behind = one.split(upto)
                out.append(before.text)
                left.append(behind)
            else:
                left.append(one)
        self._out = left
        return "".join(out)

    def _judge(self, upto: int, *, last: bool) -> None:
        """Show what is complete to the guards that have to see so much. Raises: GuardBlocked, GuardFailed."""
        flow = self._flow
        if upto > self._judged:
            for guard in flow.sentences:
                self._ask(guard, self._judged, upto)
            self._judged = upto
        if last:
            for guard in flow.wholes:
                self._ask(guard, 0, upto)

    def _limited(self, guard: Guard) -> None:
        """See whether the text is too long by now. What is beyond goes no further. Raises: GuardBlocked, GuardFailed."""
        findings = self._flow.findings
        before = len(findings)
        if guard.name not in self._long:
            self._ask(guard, 0, len(self._raw))
        if len(findings) > before:
            self._long.add(guard.name)
            if findings[-1].action in KEEPING and not findings[-1].shadow:
                self._most = findings[-1].start
        self._out = [one for one in self._out if one.start < self._most]

    def _ask(self, guard: Guard, start: int, end: int) -> None:
        flow = self._flow
        text = Text(self.where, self._channel, self._raw[start:end])
        try:
            matches = guard.detector.find_for(text, flow.asked, "answer")
        except Exception as error:  # noqa: BLE001 - a guard of any kind may fail in any way; what that means is stated
            flow.findings.append(flow.rules.failed(guard, self.where, error))
            return
        for match in matches:
            found = Found(guard, moved(match, -start), self._decide(guard, moved(match, -start)))
            flow.note(found, self.where)
            if found.decision.strictness:
                self._cover(found)

    def _cover(self, found: Found) -> None:
        """Put something in the place of a match among what waits."""
        start, end = found.match.start, found.match.end
        near = Found(found.guard, moved(found.match, start), found.decision)
        put = replacement(self._raw[start:end], 0, end - start, near, self._flow.token, self._flow.tokens)
        out: list[_Waiting] = []
        for one in self._out:
            if one.end <= start or one.start >= end or not one.plain:
                out.append(one)
                continue
            inside = one
            if inside.start < start:
                before, inside = inside.split(start)
                out.append(before)
            behind = None
            if inside.end > end:
                inside, behind = inside.split(end)
            out.append(_Waiting(inside.start, inside.end, put, plain=False))
            put = ""
            if behind is not None:
                out.append(behind)
        self._out = out

    # --- release

    def _release(self, text: str) -> str:
        if text and self._flow.tap is not None:
            self._flow.tap.text(self.where, text)
        return text if self._restoring is None else self._restoring.push(text)


class _Waiting(Struct, frozen=True, gc=False):
    """What stands for the characters from `start` up to `end`."""

    start: int
    end: int
    text: str
    plain: bool
    """It is these characters."""

    def split(self, at: int) -> "tuple[_Waiting, _Waiting]":
        """Plain text in two, at a position in it."""
        before, behind = self.text[: at - self.start], self.text[at - self.start :]
        return _Waiting(self.start, at, before, plain=True), _Waiting(at, self.end, behind, plain=True)


_ALLOWED = Decision("allow")


def _fails(guard: Guard, text: str) -> bool:
    try:
        guard.detector.tail(text)
        guard.detector.find(text)
    except Exception:  # noqa: BLE001 - which guard failed is found out so
        return True
    return False


def _moved_piece(piece: Piece, by: int) -> Piece:
    found = tuple(Found(one.guard, moved(one.match, -by), one.decision) for one in piece.found)
    winner = piece.winner and Found(piece.winner.guard, moved(piece.winner.match, -by), piece.winner.decision)
    return Piece(piece.text, piece.start + by, winner, found, piece.goes_on)


def _sentence_end(text: str, start: int) -> int:
    """Where the last sentence that is complete ends, from a position on; one that is too long ends at its last space."""
    end = start
    for match in _SENTENCE.finditer(text, start):
        end = match.end()
    while len(text) - end > MOST_SENTENCE:
        space = text.rfind(" ", end, end + MOST_SENTENCE)
        end = space + 1 if space >= end else end + MOST_SENTENCE
    return end
