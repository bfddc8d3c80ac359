"""A path of the admin API."""

from collections.abc import Callable

from msgspec import Struct

from antiphon.admin.ask import Ask
from antiphon.admin.desk import Desk, Done
from antiphon.control.roles import Permission

Act = Callable[[Desk, Ask], Done]


class Route(Struct, frozen=True, kw_only=True):
    """One path and method."""

    method: str
    path: str
    act: Act
    """Blocks on the store."""
    said: str
    needs: Permission = "read"
    """What whoever asks has to be allowed."""
    scoped: bool = False
    """It heeds itself in which tenants and teams they are allowed that; else they have to be in all of them."""
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    """Fields of the body; `*`: those of the kind's section in the configuration."""
