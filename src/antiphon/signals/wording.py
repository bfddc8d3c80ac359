"""Facts that are told by words: what kind of answer is asked for, how the talk goes, and what is at stake.

The words are in eight languages, in `data/words.json`; all of them are looked for in one pass.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

import msgspec

from antiphon.core.signal import Value
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.folded import folded, unspaced, words_of
from antiphon.signals.judged import Judged
from antiphon.signals.phrases import Phrases
from antiphon.signals.plain import tools_of

Impact = Literal["low", "medium", "high"]
STATED = b"x-antiphon-impact"
IMPACTS: tuple[Impact, ...] = ("low", "medium", "high")
_BY_WORDS = 0.8
"""Confidence of what words alone tell; one word of a kind, and of nothing being found, tell less."""
_BY_ONE = 0.6
_TOOLS = "tools"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_ALIKE = 0.75
"""Share of the words of two messages that they have both: from here on they say nearly the same."""
_LEAST_WORDS = 3
_LOOKED_BACK = 10
_BAG = 2000
"""Characters of a message that are compared."""


@cache
def _written() -> dict[str, dict[str, list[str]]]:
    text = (files("antiphon.signals") / "data" / "words.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, list[str]]])


@cache
def _phrases() -> Phrases:
    """Of all lists but those of tools' names."""
    return Phrases(
        (name, [folded(one) for language, phrases in languages.items() if language != _TOOLS for one in phrases], True)
        for name, languages in _written().items()
    )


@cache
def _actions() -> Mapping[str, Impact]:
    """What tools do, by the words of their names."""
    medium, high = (_written()[f"stakes.action.{level}"][_TOOLS] for level in ("medium", "high"))
    return MappingProxyType({**dict.fromkeys(medium, "medium"), **dict.fromkeys(high, "high")})


def prepare() -> None:
    """Read the words."""
    _phrases()
    _actions()


def _found(facts: RequestFacts) -> dict[str, set[str]]:
    """Which phrases of each list are in what the user said last. Raises: Unread."""

    def work(facts: RequestFacts) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for name, phrase in _phrases().find(folded(facts.start)):
            found.setdefault(name, set()).add(phrase)
        return found

    return facts.once("wording", work)


def _says(name: str) -> How:
    """Whether any phrase of a list is there."""

    def work(facts: RequestFacts) -> Judged:
        phrases = _found(facts).get(name)
        return Judged(False, _BY_WORDS) if not phrases else Judged(True, _BY_WORDS, min(phrases))

    return work


def _system(facts: RequestFacts, name: str) -> set[str]:
    """The same of the system prompt, for what operators ask for there. Raises: Unread."""

    def work(facts: RequestFacts) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one, phrase in _phrases().find(folded(facts.said.system[:4000])):
            found.setdefault(one, set()).add(phrase)
        return found

    return facts.once("wording of the system prompt", work).get(name, set())


def _json(facts: RequestFacts) -> Value | Judged:
    if "structured_output" in facts.about.request.head.needs and facts.said.shape:
        return True
    phrases = _found(facts).get("asks.json") or _system(facts, "asks.json")
    return Judged(True, _BY_WORDS, min(phrases)) if phrases else Judged(False, _BY_WORDS)


def _exact(facts: RequestFacts) -> Judged:
    phrases = _found(facts).get("asks.exact") or _system(facts, "asks.exact")
    return Judged(True, _BY_WORDS, min(phrases)) if phrases else Judged(False, _BY_WORDS)


def _schema(facts: RequestFacts) -> Value:
    return "structured_output" in facts.about.request.head.needs and facts.said.shape == "schema"


def _correction(facts: RequestFacts) -> Value | Judged:
    """Only of what was said before something can be wrong."""
    if len(facts.said.asks) < 2:
        return False
    phrases = _found(facts).get("talk.correction")
    return Judged(True, _BY_WORDS, min(phrases)) if phrases else Judged(False, _BY_WORDS)


def _reask(facts: RequestFacts) -> Value | Judged:
    """By the share of words that the last message has with an earlier one (Jaccard's index)."""
    asks = facts.said.asks
    if len(asks) < 2:
        return False
    last = _bag(asks[-1])
    if len(last) < _LEAST_WORDS:
        return folded(asks[-1]) in map(folded, asks[-_LOOKED_BACK:-1])
    most = max(_alike(last, _bag(ask)) for ask in asks[-_LOOKED_BACK:-1])
    return Judged(most >= _ALIKE, 0.5 + min(abs(most - _ALIKE) * 2, 0.5))


def _bag(text: str) -> set[str]:
    """A text's words; of Chinese and the like its signs, as a word more or less changes the pairs of many."""
    words = words_of(folded(text[:_BAG]))
    return {part for word in words for part in (word if unspaced(word) else (word,))}


def _alike(one: set[str], other: set[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _stated(facts: RequestFacts) -> Impact | None:
    said = facts.about.headers.get(STATED, b"").strip().lower().decode("ascii", "replace")
    return next((one for one in IMPACTS if one == said), None)


def _stakes(facts: RequestFacts) -> dict[str, Impact]:
    """How high each kind of stakes is, by words and by the names of tools. Raises: Unread."""
    found: dict[str, Impact] = {}
    for name in _found(facts):
        if name.startswith("stakes."):
            _, kind, level = name.split(".")
            found[kind] = "high" if level == "high" else found.get(kind, "medium")
    for tool in tools_of(facts):
        for word in _CAMEL.split(tool):
            level = _actions().get(word.lower())
            if level is not None:
                found["action"] = "high" if level == "high" else found.get("action", "medium")
    return found


def _kinds(facts: RequestFacts) -> Judged:
    return Judged(tuple(sorted(facts.once("stakes", _stakes))), _BY_WORDS)


def _impact(facts: RequestFacts) -> Judged:
    stated = _stated(facts)
    if stated is not None:
        return Judged(stated, 1.0, "the header says so")
    stakes = facts.once("stakes", _stakes)
    if not stakes:
        return Judged("low", _BY_ONE, "no word of what could be at stake")
    level = max(stakes.values(), key=IMPACTS.index)
    kinds = sorted(kind for kind, one in stakes.items() if one == level)
    return Judged(level, _BY_WORDS if len(stakes) > 1 else _BY_ONE, ", ".join(kinds))


HOW: Mapping[str, How] = MappingProxyType(
    {
        "asks.json": _json,
        "asks.schema": _schema,
        "asks.exact": _exact,
        "asks.long": _says("asks.long"),
        "asks.brief": _says("asks.brief"),
        "talk.reask": _reask,
        "talk.correction": _correction,
        "talk.frustration": _says("talk.frustration"),
        "stakes.words": _kinds,
        "stakes.impact": _impact,
        "stakes.stated": lambda facts: _stated(facts) is not None,
    }
)
