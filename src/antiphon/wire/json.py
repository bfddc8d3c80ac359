"""Reads JSON strictly: what two readers could take in two ways is refused, not guessed at."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, cast

import msgspec

from antiphon.core.error import BadRequest
from antiphon.wire.bounds import LONG_BYTES

MAX_DEPTH = 128
"""Objects and lists within each other. Deeper ones are no use to a model and exhaust a reader's stack."""

PIECE_BYTES = 65_536
"""Most that is looked at in one go, which no other thread can interrupt."""

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SPACE = " \t\n\r"


def loads(text: bytes) -> dict[str, Any]:
    """Read a request body: one JSON object in UTF-8.

    Raises: BadRequest on anything else, on a key that occurs twice in one object, on NaN, Infinity and
        numbers that a double can't hold, on half a surrogate pair, and on more than MAX_DEPTH levels.
    """
    try:
        value = _decode(text) if len(text) < LONG_BYTES else _decode_long(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read(text)
    if type(value) is not dict:
        return _read(text)
    if twice(text, _keys(cast("dict[str, Any]", value), MAX_DEPTH)):
        return _read(text)
    return cast("dict[str, Any]", value)


def decoded(text: bytes) -> Any:
    """JSON of any kind, whose levels can be worked through. Raises: ValueError, saying what is wrong."""
    try:
        value: Any = _decode(text)
        if isinstance(value, (dict, list)):
            _keys(cast("dict[str, Any]", value), MAX_DEPTH)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    except BadRequest as error:
        raise ValueError(error.message) from error
    return value


def _decode_long(text: bytes) -> Any:
    """The same value, read in many calls: no other thread runs during one, and that of the event loop may have to.

    Longest of them for 4.3 MB of tool calls: 1.3 ms in place of 6.6.
    """
    return {name: _decode_value(raw) for name, raw in _raw_fields(text).items()}


def _decode_value(raw: msgspec.Raw) -> Any:
    if bytes(memoryview(raw)[:1]) != b"[":
        return _decode(raw)
    return [_decode(item) for item in _raw_items(raw)]


def _keys(value: dict[str, Any] | list[Any], levels: int) -> int:
    """Keys of a value and of all that is in it. Raises: BadRequest when it has more levels."""
    if not levels:
        raise _too_deep()
    count, children = 0, cast("Iterable[Any]", value)
    if type(value) is dict:
        count, children = len(value), value.values()
    for child in children:
        kind = type(child)
        if kind is dict or kind is list:
            count += _keys(child, levels - 1)
    return count


def twice(text: bytes, keys: int) -> bool:
    """Whether any key of a valid JSON text comes twice in one object, where a reader found so many keys."""
    return _has_more(text, keys) and _colons(text) != keys


def _has_more(text: bytes, colons: int) -> bool:
    """Whether a text has more colons than these, wherever they stand. In a long one it leaps from one to the next."""
    if len(text) <= PIECE_BYTES:
        return text.count(b":") > colons
    at = -1
    for _ in range(colons + 1):
        at = text.find(b":", at + 1)
        if at < 0:
            return False
    return True


def _colons(text: bytes) -> int:
    """Colons outside the strings of valid JSON: as many as keys were written, those that came twice included."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    count = inside = 0
    for start in range(0, len(text), PIECE_BYTES):
        parts = text[start : start + PIECE_BYTES].split(b'"')
        count += b"".join(parts[inside::2]).count(b":")
        inside ^= (len(parts) - 1) & 1
    return count


def _read(text: bytes) -> dict[str, Any]:
    """Read a body that something is wrong with, to say what. Slower than a look, and its messages say where."""
    try:
        string = text.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8: byte {error.start} is 0x{text[error.start]:02x}") from error
    try:
        value, end = _scan(string, _start(string))
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, error.lineno, error.colno) from error
    except StopIteration as error:
        raise _no_value(string, error.value) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise BadRequest(f"the body holds a number that can't be read: {error}") from error
    _check_rest(string, end)
    _keys(value, MAX_DEPTH)
    if _SURROGATE.search(text):
        _check_pairs(value, "")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        name, times = Counter(name for name, _ in pairs).most_common(1)[0]
        name = name[:64].encode(errors="replace").decode()
        raise BadRequest(f"the key `{name}` occurs {times} times in one object; send it once", param=name)
    return fields


def _constant(word: str) -> NoReturn:
    raise BadRequest(f"{word} is not JSON; send a number or null")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadRequest(f"the number {digits[:40]} is too large; send one that a double can hold")
    return number


_decode: Callable[[bytes | memoryview | msgspec.Raw], Any] = msgspec.json.Decoder().decode
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decoder: Any = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once


def _start(string: str) -> int:
    """Where the object begins, behind white space."""
    start = len(string) - len(string.lstrip(_SPACE))
    first = string[start : start + 1]
    if first == "{":
        return start
    if first == "":
        raise BadRequest("the body is empty; send a JSON object")
    if first == "\ufeff":
        raise BadRequest("the body begins with a byte order mark; send it without one")
    kind = {"[": "a list", '"': "a text"}.get(first, f"something that begins with {first!r}")
    raise BadRequest(f"the body must be a JSON object, not {kind}")


def _no_value(string: str, at: int) -> BadRequest:
    """The scanner met something that begins no value."""
    lines = string.count("\n", 0, at) + 1
    return _malformed("Expecting value", lines, at - string.rfind("\n", 0, at))


def _malformed(what: str, line: int, column: int) -> BadRequest:
    return BadRequest(f"the body is not valid JSON: {what} at line {line}, column {column}")


def _too_deep() -> BadRequest:
    return BadRequest(f"the body is nested deeper than {MAX_DEPTH} levels; flatten it")


def _check_rest(string: str, end: int) -> None:
    rest = string[end:].lstrip(_SPACE)
    if rest:
        raise BadRequest(f"the body goes on behind its JSON object: {rest[:20]!r}; send one object")


def _check_pairs(value: object, path: str) -> None:
    """Refuse a text that UTF-8 can't carry. The recursion is as deep as the value, so at most MAX_DEPTH."""
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            where = path or "a key"
            raise BadRequest(
                f"{where} holds half a surrogate pair; send whole characters", param=path or None
            ) from error
    elif isinstance(value, dict):
        for name, child in cast("dict[str, object]", value).items():
            _check_pairs(name, "")
            _check_pairs(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, child in enumerate(cast("list[object]", value)):
            _check_pairs(child, f"{path}[{index}]")
