"""Facts that are told by the form of a text: code, formulas, lists, questions, options to choose from."""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from antiphon.core.signal import Value
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.folded import words_of
from antiphon.signals.judged import Judged
from antiphon.signals.patterns import Patterns

_CODE: tuple[tuple[str, float], ...] = (
    (r"```", 0.9),
    (r"(?m)^\s*(?:async\s+)?def \w+\(.*\).*:", 0.8),
    (r"(?m)^\s*(?:from [\w.]+ )?import [\w.{}* ,]+(?:;|$)", 0.5),
    (r"(?m)^\s*(?:public|private|protected|static|export|abstract|final)\s[^\n]*[({]", 0.7),
    (r"\bfunction\s*\w*\s*\([^)\n]*\)\s*\{", 0.8),
    (r"(?:\)|\w)\s*=>\s*[\w({\[]", 0.5),
    (r"(?m)^\s*(?:class|struct|interface|enum)\s+\w+\s*[(:{]", 0.7),
    (r"(?m)[;{}]\s*$", 0.4),
    (r"(?m)^\s*#include\s*[<\"]", 0.9),
    (r"(?i)\bselect\b[^;.?]{1,200}\bfrom\b\s+\w+(?:\s+(?:where|join|group|order|limit)\b|;|$)", 0.6),
    (r"</\w+>|<\w+[^>\n]*/>", 0.5),
    (r"<\w+(?:\s+\w+=[^>\n]*)?>", 0.3),
    (r"Traceback \(most recent call last\)|(?m)^\s+at [\w.$]+\(|\b\w*(?:Error|Exception): ", 0.7),
    (r"(?m)^\s*(?:\$|>>>) \S", 0.6),
    (r"\b(?:const|let|var)\s+\w+\s*(?::[^=\n]+)?=[^=]", 0.7),
    (r"\b\w+(?:\.\w+)+\([^)\n]*\)", 0.4),
    (r"(?m)^\s*(?:return|print|echo|printf|elif|func|fn|package|use)\b[^\n]*[(;{}\"']", 0.5),
    (r"\b\w+\[[\w'\":]+\]\s*[=.+)]|[!=]=|&&|\|\||\+=|::\w|->\w", 0.4),
)
_MATH: tuple[tuple[str, float], ...] = (
    (r"\\(?:frac|sum|int|sqrt|lim|cdot|times|leq|geq|alpha|beta|theta|pi|infty|begin\{)", 0.9),
    (r"\$[^$\n]{1,200}[\\^_=+][^$\n]{0,200}\$|\\\(|\\\[", 0.8),
    (r"[∑∫√∂∇∞≤≥≠≈±\x{d7}÷∈∀∃π²³]", 0.7),
    (r"\d\s*[+*^=\x{d7}÷]\s*\(?\d|\d\s+[-/]\s+\(?\d", 0.7),
    (r"\b[a-zA-Z]\s*\(?[a-zA-Z]?\)?\s*=\s*-?\(?(?:\d|[a-zA-Z]\b)", 0.5),
    (r"\b\d*[a-zA-Z]\s*\^\s*[-({]?\w", 0.7),
    (r"\b(?:sin|cos|tan|log|ln|exp|lim)\s*\(?\s*[\w(]", 0.4),
)
ENOUGH = 0.7
"""Signs of one kind add up: from here on it is that."""


@cache
def _patterns(signs: tuple[tuple[str, float], ...]) -> Patterns:
    return Patterns(pattern for pattern, _ in signs)


_POINT = re.compile(
    r"^[ \t]*(?:[-*•‣▪]|\d{1,3}[.)、\uff0e]|[\uff08(]?[a-z\d]{1,2}[)\uff09])[ \t\u3000]*(?=\S)", re.MULTILINE
)
_OPTION = re.compile(r"^[ \t]*[(\[\uff08【]?([A-Ja-j])[)\].:\uff1a、\uff0e\uff09】][ \t\u3000]*(?=\S)", re.MULTILINE)
_INLINE = re.compile(r"(?<![\w(])[(\uff08]?([A-Ea-e])[)\uff09][ \t\u3000]*(?=\w)")
_QUESTIONS = "?\uff1f\u061f\u2e2e\u055e\u1367"
"""Of Latin, Chinese and Japanese, Arabic, Armenian and Ethiopic."""
_LEAST_OPTIONS = 3


def prepare() -> None:
    """Compile the patterns."""
    for signs in (_CODE, _MATH):
        _patterns(signs)


def _told(found: list[int], patterns: tuple[tuple[str, float], ...]) -> Judged:
    """Whether signs add up, and how sure that makes."""
    weight = sum(patterns[at][1] for at in found)
    if weight >= ENOUGH:
        return Judged(True, min(0.5 + weight / 3, 0.98))
    return Judged(False, 1 - weight / 2)


def code_of(text: str) -> Judged:
    """Whether a text has code in it."""
    return _told(_patterns(_CODE).found(text), _CODE)


def math_of(text: str, *, code: bool) -> Judged:
    """Whether a text has formulas in it. `code`: it has code in it, whose operators are no sign of formulas."""
    found = _patterns(_MATH).found(text)
    return _told([at for at in found if not code or _MATH[at][1] > ENOUGH], _MATH)


def code_in(text: str) -> bool:
    return bool(code_of(text).value)


def math_in(text: str, *, code: bool) -> bool:
    return bool(math_of(text, code=code).value)


def options(text: str) -> int:
    """How many options there are to choose from: A, B, C and so on, each at the start of a line or in brackets."""
    for pattern in (_OPTION, _INLINE):
        letters = [letter.upper() for letter in pattern.findall(text)]
        at = letters.index("A") if "A" in letters else len(letters)
        count = 0
        for letter in letters[at:]:
            if letter != chr(ord("A") + count):
                break
            count += 1
        if count >= _LEAST_OPTIONS:
            return count
    return 0


def _choice(facts: RequestFacts) -> Judged:
    found = options(facts.start)
    return Judged(found > 0, 0.95 if found else 0.9)


def _questions(facts: RequestFacts) -> Value:
    ask = facts.ask
    return sum(map(ask.count, _QUESTIONS if not ask.isascii() else "?"))


HOW: Mapping[str, How] = MappingProxyType(
    {
        "text.code": lambda facts: code_of(facts.start),
        "text.math": lambda facts: math_of(facts.start, code=bool(facts.value("text.code"))),
        "text.lists": lambda facts: len(_POINT.findall(facts.start)),
        "text.questions": _questions,
        "text.words": lambda facts: len(words_of(facts.ask)),
        "asks.choice": _choice,
    }
)
