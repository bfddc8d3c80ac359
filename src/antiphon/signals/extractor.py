"""Makes the facts of requests under one revision."""

from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct

from antiphon.core.content import Content
from antiphon.signals import asked, learned, plain, shape, wording
from antiphon.signals.about import About
from antiphon.signals.catalogue import HEADER
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.judged import Judged, unknown
from antiphon.signals.keywords import Keywords
from antiphon.signals.likeness import Likeness
from antiphon.signals.own import OwnFunctions
from antiphon.signals.said import Unread
from antiphon.signals.settings import SignalSettings

OutsideKind: TypeAlias = Literal["vector", "function", "model"]
NOTHING: frozenset["Outside"] = frozenset()


class Outside(Struct, frozen=True, gc=False):
    """What a fact needs that this room can't make: a vector of an embedder's, a function's result, a model's answer."""

    kind: OutsideKind
    name: str
    """The embedder, or the name under `signals.functions` or `signals.models`."""


class Extractor:
    """Made once for each revision; it keeps nothing of a request."""

    def __init__(self, settings: SignalSettings | None = None) -> None:
        """Raises: ValueError, when a pattern is none; NoFunction; ZoneInfoNotFoundError, ValueError of the time zone."""
        self._settings = settings = settings or SignalSettings()
        self.likeness = Likeness(settings)
        self.functions = OwnFunctions(settings.functions)
        self._how = _Known(
            {
                **plain.HOW,
                **plain.clock(settings.time_zone),
                "region": _region(settings.region),
                **shape.HOW,
                **wording.HOW,
                **learned.HOW,
                **Keywords(settings.keywords).how(),
                **self.likeness.how(),
                **{f"own.{name}": _not_called for name in settings.functions},
                **asked.how(settings.models),
            }
        )

    def facts(self, about: About) -> RequestFacts:
        return RequestFacts(self._how, about)

    def prepare(self, names: frozenset[str]) -> None:
        """Read the bundled tables that these facts need, so that no request waits for it (about 10 ms each)."""
        if names & learned.HOW.keys():
            learned.prepare(names)
        if any(name.startswith(("asks.", "talk.", "stakes.")) for name in names):
            wording.prepare()
        if any(name.startswith(("text.code", "text.math", "task.", "difficulty.")) for name in names):
            shape.prepare()

    def needs(self, name: str) -> frozenset[Outside]:
        """What has to be supplied before a fact is asked for; without it the fact is unknown."""
        group, _, rest = name.partition(".")
        match group:
            case "like" if self.likeness.embedders.get(rest):
                return frozenset({Outside("vector", self.likeness.embedders[rest])})
            case "own" if rest in self._settings.functions:
                return frozenset({Outside("function", rest)})
            case "asked" if rest in self._settings.models:
                return frozenset({Outside("model", rest)})
            case _:
                return NOTHING

    def to_embed(self, facts: RequestFacts) -> str:
        """The text whose vector goes into `facts.vectors`; empty: there is none."""
        try:
            return facts.start.strip()
        except Unread:
            return ""

    def question(self, name: str, facts: RequestFacts) -> Content:
        """What a model is asked about a request. Raises: Unread, when the request has no texts."""
        return asked.question(self._settings.models[name], facts)

    def answered(self, name: str, facts: RequestFacts, answer: str, took_us: int) -> None:
        """Supply `asked.<name>` by what the model answered."""
        value, confidence, why = asked.read(self._settings.models[name].choices, answer)
        facts.supply(f"asked.{name}", value, confidence=confidence, took_us=took_us, why=why)

    def close(self) -> None:
        self.functions.close()


class _Known(dict[str, How]):
    """How each fact is worked out; those of headers are found when they are asked for."""

    def __missing__(self, name: str) -> How:
        return _of_header(name)


@lru_cache(maxsize=256)
def _of_header(name: str) -> How:
    if HEADER.fullmatch(name) is None:
        raise KeyError(name)
    return plain.header_of(name)


def _region(region: str) -> How:
    return lambda facts: facts.about.region or region or unknown("`signals.region` is not set")


def _not_called(_: RequestFacts) -> Judged:
    return unknown("the function was not called")
