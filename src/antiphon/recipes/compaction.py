"""Fewer tokens of a text: by characters, whole ones as a reader sees them. Nothing here needs a tokenizer."""

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
    if text.isascii():
        return min(len(text), start + most_quarters)
    used, place = 0, start
    while place < len(text):
        used += 1 if text[place] < "\x80" else QUARTERS_OF_TOKEN
        if used > most_quarters:
            break
        place += 1
    return place


def _from_end(text: str, most_quarters: int) -> int:
    if text.isascii():
        return max(0, len(text) - most_quarters)
    used, place = 0, len(text)
    while place > 0:
        used += 1 if text[place - 1] < "\x80" else QUARTERS_OF_TOKEN
        if used > most_quarters:
            break
        place -= 1
    return place


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
