"""Keys, budgets and limits of the file, and those of the admin API read as if they stood there too."""

from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from types import MappingProxyType
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from antiphon.config.check_budgets import check_budgets
from antiphon.config.check_identity import check_accounts, check_bindings
from antiphon.config.check_keys import check_keys
from antiphon.config.check_limits import check_limits
from antiphon.config.convert import convert
from antiphon.config.interpolate import interpolate
from antiphon.config.known import tiers_of
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.control.ownership import PLACES, SECTIONS, Flaw, Flawed, Forms, doubled
from antiphon.control.settings import AccountForm, KeyForm, KeySettings
from antiphon.control.settings_identity import BindingForm
from antiphon.core.error import ConfigError, Problem
from antiphon.core.objects import Object, ObjectKind
from antiphon.core.secret import Secret
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Entry, Items, Node, Table, dotted, line_of, node_of

_BODY = "(body)"
_STANDS = Secret("stands-for-a-key-that-is-made-later")
_FORMS: Mapping[ObjectKind, type[Struct]] = MappingProxyType(
    {
        "key": KeyForm,
        "budget": BudgetSettings,
        "limit": RateLimitSettings,
        "account": AccountForm,
        "binding": BindingForm,
    }
)


class FileForms(Forms):
    """The forms of one configuration."""

    def __init__(self, loaded: Loaded) -> None:
        self._settings = loaded.settings
        self._tree = _tree(loaded)
        self._written: dict[ObjectKind, dict[str, Struct]] = {
            kind: {one.name: one for one in _listed(loaded.settings, kind)} for kind in SECTIONS
        }

    def written(self, kind: ObjectKind) -> Mapping[str, Struct]:
        return self._written.get(kind, {})

    def read(self, kind: ObjectKind, name: str, fields: Mapping[str, Any]) -> Struct:
        node = _item(kind, name, fields)
        read = convert(node, _FORMS[kind], _BODY)
        if read.problems or read.value is None:
            raise _flawed(read.problems, "")
        place = PLACES.get(kind, (SECTIONS[kind],))
        root = _with(self._tree, place, node)
        found = list(_across(read.value, self._settings, Written(file=_BODY, tree=root, broken=frozenset())))
        if found:
            raise _flawed(found, f"{'.'.join(place)}[0]")
        return read.value


def check_owners(loaded: Loaded, objects: Iterable[Object]) -> None:
    """Whether the file and the admin API own different objects. Raises: ConfigError, naming both owners of each."""
    forms = FileForms(loaded)
    tree = _tree(loaded)
    problems: list[Problem] = []
    for one in doubled(objects, forms):
        section = SECTIONS[one.kind]
        at = list(forms.written(one.kind)).index(one.name)
        wrong = f"the admin API owns a {one.kind} {one.name} too (version {one.version}, by {one.by})"
        remedy = f"give this one another name, or delete that one: `antiphon {section} delete {one.name}`"
        path = (*PLACES.get(one.kind, (section,)), at, "name")
        problems.append(
            Problem(file=loaded.file, line=line_of(tree, path), path=dotted(path), wrong=wrong, remedy=remedy)
        )
    if problems:
        raise ConfigError(problems)


def _across(one: Struct, settings: Settings, written: Written) -> Iterator[Problem]:
    """Mistakes that only show beside the rest of the file."""
    match one:
        case KeyForm():
            fields = {name: getattr(one, name) for name in one.__struct_fields__}
            yield from check_keys(replace(settings, keys=[KeySettings(**fields, key=_STANDS)]), written)
        case AccountForm():
            yield from check_accounts([one], settings, written)
        case BindingForm():
            yield from check_bindings([one], settings, written)
        case RateLimitSettings():
            yield from check_limits([one], settings.cluster, written)
        case BudgetSettings():
            names = (*settings.routes, *(name for name, model in settings.models.items() if model.listed))
            yield from check_budgets([one], written, tiers=tiers_of(settings), names=names)
        case _:
            raise TypeError(f"{type(one).__name__} is no form of an object")


def _tree(loaded: Loaded) -> Table:
    """The file's nodes, everything filled in."""
    tree, _ = compose(loaded.text, loaded.file)
    filled, _ = interpolate(tree, loaded.environ, loaded.base, loaded.file)
    return filled if isinstance(filled, Table) else Table(entries=(), line=1, column=1)


def _item(kind: ObjectKind, name: str, fields: Mapping[str, Any]) -> Node:
    """The object as the file would have it. Raises: Flawed, where it says what is said elsewhere."""
    if fields.get("name", name) != name:
        raise _flaw("name", f"is not {name}, as in the path", "leave it out, or ask for another path")
    if kind == "key" and "key" in fields:
        raise _flaw("key", "the text of a key is made here, and told once", "leave it out")
    return node_of({**fields, "name": name})


def _listed(settings: Settings, kind: ObjectKind) -> list[Any]:
    """The file's own of a kind."""
    place = PLACES.get(kind)
    return [] if place is None else reduce(getattr, place, cast("Any", settings))


def _with(tree: Table, place: tuple[str, ...], node: Node) -> Table:
    """The file with this one item alone in a section."""
    *above, section = place
    fresh: Node = Items(nodes=(node,), line=1, column=1)
    for name in reversed((*above[1:], section) if above else ()):
        fresh = Table(entries=(Entry(key=name, line=1, column=1, value=fresh),), line=1, column=1)
    top = Entry(key=place[0], line=1, column=1, value=fresh)
    return replace(tree, entries=(*(one for one in tree.entries if one.key != place[0]), top))


def _flawed(problems: Iterable[Problem], here: str) -> Flawed:
    flaws = tuple(
        Flaw(field=one.path.removeprefix(here).lstrip(".") or "(object)", wrong=one.wrong, remedy=one.remedy)
        for one in problems
    )
    return Flawed("; ".join(f"{one.field}: {one.wrong}; {one.remedy}" for one in flaws), flaws)


def _flaw(field: str, wrong: str, remedy: str) -> Flawed:
    return Flawed(f"{field}: {wrong}; {remedy}", (Flaw(field=field, wrong=wrong, remedy=remedy),))
