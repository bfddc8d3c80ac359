"""Finds the top-level fields of a long JSON object, a slice at a time, without parsing what is in them."""

import re

import msgspec

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field

_SHALLOW = re.compile(rb'["{}\[\],:]')
_DEEP = re.compile(rb'["{}\[\]]')
_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
"""What is left of a string, up to its quote. Slower than a search for quotes, but not by their number."""
_SPACE = b" \t\r\n"
MAX_DEPTH = 128
_OPENS = {ord("{"): ord("}"), ord("["): ord("]")}


class Scanner:
    """Walks the segments of a body; call `step` until it is done.

    It checks that strings and brackets are closed, that keys, colons and commas of the object itself
    take turns and that no key of it comes twice; what lies deeper is left to whoever reads it.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._segments = body.segments
        self._segment = 0
        self._at = 0
        self._base = 0
        self._closers: list[int] = []
        self._in_string = False
        self._escaped = False
        self._string_start = 0
        self._key: tuple[int, int] | None = None
        self._value_start: int | None = None
        self._want_key = False
        self._ended = False
        self.fields: dict[str, Field] = {}
        """Top-level keys in order of place."""

    def step(self, tokens: int) -> bool:
        """Look at up to so many tokens of one segment. Returns: whether the whole body has been seen.

        Raises: BadRequest.
        """
        for _ in range(tokens):
            if self._segment == len(self._segments):
                return self._finish()
            segment = self._segments[self._segment]
            if not (self._string(segment) if self._in_string else self._token(segment)):
                self._base += len(segment)
                self._segment += 1
                self._at = 0
                return False
        return False

    def _finish(self) -> bool:
        if not self._ended or self._in_string:
            raise BadRequest("the body ends before its JSON does; send it whole")
        return True

    def _string(self, segment: bytes) -> bool:
        """Go to the end of the string that is open. Returns: whether it is in this segment."""
        if self._escaped:
            if not segment:
                return False
            self._escaped = False
            self._at += 1
        quote = segment.find(b'"', self._at)
        if quote >= 0 and _escapes(segment, self._at, quote):
            rest = _REST.match(segment, quote + 1)
            end = rest.end() if rest else quote
            quote = end if segment[end : end + 1] == b'"' else -1
        if quote < 0:
            self._escaped = _escapes(segment, self._at, len(segment))
            return False
        self._at = quote + 1
        self._in_string = False
        if self._want_key and len(self._closers) == 1:
            self._key = (self._string_start, self._base + quote + 1)
            self._want_key = False
        return True

    def _token(self, segment: bytes) -> bool:
        shallow = len(self._closers) < 2
        match = (_SHALLOW if shallow else _DEEP).search(segment, self._at)
        if shallow and self._value_start is None:
            self._between(segment[self._at :] if match is None else segment[self._at : match.start()])
        if match is None:
            return False
        token = segment[match.start()]
        here = self._base + match.start()
        self._at = match.end()
        if self._ended:
            raise BadRequest(f"something follows the JSON object at byte {here}; send one object")
        if shallow:
            self._in_turn(token, here)
        if token == 0x22:
            self._in_string = True
            self._string_start = here
        elif token in _OPENS:
            self._open(token, here)
        elif token in (0x7D, 0x5D):
            self._close(token, here)
        elif token == 0x3A:
            self._value_start = here + 1
        else:
            self._value_ends(here)
        return True

    def _between(self, rest: bytes) -> None:
        """Outside the object, and between its fields, there is only white space."""
        if rest.strip(_SPACE):
            raise BadRequest("the body must be one JSON object and nothing else")

    def _in_turn(self, token: int, here: int) -> None:
        """Whether a token may stand here: outside the object, or on its own level."""
        if not self._closers:
            fits = token == 0x7B
        elif token == 0x22:
            fits = self._want_key or self._value_start is not None
        elif token == 0x3A:
            fits = self._key is not None and self._value_start is None
        elif token == 0x7D:
            fits = not self._want_key or not self.fields
        else:
            fits = self._value_start is not None
        if not fits:
            raise BadRequest(f"the body must be a JSON object; {chr(token)!r} at byte {here} is out of place")

    def _open(self, token: int, here: int) -> None:
        if len(self._closers) >= MAX_DEPTH:
            raise BadRequest(f"the body is nested deeper than {MAX_DEPTH} levels at byte {here}")
        self._closers.append(_OPENS[token])
        if len(self._closers) == 1:
            self._want_key = True

    def _close(self, token: int, here: int) -> None:
        if not self._closers or self._closers.pop() != token:
            raise BadRequest(f"a bracket at byte {here} closes nothing; the body is not JSON")
        if not self._closers:
            if self._key is not None:
                self._value_ends(here)
            self._ended = True

    def _value_ends(self, here: int) -> None:
        if self._key is None or self._value_start is None:
            raise BadRequest(f"a key is missing before byte {here}; the body is not JSON")
        key = _text(self._body.slice(*self._key))
        if key in self.fields:
            raise BadRequest(f"the key `{key[:64]}` comes twice; send it once", param=key[:64])
        self.fields[key] = Field(self._key[0], self._value_start, here)
        self._key = self._value_start = None
        self._want_key = True


def _escapes(segment: bytes, start: int, end: int) -> bool:
    """Whether the text from `start` up to `end` escapes the byte behind it."""
    if end == start or segment[end - 1] != 0x5C:
        return False
    text = segment[start:end]
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def _text(quoted: bytes) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"a key is not valid JSON text: {error}") from error
