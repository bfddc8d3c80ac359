"""What the file says, as far as checks of the settings need to know it."""

from difflib import get_close_matches

from msgspec import Struct

from antiphon.core.error import Problem
from antiphon.wire.yaml_node import Items, Node, Path, Scalar, Table, dotted, find, line_of


class Written(Struct, frozen=True, kw_only=True):
    """The tree behind the settings. Paths in `broken` were reported already and hold no value."""

    file: str
    tree: Node | None
    broken: frozenset[Path]

    def names(self, section: str) -> tuple[str, ...]:
        """Every name of a section, also of entries that could not be read."""
        node = find(self.tree, (section,))
        return tuple(entry.key for entry in node.entries) if isinstance(node, Table) else ()

    def has(self, path: Path) -> bool:
        return find(self.tree, path) is not None

    def said(self, path: Path) -> str:
        """The text at a path before interpolation; empty when nothing was put into it."""
        node = find(self.tree, path)
        return node.written or "" if isinstance(node, Scalar) else ""

    def sound(self, *paths: Path) -> bool:
        """Whether everything at these paths, above and beneath them, could be read."""
        return not any(bad[: len(path)] == path[: len(bad)] for bad in self.broken for path in paths)

    def kept(self, path: Path) -> list[int]:
        """Positions in the file of the items that the settings' list holds."""
        node = find(self.tree, path)
        count = len(node.nodes) if isinstance(node, Items) and path not in self.broken else 0
        return [at for at in range(count) if (*path, at) not in self.broken]

    def problem(self, path: Path, wrong: str, remedy: str) -> Problem:
        line = line_of(self.tree, path)
        return Problem(file=self.file, line=line, path=dotted(path), wrong=wrong, remedy=remedy)


def choose(name: str, known: tuple[str, ...], what: str) -> str:
    """A remedy for a name that isn't known: the nearest one, or all there are."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"write one of {', '.join(sorted(known))}" if known else f"there are no {what}; write one first"
