"""Who owns a key, a budget or a limit: the configuration file or the admin API, and never both."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.core.objects import Object, ObjectKind

SECTIONS: Mapping[ObjectKind, str] = MappingProxyType(
    {"key": "keys", "budget": "budgets", "limit": "limits", "account": "accounts", "binding": "bindings"}
)
"""The admin API's word for each kind, in its paths."""
PLACES: Mapping[ObjectKind, tuple[str, ...]] = MappingProxyType(
    {"key": ("keys",), "budget": ("budgets",), "limit": ("limits",), "binding": ("identity", "bindings")}
)
"""Where the configuration file has each kind. Those that are not here it can't have."""
KINDS: Mapping[str, ObjectKind] = MappingProxyType({section: kind for kind, section in SECTIONS.items()})


class Flaw(Struct, frozen=True, kw_only=True):
    """One mistake in an object."""

    field: str
    wrong: str
    remedy: str


class Flawed(BadRequest):
    """An object can't be taken. All its mistakes are listed, not the first alone."""

    def __init__(self, message: str, flaws: tuple[Flaw, ...] = ()) -> None:
        super().__init__(message, param=flaws[0].field if flaws else None)
        self.flaws = flaws


class Forms(ABC):
    """What the configuration file owns, and how an object is read as it would be there."""

    @abstractmethod
    def written(self, kind: ObjectKind) -> Mapping[str, Struct]:
        """The file's own, by name."""

    @abstractmethod
    def read(self, kind: ObjectKind, name: str, fields: Mapping[str, Any]) -> Struct:
        """An object out of its fields, checked as the file's are. Raises: Flawed."""


def doubled(objects: Iterable[Object], forms: Forms) -> list[Object]:
    """Objects of the admin API whose names the file has too."""
    return [one for one in objects if one.name in forms.written(one.kind)]
