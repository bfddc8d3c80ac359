"""A checked condition as Python code: one expression that gives True, False, or None for unknown facts and errors.

Where a node has no such code, as a condition within arithmetic, it is evaluated node by node. What `evaluate` calls an
error may be raised: whoever calls then evaluates.
"""

from collections.abc import Callable, Iterable
from typing import cast

from antiphon.expr.error import Failure
from antiphon.expr.evaluate import MAX_STEPS, Lookup, evaluate
from antiphon.expr.typed import Apply, Const, Each, Every, Fact, Has, If, Items, Not, Some, Typed, Var, below

Compiled = Callable[[Lookup], bool | None]
RAISED = (Failure, TypeError, AttributeError)
"""What code may raise for an error: a fact that isn't of its kind has other methods and operators."""


def code(root: Typed) -> Compiled:
    """The code of a condition."""
    writer = _Writer()
    try:
        source = f"lambda v: {writer.decided(root)}"
        made = eval(compile(source, "<expression>", "eval"), writer.constants)  # noqa: S307  # names and operators are ours, values are constants
    except (SyntaxError, MemoryError, RecursionError):  # nested too deeply for the interpreter
        return _evaluated(root)
    return cast("Compiled", made)


def _evaluated(node: Typed) -> Compiled:
    def run(lookup: Lookup) -> bool | None:
        value = evaluate(node, lookup).value
        return value if isinstance(value, bool) else None

    return run


def _exists(items: tuple[object, ...], holds: Callable[[object], bool | None]) -> bool | None:
    return _each(items, holds, ends=True)


def _all(items: tuple[object, ...], holds: Callable[[object], bool | None]) -> bool | None:
    return _each(items, holds, ends=False)


def _each(items: tuple[object, ...], holds: Callable[[object], bool | None], *, ends: bool) -> bool | None:
    if len(items) > MAX_STEPS:
        raise Failure(f"its macros take over {MAX_STEPS} rounds")
    open_ = False
    for item in items:
        found = holds(item)
        if found is ends:
            return ends
        open_ = open_ or found is None
    return None if open_ else not ends


class _Writer:
    """`decided` writes code of three values; `strict` code of a value, for facts that are known by then."""

    def __init__(self) -> None:
        self.constants: dict[str, object] = {"exists": _exists, "all_": _all, "__builtins__": {"len": len}}
        self._locals = 0

    def decided(self, node: Typed) -> str:
        match node:
            case Const(value=value):
                return "True" if value is True else "False"
            case Fact(name=name):
                return f"v({name!r})"
            case Var(name=name):
                return name
            case Has(fact=fact):
                return f"(v({fact.name!r}) is not None)"
            case Not(of=of):
                local = self._local()
                return f"(None if ({local} := {self.decided(of)}) is None else not {local})"
            case Every(of=of) | Some(of=of):
                return self._row(of, ends=isinstance(node, Some))
            case If(condition=condition, yes=yes, no=no):
                local = self._local()
                chosen = f"{self.decided(yes)} if ({local} := {self.decided(condition)}) is True"
                return f"({chosen} else {self.decided(no)} if {local} is False else None)"
            case Each(way="exists" | "all", over=over, var=var, body=body) if _strict(over) and _plain(body):
                called = "exists" if node.way == "exists" else "all_"
                return self._known((over,), lambda items: f"{called}({items[0]}, lambda {var}: {self.decided(body)})")
            case Apply(args=args) if all(map(_strict, args)):
                return self._known(args, lambda given: self._applied(node, given))
            case _:
                return f"{self._constant(_evaluated(node))}(v)"

    def _row(self, operands: tuple[Typed, ...], *, ends: bool) -> str:
        locals_ = [self._local() for _ in operands]
        decides = " or ".join(
            f"({local} := {self.decided(one)}) is {ends}" for local, one in zip(locals_, operands, strict=True)
        )
        if ends:
            left = " or ".join(f"{local} is None" for local in locals_)
            return f"(True if {decides} else None if {left} else False)"
        return f"(False if {decides} else {' and '.join(locals_)})"

    def _known(self, args: tuple[Typed, ...], write: Callable[[list[str]], str]) -> str:
        """Code that is None when a fact of these arguments is."""
        asked: dict[str, str] = {}
        given = [self._value(one, asked) for one in args]
        unknown = " or ".join(f"({local} := v({name!r})) is None" for name, local in asked.items())
        return f"(None if {unknown} else {write(given)})" if unknown else write(given)

    def _value(self, node: Typed, asked: dict[str, str]) -> str:
        match node:
            case Fact(name=name):
                return asked.setdefault(name, self._local())
            case Var(name=name):
                return name
            case Const():
                return self._literal(node)
            case Items(items=items):
                return f"({''.join(f'{self._value(one, asked)}, ' for one in items)})"
            case Apply(args=args):
                return self._applied(node, [self._value(one, asked) for one in args])
            case _:
                raise AssertionError(node)

    def _applied(self, node: Apply, given: list[str]) -> str:
        if node.function == "@in" and isinstance(node.args[1], Const):
            given = [given[0], self._constant(frozenset(cast("Iterable[object]", node.args[1].value)))]
        return node.code.format(*given) if node.code else f"{self._constant(node.do)}({', '.join(given)})"

    def _literal(self, node: Const) -> str:
        if isinstance(node.value, bool | int) or (isinstance(node.value, str) and len(node.value) < 100):
            return f"({node.value!r})" if isinstance(node.value, int) else repr(node.value)
        return self._constant(node.value)

    def _constant(self, value: object) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def _local(self) -> str:
        self._locals += 1
        return f"x{self._locals}"


def _strict(node: Typed) -> bool:
    """Whether its value takes all facts in it."""
    return isinstance(node, Const | Fact | Var | Items | Apply) and all(map(_strict, below(node)))


def _plain(node: Typed) -> bool:
    """Whether all of it is written as code, so that it may look at a macro's variable."""
    match node:
        case Each():
            return False
        case Apply(args=args):
            return all(map(_strict, args))
        case _:
            return all(map(_plain, below(node)))
