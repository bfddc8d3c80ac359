"""Texts of a stream on their way through guards: what may go, what is held, what was found. All dialects share it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from antiphon.core.data_class import DataClass
from antiphon.core.error import GuardBlocked
from antiphon.core.finding import Finding
from antiphon.guards.gate_restore import Tokens
from antiphon.guards.piece import Found
from antiphon.guards.port import Asked, Detector, Guard, Screened, Text
from antiphon.guards.screen import Rules, Token, applies, finding_of, screen

MOST_HELD = 4_194_304
"""Characters of one lane that are held for a guard that has to see all of a text, or arguments of one call."""


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
        self.limits = [guard for guard in self._of("whole") if guard.kind == _LENGTH]
        """Guards of how long a text may be: what they find does not change as it grows."""
        self.wholes = [guard for guard in self._of("whole") if guard.kind != _LENGTH]
        self.rules = Rules(side="answer", mask=mask, data_class=asked.data_class, closed_from=closed_from)
        self.mask = mask
        self.closed_from: DataClass = closed_from
        self.restore = Tokens(restore) if restore else None
        self.tap = tap
        self.findings: list[Finding] = []
        self.tokens: dict[str, str] = {}
        self.waits = [guard for guard in (*self.sentences, *self.wholes) if self._keeps(guard)]
        """Guards that text is held for, beside what `Lane` holds."""
        self.waiting = bool(self.sentences or self.wholes or self.limits)

    def know(self, restore: Mapping[str, str]) -> None:
        """Put back the values of these tokens too, in texts that begin from now on."""
        if restore:
            known = {} if self.restore is None else dict(self.restore.values)
            self.restore = Tokens(known | dict(restore))

    def _of(self, granularity: str) -> list[Guard]:
        return [guard for guard in self.guards if _granularity(guard.detector) == granularity]

    def _keeps(self, guard: Guard) -> bool:
        """Whether a guard may keep text from the caller."""
        actions = {guard.answer_action, *(action for _, action in guard.actions)}
        return bool(self.rules.mask) or (not guard.shadow and bool(actions & KEEPING))

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


def _granularity(detector: Detector) -> str:
    """One that has to know whose text it is can't look at a lane's characters alone."""
    if detector.granularity == "span" and type(detector).find_for is not Detector.find_for:
        return "sentence"
    return detector.granularity


_LENGTH = "length"
KEEPING = frozenset({"mask", "rewrite", "block"})


def blocked(rules: Sequence[str]) -> GuardBlocked:
    """What a caller is told where guards let nothing more pass."""
    named = ", ".join(rules)
    return GuardBlocked(f"the answer was held back by {named}; ask for it without such content", reasons=tuple(rules))
