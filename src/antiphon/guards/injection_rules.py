"""Rules of injections: phrases that stand together, and texts that no person writes. Each names what it found."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from msgspec import Struct

from antiphon.guards.wording import Hit

GAP = 30
"""Characters between an order to drop something and what is to be dropped."""
FRAMES = frozenset(
    {"<|im_start|>", "<|im_end|>", "<|system|>", "<|assistant|>", "[inst]", "[/inst]", "<<sys>>", "<|start_header_id|>"}
)
"""Marks of chat templates: they belong into no text."""
LOOSE = frozenset(
    {
        "do anything now",
        "dan mode",
        "developer mode enabled",
        "jailbroken",
        "jailbroken response",
        "god mode",
        "evil mode",
        "typical confines",
        "confines of ai",
        "mode enabled",
        "mode activated",
        "do not have to abide",
        "don't have to abide",
        "broken free",
        "unshackled",
    }
)
SECRETLY = frozenset({"do not tell the user", "don't tell the user", "without telling", "do not inform"})
TO_MACHINES = frozenset(
    {
        "ai assistants",
        "if you are an ai",
        "if you are a language model",
        "note to ai",
        "attention ai",
        "hi ai",
        "dear ai",
        "important message from",
        "<information>",
    }
)


MOST_FOUND = 20
"""Places of one rule in a text."""


class Ruled(Struct, frozen=True):
    """What a rule found, in places of the folded text."""

    rule: str
    start: int
    end: int


def _start(hit: Hit) -> int:
    return hit.start


class _Seen:
    """Hits of a text, counted as the rules ask."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = sorted(hits, key=_start)
        self.phrases = {hit.phrase for hit in hits}
        self.many = Counter(concept for concept, _ in {(hit.concept, hit.phrase) for hit in hits})

    def stretch(self, *concepts: str) -> tuple[int, int]:
        """From the first to the last phrase of some concepts."""
        found = [hit for hit in self.hits if hit.concept in concepts]
        return min(hit.start for hit in found), max(hit.end for hit in found)

    def pairs(self, first: str, then: str, gap: int) -> Iterator[tuple[int, int]]:
        """From a phrase of one concept to the last one of another that begins close behind it."""
        others = [hit for hit in self.hits if hit.concept == then]
        for hit in self.hits:
            if hit.concept == first:
                last = bisect_right(others, hit.end + gap, key=_start)
                if last > bisect_left(others, hit.end, key=_start):
                    yield hit.start, others[last - 1].end

    def of(self, phrases: frozenset[str]) -> Iterator[Hit]:
        return (hit for hit in self.hits if hit.phrase in phrases)


def _override(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Drop your orders."""
    return seen.pairs("discard", "orders", GAP)


def _ask(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Tell me your prompt, or what you keep."""
    return ((hit.start, hit.end) for hit in seen.hits if hit.concept == "ask")


def _frame(seen: _Seen) -> Iterator[tuple[int, int]]:
    return ((hit.start, hit.end) for hit in seen.of(FRAMES))


def _loose(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Two or more stock phrases of jailbreaks."""
    found = list(seen.of(LOOSE))
    if len({hit.phrase for hit in found}) > 1:
        yield found[0].start, found[-1].end


def _persona(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Play somebody without limits."""
    many = seen.many
    if many["persona"] > 1 and many["unbound"] > 1 and (many["machine"] or many["comply"]):
        yield seen.stretch("persona", "unbound")


def _unbound(seen: _Seen) -> Iterator[tuple[int, int]]:
    """No limits, and no refusals."""
    if seen.many["unbound"] >= 3 and seen.many["comply"] > 1:  # noqa: PLR2004 - found on benign texts
        yield seen.stretch("unbound", "comply")


def _comply(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Never refuse, in four ways."""
    if seen.many["comply"] >= 4:  # noqa: PLR2004 - found on benign texts
        yield seen.stretch("comply")


def _prime(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Begin with these words, and don't refuse."""
    return islice(seen.pairs("begin", "comply", 2 * GAP), 1) if seen.many["comply"] > 1 else iter(())


def _secretly(seen: _Seen) -> Iterator[tuple[int, int]]:
    """Do it without telling the user."""
    return ((hit.start, hit.end) for hit in seen.of(SECRETLY))


def _to_machines(seen: _Seen) -> Iterator[tuple[int, int]]:
    """A document that speaks to the model that reads it."""
    return ((hit.start, hit.end) for hit in seen.of(TO_MACHINES))


_Rule = Callable[[_Seen], Iterator[tuple[int, int]]]
RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "override": _override,
        "ask": _ask,
        "frame": _frame,
        "loose": _loose,
        "persona": _persona,
        "unbound": _unbound,
        "comply": _comply,
        "prime": _prime,
        "secretly": _secretly,
    }
)
UNTRUSTED_RULES: Mapping[str, _Rule] = MappingProxyType({"to_machines": _to_machines})
"""Besides, of texts that nobody who may instruct a model wrote."""


def ruled(hits: Sequence[Hit], *, untrusted: bool = False) -> Iterator[Ruled]:
    """What rules find in a text's hits."""
    if not hits:
        return
    seen = _Seen(hits)
    for name, rule in (*RULES.items(), *(UNTRUSTED_RULES.items() if untrusted else ())):
        yield from (Ruled(name, start, end) for start, end in islice(rule(seen), MOST_FOUND))


SOUP = 3.0
"""Odd joins and brackets without a fellow in a line of prose, as many as 30 words may have at most."""
_SHORTEST_LINE, _LONGEST_LINE = 50, 1500
_SOUP_WORDS = 30
_TABLE = 3
"""Bars of a line that is a table's."""
MOST_LINES = 100
"""Lines with brackets that are looked at."""
_ASIDE = re.compile(
    r"`[^`\n]{0,200}`|!?\[[^\]\n]{0,200}\]\([^)\s]{0,300}\)|https?://\S+|\$[^$\n]{1,80}\$|<[^<>\n]{1,60}>"
)
_PROSE = re.compile(r"(?<!\w)(?:[A-Za-z\u00c0-\u024f][\w\u2019'-]{0,30}[,:;]?\s{1,3}){5,8}")
_BRACKET = re.compile(r"[(\[{)\]}]")
_FELLOW = {")": "(", "]": "[", "}": "{"}
_JOIN = re.compile(
    r"[A-Za-z][({\[$\\^@<>|]+[A-Za-z]|[)\]}][A-Za-z]|[({\[][^\w\s\"'(\[{\-.$#/]|[^\w\s]{4,}|\\[^\w\s]"
    r"|[a-z][A-Z][a-z]+[A-Z]|[,.;:?!][)\]}>({\[<]{1,2}[A-Za-z]"
)
_ODD = re.compile(r"[(\[{)\]}]")


def soup(text: str) -> tuple[int, int] | None:
    """A line of prose that goes on in signs and words which no grammar joins, as searches for suffixes that make a model
    comply find them. Source: Zou et al. 2023, "Universal and Transferable Adversarial Attacks on Aligned Language Models".
    """
    if _ODD.search(text) is None:
        return None
    at = looked = 0
    for line in text.splitlines(keepends=True):
        if _SHORTEST_LINE <= len(line) <= _LONGEST_LINE and line.count("|") < _TABLE and _ODD.search(line):
            if _odd(line) >= SOUP:
                return at, at + len(line)
            looked += 1
            if looked == MOST_LINES:
                break
        at += len(line)
    return None


def _odd(line: str) -> float:
    bare = _ASIDE.sub(" ", line)
    prose = _PROSE.search(bare)
    if prose is None:
        return 0.0
    rest = bare[prose.end() :]
    open_ones: list[str] = []
    lonely = 0
    for bracket in _BRACKET.findall(rest):
        fellow = _FELLOW.get(bracket)
        if fellow is None:
            open_ones.append(bracket)
        elif open_ones and open_ones[-1] == fellow:
            open_ones.pop()
        else:
            lonely += 1
    lonely += len(open_ones)
    if not lonely:
        return 0.0
    odd = lonely + sum(1 for _ in _JOIN.finditer(rest))
    return odd * min(1.0, _SOUP_WORDS / max(len(rest.split()), 1))
