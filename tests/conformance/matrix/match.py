"""Whether a JSON value holds what was looked for."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

Json = Any
Check = Callable[[Json], bool]


class At(Struct, frozen=True):
    """Something that stands at a path. A path's `*` is any item or field, `**` any depth; numbers are places in a list.

    `wanted` is a value; an object matches one that holds its fields, a list one that holds its items, in any order; a
    function says by itself.
    """

    path: str
    wanted: Any = None

    def found(self, body: Json) -> bool:
        return any(holds(value, self.wanted) for value in at(body, self.path.split(".") if self.path else []))


class Joined(Struct, frozen=True):
    """All texts at a path, put together, hold this one."""

    path: str
    words: str

    def found(self, body: Json) -> bool:
        return self.words in "".join(text for text in at(body, self.path.split(".")) if isinstance(text, str))


class Paired(Struct, frozen=True):
    """The values at two paths are the same, and all of a form."""

    one: str
    other: str
    form: str

    def found(self, body: Json) -> bool:
        ones, others = (list(at(body, path.split("."))) for path in (self.one, self.other))
        return bool(ones) and ones == others and all(re.fullmatch(self.form, str(value)) for value in ones)


class Told(Struct, frozen=True):
    """Nothing stands for it in the body: a loss says what takes its place."""

    effect: str


class Not(Struct, frozen=True):
    """Nothing of the kind stands there, which is what was asked for."""

    at: At

    def found(self, body: Json) -> bool:
        return not self.at.found(body)


class Both(Struct, frozen=True):
    """All of them stand there."""

    parts: tuple["At | Not | Joined", ...]

    def found(self, body: Json) -> bool:
        return all(part.found(body) for part in self.parts)


Witness = At | Joined | Paired | Told | Not | Both


def both(*parts: At | Not | Joined) -> Both:
    return Both(parts)


def at(body: Json, path: list[str]) -> Iterator[Json]:
    """Every value at a path."""
    if not path:
        yield body
        return
    first, rest = path[0], path[1:]
    if first == "**":
        yield from at(body, rest)
    for name, value in _inner(body):
        if first in {"*", "**"} or first == name:
            yield from at(value, path if first == "**" else rest)


def _inner(body: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(body, dict):
        yield from body.items()
    elif isinstance(body, list):
        yield from ((str(place), value) for place, value in enumerate(body))


def holds(found: Json, wanted: Any) -> bool:
    if callable(wanted):
        return bool(wanted(found))
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and holds(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return isinstance(found, list) and all(any(holds(one, item) for one in found) for item in wanted)
    if wanted is None:
        return found is not None
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def says(words: str) -> Check:
    """A text, or a list of parts of one, that holds these words."""

    def check(found: Json) -> bool:
        texts = [found] if isinstance(found, str) else [part.get("text") for part in found if isinstance(part, dict)]
        return any(isinstance(text, str) and words in text for text in texts)

    return lambda found: isinstance(found, str | list) and check(found)


def like(pattern: str) -> Check:
    """A text in which a regular expression is found."""
    return lambda found: isinstance(found, str) and re.search(pattern, found) is not None


def so_many(count: int) -> Check:
    """A list of that length."""
    return lambda found: isinstance(found, list) and len(found) == count


def positive(found: Json) -> bool:
    return isinstance(found, int) and found > 0


def paired(one: str, other: str, form: str) -> Paired:
    return Paired(one, other, form)
