"""Texts and numbers that a schema takes."""

import math
import re
from collections.abc import Iterator

from antiphon.core.error import BadRequest
from antiphon.providers.lab.schema import Schema

WORD = "lab"
FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "lab@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/lab",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
GUESSES = (WORD, "Lab", "LAB", "a", "A", "0", "1", "00", "000", "0000", "lab-1", "LAB-1", "1.0", "+15550100", "@lab")
"""Texts that are tried on a `pattern`, before those of `FORMATS`."""


def text(schema: Schema) -> str:
    """A text within the bounds. Raises: BadRequest when a `pattern` takes none of the known texts."""
    if schema.pattern is not None:
        return _matching(schema, schema.pattern)
    found = FORMATS.get(schema.format, WORD).ljust(schema.min_length, "x")
    return found if schema.max_length is None else found[: schema.max_length]


def _matching(schema: Schema, pattern: str) -> str:
    longest = math.inf if schema.max_length is None else schema.max_length
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise BadRequest(f"the schema's pattern {pattern!r} is not a regular expression: {error}") from None
    for guess in (*GUESSES, *FORMATS.values()):
        if schema.min_length <= len(guess) <= longest and expression.search(guess):
            return guess
    raise BadRequest(f"the lab knows no text for the schema's pattern {pattern!r}; give an enum instead")


def number(schema: Schema, *, whole: bool) -> int | float:
    """0 where the bounds allow it, else a number near one of them. Raises: BadRequest when none fits."""
    for candidate in _candidates(schema, whole):
        if _fits(schema, candidate):
            return int(candidate) if whole else candidate
    raise BadRequest("the lab finds no number within the schema's minimum, maximum and multipleOf")


def _candidates(schema: Schema, whole: bool) -> Iterator[float]:
    step = schema.multiple_of or 1
    bounds = (schema.minimum, schema.exclusive_minimum, schema.maximum, schema.exclusive_maximum)
    known = [bound for bound in bounds if bound is not None]
    for near in (0, *known):
        for steps in (math.ceil(near / step), math.floor(near / step)):
            yield from (steps * step, (steps + 1) * step, (steps - 1) * step)
    if not whole and known:
        yield from known
        yield (min(known) + max(known)) / 2


def _fits(schema: Schema, value: float) -> bool:
    return (
        (schema.minimum is None or value >= schema.minimum)
        and (schema.maximum is None or value <= schema.maximum)
        and (schema.exclusive_minimum is None or value > schema.exclusive_minimum)
        and (schema.exclusive_maximum is None or value < schema.exclusive_maximum)
        and (schema.multiple_of is None or math.isclose(value % schema.multiple_of, 0, abs_tol=1e-12))
    )
