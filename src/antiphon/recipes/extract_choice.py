"""Which of several options an answer chooses."""

import re
from collections.abc import Sequence

from msgspec import Struct

from antiphon.recipes.extract_marks import marks, plain, sentence, tail
from antiphon.recipes.extract_value import text_key, unwrapped
from antiphon.recipes.settings_contract import ChoiceSettings

_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORDS_TOO = frozenset({"a", "i"})
"""Letters that are words as well."""
_LISTED = re.compile(r"^[ \t]*[*_]{0,2}[(（]?([A-Z])[)）.:：、][*_]{0,2}[ \t]{0,4}\S", re.MULTILINE)
_NOT = re.compile(
    r"(?:\bnot|n't|\bnor|\bneither|\brather than|\binstead of)(?: an?| the| option| choice)? ?[\"'(\[]?$", re.IGNORECASE
)
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_LATIN = "[A-Za-z0-9_\u00c0-\u024f'’]"
_SHORT = 200
"""An answer up to so many characters may say its choice in any words."""
_BETWEEN = re.compile(r"\s*(?:,|;|/|\+|&|、|，|\band\b|\bund\b|\bet\b|\by\b|\bи\b|和|与|と)\s*", re.IGNORECASE)
_BRACKETS = "()[]{}（）【】"


class Options(Struct, frozen=True):
    """What may be chosen."""

    names: tuple[str, ...]
    keys: tuple[str, ...]
    """Their forms in which they are compared."""
    labels: tuple[str, ...]
    """What they stand for, in that form; empty where nothing is said of it."""
    letters: bool
    """All are single letters or digits: they count where they stand alone, and not as a part of words."""


def options(contract: ChoiceSettings, listed: str = "") -> Options:
    """What a contract lets one choose. `listed`: the request's text, where the contract leaves it to that."""
    names = tuple(contract.options) or _listed(listed)
    labels = [text_key(one) for one in contract.labels[: len(names)]]
    return Options(
        names,
        tuple(text_key(one) or one for one in names),
        (*labels, *[""] * (len(names) - len(labels))),
        all(len(one) == 1 and one.isalnum() for one in names),
    )


def _listed(text: str) -> tuple[str, ...]:
    """The letters that a text lists options by: A, B and so on without a gap."""
    found = set(_LISTED.findall(text))
    count = next((place for place, letter in enumerate(_LETTERS) if letter not in found), len(_LETTERS))
    return _LETTERS[:count] if count > 1 else _LETTERS


def chosen(text: str, of: Options, *, multiple: bool) -> tuple[str, ...]:
    """The options that an answer chooses, in the options' order; empty: it can't be told."""
    text = tail(text)
    whole = text.strip()
    alone = _exact(whole, of) if len(whole) <= _SHORT else None
    if alone is not None:
        return (of.names[alone],)
    for mark in marks(text):
        if not multiple and len(_enumerated(mark.text, of)) > 1:
            return ()
        found = _several(mark.text, of) if multiple else _one(mark.text, of, sure=mark.kind != "phrase")
        if found:
            return _ordered(found, of)
    return _ordered(_unmarked(whole, of, multiple=multiple), of)


def _ordered(found: Sequence[int], of: Options) -> tuple[str, ...]:
    return tuple(of.names[place] for place in sorted(set(found)))


def _one(said: str, of: Options, *, sure: bool) -> list[int]:
    """The one option that a few words choose. `sure`: all of them are the answer, not the first of a sentence's."""
    exact = _exact(said, of)
    if exact is not None:
        return [exact]
    first = _leading(said, of)
    if first is not None:
        return [first]
    words = sentence(plain(said))
    exact = _exact(words, of)
    if exact is not None:
        return [exact]
    found = _named(words, of)
    if len(found) == 1:
        return found
    return found[:1] if found and not sure else []


def _several(said: str, of: Options) -> list[int]:
    """All options that a few words choose."""
    return _enumerated(said, of) or _named(sentence(plain(said)), of)


def _enumerated(said: str, of: Options) -> list[int]:
    """Options in a list that says nothing else: `A, C and D`, `ACD`."""
    bare = unwrapped(said).strip(_BRACKETS + " .\"'")
    parts = [_exact(part.strip(_BRACKETS + " \"'"), of) for part in _BETWEEN.split(bare) if part.strip()]
    found = [one for one in parts if one is not None]
    if found and len(found) == len(parts):
        return found
    if of.letters and 1 < len(bare) <= len(of.names) and all(one in of.names for one in bare):
        return [of.names.index(one) for one in bare]
    return []


def _exact(said: str, of: Options) -> int | None:
    """The option that is said, and nothing else but brackets and marks around it, or what it stands for."""
    key = text_key(said)
    bare = text_key(key.strip(_BRACKETS))
    for held in (key, bare):
        if held in of.keys:
            return of.keys.index(held)
        if held and held in of.labels:
            return of.labels.index(held)
    words = re.sub(r"^(?:option|choice|answer|letter) ?", "", bare).strip(_BRACKETS + " ")
    return of.keys.index(words) if words in of.keys else None


def _leading(said: str, of: Options) -> int | None:
    """The option that a few words begin with: `(B) Paris`, `B. Paris`, `B: it is`, `**B** Paris`."""
    bare = unwrapped(said).lstrip("\"' ")
    found = re.match(r"(?:option |choice )?[(\[【]([^)\]】\n]{1,200})[)\]】]", bare, re.IGNORECASE)
    if found is not None:
        return _exact(found[1], of)
    if not of.letters:
        return None
    found = re.match(r"(?:option |choice )?(\w)(?:[).:、\]]|\s?[-–—]\s|$)", bare, re.IGNORECASE)
    if found is not None and found[1] in of.names:
        return of.names.index(found[1])
    return None


def _named(words: str, of: Options) -> list[int]:
    """The options that stand in a few words, in order; what is negated, or part of a longer one, aside."""
    text = unwrapped(words)
    taken: list[tuple[int, int, int]] = []
    for place in sorted(range(len(of.names)), key=lambda one: -len(of.keys[one])):
        for start, end in _at(text, place, of):
            if all(end <= other or start >= stop for other, stop, _ in taken):
                taken.append((start, end, place))
    for place, label in enumerate(of.labels):
        if len(label) > 2 and (start := text.casefold().find(label)) >= 0:
            taken.append((start, start + len(label), place))
    found = [place for start, _, place in sorted(taken) if not _NOT.search(text[:start])]
    return list(dict.fromkeys(found))


def _at(text: str, place: int, of: Options) -> list[tuple[int, int]]:
    if of.letters:
        name = re.escape(of.names[place])
        bare = rf"(?<!{_LATIN}){name}(?!{_LATIN})"
        if of.names[place].casefold() in _WORDS_TOO:
            bare = rf"(?<=[(\[]){name}(?=[)\]])|(?<=option ){name}(?!{_LATIN})|^{name}$|(?<!{_LATIN}){name}(?=\s?(?:[,;:.]|or\b|and\b|$))"
        return [one.span() for one in re.finditer(bare, text)]
    key = of.keys[place]
    edge = "" if _SPACELESS.search(key) else r"\b"
    return [one.span() for one in re.finditer(rf"{edge}{re.escape(key)}{edge}", text.casefold())]


def _unmarked(text: str, of: Options, *, multiple: bool) -> list[int]:
    """The choice of an answer that doesn't say "the answer is": a line that is an option alone, the last first; then the
    last line; then one that begins with an option.
    """
    lines = [line.strip() for line in plain(text).split("\n") if line.strip(" *_`$\\[]")]
    for line in reversed(lines):
        alone = _exact(line, of)
        if alone is not None:
            return [alone]
    if not lines:
        return []
    last = lines[-1][-_SHORT:]
    if multiple:
        return _several(last, of)
    begun = _leading(lines[-1], of)
    if begun is None and not _enumerated(last, of):
        return _one(last, of, sure=True) or [one for one in [_leading(lines[0], of)] if one is not None]
    return [] if begun is None else [begun]
