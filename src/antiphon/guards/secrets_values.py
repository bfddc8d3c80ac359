"""Whether the value of a name such as `api_key` is a secret, by its letters alone."""

import re
from base64 import b64decode
from binascii import Error
from collections import Counter
from math import log2

_WORD = re.compile(
    r"[A-Za-z]{2,}\d{0,5}|\d{1,5}|[A-Za-z]\d{0,6}|(?:[A-Z][a-z]+\d{1,4}){1,2}[A-Z]?[a-z]+|[a-z]+\d[a-z]{1,4}|"
)
_PARTS = re.compile(r"[_\-./:+@~=]+")
_CAMEL = re.compile(r"[a-z]+(?:[A-Z][a-z]+)*\d{0,2}|(?:[A-Z][a-z]+)+\d{0,2}|[A-Z]+(?:_[A-Z]+)*")
_PLAIN = re.compile(r"[a-z]+")
_LEAST = {"header": (8, 2.5), "password": (6, 2.0), "secret": (10, 2.6), "key": (14, 3.0)}
"""Characters and bits a character that a value needs at least."""


def entropy(text: str) -> float:
    """Bits a character. Source: Shannon 1948."""
    size = len(text)
    return -sum(count / size * log2(count / size) for count in Counter(text).values())


def is_secret(value: str, sort: str, *, quoted: bool, stop_words: tuple[str, ...], least_bits: float) -> bool:
    """Whether it looks drawn rather than written.

    Args:
        value: Its first characters, at most `LONGEST_TAIL`.
        sort: `header`, `password`, `secret` or `key`.
        least_bits: Bits a character that are asked for beyond those of the sort.
    """
    length, bits = _LEAST[sort]
    if len(value) < length or entropy(value) < bits + least_bits:
        return False
    folded = value.lower()
    if any(word in folded for word in stop_words):
        return False
    if value.isdigit():
        return sort == "secret" and len(value) >= 15
    if sort == "header" and _made_up(value):
        return False
    if sort == "password":
        return _password(value, quoted=quoted)
    return any(one.isdigit() for one in value) and not _written(value)


def _made_up(value: str) -> bool:
    """It is `user:password` of documentation, in base64."""
    try:
        plain = b64decode(value, validate=True)
    except (Error, ValueError):
        return False
    user, _, password = plain.partition(b":")
    return user in {b"username", b"user"} or password in {b"password", b"pass", b"secret"}


def _password(value: str, *, quoted: bool) -> bool:
    """A password may be a word, where it is quoted."""
    if _PLAIN.fullmatch(value):
        return False
    if "://" in value or value.startswith(("/", "$", "%", "./")):
        return False
    mixed = any(one.isdigit() for one in value)
    if quoted:
        return mixed or (not value.islower() and _CAMEL.fullmatch(value) is None)
    return mixed and not _written(value)


def _written(value: str) -> bool:
    """It is made of words, as names, paths and versions are."""
    return all(_WORD.fullmatch(part) for part in _PARTS.split(value))
