"""What statements that databases have in common are asked by."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol


class Ask(Protocol):
    """A transaction that is open."""

    @property
    def row_lock(self) -> str:
        """Ends a question whose rows nobody else may change before the transaction ends."""
        ...

    def ask(self, text: str, values: Sequence[object] = ()) -> list[Any]: ...

    def many(self, text: str, rows: Iterable[Sequence[object]]) -> None: ...
