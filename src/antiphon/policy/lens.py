"""What the policies of one action can see of a request, as a key to keep verdicts under."""

from collections.abc import Callable, Hashable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from antiphon.core.principal import Principal
from antiphon.policy.asked import Context
from antiphon.policy.entities import user_id
from antiphon.policy.reads import Fold, Reading, Readings, fold

WHOLE = Reading(whole=True)
_PRINCIPAL: Mapping[str, str] = MappingProxyType(
    {
        **{
            name: name
            for name in (
                "tenant",
                "key",
                "user",
                "team",
                "department",
                "employment",
                "clearance",
                "roles",
                "tags",
                "admin",
            )
        },
        "clearance_rank": "clearance",
    }
)
"""Attributes in policies, and the fields that they come from."""
_CONTEXT: Mapping[str, str] = MappingProxyType(
    {**{name: name for name in Context.__struct_fields__ if name != "lot"}, "data_class_rank": "data_class"}
)
_SEVERAL = frozenset(("roles", "tags", "modalities", "tools", "findings", "facts"))


class Lens:
    """Sees of a principal and the circumstances what policies can tell apart; the tenant and both classes always."""

    __slots__ = ("_context", "_folds", "_principal", "_uid")

    def __init__(self, readings: Readings) -> None:
        mine = _fields("principal", readings, _PRINCIPAL, ("tenant", "clearance"))
        its = _fields("context", readings, _CONTEXT, ("data_class",))
        self._principal: Callable[[Principal], tuple[Any, ...]] = _getter(mine)
        self._context: Callable[[Context], tuple[Any, ...]] = _getter(its)
        self._folds: tuple[Fold | None, ...] = (*_folds(mine), *_folds(its))
        uid = readings.get(("principal", "uid"))
        self._uid: Fold | None = None if uid is None else {word: word for word in uid.words}.get

    def key(self, principal: Principal, context: Context) -> tuple[Hashable, ...]:
        """Equal for two requests that no policy can tell apart. Raises: TypeError, for values of another type."""
        seen = self._principal(principal) + self._context(context)
        made = [value if one is None else one(value) for one, value in zip(self._folds, seen, strict=True)]
        if self._uid is not None:
            made.append(self._uid(user_id(principal)))
        return tuple(made)


def _fields(variable: str, readings: Readings, known: Mapping[str, str], always: tuple[str, ...]) -> dict[str, Reading]:
    """The fields of a variable that are read, and how."""
    if (variable, "*") in readings:
        return dict.fromkeys(dict.fromkeys(known.values()), WHOLE)
    out = dict.fromkeys(always, WHOLE)
    for (of, attribute), reading in readings.items():
        if of == variable and attribute in known:
            out.setdefault(known[attribute], reading)
    return out


def _folds(fields: Mapping[str, Reading]) -> list[Fold | None]:
    folds = [fold(reading, several=name in _SEVERAL) for name, reading in fields.items()]
    return folds if len(folds) > 1 else folds * 2


def _getter(fields: Mapping[str, Reading]) -> Callable[[Any], tuple[Any, ...]]:
    """A getter of one field would not return a tuple, so that field is read twice."""
    names = tuple(fields)
    return attrgetter(*(names if len(names) > 1 else names * 2))
