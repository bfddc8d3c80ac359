"""The lab's rule for tokens: four bytes of UTF-8 are one token, rounded up.

A part that is not text (image, audio, file) counts `MEDIA_TOKENS`, whatever its size.
"""

from collections.abc import Iterator

BYTES_PER_TOKEN = 4
MEDIA_TOKENS = 256


def tokens(text: str) -> int:
    """How many tokens a text has."""
    return tokens_of_bytes(len(text.encode()))


def tokens_of_bytes(size_bytes: int) -> int:
    """How many tokens that many bytes of text are."""
    return -(-size_bytes // BYTES_PER_TOKEN)


def pieces(text: str) -> Iterator[str]:
    """The text as a stream sends it: four characters at a time, which for ASCII is a token each."""
    return (text[start : start + BYTES_PER_TOKEN] for start in range(0, len(text), BYTES_PER_TOKEN))


def cut(text: str, most_tokens: int) -> str:
    """The longest start of a text that has at most that many tokens; no character is split."""
    data = text.encode()
    most_bytes = most_tokens * BYTES_PER_TOKEN
    return text if len(data) <= most_bytes else data[:most_bytes].decode(errors="ignore")
