"""Fewer tokens of a text: by characters, whole ones as a reader sees them. Nothing here needs a tokenizer."""

from collections.abc import Callable

from antiphon.recipes.graphemes import at_or_after, at_or_before

QUARTERS_OF_TOKEN = 4
ELLIPSIS = "…"


def quarters(text: str) -> int:
    """Quarters of a token, estimated: one for an ASCII character, four for any other. It adds up over a text's pieces.

    Source: four characters a token is the vendors' rule for English; Han, Kana and Hangul have between 0.6 and 1.5 tokens
    a character in the tokenizers of 2023 to 2026.
    """
    if text.isascii():
        return len(text)
    ascii_count = len(text.encode("ascii", "ignore"))
    return ascii_count + (len(text) - ascii_count) * QUARTERS_OF_TOKEN


def tokens(text: str) -> int:
    """Tokens of a text, estimated, rounded up."""
    return -(-quarters(text) // QUARTERS_OF_TOKEN)


def last_tokens(text: str, most: int) -> str:
    """The end of a text: at most so many tokens, from the beginning of a word where one is near. An ellipsis tells of the
    cut, and counts.
    """
    if tokens(text) <= most:
        return text
    place = _from_end(text, (most - 1) * QUARTERS_OF_TOKEN)
    return ELLIPSIS + text[_word_after(text, at_or_after(text, place)) :]


def first_tokens(text: str, most: int) -> str:
    """The beginning of a text: at most so many tokens. An ellipsis tells of the cut, and counts."""
    if tokens(text) <= most:
        return text
    return text[: at_or_before(text, fitting(text, 0, (most - 1) * QUARTERS_OF_TOKEN))] + ELLIPSIS


def fitting(text: str, start: int, most_quarters: int) -> int:
    """Where a piece of a text that begins at `start` has to end, so that it has at most so many quarters of a token."""
    most = min(len(text) - start, most_quarters)
    return start + _longest(most, most_quarters, lambda count: text[start : start + count])


def _from_end(text: str, most_quarters: int) -> int:
    """Where the longest end of a text begins that has at most so many quarters of a token."""
    size = len(text)
    return size - _longest(min(size, most_quarters), most_quarters, lambda count: text[size - count :])


def _longest(most: int, most_quarters: int, piece: Callable[[int], str]) -> int:
    """The most characters of which a piece has so many quarters of a token, by halving."""
    least = min(most, most_quarters // QUARTERS_OF_TOKEN)
    while least < most:
        middle = (least + most + 1) // 2
        if quarters(piece(middle)) <= most_quarters:
            least = middle
        else:
            most = middle - 1
    return least


_WORD_CHARACTERS = 24


def _word_after(text: str, place: int) -> int:
    if place == 0 or text[place - 1].isspace():
        return place
    for one in range(place, min(place + _WORD_CHARACTERS, len(text) - 1)):
        if text[one].isspace():
            return at_or_after(text, one + 1)
        if not text[one].isascii():
            return place
    return place
