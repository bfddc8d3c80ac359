"""What an expression is when it is checked: every node has its kind, operators have their operands in order of cost."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from msgspec import Struct

from antiphon.core.signal import FactKind
from antiphon.expr.kinds import Kind

Constant: TypeAlias = "bool | int | float | str | tuple[Constant, ...]"
EachWay = Literal["all", "exists", "exists_one", "filter", "map"]


class Const(Struct, frozen=True):
    kind: Kind
    value: Constant


class Fact(Struct, frozen=True):
    kind: Kind
    name: str
    says: FactKind
    rank: int
    """How dear it is to work out: 0 for free."""


class Var(Struct, frozen=True):
    """What a macro goes through, by a name of its own."""

    kind: Kind
    name: str


class Items(Struct, frozen=True):
    kind: Kind
    items: tuple["Typed", ...]


class Apply(Struct, frozen=True):
    """A function of all its arguments."""

    kind: Kind
    function: str
    args: tuple["Typed", ...]
    do: Callable[..., object]
    code: str = ""


class Has(Struct, frozen=True):
    kind: Kind
    fact: Fact


class Not(Struct, frozen=True):
    kind: Kind
    of: "Typed"


class Every(Struct, frozen=True):
    """`&&`."""

    kind: Kind
    of: tuple["Typed", ...]


class Some(Struct, frozen=True):
    """`||`."""

    kind: Kind
    of: tuple["Typed", ...]


class If(Struct, frozen=True):
    kind: Kind
    condition: "Typed"
    yes: "Typed"
    no: "Typed"


class Each(Struct, frozen=True):
    """A macro: `over.way(var, body)`."""

    kind: Kind
    way: EachWay
    over: "Typed"
    var: str
    body: "Typed"


Typed: TypeAlias = Const | Fact | Var | Items | Apply | Has | Not | Every | Some | If | Each


def below(node: Typed) -> tuple[Typed, ...]:
    """What a node is made of."""
    match node:
        case Items(items=items):
            return items
        case Apply(args=args):
            return args
        case Has(fact=fact):
            return (fact,)
        case Not(of=of):
            return (of,)
        case Every(of=of) | Some(of=of):
            return of
        case If(condition=condition, yes=yes, no=no):
            return (condition, yes, no)
        case Each(over=over, body=body):
            return (over, body)
        case _:
            return ()


def facts(node: Typed) -> tuple[Fact, ...]:
    """The facts that it may look at, in order; one that stands twice is listed twice."""
    if isinstance(node, Fact):
        return (node,)
    return tuple(fact for one in below(node) for fact in facts(one))


def rank(node: Typed) -> int:
    """The dearest of its facts."""
    return max((fact.rank for fact in facts(node)), default=0)
