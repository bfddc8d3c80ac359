"""What policies read of a principal, a resource and the circumstances, and how finely: worked out from their trees.

A verdict is kept under these readings alone. `context.hour >= 8` is read as on which side of 8 the hour is,
`context.findings.contains("secret")` as whether `secret` is among them: so two requests that no policy can tell apart
share a verdict. What is read in any other way counts whole.
"""

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from msgspec import Struct

from antiphon.policy.rule import Rule, Tree

Spot = tuple[str, str]
"""`principal`, `resource` or `context`, and the attribute; `uid` is what names a principal or resource."""
Fold = Callable[[Any], Hashable]
"""Makes of a value what policies can see of it; in C, since it runs on every request."""
_ORDER = MappingProxyType({"<": (0,), "<=": (1,), ">": (1,), ">=": (0,)})
"""By how much the value to compare with is above itself where the answer turns: `x <= 3` turns at 4."""
_FLIPPED = MappingProxyType({"<": ">", "<=": ">=", ">": "<", ">=": "<="})
_MEMBERS = MappingProxyType({"Team": "team", "Department": "department", "Role": "roles"})
"""Attributes that say which of these a principal is in."""


_SEVERAL_OF_RESOURCES = frozenset(("terms", "effects"))


class Reading(Struct, kw_only=True):
    """How one attribute is read."""

    whole: bool = False
    cuts: set[int] = set()
    """Numbers at which an answer turns."""
    words: set[str] = set()
    """Texts that it is compared with, or that are looked for in it."""
    empty: bool = False
    """Whether it is empty is asked."""


Readings = dict[Spot, Reading]


def readings(rules: Iterable[Rule]) -> Readings:
    """What these policies read."""
    walk = _Walk()
    for rule in rules:
        walk.scope("principal", rule.tree["principal"])
        walk.scope("resource", rule.tree["resource"])
        for condition in cast("list[Tree]", rule.tree["conditions"]):
            walk.expression(condition["body"])
    return walk.found


def fold(reading: Reading, *, several: bool) -> Fold | None:
    """What makes of an attribute's value what policies see of it; None: the value itself.

    Args:
        several: The value is a set or tuple of texts.
    """
    if several:
        if reading.whole or reading.empty:
            return frozenset
        return frozenset(reading.words).intersection
    if reading.whole:
        return None
    if reading.cuts:
        return partial(bisect_right, sorted(reading.cuts))
    return {word: word for word in reading.words}.get


def seen(attributes: Mapping[str, Any], uid: str, readings: Readings) -> tuple[Hashable, ...]:
    """What policies see of a resource."""
    whole = ("resource", "*") in readings
    out: list[Hashable] = [uid] if whole else []
    for name, value in attributes.items():
        reading = readings.get(("resource", name))
        if whole:
            out.append(repr(value))
        elif reading is not None:
            several = name in _SEVERAL_OF_RESOURCES
            folded = fold(reading, several=several)
            out.append(value if folded is None else folded(value))
    named = readings.get(("resource", "uid"))
    if named is not None:
        out.append(uid if uid in named.words else None)
    return tuple(out)


class _Walk:
    """Collects readings from expressions. An expression of an unknown kind is searched for what it reads as a whole."""

    def __init__(self) -> None:
        self.found: Readings = {}

    def scope(self, variable: str, scope: Tree) -> None:
        """What a policy's head says of its principal or resource."""
        if "entity" in scope:
            self._named(variable, scope["entity"])
        if "in" in scope:
            self._named(variable, scope["in"]["entity"])

    def expression(self, tree: Any) -> None:  # noqa: ANN401 - Cedar's JSON
        """What an expression reads."""
        if isinstance(tree, list):
            for one in cast("list[Any]", tree):
                self.expression(one)
            return
        if not isinstance(tree, dict):
            return
        for operator, operands in cast("Tree", tree).items():
            if operator == "Value":
                continue
            if not self._known(operator, operands):
                self._other(operator, operands)

    def _other(self, operator: str, operands: Any) -> None:  # noqa: ANN401
        if operator == "Var":
            if operands in ("principal", "resource", "context"):
                self._at((operands, "*")).whole = True
        elif operator in (".", "has") and (spot := _spot({operator: operands})) is not None:
            self._at(spot).whole = operator == "." or self._at(spot).whole
        elif isinstance(operands, dict):
            for one in cast("Tree", operands).values():
                self.expression(one)
        else:
            self.expression(operands)

    def _known(self, operator: str, operands: Any) -> bool:  # noqa: ANN401
        """Whether an operator reads an attribute in a way that is understood; then it is noted."""
        if not isinstance(operands, dict):
            return False
        sides = cast("Tree", operands)
        left, right = sides.get("left"), sides.get("right")
        match operator:
            case "==" | "!=":
                return self._equal(left, right) or self._equal(right, left)
            case "<" | "<=" | ">" | ">=":
                return self._ordered(operator, left, right) or self._ordered(_FLIPPED[operator], right, left)
            case "contains":
                return self._among(left, _texts({"Set": [right]})) or self._one_of(right, _texts(left))
            case "containsAny" | "containsAll":
                return self._among(left, _texts(right))
            case "isEmpty":
                spot = _spot(sides.get("arg"))
                if spot is not None:
                    self._at(spot).empty = True
                return spot is not None
            case "in":
                return self._within(left, right)
            case "is":
                entity = sides.get("in")
                return _variable(left) is not None and (entity is None or self._within(left, entity))
            case _:
                return False

    def _equal(self, left: Any, right: Any) -> bool:  # noqa: ANN401
        spot, value = _spot(left), _value(right)
        if spot is not None and isinstance(value, str):
            self._at(spot).words.add(value)
            return True
        if spot is not None and isinstance(value, int) and not isinstance(value, bool):
            self._at(spot).cuts |= {value, value + 1}
            return True
        variable, entity = _variable(left), _entity(right)
        if variable is not None and entity is not None:
            self._named(variable, entity, exactly=True)
            return True
        return False

    def _ordered(self, operator: str, left: Any, right: Any) -> bool:  # noqa: ANN401
        spot, value = _spot(left), _value(right)
        if spot is None or not isinstance(value, int) or isinstance(value, bool):
            return False
        self._at(spot).cuts.add(value + _ORDER[operator][0])
        return True

    def _among(self, left: Any, texts: set[str] | None) -> bool:  # noqa: ANN401
        spot = _spot(left)
        if spot is None or texts is None:
            return False
        self._at(spot).words |= texts
        return True

    def _one_of(self, right: Any, texts: set[str] | None) -> bool:  # noqa: ANN401
        return self._among(right, texts)

    def _within(self, left: Any, right: Any) -> bool:  # noqa: ANN401
        variable = _variable(left)
        several: Any = cast("Tree", right).get("Set") if isinstance(right, dict) else None
        each: list[Any] = [right] if several is None else cast("list[Any]", several)
        entities = [_entity(one) for one in each]
        if variable is None or None in entities:
            return False
        for entity in entities:
            self._named(variable, cast("Tree", entity))
        return True

    def _named(self, variable: str, entity: Tree, *, exactly: bool = False) -> None:
        """A variable is compared with an entity, or with what it may be in."""
        attribute = _MEMBERS.get(entity["type"]) if variable == "principal" and not exactly else None
        self._at((variable, attribute or "uid")).words.add(entity["id"])

    def _at(self, spot: Spot) -> Reading:
        return self.found.setdefault(spot, Reading(cuts=set(), words=set()))


def _variable(tree: Any) -> str | None:  # noqa: ANN401
    name = cast("Tree", tree).get("Var") if isinstance(tree, dict) else None
    return name if name in ("principal", "resource") else None


def _spot(tree: Any) -> Spot | None:  # noqa: ANN401
    """The attribute that an expression is."""
    if not isinstance(tree, dict):
        return None
    access: Any = cast("Tree", tree).get(".") or cast("Tree", tree).get("has")
    if not isinstance(access, dict):
        return None
    sides = cast("Tree", access)
    left: Any = sides.get("left")
    variable = cast("Tree", left).get("Var") if isinstance(left, dict) else None
    return (variable, sides["attr"]) if variable in ("principal", "resource", "context") else None


def _value(tree: Any) -> Any:  # noqa: ANN401
    """The literal that an expression is; None: it is none."""
    return cast("Tree", tree).get("Value") if isinstance(tree, dict) else None


def _entity(tree: Any) -> Tree | None:  # noqa: ANN401
    """The entity that an expression names."""
    if isinstance(tree, dict) and "type" in tree:
        return cast("Tree", tree)
    value = _value(tree)
    entity = cast("Tree", value).get("__entity") if isinstance(value, dict) else None
    return cast("Tree | None", entity)


def _texts(tree: Any) -> set[str] | None:  # noqa: ANN401
    """The texts of a set that is written out; None: it is none, or holds something else."""
    if not isinstance(tree, dict):
        return None
    if "Value" in tree:
        value: Any = cast("Tree", tree)["Value"]
        return _all_texts(cast("list[Any]", value)) if isinstance(value, list) else None
    if "Set" not in tree:
        return None
    return _all_texts([_value(one) for one in cast("list[Any]", tree["Set"])])


def _all_texts(values: list[Any]) -> set[str] | None:
    texts = {one for one in values if isinstance(one, str)}
    return texts if all(isinstance(one, str) for one in values) else None
