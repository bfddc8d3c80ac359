"""Words and patterns that an operator looks for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from antiphon.core.signal import Value
from antiphon.signals.bm25 import Shelf
from antiphon.signals.facts import How, RequestFacts, closely
from antiphon.signals.folded import folded, words_of
from antiphon.signals.fuzzy import Alike
from antiphon.signals.patterns import BadPattern, Pattern
from antiphon.signals.phrases import Phrases
from antiphon.signals.settings import KeywordSettings, Match, Where

Found: TypeAlias = "Mapping[str, Counter[str]]"
"""How often each phrase was found, by the name of its list."""
LITERAL: tuple[Match, ...] = ("word", "part")
NONE: Counter[str] = Counter()


class Keywords:
    """The lists of one revision: plain words of all lists that look at the same texts are found in one pass."""

    def __init__(self, lists: Mapping[str, KeywordSettings]) -> None:
        """Raises: BadPattern: `name: pattern: why`."""
        self._lists = lists
        self._passes = {
            (where, case): Phrases(
                (name, [one if case else folded(one) for one in asked.any], asked.match == "word")
                for name, asked in lists.items()
                if asked.match in LITERAL and (asked.where, asked.case) == (where, case)
            )
            for where, case in {(asked.where, asked.case) for asked in lists.values() if asked.match in LITERAL}
        }
        self._patterns = {
            name: [_pattern(name, one, case=asked.case) for one in asked.any]
            for name, asked in lists.items()
            if asked.match == "regex"
        }
        self._fuzzy = {name: Alike(map(folded, asked.any)) for name, asked in lists.items() if asked.match == "fuzzy"}
        self._shelves = {
            name: Shelf([words_of(folded(one)) for one in asked.any])
            for name, asked in lists.items()
            if asked.match == "bm25"
        }

    def how(self) -> Mapping[str, How]:
        """How the facts of these lists are worked out."""
        return dict(pair for name, asked in self._lists.items() for pair in self._how(name, asked))

    def _how(self, name: str, asked: KeywordSettings) -> Iterator[tuple[str, How]]:
        many = len(set(asked.any) if asked.case else set(map(folded, asked.any)))

        def score(facts: RequestFacts) -> float:
            if asked.match == "bm25":
                return facts.once(
                    ("bm25", name), lambda _: self._shelves[name].likest(words_of(closely(_text(facts, asked.where))))
                )
            return min(len(self._counts(facts, name, asked)) / many, 1.0)

        def holds(facts: RequestFacts) -> Value:
            if asked.match == "bm25":
                return score(facts) >= asked.threshold
            return len(self._counts(facts, name, asked)) >= asked.at_least

        def count(facts: RequestFacts) -> Value:
            if asked.match == "bm25":
                return int(bool(holds(facts)))
            return self._counts(facts, name, asked).total()

        yield f"keyword.{name}", holds
        yield f"keyword.{name}.count", count
        yield f"keyword.{name}.score", score

    def _counts(self, facts: RequestFacts, name: str, asked: KeywordSettings) -> "Counter[str]":
        """How often each of a list's was found."""
        match asked.match:
            case "word" | "part":
                key = (asked.where, asked.case)
                return facts.once(key, lambda _: self._pass(facts, key)).get(name, NONE)
            case "regex":
                return facts.once(("regex", name), lambda _: self._matches(facts, name, asked))
            case _:
                return facts.once(("fuzzy", name), lambda _: self._fuzzy[name].find(closely(_text(facts, asked.where))))

    def _pass(self, facts: RequestFacts, key: tuple[Where, bool]) -> Found:
        where, case = key
        found: dict[str, Counter[str]] = {}
        for name, phrase in self._passes[key].find(_text(facts, where, case=case)):
            found.setdefault(name, Counter())[phrase] += 1
        return found

    def _matches(self, facts: RequestFacts, name: str, asked: KeywordSettings) -> "Counter[str]":
        text = _text(facts, asked.where, case=True)
        return +Counter({one.text: one.count(text) for one in self._patterns[name]})


def _pattern(name: str, text: str, *, case: bool) -> Pattern:
    try:
        return Pattern(text, case=case)
    except BadPattern as error:
        raise BadPattern(f"{name}: {text}: {error}") from error


def _text(facts: RequestFacts, where: Where, *, case: bool = False) -> str:
    """Raises: Unread."""
    text = facts.once(where, lambda _: _written(facts, where))
    return text if case else facts.once((where, "folded"), lambda _: folded(text))


def _written(facts: RequestFacts, where: Where) -> str:
    texts: Sequence[str]
    match where:
        case "ask":
            return facts.ask
        case "user":
            texts = facts.said.of("user")
        case "all":
            texts = [text for _, text in facts.said.turns]
    return "\n".join(texts)
