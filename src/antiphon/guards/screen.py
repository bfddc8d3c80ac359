"""Runs guards over texts."""

from collections.abc import Callable, Sequence

from antiphon.core.data_class import DataClass
from antiphon.core.finding import Side
from antiphon.guards.port import Asked, Guard, Screened, Text


def screen(
    texts: Sequence[Text],
    guards: Sequence[Guard],
    asked: Asked,
    side: Side,
    token: Callable[[str, str], str],
    mask: frozenset[str] = frozenset(),
    *,
    closed_from: DataClass = "internal",
) -> Screened:
    """What guards make of some texts.

    Args:
        token: Makes the token of a kind and a value.
        mask: Kinds that are masked whatever the guards' actions say, but for stricter ones.
        closed_from: From this class on, a guard whose failure goes by class is closed.
    Raises: GuardFailed.
    """
    raise NotImplementedError
