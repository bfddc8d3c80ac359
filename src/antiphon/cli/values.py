"""Values of arguments: text in, a checked value out."""

from argparse import ArgumentTypeError
from collections.abc import Callable

LONGEST_NAME = 128
"""As in `antiphon.server.openai_chat`, which refuses longer ones."""


def url(text: str) -> str:
    """The address of a gateway, without a slash at its end; `/v1`, which OpenAI's clients want there, is taken off."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and _visible(text)
    except ValueError:
        good = False
        parts = urlsplit("")
    if not good or parts.query or parts.fragment or "@" in parts.netloc:
        raise ArgumentTypeError(f"{text!r} is no address of a gateway; write it like http://127.0.0.1:8080")
    return text.rstrip("/").removesuffix("/v1").rstrip("/")


def key(text: str) -> str:
    """A key: it travels in a header. It is never shown."""
    if not text or not _visible(text):
        raise ArgumentTypeError("this is no key: it is empty, or has a space, a line break or another sign")
    return text


def name(text: str) -> str:
    """The name of a session: it travels in a header."""
    if not text or len(text) > LONGEST_NAME or not _visible(text.replace(" ", "-")) or text != text.strip():
        raise ArgumentTypeError(f"{text!r} is no name; write up to {LONGEST_NAME} letters, digits and signs of ASCII")
    return text


def seconds(text: str) -> float:
    """A duration above 0, of a day at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 86400")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number within bounds."""

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20 else least - 1
        if not least <= value <= most:
            raise ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return value

    return read


def _visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
