"""Which step of a workflow waits for which: pure, over names."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

After = Mapping[str, frozenset[str]]
"""For each step, those that end before it begins."""


class Node(Struct, frozen=True, gc=False, kw_only=True):
    """A step, as far as its place goes."""

    name: str
    after: tuple[str, ...] = ()
    verifies: str = ""
    """The step that it may send back; empty: none."""


def waits(nodes: Sequence[Node]) -> After:
    """What each step waits for. Who comes after a step that is verified comes after its verifier too, unless the verifier
    itself rests on it.
    """
    after = {node.name: frozenset(node.after) | frozenset([node.verifies] if node.verifies else []) for node in nodes}
    for node in nodes:
        if not node.verifies:
            continue
        before = ancestors(node.name, after)
        for other, needed in after.items():
            if node.verifies in needed and other != node.name and other not in before:
                after[other] = needed | {node.name}
    return after


def ancestors(name: str, after: After) -> frozenset[str]:
    """All steps that a step rests on, near or far."""
    found: set[str] = set()
    waiting = list(after.get(name, ()))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(after.get(one, ()))
    return frozenset(found)


def circle(after: After) -> tuple[str, ...]:
    """Steps that wait for each other, in their order; empty: none do."""
    left = dict(after)
    while ready := [name for name, needed in left.items() if not needed & left.keys()]:
        for name in ready:
            del left[name]
    return tuple(name for name in left if name in ancestors(name, left))


def wrong(nodes: Sequence[Node]) -> Iterator[tuple[str, str]]:
    """Mistakes of a graph: the step, and what is wrong with it."""
    names = [node.name for node in nodes]
    verified: dict[str, str] = {}
    judges = {node.name for node in nodes if node.verifies}
    for place, node in enumerate(nodes):
        if node.name in names[:place]:
            yield node.name, "another step has its name"
        for one in (*node.after, *([node.verifies] if node.verifies else [])):
            if one not in names:
                yield node.name, f"it waits for {one}, and there is no such step"
            elif one == node.name:
                yield node.name, "it waits for itself"
        if node.verifies and node.verifies in verified:
            yield node.name, f"{verified[node.verifies]} verifies {node.verifies} already"
        if node.verifies in judges:
            yield node.name, f"{node.verifies} only judges, and can't be sent back"
        verified.setdefault(node.verifies, node.name)
    if (names_in := circle(waits(nodes))) and len(names_in) > 1:
        yield names_in[0], f"{', '.join(names_in)} wait for each other"
