"""Runs guards over texts: matches become findings, edits, and what else their actions say."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, structs

from antiphon.core.data_class import RANKS, DataClass, highest
from antiphon.core.error import GuardFailed
from antiphon.core.finding import Finding, GuardAction, Side
from antiphon.guards.piece import EDITS, Decision, Found, joined
from antiphon.guards.port import Asked, Detector, Edit, Guard, Match, Screened, Text
from antiphon.guards.screen_find import Lookup, within_token

Token = Callable[[str, str], str]
"""Makes the token of a kind and a value."""
FAILED = "guard.failed"
"""Rule and kind of the finding that stands for a guard that failed."""
_ALONE: frozenset[GuardAction] = frozenset({"route_private", "approve"})
"""What can't be done about an answer: it is only flagged."""


class Rules(Struct, frozen=True, gc=False, kw_only=True):
    """What is done about matches."""

    side: Side
    mask: frozenset[str] = frozenset()
    """Kinds that are masked whatever the guards' actions say, but for stricter ones; shadow or not."""
    data_class: DataClass = "public"
    closed_from: DataClass = "internal"
    """From this class on, a guard whose failure goes by class is closed."""

    def decide(self, guard: Guard, match: Match) -> Decision:
        """What is done about one match."""
        action = guard.action if self.side == "request" else guard.answer_action
        for kind, own in guard.actions:
            if kind == match.kind:
                action = own
        if self.side == "answer" and action in _ALONE:
            action = "flag"
        if match.kind in self.mask and (guard.shadow or EDITS.get(action, 0) < EDITS["mask"]):
            return Decision("mask")
        return Decision(action, guard.shadow)

    def failed(self, guard: Guard, where: str, error: Exception) -> Finding:
        """What stands for a guard that failed. Raises: GuardFailed, where nothing may pass without it."""
        by_class = guard.closed == "by_class" and RANKS[self.data_class] >= RANKS[self.closed_from]
        if not guard.shadow and (guard.closed == "always" or by_class):
            raise GuardFailed(f"the guard `{guard.name}` failed, and nothing passes without it; try again") from error
        return Finding(
            guard=guard.name, rule=FAILED, kind=FAILED, side=self.side, where=where, score=0.0, shadow=guard.shadow
        )


def applies(guard: Guard, asked: Asked, side: Side) -> bool:
    """Whether a guard looks at this side of this request."""
    return side in guard.sides and (guard.routes is None or asked.route in guard.routes)


def finding_of(found: Found, where: str, side: Side) -> Finding:
    """A match as receipts keep it."""
    match, decision = found.match, found.decision
    return Finding(
        guard=found.guard.name,
        rule=match.rule,
        kind=match.kind,
        side=side,
        where=where,
        start=match.start,
        end=match.end,
        score=match.score,
        action=decision.action,
        shadow=decision.shadow,
    )


def screen(
    texts: Sequence[Text],
    guards: Sequence[Guard],
    asked: Asked,
    side: Side,
    token: Token,
    mask: frozenset[str] = frozenset(),
    *,
    closed_from: DataClass = "internal",
) -> Screened:
    """What guards make of some texts.

    Edits that overlap make one, of all their characters: the strictest action wins, then the longest match.

    Args:
        token: Makes the token of a kind and a value.
        mask: Kinds that are masked whatever the guards' actions say, but for stricter ones.
        closed_from: From this class on, a guard whose failure goes by class is closed.
    Raises: GuardFailed.
    """
    rules = Rules(side=side, mask=mask, data_class=asked.data_class, closed_from=closed_from)
    fit = [guard for guard in guards if applies(guard, asked, side)]
    made, lookup = _Made(rules, texts, token), Lookup(texts, asked, side)
    for guard in fit:
        try:
            found = lookup.finds(guard)
        except Exception as error:  # noqa: BLE001 - a guard of any kind may fail in any way; what that means is stated
            made.failures.append(rules.failed(guard, "", error))
            continue
        for at, match in found:
            made.add(at, guard, match)
    marked = _marked(texts, fit, asked) if side == "request" else {}
    if not (made.by_text or made.failures or marked):
        return _NOTHING
    return made.screened(marked)


_NOTHING = Screened()


class _Made:
    """What was found so far."""

    def __init__(self, rules: Rules, texts: Sequence[Text], token: Token) -> None:
        self.rules = rules
        self.texts = texts
        self.token = token
        self.by_text: dict[int, list[Found]] = {}
        self.failures: list[Finding] = []

    def add(self, at: int, guard: Guard, match: Match) -> None:
        """Take a match, unless it is too weak, allowed, or a token that stands for something found before."""
        if match.score < guard.threshold or within_token(self.texts[at].text, match.start, match.end):
            return
        decision = self.rules.decide(guard, match)
        if decision.action != "allow":
            self.by_text.setdefault(at, []).append(Found(guard, match, decision))

    def screened(self, marked: dict[int, list[Edit]]) -> Screened:
        """All of it put together."""
        side = self.rules.side
        findings = list(self.failures)
        tokens: dict[str, str] = {}
        edits: dict[int, tuple[Edit, ...]] = {}
        for at in sorted(self.by_text):
            found = self.by_text[at]
            found.sort(key=lambda one: (one.match.start, one.match.end))
            findings += [finding_of(one, self.texts[at].where, side) for one in found]
            made = self._edits(self.texts[at].text, found, tokens)
            if made:
                edits[at] = made
        for at, extra in marked.items():
            edits[at] = _merged(edits.get(at, ()), extra)
        enforced = [one for found in self.by_text.values() for one in found if not one.decision.shadow]
        raises: list[DataClass] = [one.guard.raises for one in enforced if one.guard.raises is not None]
        return Screened(
            findings=tuple(findings),
            edits=tuple(edits.items()),
            blocked=_rules(enforced, "block"),
            raises=highest(*raises) if raises and side == "request" else None,
            private=any(one.decision.action == "route_private" for one in enforced),
            approve=_rules(enforced, "approve"),
            tokens=tuple(tokens.items()),
        )

    def _edits(self, text: str, found: Sequence[Found], tokens: dict[str, str]) -> tuple[Edit, ...]:
        return tuple(
            Edit(start, end, replacement(text, start, end, winner, self.token, tokens))
            for start, end, winner in joined(found)
        )


def replacement(text: str, start: int, end: int, winner: Found, token: Token, tokens: dict[str, str]) -> str:
    """What stands in the place of some characters of a text.

    Args:
        tokens: Takes the value of the token, if it is one.
    """
    match winner.decision.action:
        case "mask":
            value = text[start:end]
            made = token(winner.match.kind, value)
            tokens[made] = value
            return made
        case "rewrite":
            return winner.guard.detector.mended(text, winner.match)
        case _:
            return ""


def moved(match: Match, by: int, most: int | None = None) -> Match:
    """A match whose positions count from `by` characters further on.

    Args:
        most: Characters that there are from there on.
    """
    start, end = max(match.start - by, 0), match.end - by
    return structs.replace(match, start=start, end=end if most is None else min(end, most))


def _rules(found: Iterable[Found], action: GuardAction) -> tuple[str, ...]:
    return tuple(sorted({one.match.rule for one in found if one.decision.action == action}))


def _marked(texts: Sequence[Text], guards: Sequence[Guard], asked: Asked) -> dict[int, list[Edit]]:
    """Edits that need no finding, by text; they know themselves which channels they are for."""
    out: dict[int, list[Edit]] = {}
    for guard in guards:
        if guard.shadow or type(guard.detector).marks is Detector.marks:
            continue
        for at, text in enumerate(texts):
            if not text.within:
                made = guard.detector.marks(text, asked)
                if made:
                    out.setdefault(at, []).extend(made)
    return out


def _merged(edits: Sequence[Edit], extra: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits in order, those extra ones left out that meet another."""
    out = list(edits)
    for one in sorted(extra, key=lambda edit: edit.start):
        if not any(one.start < other.end and other.start < one.end for other in out):
            out.append(one)
    return tuple(sorted(out, key=lambda edit: (edit.start, edit.end)))
