"""Texts that give a model other orders, and jailbreaks: by rules, in other writings too, and by a small model."""

from collections.abc import Iterator, Sequence
from functools import cache

from antiphon.core.finding import UNTRUSTED, Side
from antiphon.guards.decoding import decoded
from antiphon.guards.folding import Places, folded, sound
from antiphon.guards.injection_features import tokens
from antiphon.guards.injection_rules import ruled, soup
from antiphon.guards.linear import Linear, load
from antiphon.guards.overlaps import apart
from antiphon.guards.port import Asked, Detector, Edit, Granularity, Match, Text
from antiphon.guards.settings_content import InjectionSettings
from antiphon.guards.spotlight import spotlit
from antiphon.guards.wording import Hit, of_injection

KIND = "injection"
RULE_SCORE = 0.9
WINDOW = 2000
"""Characters that the model looks at together."""
STEP = 1500
MOST_WINDOWS = 40
LEAST_KINDS = 2
"""Kinds of phrases that have to be in a window before the model is asked: below it says nothing but no."""


@cache
def bundled() -> Linear:
    """Read once, when a guard asks for it."""
    return load("injection")


class InjectionDetector(Detector):
    """Rules and the model, each where the settings ask for it."""

    granularity: Granularity = "sentence"

    def __init__(self, settings: InjectionSettings, threshold: float, model: Linear | None = None) -> None:
        """`threshold`: scores below are no match. `model`: another than the bundled one."""
        self._settings = settings
        self._threshold = threshold
        self._untrusted = min(settings.untrusted_threshold, threshold)
        self._wording = of_injection()
        self._model = (model or bundled()) if settings.model else None

    def find(self, text: str) -> Sequence[Match]:
        return self._find(text, self._threshold, untrusted=False)

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        if side == "request" and text.channel in UNTRUSTED:
            return self._find(text.text, self._untrusted, untrusted=True)
        return self._find(text.text, self._threshold, untrusted=False)

    def marks(self, text: Text, asked: Asked) -> Sequence[Edit]:
        return spotlit(text, self._settings.spotlight)

    def _find(self, text: str, threshold: float, *, untrusted: bool) -> Sequence[Match]:
        text = sound(text)
        plain = folded(text)
        hits = self._wording.hits(plain)
        found = [*self._rules(text, hits, threshold, untrusted=untrusted), *self._hidden(text, untrusted=untrusted)]
        score = 1.0 if found else self.likeness(plain, hits)
        if not found and 0 < score >= threshold:
            found = [Match(0, len(text), KIND, "injection.model", round(score, 3))]
        return apart(found)

    def _rules(self, text: str, hits: Sequence[Hit], threshold: float, *, untrusted: bool) -> Iterator[Match]:
        if not self._settings.rules or threshold > RULE_SCORE:
            return
        found = list(ruled(hits, untrusted=untrusted))
        if found:
            places = Places(text)
            for one in found:
                yield Match(*places.span(one.start, one.end), KIND, f"injection.{one.rule}", RULE_SCORE)
        stretch = soup(text)
        if stretch is not None:
            yield Match(*stretch, KIND, "injection.soup", RULE_SCORE)

    def _hidden(self, text: str, *, untrusted: bool) -> Iterator[Match]:
        """What rules find behind other writings."""
        if not (self._settings.rules and self._settings.decode):
            return
        for behind in decoded(text):
            for one in ruled(self._wording.hits(folded(behind.text)), untrusted=untrusted):
                rule = f"injection.{one.rule}.{behind.writing}"
                yield Match(behind.start, behind.end, KIND, rule, RULE_SCORE)
                break

    def likeness(self, plain: str, hits: Sequence[Hit]) -> float:
        """What the model says of a folded text: of its worst window where it is long."""
        if self._model is None:
            return 0.0
        score = self._model.score
        if len(plain) <= WINDOW:
            return score(tokens(plain, hits)) if telling(hits) else 0.0
        worst = 0.0
        for start in range(0, min(len(plain), MOST_WINDOWS * STEP), STEP):
            inside = [
                Hit(hit.concept, hit.phrase, hit.start - start, hit.end - start)
                for hit in hits
                if start <= hit.start and hit.end <= start + WINDOW
            ]
            if telling(inside):
                worst = max(worst, score(tokens(plain[start : start + WINDOW], inside)))
        return worst


def telling(hits: Sequence[Hit]) -> bool:
    """Whether phrases of enough kinds are there for the model to be asked."""
    return len({hit.concept for hit in hits}) >= LEAST_KINDS
