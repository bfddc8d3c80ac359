"""Where an answer's text says what its answer is: tags, JSON, boxes, and phrases such as "The answer is"."""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, cast

from msgspec import Struct

MOST_CHARACTERS = 65_536
"""Of longer answers the end is looked at: what they come to stands there."""
_MOST_MARKED = 16_384
"""Characters at the end in which marks are looked for."""
_MOST_MARKS = 64
"""Of one kind, the last ones."""
_MOST_SEGMENT = 400

MarkKind = Literal["tag", "json", "boxed", "hashes", "phrase"]
_STRONG: frozenset[MarkKind] = frozenset({"tag", "json", "boxed", "hashes"})


class Mark(Struct, frozen=True, gc=False, kw_only=True):
    """A place that says what the answer is."""

    kind: MarkKind
    text: str
    at: int
    """Where it stands, in characters."""


_FIELD = r"(?:final[ _-]?)?(?:answer|choice|option|result|label|答案|解答|正解)"
_FIELD_NAME = re.compile(_FIELD, re.IGNORECASE)
_OPENING = re.compile(r"<(?:final[ _-]?)?answer>", re.IGNORECASE)
_CLOSING = re.compile(r"</", re.IGNORECASE)
_BOXED = re.compile(r"\\f?boxed ?\{")
_HASHES = re.compile(r"^#### ?(?=\S)", re.MULTILINE)
_BROKEN_FIELD = re.compile(rf'["“]{_FIELD}["”]\s{{0,9}}:\s{{0,9}}', re.IGNORECASE)
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|$)', re.DOTALL)
_ENGLISH = (
    r"\banswer\b(?: to [^\n.:]{1,60}?| for [^\n.:]{1,60}?| here)?[*_]{0,3}"
    r"(?: (?:is|are|was|would be|should be|must be)(?: therefore| thus| then)?\b[*_]{0,3} ?[:=]?|[*_]{0,3} ?[:=])"
)
_OTHERS = (
    r"(?:答案|正解|答え|解答|정답|답|respuesta|réponse|antwort|lösung|resposta|risposta|ответ|الإجابة|الجواب|उत्तर|cevap|yanıt"
    r"|đáp án|jawaban|תשובה|απάντηση|odpowiedź|antwoord|svaret|svar|vastaus|คำตอบ|پاسخ)"
    r"[^\n:=]{0,16}?(?: ?[:=]|是|为|為|は|은|는| es| est| ist| é| è| হল| है)[*_]{0,3} ?:?"
)
_PHRASE = re.compile(rf"(?:{_ENGLISH}|{_OTHERS})", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n\s*")
_SENTENCE = re.compile(r"[.!?](?:\s+(?=\S)|$)|[。！？]")
_CONTROLS = str.maketrans({"\f": "\\f", "\b": "\\b", "\v": "\\v"})
_TAB = re.compile(r"\t(?=ext|imes|heta|an\b|o\b)")
_FENCE = re.compile(r"```[^\n`]{0,40}\n")
_DECODER = json.JSONDecoder(strict=False)


def tail(text: str) -> str:
    """The part of a text that is looked at."""
    return text[-MOST_CHARACTERS:]


def plain(text: str) -> str:
    """One space where there are several, one line end likewise, full-width punctuation as ASCII has it."""
    return _LINES.sub("\n", _SPACES.sub(" ", text.replace("：", ":").replace("＝", "=")))


def marks(text: str) -> list[Mark]:
    """The places that say what the answer is, the most telling first.

    Tags, fields, boxes and hashes before phrases, whose words stand in reasoning too; among these the last first.
    """
    text = text[-_MOST_MARKED:]
    even = plain(text)
    found = [*_tags(even), *_fields(text), *_boxes(even), *_hashes(even), *_phrases(even)]
    return sorted(found, key=lambda one: (one.kind in _STRONG, one.at), reverse=True)


def _tags(text: str) -> Iterator[Mark]:
    for opening in list(_OPENING.finditer(text))[-_MOST_MARKS:]:
        closing = _CLOSING.search(text, opening.end())
        end = closing.start() if closing is not None else len(text)
        inner = text[opening.end() : end].strip()
        if inner:
            yield Mark(kind="tag", text=inner, at=end)


def _hashes(text: str) -> Iterator[Mark]:
    for start in list(_HASHES.finditer(text))[-_MOST_MARKS:]:
        line = text[start.end() :].partition("\n")[0].strip()
        yield Mark(kind="hashes", text=line[:_MOST_SEGMENT], at=start.end() + len(line))


def _boxes(text: str) -> Iterator[Mark]:
    for start in list(_BOXED.finditer(text))[-_MOST_MARKS:]:
        inner = _braced(text, start.end())
        if inner.strip():
            yield Mark(kind="boxed", text=inner.strip(), at=start.end() + len(inner))


def _braced(text: str, start: int) -> str:
    """From behind an opening brace up to the one that closes it, or to the end of what could be an answer."""
    depth = 1
    for place in range(start, min(len(text), start + _MOST_SEGMENT * 4)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if not depth:
                return text[start:place]
    return ""


def _phrases(text: str) -> Iterator[Mark]:
    for said in list(_PHRASE.finditer(text))[-_MOST_MARKS:]:
        rest = text[said.end() : said.end() + _MOST_SEGMENT].lstrip(" \n")
        line = _first_line(rest)
        if line:
            yield Mark(kind="phrase", text=line, at=said.end())


def _first_line(text: str) -> str:
    """The first line that says something: fences, brackets of displayed formulas and stars alone do not."""
    for line in text.split("\n"):
        if line.strip(" *_`$[]\\():"):
            return line.strip()
    return ""


def sentence(text: str) -> str:
    """The first sentence, without its end."""
    for end in _SENTENCE.finditer(text):
        if end.start() and not text[: end.start()].isdigit():
            return text[: end.start()].strip()
    return text.strip()


def _fields(text: str) -> Iterator[Mark]:
    """Fields of JSON objects that are named as an answer's are; of broken ones too."""
    last = None
    for value, _, end in values(text):
        if isinstance(value, dict):
            last = (cast("dict[str, Any]", value), end)
    if last is not None:
        for key, held in last[0].items():
            if _FIELD_NAME.fullmatch(key.strip()):
                said = _said(held)
                if said or isinstance(held, str):
                    yield Mark(kind="json", text=said, at=last[1])
                    return
    for start in list(_BROKEN_FIELD.finditer(text))[-1:]:
        rest = text[start.end() :]
        string = _STRING.match(rest)
        said = string[1] if string is not None else re.split(r"[,}\n]", rest, maxsplit=1)[0]
        if said.strip():
            yield Mark(
                kind="json", text=said.replace('\\"', '"').replace("\\\\", "\\").strip(), at=start.end() + len(said)
            )


def _said(held: Any) -> str:
    """A field's value as a text. Backslashes of LaTeX that JSON took for control characters are put back."""
    if isinstance(held, str):
        return _TAB.sub(r"\\t", held.translate(_CONTROLS)).strip()
    if isinstance(held, bool):
        return str(held).lower()
    if isinstance(held, int | float):
        return repr(held)
    return json.dumps(held, ensure_ascii=False) if held else ""


def values(text: str) -> Iterator[tuple[Any, int, int]]:
    """JSON objects and lists that stand in a text, outermost ones, in order, and where each begins and ends."""
    place, tries = 0, 0
    while tries < _MOST_MARKS:
        starts = [at for at in (text.find("{", place), text.find("[", place)) if at >= 0]
        if not starts:
            return
        start = min(starts)
        try:
            value, place = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            place, tries = start + 1, tries + 1
        else:
            yield value, start, place


def fenced(text: str) -> list[str]:
    """What stands in blocks between fences, in order; one that isn't closed goes to the end."""
    found: list[str] = []
    place = 0
    while (opening := _FENCE.search(text, place)) is not None:
        end = text.find("\n```", opening.end() - 1)
        if end < 0:
            found.append(text[opening.end() :])
            break
        found.append(text[opening.end() : max(end, opening.end())])
        place = end + 4
    return found
