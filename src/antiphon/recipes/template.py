"""Prompts with places: `{request}` and `{steps.NAME}`. A brace that is to be said as it is stands twice where it could be
read as a place.
"""

import re
from collections.abc import Iterator, Mapping

_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)\}")
STEP = "steps."


def places(prompt: str) -> tuple[str, ...]:
    """Names of a prompt's places, each once, in order."""
    return tuple(dict.fromkeys(found["name"] for found in _PLACE.finditer(prompt) if found["name"]))


def steps_in(prompt: str) -> tuple[str, ...]:
    """Steps whose answers a prompt quotes."""
    return tuple(name.removeprefix(STEP) for name in places(prompt) if name.startswith(STEP))


def wrong_places(prompt: str, known: frozenset[str]) -> Iterator[str]:
    """Places that nothing is known of."""
    return (name for name in places(prompt) if name not in known)


def fill(prompt: str, values: Mapping[str, str]) -> str:
    """Put values into a prompt's places; what stands in a value is never read as a place.

    Raises: KeyError, for a place without a value: `wrong_places` finds those when the configuration is loaded.
    """

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        return found[0][0] if name is None else values[name]

    return _PLACE.sub(value, prompt)
