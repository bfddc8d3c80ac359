"""Paths that other rooms answer themselves: runs, triggers, MCP, A2A, registries."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec import Struct

from antiphon.net.exchange import Exchange

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]
"""Answers an exchange, errors too, once awaited."""


class Beside(Struct, frozen=True, kw_only=True):
    """Who answers what is no model call and no page of the gateway's own."""

    exact: Mapping[bytes, Handler] = {}
    below: tuple[tuple[bytes, Handler], ...] = ()
    """By what paths begin with; the first that fits."""

    def find(self, path: bytes) -> Handler | None:
        """None: it is another's."""
        found = self.exact.get(path)
        if found is not None:
            return found
        return next((handler for start, handler in self.below if path.startswith(start)), None)
