"""Changes JSON by its structure: bytes changed by chance are hardly ever JSON, and get no further than its reader."""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

Plain = Callable[[bytes, int], bytes]
"""The fuzzer's own changes of bytes, to a length at most."""
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, 1.0, 1e308, -0.0, 2**31, 2**53, 2**63, -(2**63), 2**64, "", " ", "x", "0", "1.5",
    "é😀", "\x00", "\u2028", "\ud800", "\udc00x", "[DONE]", "a\nb", "data: ", '"', "\\", "{", '{"a":1}', "{}", "[]", "null",
    "data:image/png;base64,iVBORw0KGgo=", "data:,", "data:;base64", "https://example.com/a.png", "gs://a/b", "file-1",
    [], {}, [None], [[]], [{}], {"": None}, {"a": {"b": []}}, {"type": None}, {"type": "x"}, {"type": "text", "text": "x"},
)  # fmt: skip
_DEEP = "(deep)"
_DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)


class Mutator:
    """Changes one input."""

    def __init__(self, plain: Plain, words: Sequence[str]) -> None:
        self._plain = plain
        self._words = words or ("x",)

    def __call__(self, data: bytes, most: int, seed: int) -> bytes:
        """Returns: another input of at most so many bytes."""
        chance = random.Random(seed)
        if chance.random() < 0.3:
            return self._plain(data, most)
        if data[:5] in (b"event", b"data:") or b"\ndata:" in data:
            out = self._stream(data, chance)
        else:
            out = self._document(data, chance)
        return self._plain(data, most) if out is None or len(out) > most else out

    def _stream(self, data: bytes, chance: random.Random) -> bytes | None:
        if chance.random() < 0.25:
            events = data.split(b"\n\n")
            at, other = chance.randrange(len(events)), chance.randrange(len(events))
            match chance.randrange(3):
                case 0:
                    del events[at]
                case 1:
                    events.insert(other, events[at])
                case _:
                    events[at], events[other] = events[other], events[at]
            return b"\n\n".join(events)
        found = list(_DATA.finditer(data))
        if not found:
            return None
        one = chance.choice(found)
        out = self._document(one[1], chance)
        return None if out is None else data[: one.start(1)] + out + data[one.end(1) :]

    def _document(self, text: bytes, chance: random.Random) -> bytes | None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict | list):
            return None
        try:
            return self._changed(value, chance)
        except RecursionError:
            return None

    def _changed(self, value: Any, chance: random.Random) -> bytes:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            self._change(value, chance)
        separators = chance.choice(((",", ":"), (", ", ": ")))
        said = json.dumps(value, ensure_ascii=chance.random() < 0.5, separators=separators)
        if f'"{_DEEP}"' in said:
            said = said.replace(f'"{_DEEP}"', _nested(chance))
        return said.encode("utf-8", "surrogatepass")

    def _change(self, value: Any, chance: random.Random) -> None:
        places = list(_places(value))
        if not places:
            if isinstance(value, dict):
                value[chance.choice(self._words)] = self._value(chance)
            else:
                value.append(self._value(chance))
            return
        inside, key = chance.choice(places)
        match chance.randrange(8):
            case 0:
                del inside[key]
            case 1 | 2:
                inside[key] = self._value(chance)
            case 3:
                inside[key] = chance.choice(self._words)
            case 4:
                other, name = chance.choice(places)
                inside[key] = _copy(other[name])
            case 5 if isinstance(inside, dict):
                inside[chance.choice(self._words)] = inside.pop(key)
            case 6 if isinstance(inside, dict):
                inside[chance.choice(self._words)] = self._value(chance)
            case _ if isinstance(inside, list):
                inside.insert(key, _copy(inside[key]))
            case _:
                inside[key] = [inside[key]] if chance.random() < 0.5 else {chance.choice(self._words): inside[key]}

    def _value(self, chance: random.Random) -> Any:
        if chance.random() < 0.03:
            return _DEEP
        return _copy(chance.choice(VALUES)) if chance.random() < 0.8 else chance.choice(self._words)


def _places(value: Any, levels: int = 30) -> Any:
    """Every place in a value: what it is in, and its key or index."""
    if not levels:
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key], levels - 1)


def _nested(chance: random.Random) -> str:
    """A value of many levels, or a text that holds one: around the reader's own bound, and around Python's."""
    levels = chance.choice((126, 130, chance.randint(700, 1000), 1_500))
    opening, closing = chance.choice((("[", "]"), ('{"a":', "}")))
    said = f"{opening * levels}1{closing * levels}"
    return json.dumps(said) if chance.random() < 0.4 else said


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))
