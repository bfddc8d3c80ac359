"""Values by reference: `{{r3.1}}` in an argument or an answer stands for all of that value, with where it comes from.

So a model moves what it must not see, or need not.
"""

import re
from typing import Any

from msgspec import Struct

from antiphon.agents.loop import shared
from antiphon.agents.loop.aside import aside
from antiphon.agents.loop.scene import Scene, merged
from antiphon.agents.loop.shapes import listed, mapping
from antiphon.agents.state import Value
from antiphon.core.tool import Origins

_PLACE = re.compile(r"\{\{(r[\w.~-]+)\}\}")
VALUES_BYTES = 1_048_576
"""Of all values of a State; the oldest are kept beside the run then, and read when they are asked for."""


class Filled(Struct, frozen=True, kw_only=True):
    """A value with what its places stand for."""

    value: Any
    origins: Origins = Origins()


def places(value: Any) -> tuple[str, ...]:
    """Handles that stand in a JSON value, each once. Pure."""
    if isinstance(value, str):
        return tuple(dict.fromkeys(_PLACE.findall(value)))
    found = [one for part in (*mapping(value).values(), *listed(value)) for one in places(part)]
    return tuple(dict.fromkeys(found))


async def fill(scene: Scene, value: Any) -> Filled:
    """Put values into their places; one that there is not stays as it stands. The work of a journalled step.

    Raises: StoreError.
    """
    known: dict[str, Value] = {}
    for handle in places(value):
        one = scene.state.values.get(handle)
        if one is not None and one.ref and not one.text:
            one = await aside(shared.read, scene.doors.store, scene.doors.clock, scene.run, one.ref)
        if one is not None:
            known[handle] = one
    return Filled(value=_filled(value, known), origins=merged(*(one.origins for one in known.values())))


def _filled(value: Any, known: dict[str, Value]) -> Any:
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        if whole is not None and whole[1] in known and known[whole[1]].data is not None:
            return known[whole[1]].data
        return _PLACE.sub(lambda found: known[found[1]].text if found[1] in known else found[0], value)
    if isinstance(value, dict):
        return {name: _filled(part, known) for name, part in mapping(value).items()}
    if isinstance(value, list):
        return [_filled(part, known) for part in listed(value)]
    return value


class Moved(Struct, frozen=True, kw_only=True):
    """Values that were put beside the run, by handle."""

    values: dict[str, Value]


async def bound(scene: Scene) -> None:
    """Bring the State's values within their bound. Raises: Interrupted, StoreError."""
    values = scene.state.values
    size_bytes = sum(len(one.text) for one in values.values())
    over: list[str] = []
    for handle, one in values.items():
        if size_bytes <= VALUES_BYTES:
            break
        if one.text:
            size_bytes -= len(one.text)
            over.append(handle)
    if over:
        moved = await scene.step(f"values {scene.state.step}", Moved, lambda: _move(scene, over))
        values.update(moved.values)


async def _move(scene: Scene, handles: list[str]) -> Moved:
    doors, run = scene.doors, scene.run
    values = {
        handle: await aside(shared.hand_over, doors.store, doors.clock, run, handle, scene.state.values[handle], run.id)
        for handle in handles
    }
    return Moved(values=values)
