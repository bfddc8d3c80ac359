"""Personal data that has a structure: found by shape, check digits and words near it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from ahocorasick_rs import AhoCorasick

from antiphon.guards import pii_forms as forms
from antiphon.guards.pii_kinds import KINDS, NAMES, ON_REQUEST, Kind
from antiphon.guards.pii_numbers import Numbers
from antiphon.guards.pii_spoken import Spoken
from antiphon.guards.pii_units import LINK, Units
from antiphon.guards.port import Detector, Match
from antiphon.guards.settings_pii import PiiSettings

_SHORT, _LONG = 4, 6
"""Letters of words that have to stand by themselves, at their end and at their beginning."""
NEAR = 72
"""Characters before a number in which words speak of it."""


class PiiDetector(Detector):
    """Finds the kinds that its settings name."""

    def __init__(self, settings: PiiSettings) -> None:
        self._kinds = kinds_of(settings)
        self.plain_words = "url" not in self._kinds
        self._any = settings.context == "any"
        self._allow = frozenset(one.casefold() for one in settings.allow)
        self._domains = tuple(one.casefold().lstrip("@.") for one in settings.allow_domains)
        numbers = [kind for kind in KINDS if kind.name in self._kinds]
        self._units = Units(links="url" in self._kinds)
        self._numbers = Numbers(numbers, self._kinds, anyhow=self._any)
        self._words = Words(numbers, settings.words)

    def find(self, text: str) -> Sequence[Match]:
        return self._scan(text, 0, whole=True)[0]

    def find_from(self, text: str, start: int) -> Sequence[Match]:
        return self._scan(text, start, whole=True)[0]

    def tail(self, text: str) -> int:
        return self._scan(text, 0, whole=False)[1]

    def scan(self, text: str, start: int) -> tuple[Sequence[Match], int]:
        return self._scan(text, start, whole=False)

    def reach(self, match: Match, text: str, at: int) -> int:
        found = LINK.match(text, at) if match.kind == "url" else None
        return at if found is None else found.end()

    def _scan(self, text: str, start: int, *, whole: bool) -> tuple[list[Match], int]:
        found: list[Match] = []
        units, at = self._units, start
        for trigger in units.trigger.finditer(text, start):
            place = trigger.start()
            if place < at:
                continue
            begin, word = units.begins(text, place, at)
            end, grows = units.ends(text, begin, word, place)
            link = units.link(text, begin, end)
            if link == begin:
                end = LINK.match(text, begin).end()  # type: ignore[union-attr]  # it matches nothing, too
                if end == len(text) and not whole:
                    return found, begin
                found += self._kept(text, [forms.link(text, begin, end)])
            elif grows and not whole:
                return found, begin
            else:
                end = end if link < 0 else link
                found += self._unit(text, begin, end)
            at = end
            if link > begin and place >= link:  # the same trigger is the link's
                linked = self._scan(text, link, whole=whole)
                return found + linked[0], linked[1]
        return found, len(text) if whole else units.begins(text, len(text), at)[0]

    def _unit(self, text: str, begin: int, end: int) -> list[Match]:
        unit = text[begin:end]
        spoken = Spoken(self._words, text, begin)
        taken: list[Match] = []
        for kind, start, stop, score in self._read(unit, spoken):
            if any(start < other.end - begin and stop > other.start - begin for other in taken):
                continue
            taken.append(Match(begin + start, begin + stop, kind, f"pii.{kind}", score))
        taken = self._kept(text, taken)
        return sorted(taken, key=lambda one: one.start) if len(taken) > 1 else taken

    def _kept(self, text: str, found: list[Match]) -> list[Match]:
        """Those that settings don't allow."""
        if not (self._allow or self._domains):
            return found
        return [one for one in found if not self._allowed(text[one.start : one.end], one.kind)]

    def _read(self, unit: str, spoken: Spoken) -> Iterator[tuple[str, int, int, float]]:
        kinds = self._kinds
        if "@" in unit and "email" in kinds:
            yield from forms.emails(unit)
        if ":" in unit or unit.count(".") >= 2 or unit.count("-") >= 5:
            yield from forms.hosts(unit, kinds, anyhow=self._any)
        if len(unit) >= 26 and "crypto_address" in kinds:
            yield from forms.crypto(unit)
        if forms.DIGIT.search(unit) is not None:
            if "date_of_birth" in kinds:
                yield from forms.births(unit, spoken, anyhow=self._any)
            yield from self._numbers.read(unit, spoken)

    def _allowed(self, value: str, kind: str) -> bool:
        folded = value.casefold()
        if folded in self._allow:
            return True
        if kind not in {"email", "url"}:
            return False
        host = folded.rpartition("@")[2] if kind == "email" else re.split(r"[/:?#]", folded.partition("//")[2])[0]
        return any(host == domain or host.endswith(f".{domain}") for domain in self._domains)


class Words:
    """Words that speak of kinds, found in one pass."""

    def __init__(self, kinds: Sequence[Kind], more: Mapping[str, Sequence[str]]) -> None:
        told: dict[str, set[str]] = {}
        for name, words in (
            *((kind.name, kind.words) for kind in kinds),
            *forms.WORDS.items(),
            *((name, [word.lower() for word in words]) for name, words in more.items()),
        ):
            for word in words:
                told.setdefault(word, set()).add(name)
        self._words = [(word, frozenset(names)) for word, names in told.items()]
        self._search = AhoCorasick([word for word, _ in self._words])

    def before(self, text: str, at: int) -> dict[str, int]:
        """Where the last word ends that speaks of a kind, by kind, among the characters before `at`."""
        near = text[max(0, at - NEAR) : at].lower()
        found: dict[str, int] = {}
        for index, start, end in self._search.find_matches_as_indexes(near, overlapping=True):
            word, names = self._words[index]
            if not _whole(near, word, start, end):
                continue
            for name in names:
                found[name] = max(found.get(name, -1), end)
        return found


def _whole(text: str, word: str, start: int, end: int) -> bool:
    """Whether it stands there by itself: short ones have to, in scripts whose words have spaces between them."""
    if start and _cased(word[0]) and _cased(text[start - 1]) and (len(word) < _LONG or not word.isascii()):
        return False
    return len(word) > _SHORT or not _cased(word[-1]) or end == len(text) or text[end] == "s" or not _cased(text[end])


def _cased(letter: str) -> bool:
    return letter.lower() != letter.upper()


def kinds_of(settings: PiiSettings) -> frozenset[str]:
    """Kinds that settings name, by themselves or by country."""
    named = frozenset(settings.types) if settings.types else frozenset(NAMES) - ON_REQUEST
    if not settings.countries:
        return named
    wanted = {one.lower() for one in settings.countries}
    of = {kind.name: kind.country for kind in KINDS}
    return frozenset(name for name in named if not of.get(name) or of[name] in wanted)


def detector(settings: PiiSettings) -> PiiDetector:
    """The detector of a guard's settings."""
    return PiiDetector(settings)
