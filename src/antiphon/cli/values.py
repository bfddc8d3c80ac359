"""Values of arguments: text in, a checked value out."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

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


def dollars(text: str) -> float:
    """An amount of US dollars above 0, of up to nine decimals."""
    whole, _, decimals = text.partition(".")
    if not (whole + decimals).isdecimal() or not text.isascii() or len(decimals) > 9 or not 0 < float(text) <= 10**9:
        raise ArgumentTypeError(f"{text!r} is no amount of US dollars above 0, with up to nine decimals")
    return float(text)


def nano_usd(text: str) -> int:
    """An amount of US dollars, also below 0, of up to nine decimals. Returns: nano-USD."""
    whole, _, decimals = text.removeprefix("-").partition(".")
    if (
        not text.isascii()
        or not whole.isdecimal()
        or len(whole) > 9
        or not f"{decimals}0".isdecimal()
        or len(decimals) > 9
    ):
        raise ArgumentTypeError(f"{text!r} is no amount of US dollars with up to nine decimals")
    amount = int(whole) * 10**9 + int(decimals.ljust(9, "0"))
    return -amount if text.startswith("-") else amount


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} is no number from 0 to 1")
    return value


def seconds(text: str) -> float:
    """A duration above 0, of a day at most."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86_400:
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 86400")
    return value


def day(text: str) -> "date":
    """A day of the calendar."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day; write it like 2026-11-26") from None


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
