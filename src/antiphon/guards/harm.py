"""Requests for harm: by rules, and by a small model of English requests."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cache

from antiphon.guards.folding import Places, folded, sound
from antiphon.guards.injection_features import tokens
from antiphon.guards.linear import Linear, load
from antiphon.guards.overlaps import apart
from antiphon.guards.port import Detector, Granularity, Match
from antiphon.guards.settings_content import HarmSettings
from antiphon.guards.wording import Hit, of_harm

KIND = "harm"
RULE_SCORE = 0.9
NEAR = 40
"""Characters between what is to be done, and to what."""
WINDOW = 600
STEP = 450
MOST_WINDOWS = 40
LEAST_LENGTH = 12
"""Characters of the shortest text that the model is asked about."""


@cache
def bundled() -> Linear:
    """Read once, when a guard asks for it."""
    return load("harm")


class HarmDetector(Detector):
    """Rules and the model, each where the settings ask for it."""

    granularity: Granularity = "sentence"

    def __init__(self, settings: HarmSettings, threshold: float, model: Linear | None = None) -> None:
        """`threshold`: scores below are no match. `model`: another than the bundled one."""
        self._settings = settings
        self._threshold = threshold
        self._wording = of_harm()
        self._model = (model or bundled()) if settings.model else None

    def find(self, text: str) -> Sequence[Match]:
        text = sound(text)
        plain = folded(text)
        hits = self._wording.hits(plain)
        found: list[Match] = []
        if self._settings.rules and self._threshold <= RULE_SCORE:
            found += (Match(*Places(text).span(*place), KIND, "harm.rule", RULE_SCORE) for place in ruled(hits))
        if not found:
            score, start, end = self.likeness(plain, hits)
            if 0 < score >= self._threshold:
                found = [Match(*Places(text).span(start, end), KIND, "harm.model", round(score, 3))]
        return apart(found)

    def likeness(self, plain: str, hits: Sequence[Hit]) -> tuple[float, int, int]:
        """What the model says of a folded text's worst window, and where that is."""
        if self._model is None or len(plain) < LEAST_LENGTH:
            return 0.0, 0, 0
        if len(plain) <= WINDOW:
            return self._model.score(tokens(plain, hits)), 0, len(plain)
        worst = (0.0, 0, 0)
        for start in range(0, min(len(plain), MOST_WINDOWS * STEP), STEP):
            end = min(start + WINDOW, len(plain))
            inside = [
                Hit(hit.concept, hit.phrase, hit.start - start, hit.end - start)
                for hit in hits
                if start <= hit.start and hit.end <= end
            ]
            if any(hit.concept in {"object", "intent"} for hit in inside):
                worst = max(worst, (self._model.score(tokens(plain[start:end], inside)), start, end))
        return worst


def ruled(hits: Sequence[Hit]) -> Iterator[tuple[int, int]]:
    """What is to be done, to what, and close to it how, or what it is meant for."""
    by: dict[str, list[Hit]] = {}
    for hit in sorted(hits, key=_start):
        by.setdefault(hit.concept, []).append(hit)
    if "object" not in by:
        return
    for act in by.get("act", ()):
        objects = _between(by["object"], act.end, act.end + NEAR)
        why = _between(by.get("intent", ()), act.start - NEAR, act.start + 3 * NEAR)
        why = [*why, *_between(by.get("how", ()), act.start - NEAR, act.start)]
        if objects and why:
            every = [act, *objects, *why]
            yield min(one.start for one in every), max(one.end for one in every)
            return


def _between(hits: Sequence[Hit], first: int, last: int) -> Sequence[Hit]:
    """Those that begin there."""
    return hits[bisect_left(hits, first, key=_start) : bisect_right(hits, last, key=_start)]


def _start(hit: Hit) -> int:
    return hit.start
