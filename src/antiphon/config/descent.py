"""Walks down what leads to what, and finds where it leads in a loop."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct


class Descent(Struct, frozen=True, kw_only=True):
    """A graph walked once, without recursion: a chain may be of any length."""

    order: tuple[str, ...]
    """Every name after all that it leads to; steps that close a loop don't count."""
    loops: tuple[tuple[str, ...], ...]
    """Each from a name to the same name again; without their last steps no loop is left."""


def descend(graph: Mapping[str, Sequence[str]]) -> Descent:
    """Walk a graph, each name's successors in their order. Every successor is a name of the graph."""
    order: dict[str, None] = {}
    loops: list[tuple[str, ...]] = []
    for start in graph:
        trail: dict[str, Iterator[str]] = {} if start in order else {start: iter(graph[start])}
        while trail:
            here = next(reversed(trail))
            to = next(trail[here], None)
            if to is None:
                del trail[here]
                order[here] = None
            elif to in trail:
                names = [*trail]
                loops.append((*names[names.index(to) :], to))
            elif to not in order:
                trail[to] = iter(graph[to])
    return Descent(order=tuple(order), loops=tuple(loops))
