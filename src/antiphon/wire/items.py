"""Finds the items of a JSON list one by one, so that a long list is never read at once."""

import re
from collections.abc import Iterator

from antiphon.core.error import BadRequest

_TOKEN = re.compile(rb'["{}\[\],]')
_DEEP = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SPACE = b" \t\r\n"


def items(text: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where the items of the list stand whose bracket is at `start`: offsets of their first byte and behind their last.

    What is in an item is not checked, but for the balance of its brackets.
    Raises: BadRequest, where the list does not end.
    """
    at = begin = start + 1
    depth = 0
    while True:
        token = (_DEEP if depth else _TOKEN).search(text, at)
        if token is None:
            raise BadRequest("the body ends amid a list")
        at = token.end()
        mark = text[at - 1]
        if mark == 0x22:
            string = _STRING.match(text, at)
            if string is None:
                raise BadRequest("the body ends amid a text")
            at = string.end()
        elif mark in b"{[":
            depth += 1
        elif depth and mark in b"}]":
            depth -= 1
        elif mark == 0x2C:
            yield begin, at - 1
            begin = at
        elif mark == 0x5D:
            if begin > start + 1 or text[begin : at - 1].strip(_SPACE):
                yield begin, at - 1
            return
        else:
            raise BadRequest("a bracket of a list closes nothing; the body is not JSON")
