"""The parts of a contract that a text alone keeps or breaks: length, regular expression, quotes."""

import re
import unicodedata
from collections.abc import Callable, Iterator

from msgspec import Struct

from antiphon.core.content import Content, File, Text
from antiphon.expr.error import Failure
from antiphon.expr.pattern import matcher
from antiphon.recipes.graphemes import starts
from antiphon.recipes.port import Answer, text_of
from antiphon.recipes.settings_contract import CitationsSettings, LengthSettings

_SPACELESS = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff]"
)
_QUOTES = re.compile(
    r"“([^“”]{1,4000})”|„([^„“”]{1,4000})[“”]|«([^«»]{1,4000})»|「([^「」]{1,4000})」|『([^『』]{1,4000})』|\"([^\"\n]{1,4000})\""
)
_GAP = re.compile(r"\s*(?:\[?(?:…|\.\.\.)\]?)\s*")
_ROLES = frozenset({"tool", "function"})


class Broken(Struct, frozen=True, gc=False):
    """A part of a contract that an answer breaks."""

    part: str
    why: str
    """For the receipt: nothing of the answer or the request is quoted."""
    told: str
    """For the model that is asked again; it may quote both. Empty: no other answer can mend it."""
    more: str = ""
    """For the caller, where the fault is the caller's; it may quote the request."""


def words_of(text: str) -> int:
    """Words by the spaces between them; where a script has none, letters."""
    spaceless = len(_SPACELESS.findall(text))
    return spaceless + len(_SPACELESS.sub(" ", text).split())


def characters_of(text: str) -> int:
    """Characters as a reader counts them."""
    return len(text) if text.isascii() else sum(starts(text, place) for place in range(len(text)))


def length(contract: LengthSettings, answer: Answer) -> Iterator[Broken]:
    """What of an answer's length is wrong. Tokens that nobody counted are right."""
    text = answer.text.strip()
    tokens = None if answer.usage is None else answer.usage.output_tokens - answer.usage.reasoning_tokens
    bounds = (
        ("words", words_of(text), contract.min_words, contract.max_words),
        ("characters", characters_of(text), contract.min_characters, contract.max_characters),
        ("tokens", tokens, contract.min_tokens, contract.max_tokens),
    )
    for unit, count, least, most in bounds:
        if count is not None and count < least:
            yield _long(unit, count, f"at least {least}")
        if count is not None and most is not None and count > most:
            yield _long(unit, count, f"at most {most}")


def _long(unit: str, count: int, bound: str) -> Broken:
    return Broken("length", f"{count} {unit}: {bound}", f"It has {count} {unit}; it must have {bound}.")


def compiled(pattern: str) -> Callable[[str], bool]:
    """What says whether a whole text matches, in time that grows with its length alone. Raises: ValueError."""
    try:
        return matcher(rf"^(?:{pattern})$")
    except Failure as error:
        raise ValueError(str(error)) from None


def regex(pattern: str, text: str) -> Iterator[Broken]:
    """Whether all of a text matches."""
    if not compiled(pattern)(text.strip()):
        yield Broken("regex", "it doesn't match", f"All of it must match the regular expression {pattern}")


def citations(contract: CitationsSettings, answer: Answer, content: Content) -> Iterator[Broken]:
    """Quotes that stand in no source, and too few of them."""
    quotes = [quote for quote in _quoted(answer) if characters_of(quote) >= contract.min_characters]
    if len(quotes) < contract.required:
        found = f"{len(quotes)} quotes: at least {contract.required}"
        yield Broken("citations", found, f"It has {found}. Quote the sources word for word, in quotation marks.")
    sources = [_even(source) for source in _sources(content, everything=contract.sources == "request")]
    strange = [quote for quote in quotes if not any(_stands(quote, source) for source in sources)]
    if strange:
        shown = "; ".join(f'"{quote[:200]}"' for quote in strange[:5])
        yield Broken(
            "citations",
            f"{len(strange)} of {len(quotes)} quotes stand in no source",
            f"These quotes don't stand in the sources word for word: {shown}. Quote only what stands there.",
        )


def _quoted(answer: Answer) -> list[str]:
    """What an answer quotes: in quotation marks, and as the provider's own citations."""
    found = [next(part for part in one.groups() if part is not None) for one in _QUOTES.finditer(answer.text)]
    parts = answer.response.choices[0].message.parts if answer.response.choices else ()
    cited = (cite.quoted for part in parts if isinstance(part, Text) for cite in part.citations)
    return [*found, *(quote for quote in cited if quote)]


def _sources(content: Content, *, everything: bool) -> Iterator[str]:
    for message in content.messages:
        if message.role in _ROLES or (everything and message.role != "assistant"):
            yield text_of(message)
        for part in message.parts:
            if isinstance(part, File) and part.text:
                yield part.text


def _even(text: str) -> str:
    """Without differences that a reader doesn't see: full-width forms, kinds of quotes and dashes, spaces, case."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[“”„«»「」『』]", '"', re.sub(r"[‘’]", "'", re.sub(r"[‐-―−]", "-", text)))
    return " ".join(text.split())


def _stands(quote: str, source: str) -> bool:
    """Whether all pieces of a quote between its ellipses stand in a source in this order."""
    place = 0
    for piece in _GAP.split(quote):
        even = _even(piece).strip(" .,;:")
        place = source.find(even, place)
        if place < 0:
            return False
        place += len(even)
    return True
