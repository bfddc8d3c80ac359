"""A tree as text: one form for all ways to write the same."""

from antiphon.expr.literal import write
from antiphon.expr.token import IDENTIFIER
from antiphon.expr.tree import AND, CHOOSE, INDEX, MINUS, NOT, OR, SIGNS, Call, Listed, Literal, Name, Node

_UNARY, _MEMBER = 6, 7


def written(node: Node) -> str:
    """Text that reads as this tree: single spaces, no parentheses but those that are needed, texts in single quotes."""
    return _text(node, 0)


def _text(node: Node, least: int) -> str:
    """In parentheses when it binds less strongly than `least`."""
    power, said = _said(node)
    return said if power >= least else f"({said})"


def _said(node: Node) -> tuple[int, str]:
    match node:
        case Literal(value=value):
            said = write(value)
            return (_UNARY if said.startswith("-") else _MEMBER), said
        case Name(parts=parts):
            return _MEMBER, ".".join(
                one if at == 0 or IDENTIFIER.fullmatch(one) else f"`{one}`" for at, one in enumerate(parts)
            )
        case Listed(items=items):
            return _MEMBER, f"[{_list(items)}]"
        case Call():
            return _called(node)


def _called(call: Call) -> tuple[int, str]:
    match call.function, call.args:
        case str(function), (left, *rest) if function in SIGNS:
            power, sign = SIGNS[function]
            first = _text(left, power + 1 if _would_join(left, call) else power)
            return power, f" {sign} ".join([first, *(_text(one, power + 1) for one in rest)])
        case str(function), (condition, yes, no) if function == CHOOSE:
            return 0, f"{_text(condition, 1)} ? {_text(yes, 1)} : {_text(no, 0)}"
        case str(function), (of, index) if function == INDEX:
            return _MEMBER, f"{_text(of, _MEMBER)}[{_text(index, 0)}]"
        case str(function), (of,) if function in (NOT, MINUS):
            inner = _text(of, _UNARY)
            number = function == MINUS and inner[:1] in "0123456789."
            return _UNARY, f"{function[0]}({inner})" if number else f"{function[0]}{inner}"
        case _:
            before = "" if call.target is None else f"{_text(call.target, _MEMBER)}."
            return _MEMBER, f"{before}{call.function}({_list(call.args)})"


def _would_join(left: Node, call: Call) -> bool:
    """Whether its first operand would be read as more operands of the same row."""
    return isinstance(left, Call) and left.function == call.function and call.function in (AND, OR)


def _list(items: tuple[Node, ...]) -> str:
    return ", ".join(_text(one, 0) for one in items)
