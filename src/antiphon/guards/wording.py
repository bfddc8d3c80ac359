"""Words and phrases of attacks, by what they do in one, found in one pass over a text."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec
from ahocorasick_rs import AhoCorasick
from msgspec import Struct

from antiphon.guards.folding import whole_word


class Hit(Struct, frozen=True, gc=False):
    """A phrase at a place of a folded text."""

    concept: str
    """What it does, such as `discard` or `persona`."""
    phrase: str
    start: int
    end: int


class Wording:
    """All phrases of a table."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._whose = [(concept, phrase) for concept, phrases in table.items() for phrase in phrases]
        self._search = AhoCorasick([phrase for _, phrase in self._whose])

    def hits(self, folded: str) -> list[Hit]:
        """In order of where they end; they may overlap."""
        whose = self._whose
        return [
            Hit(*whose[at], start, end)
            for at, start, end in self._search.find_matches_as_indexes(folded, overlapping=True)
            if whole_word(folded, start, end)
        ]


@cache
def of_injection() -> Wording:
    """Phrases of attacks on models, of 20 languages."""
    return _bundled("injection_words")


@cache
def of_harm() -> Wording:
    """Phrases of requests for harm, in English."""
    return _bundled("harm_words")


def _bundled(name: str) -> Wording:
    table = (files("antiphon.guards") / "data" / f"{name}.json").read_bytes()
    return Wording(msgspec.json.decode(table, type=dict[str, list[str]]))
