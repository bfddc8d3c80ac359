"""Takes the known fields out of a JSON object; what is left of it travels on. And the way back."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from antiphon.core.error import BadRequest

_T = TypeVar("_T")
_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def as_object(value: object) -> dict[str, Any] | None:
    """A value when it is a JSON object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """A value when it is a JSON list."""
    return cast("list[object]", value) if isinstance(value, list) else None


def mistyped(path: str, said: str, value: object) -> BadRequest:
    """A field of the wrong type. A text is not quoted: it may be a prompt."""
    kind = _KINDS.get(type(value), "something else")
    shown = f"{kind} ({value!r})" if type(value) in (int, float, bool) else kind
    return BadRequest(f"`{path}` must be {said}, not {shown}", param=path)


def shown(value: object) -> str:
    """A value, short; not even tried for an integer that has too many digits to be printed."""
    if isinstance(value, int) and value.bit_length() > 128:
        return "a number of very many digits"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return str(value)[:40]


def missing(path: str, said: str) -> BadRequest:
    """A field that must be there."""
    return BadRequest(f"`{path}` is missing; send {said}", param=path)


def present(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def merged(words: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """An object of words with its leftovers back in place, also in inner objects. The leftovers win."""
    for name, value in extra.items():
        word = words.get(name)
        words[name] = {**word, **value} if isinstance(word, dict) and isinstance(value, dict) else value
    return words


class Fields:
    """One object of a body, at a path such as `messages[2].content[0]`.

    A field that is taken is gone from what is `left`. One that is missing, null or empty of meaning
    stays, so that it goes on as it came. One of the wrong type is refused when `strict`, as in what a
    caller sent, and else stays: an upstream's answer is passed on rather than judged.
    """

    __slots__ = ("_inner", "_left", "_path", "strict", "value")

    def __init__(self, value: Mapping[str, Any], path: str = "", *, strict: bool = True) -> None:
        self.value = value
        """The object as it came."""
        self._left = dict(value)
        self._path = path
        self._inner: list[tuple[str, Fields, bool]] = []
        self.strict = strict

    def path(self, name: str) -> str:
        """Where a field stands in the body."""
        return f"{self._path}.{name}" if self._path else name

    def peek(self, name: str) -> object:
        """A field's value; it stays."""
        return self._left.get(name)

    def drop(self, name: str) -> None:
        """Take a field whose value is known already; null stays."""
        if self._left.get(name) is not None:
            del self._left[name]

    def text(self, name: str) -> str | None:
        return self._take(name, (str,), "a text")

    def needed(self, name: str) -> str:
        """A text that must be there; empty when an upstream left it out."""
        value = self.text(name)
        if value is None and self.strict:
            raise missing(self.path(name), "a text")
        return value or ""

    def flag(self, name: str) -> bool | None:
        return self._take(name, (bool,), "true or false")

    def whole(self, name: str) -> int | None:
        return self._take(name, (int,), "a whole number")

    def number(self, name: str) -> float | None:
        return self._take(name, (int, float), "a number")

    def tree(self, name: str) -> dict[str, Any] | None:
        """An object that is taken as it is."""
        return self._take(name, (dict,), "an object")

    def items(self, name: str, read: "Callable[[Fields], _T]") -> tuple[_T, ...]:
        """What `read` makes of each object of a list. An empty list stays."""
        values = as_list(self._left.get(name))
        if values == []:
            return ()
        if values is not None and not self.strict and any(as_object(value) is None for value in values):
            return ()
        self._take(name, (list,), "a list")
        return tuple(read(self._item(name, index, value)) for index, value in enumerate(values or ()))

    def _item(self, name: str, index: int, value: object) -> "Fields":
        path = f"{self.path(name)}[{index}]"
        fields = as_object(value)
        if fields is None:
            raise mistyped(path, "an object", value)
        return Fields(fields, path, strict=self.strict)

    def inner(self, name: str) -> "Fields | None":
        """The fields of an inner object; what is left of them stays under its name, and so does an empty one."""
        return self._open(name, "an object", keep_empty=True)

    def needed_inner(self, name: str, like: str) -> "Fields | None":
        """The same of one that must be there, and is always written; None only when an upstream left it out."""
        said = f"an object such as {like}"
        fields = self._open(name, said, keep_empty=False)
        if fields is None and self.strict:
            raise missing(self.path(name), said)
        return fields

    def left(self) -> dict[str, Any]:
        """What was not taken."""
        for name, fields, keep in self._inner:
            rest = fields.left()
            if rest or keep:
                self._left[name] = rest
        self._inner.clear()
        return self._left

    def _open(self, name: str, said: str, *, keep_empty: bool) -> "Fields | None":
        value: dict[str, Any] | None = self._take(name, (dict,), said)
        if value is None:
            return None
        fields = Fields(value, self.path(name), strict=self.strict)
        self._inner.append((name, fields, keep_empty and not value))
        return fields

    def _take(self, name: str, kinds: tuple[type, ...], said: str) -> Any:
        value = self._left.get(name)
        if type(value) in kinds:
            del self._left[name]
            return value
        if value is not None and self.strict:
            raise mistyped(self.path(name), said, value)
        return None
