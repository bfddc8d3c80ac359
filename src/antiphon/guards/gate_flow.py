"""Texts of a stream on their way through guards: what may go, what is held, what was found. All dialects share it."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from antiphon.core.data_class import DataClass
from antiphon.core.error import GuardBlocked, GuardFailed
from antiphon.core.finding import Channel, Finding
from antiphon.guards.gate_restore import Restoring, Tokens
from antiphon.guards.lane import Lane
from antiphon.guards.piece import Decision, Found, Piece, pieces
from antiphon.guards.port import Asked, Guard, Match, Screened, Text
from antiphon.guards.screen import Rules, Token, applies, finding_of, moved, replacement, screen
from antiphon.guards.screen_find import within_token

MOST_HELD = 4_194_304
"""Characters of one lane that are held for a guard that has to see all of a text, or arguments of one call."""
MOST_SENTENCE = 800
"""Characters of a sentence; a longer one is looked at in parts."""
_SENTENCE = re.compile(r"[.!?\u3002\uff01\uff1f]+[\"')\]]*\s|\n")
_BEHIND = 512
"""Characters of a lane that are known still when a match in it is decided on."""


class TextTap(Protocol):
    """Takes plain text that was decided, by lane, for judges of sentences."""

    def text(self, lane: str, text: str) -> None:
        """More of a lane such as `choices[0].content`, masked, before tokens are restored."""

    def ended(self, lane: str) -> None:
        """No more of this lane follows."""


class Flow:
    """What all lanes of a stream share."""

    def __init__(
        self,
        guards: Sequence[Guard],
        asked: Asked,
        token: Token,
        restore: Mapping[str, str],
        *,
        mask: frozenset[str],
        closed_from: DataClass,
        tap: TextTap | None,
    ) -> None:
        self.asked = asked
        self.token = token
        self.guards = [guard for guard in guards if applies(guard, asked, "answer")]
        self.spans = self._of("span")
        self.sentences = self._of("sentence")
        self.wholes = self._of("whole")
        self.rules = Rules(side="answer", mask=mask, data_class=asked.data_class, closed_from=closed_from)
        self.mask = mask
        self.closed_from: DataClass = closed_from
        self.restore = Tokens(restore) if restore else None
        self.tap = tap
        self.findings: list[Finding] = []
        self.tokens: dict[str, str] = {}
        self.waits = [guard for guard in (*self.sentences, *self.wholes) if self._keeps(guard)]
        """Guards that text is held for, beside what `Lane` holds."""

    def _of(self, granularity: str) -> list[Guard]:
        return [guard for guard in self.guards if guard.detector.granularity == granularity]

    def _keeps(self, guard: Guard) -> bool:
        """Whether a guard may keep text from the caller."""
        actions = {guard.answer_action, *(action for _, action in guard.actions)}
        return bool(self.rules.mask) or (not guard.shadow and bool(actions & _KEEPING))

    def note(self, found: Found, where: str) -> None:
        """Keep a finding. Raises: GuardBlocked."""
        action = found.decision.action
        if action == "allow":
            return
        self.findings.append(finding_of(found, where, "answer"))
        if action == "block" and not found.decision.shadow:
            raise blocked((found.match.rule,))

    def screened(self, texts: Sequence[Text]) -> Screened:
        """What guards make of whole texts. Raises: GuardBlocked, GuardFailed."""
        made = screen(texts, self.guards, self.asked, "answer", self.token, self.mask, closed_from=self.closed_from)
        self.findings += made.findings
        self.tokens.update(made.tokens)
        if made.blocked:
            raise blocked(made.blocked)
        return made


_KEEPING = frozenset({"mask", "rewrite", "block"})


def blocked(rules: Sequence[str]) -> GuardBlocked:
    """What a caller is told where guards let nothing more pass."""
    named = ", ".join(rules)
    return GuardBlocked(f"the answer was held back by {named}; ask for it without such content", reasons=tuple(rules))


class Course:
    """One lane of text."""

    __slots__ = ("_channel", "_flow", "_judged", "_lane", "_out", "_raw", "_raw_start", "_restoring", "ended", "where")

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
        self._out: list[tuple[int, int, str]] = []
        """What waits for those guards: (start, end, text in its place)."""
        self.ended = False

    def push(self, text: str) -> str:
        """Take more text. Returns: what may go now. Raises: GuardBlocked, GuardFailed."""
        flow = self._flow
        if flow.sentences or flow.wholes:
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
        if flow.sentences or flow.wholes:
            self._out += [(piece.start, piece.end, self._placed(piece)) for piece in last]
            self._judge(len(self._raw), last=True)
            out = "".join(text for _, _, text in self._out)
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
            self._out.append((position, position + len(text), text))
        else:
            made = self._lane_push(self._lane, text)
            self._out += [(piece.start, piece.end, self._placed(piece)) for piece in made]
        if flow.sentences:
            self._judge(_sentence_end(self._raw, self._judged), last=False)
        if any(guard in flow.wholes for guard in flow.waits):
            return ""
        upto = self._judged if flow.waits else len(self._raw)
        return self._release(self._taken(upto))

    def _taken(self, upto: int) -> str:
        """What waits, up to a position; a piece that goes beyond it waits."""
        at = 0
        for _, end, _ in self._out:
            if end > upto:
                break
            at += 1
        out, self._out = self._out[:at], self._out[at:]
        return "".join(text for _, _, text in out)

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
        out: list[tuple[int, int, str]] = []
        for begin, finish, text in self._out:
            if finish <= start or begin >= end or len(text) != finish - begin:
                out.append((begin, finish, text))
                continue
            if begin < start:
                out.append((begin, start, text[: start - begin]))
            out.append((max(begin, start), min(finish, end), put))
            put = ""
            if finish > end:
                out.append((end, finish, text[end - begin :]))
        self._out = out

    # --- release

    def _release(self, text: str) -> str:
        if text and self._flow.tap is not None:
            self._flow.tap.text(self.where, text)
        return text if self._restoring is None else self._restoring.push(text)


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
