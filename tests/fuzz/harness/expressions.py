"""Expressions: read, checked, written, evaluated in both ways, and indexed."""

from collections.abc import Callable

from antiphon import expr
from antiphon.core.signal import Declared, FactKind, Value
from antiphon.expr import Expression, ExpressionError, Index, Rule, analyse
from antiphon.expr.evaluate import evaluate
from harness.rules import same

KINDS: dict[str, FactKind] = {
    "a": "int",
    "a.b": "double",
    "b": "bool",
    "l": "strings",
    "s": "string",
    "t": "timestamp",
}
ENV = {name: Declared(name=name, kind=kind, cost="free", says="") for name, kind in KINDS.items()}
KNOWN: tuple[dict[str, Value], ...] = (
    {"a": 3, "a.b": 0.5, "b": True, "l": ("a", "bb"), "s": "math", "t": 1_700_000_000_000_000_000},
    {"a": 0, "a.b": -1.0, "b": False, "l": (), "s": "", "t": 0},
    {},
)


def targets() -> dict[str, Callable[[bytes], None]]:
    return {"expressions": check}


def check(data: bytes) -> None:
    """What is refused says why; what is taken means the same in every way it is evaluated and written."""
    text = data.decode("utf-8", "replace")
    found = _compiled(text, "any")
    if found is None:
        return
    again = _compiled(found.written, "any")
    assert again is not None, "what was written can't be read"
    same(again.written, found.written, "it is written in another way")
    for known in KNOWN:
        outcome = found.value(known.get)
        same(repr(outcome), repr(evaluate(found.root, known.get)), "code gives something else")
        same(repr(again.value(known.get)), repr(outcome), "what was written means something else")
    if found.gives == "bool":
        _indexed(found)


def _compiled(text: str, gives: expr.Gives) -> Expression | None:
    found = _read(text, gives)
    if isinstance(found, Expression):
        return found
    assert found.wrong, "an error must say what is wrong"
    assert found.remedy, "an error must say what to write"
    assert 0 <= found.offset <= len(text), "an error must say where"
    return None


def _read(text: str, gives: expr.Gives) -> Expression | ExpressionError:
    try:
        return expr.compile(text, ENV, gives)
    except ExpressionError as error:
        return error


def _indexed(found: Expression) -> None:
    opposite = _compiled(f"!({found.written})", "bool")
    rules = [one for one in (found, opposite) if one is not None]
    index = Index(rules)
    for known in KNOWN:
        same(index.first(known.get), index.trace(known.get).first, "the index finds another rule")
    for finding in analyse([Rule(name=str(at), when=one) for at, one in enumerate(rules)]):
        covered = rules[int(finding.rule)]
        for known in KNOWN:
            holds = covered.holds(known.get)
            assert not holds or (finding.by and rules[int(finding.by)].holds(known.get)), "a rule decides after all"
