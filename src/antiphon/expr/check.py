"""A tree against the facts that are declared: names, kinds, functions; constants are worked out."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast, get_args

from antiphon.core.signal import Declared
from antiphon.expr import arithmetic, functions, moments, names, pattern, tree
from antiphon.expr.error import ExpressionError, Failure
from antiphon.expr.functions import Overload
from antiphon.expr.kinds import ANY_LIST, NUMBERS, ORDERED, Gives, Kind, element, gives, is_list, joined, list_of
from antiphon.expr.tree import Call, Listed, Literal, Name, Node
from antiphon.expr.typed import (
    Apply,
    Const,
    Constant,
    Each,
    EachWay,
    Every,
    Has,
    If,
    Items,
    Not,
    Some,
    Typed,
    Var,
    rank,
)

MAX_MACROS = 3
"""Within each other."""
_EQUAL = frozenset({"_==_", "_!=_"})
_ORDER = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
_AT_ONCE = frozenset({"timestamp", "duration", *moments.TIMESTAMP_PARTS})
"""Functions whose constant arguments have to be right, as nobody means to write a date that there isn't."""


def check(node: Node, text: str, env: Mapping[str, Declared], wanted: Gives) -> Typed:
    """The checked tree. Raises: ExpressionError, with the first mistake."""
    found = _Checker(text, env).typed(node)
    if not gives(found.kind, wanted):
        remedy = "compare it, as in `… == …`" if wanted == "bool" else f"write an expression that gives {wanted}"
        raise ExpressionError(text, node.at, f"it gives {found.kind}, not {wanted}", remedy)
    return found


class _Checker:
    def __init__(self, text: str, env: Mapping[str, Declared]) -> None:
        self._text, self._env = text, env
        self._scope: dict[str, Var] = {}

    def typed(self, node: Node) -> Typed:
        match node:
            case Literal(value=value):
                return Const(_kind(value), value)
            case Name(parts=(only,)) if only in self._scope:
                return self._scope[only]
            case Name():
                return names.fact(node, self._env, self._text)
            case Listed():
                return self._listed(node)
            case Call():
                return self._called(node)

    def _listed(self, node: Listed) -> Typed:
        items = tuple(self.typed(one) for one in node.items)
        kind: Kind = "any"
        for one, item in zip(node.items, items, strict=True):
            both = joined(kind, item.kind)
            if both is None:
                raise self._wrong(one, f"the list has {kind} before and {item.kind} here", "write items of one kind")
            kind = both
        if all(isinstance(item, Const) for item in items):
            return Const(list_of(kind), tuple(cast("Const", item).value for item in items))
        return Items(list_of(kind), items)

    def _called(self, call: Call) -> Typed:
        match call.function, call.target, call.args:
            case ((tree.AND | tree.OR), _, operands):
                return self._logic(call.function, operands)
            case tree.NOT, _, (of,):
                inner = self._bool(of)
                return Const("bool", not inner.value) if isinstance(inner, Const) else Not("bool", inner)
            case tree.CHOOSE, _, (condition, yes, no):
                return self._choose(call, condition, yes, no)
            case tree.INDEX, _, (of, index):
                return self._index(call, of, index)
            case tree.IN, _, (one, of):
                return self._member(call, one, of)
            case function, _, (left, right) if function in _EQUAL or function in _ORDER:
                return self._relation(call, left, right)
            case function, _, operands if function in functions.SIGNS:
                return self._resolve(call, functions.SIGNS[function], operands)
            case _:
                return self._function(call)

    def _logic(self, function: str, operands: Sequence[Node]) -> Typed:
        """Cheap operands first. Constants that decide nothing are left out."""
        ends = function == tree.OR
        found = [self._bool(one) for one in operands]
        if any(isinstance(one, Const) and one.value is ends for one in found):
            return Const("bool", ends)
        flat: list[Typed] = []
        for one in found:
            if isinstance(one, Some if ends else Every):
                flat.extend(one.of)
            elif not isinstance(one, Const):
                flat.append(one)
        if len(flat) < 2:
            return flat[0] if flat else Const("bool", not ends)
        return (Some if ends else Every)("bool", tuple(sorted(flat, key=rank)))

    def _choose(self, call: Call, condition: Node, yes: Node, no: Node) -> Typed:
        asked, one, other = self._bool(condition), self.typed(yes), self.typed(no)
        kind = joined(one.kind, other.kind)
        if kind is None:
            raise self._wrong(call, f"it gives {one.kind} or {other.kind}", "give the same kind in both branches")
        if isinstance(asked, Const):
            return one if asked.value is True else other
        return If(kind, asked, one, other)

    def _index(self, call: Call, of: Node, index: Node) -> Typed:
        items, at = self.typed(of), self.typed(index)
        if not is_list(items.kind) or at.kind != "int":
            raise self._wrong(call, f"{items.kind} has no items by {at.kind}", "write list[int]")
        return self._apply(call, Overload((), element(items.kind), arithmetic.at_index), (items, at))

    def _member(self, call: Call, one: Node, of: Node) -> Typed:
        item, items = self.typed(one), self.typed(of)
        if not is_list(items.kind):
            remedy = "write text.contains(part)" if items.kind == "string" else "write a list such as [1, 2]"
            raise self._wrong(call, f"nothing is in {items.kind}", remedy)
        self._comparable(call, item.kind, element(items.kind))
        return self._apply(call, Overload((), "bool", functions.is_in, "({0} in {1})"), (item, items))

    def _relation(self, call: Call, left: Node, right: Node) -> Typed:
        one, other = self.typed(left), self.typed(right)
        kind = self._comparable(call, one.kind, other.kind)
        if call.function in _ORDER and kind not in ORDERED:
            raise self._wrong(call, f"{kind} has no order", "compare with == or !=")
        sign = call.function.strip("_")
        return self._apply(call, Overload((), "bool", functions.COMPARE[sign], f"({{0}} {sign} {{1}})"), (one, other))

    def _comparable(self, call: Call, one: Kind, other: Kind) -> Kind:
        if one in NUMBERS and other in NUMBERS:
            return one
        kind = joined(one, other)
        if kind is None:
            remedy = "convert one of them, as in string(…), int(…) or timestamp(…)"
            raise self._wrong(call, f"{one} is not compared with {other}", remedy)
        return kind

    def _has(self, call: Call, args: Sequence[Node]) -> Typed:
        if len(args) != 1 or not isinstance(args[0], Name) or args[0].parts[0] in self._scope:
            raise self._wrong(call, "`has` takes the name of a fact", "write has(fact)")
        return Has("bool", names.fact(args[0], self._env, self._text))

    def _matches(self, call: Call, args: Sequence[Node]) -> Typed:
        if len(args) != 2:
            raise self._wrong(call, f"`matches` takes a text and a pattern, not {len(args)}", "write text.matches('…')")
        text, said = self.typed(args[0]), self.typed(args[1])
        if (text.kind, said.kind) != ("string", "string"):
            raise self._wrong(call, f"`matches` takes no {text.kind} and {said.kind}", "write text.matches('…')")
        if not isinstance(said, Const):
            raise self._wrong(args[1], "the pattern isn't a literal", "write it out: patterns are compiled beforehand")
        try:
            matches = pattern.matcher(str(said.value))
        except Failure as error:
            raise self._wrong(
                args[1], str(error), "see RE2's syntax; look-around and back-references aren't in it"
            ) from None
        return self._apply(call, Overload((), "bool", _matching(matches)), (text, said))

    def _macro(self, call: Call, target: Node, args: Sequence[Node]) -> Typed:
        over = self.typed(target)
        most = 3 if call.function == "map" else 2
        if not is_list(over.kind):
            raise self._wrong(
                call, f"`{call.function}` goes through lists, not {over.kind}", "put a list before the dot"
            )
        if not 2 <= len(args) <= most or not isinstance(args[0], Name) or len(args[0].parts) != 1:
            what = "value" if call.function == "map" else "condition"
            raise self._wrong(call, f"`{call.function}` takes a name and a {what}", f"write {call.function}(x, …)")
        if len(self._scope) >= MAX_MACROS:
            raise self._wrong(call, f"over {MAX_MACROS} macros are within each other", "take the expression apart")
        name = args[0].parts[0]
        if name in self._scope:
            raise self._wrong(args[0], f"`{name}` is a name of the macro around it", "choose another")
        if len(args) == 3:
            over = self._each("filter", over, name, args[1])
        return self._each(call.function, over, name, args[-1])

    def _each(self, function: str, over: Typed, name: str, body: Node) -> Typed:
        var = Var(element(over.kind), f"v{len(self._scope)}")
        self._scope[name] = var
        inner = self.typed(body) if function == "map" else self._bool(body)
        del self._scope[name]
        way = next(one for one in get_args(EachWay) if one == function)
        kind = {"map": list_of(inner.kind), "filter": over.kind}.get(function, "bool")
        return Each(kind, way, over, var.name, inner)

    def _function(self, call: Call) -> Typed:
        match call.function, call.target, call.args:
            case "has", None, args:
                return self._has(call, args)
            case "matches", target, args:
                return self._matches(call, args if target is None else (target, *args))
            case function, target, args if target is not None and function in functions.MACROS:
                return self._macro(call, target, args)
            case _:
                return self._standard(call)

    def _standard(self, call: Call) -> Typed:
        """A function of the tables."""
        if isinstance(call.target, Name) and ".".join((*call.target.parts, call.function)) in functions.CALLS:
            name = ".".join((*call.target.parts, call.function))
            return self._resolve(call, functions.CALLS[name], call.args, name)
        table = functions.CALLS if call.target is None else functions.METHODS
        if call.function not in table:
            known = [*table, *(("has", "matches") if call.target is None else ("matches", *functions.MACROS))]
            wrong = f"there is no {'function' if call.target is None else 'method'} `{call.function}`"
            raise self._wrong(call, wrong, names.guess(call.function, known, f"there are {', '.join(sorted(known))}"))
        operands = call.args if call.target is None else (call.target, *call.args)
        return self._resolve(call, table[call.function], operands)

    def _resolve(self, call: Call, overloads: Sequence[Overload], operands: Sequence[Node], name: str = "") -> Typed:
        """The overload that takes operands of these kinds."""
        args = tuple(self.typed(one) for one in operands)
        if call.function == "_+_" and (kind := joined(args[0].kind, args[1].kind)) and is_list(kind):
            return self._apply(call, Overload((), kind, arithmetic.join_lists), args)
        for overload in overloads:
            if len(overload.takes) == len(args) and all(map(_takes, overload.takes, args)):
                return self._apply(call, overload, args, name)
        said = " and ".join(arg.kind for arg in args) or "nothing"
        forms = "; ".join(dict.fromkeys(" and ".join(one.takes) for one in overloads[:8])).replace(ANY_LIST, "list")
        mixed = {arg.kind for arg in args} == set(NUMBERS)
        remedy = "convert with double(…) or int(…)" if mixed else f"it takes {forms}"
        raise self._wrong(call, f"`{(name or call.function).strip('_')}` takes no {said}", remedy)

    def _apply(self, call: Call, overload: Overload, args: tuple[Typed, ...], name: str = "") -> Typed:
        """A call; what it gives, when its arguments are constants."""
        function = name or call.function
        if call.function in _AT_ONCE and len(args) == 2 and isinstance(args[1], Const):
            self._zone(call, str(args[1].value))
        if all(isinstance(arg, Const) for arg in args):
            values = [cast("Const", arg).value for arg in args]
            try:
                return Const(overload.gives, cast("Constant", overload.do(*values)))
            except Failure as error:
                if call.function in _AT_ONCE:
                    raise self._wrong(call, "it has no value", str(error)) from None
        return Apply(overload.gives, function, args, overload.do, overload.code)

    def _zone(self, call: Call, name: str) -> None:
        try:
            moments.zone(name)
        except Failure as error:
            raise self._wrong(call, "it has no value", str(error)) from None

    def _bool(self, node: Node) -> Typed:
        found = self.typed(node)
        if found.kind != "bool":
            raise self._wrong(node, f"it gives {found.kind}, where a bool has to stand", "compare it, as in `… == …`")
        return found

    def _wrong(self, node: Node, wrong: str, remedy: str) -> ExpressionError:
        sign = node.function.strip("_@") if isinstance(node, Call) else ""
        return ExpressionError(self._text, node.at, wrong, remedy, token=sign)


def _kind(value: tree.Scalar) -> Kind:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "double"
        case str():
            return "string"


def _matching(matches: Callable[[str], bool]) -> Callable[[str, str], bool]:
    """Of a text and the pattern that was compiled."""

    def run(text: str, pattern: str) -> bool:  # noqa: ARG001
        return matches(text)

    return run


def _takes(kind: Kind, arg: Typed) -> bool:
    return arg.kind in (kind, "any") or (kind == ANY_LIST and is_list(arg.kind))
