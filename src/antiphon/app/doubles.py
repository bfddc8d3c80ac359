"""Names that the configuration file and the admin API both own: told once each, as the file's own stands."""

import logging
from collections.abc import Iterable
from functools import reduce
from typing import Protocol, cast

from antiphon.config.settings import Settings
from antiphon.control.owned import Owned
from antiphon.control.ownership import PLACES
from antiphon.core.objects import ObjectKind

log = logging.getLogger("antiphon.objects")


class Doubles:
    """Remembers what was told. One of a gateway's processes has one."""

    def __init__(self) -> None:
        self._told: set[tuple[ObjectKind, str]] = set()

    def look(self, settings: Settings, owned: Owned) -> None:
        """Tell names that became doubled; one that was single in between is told again."""
        found: set[tuple[ObjectKind, str]] = {
            (kind, one.name)
            for kind, place in PLACES.items()
            for one in _written(settings, place)
            if (kind, one.name) in owned.names
        }
        for kind, name in sorted(found - self._told):
            log.error("objects.doubled", extra={"kind": kind, "object": name})
        self._told = found


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _written(settings: Settings, place: tuple[str, ...]) -> Iterable[_Named]:
    """The file's own of one kind."""
    return cast("Iterable[_Named]", reduce(getattr, place, settings))
