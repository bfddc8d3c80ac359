"""What holds of every expression, whatever it says."""

import pytest
from expressions import ENV, conditions, facts, rules
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from antiphon import expr
from antiphon.core.signal import Value
from antiphon.expr import Expression, ExpressionError, Index, Rule, analyse
from antiphon.expr.evaluate import evaluate
from antiphon.expr.parse import parse
from antiphon.expr.tree import Call, Listed, Literal, Name, Node
from antiphon.expr.written import written

QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100)
PIECES = st.sampled_from(
    [*"abx.,()[]?:!-+*/%<>'\"`\\ \n0159{}&|=", "&&", "||", "==", " in ", "has(", "true", "task.name", "tools.names", "r'", "1e9",
     ".exists(x, ", "'\\u00e9'", "timestamp('", "0x", "//", "\ud800", "\x00", "é"]
)  # fmt: skip


@QUICK
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join)))
@example("(" * 300)
@example("[" * 90 + "]" * 90)
@example("!" * 70 + "true")
@example("-" * 70 + "1")
@example("true" + " ? true : true" * 80)
@example("1" + " + 1" * 1000)
@example("true" + " && true" * 1000)
@example("1." + "9" * 5000)
@example("9" * 5000)
@example("x" * 20_000)
@example("tools.names" + ".filter(x, true)" * 100)
@example("tools.names.exists(a, " * 5 + "true" + ")" * 5)
@example("'" + "\\x41" * 3000 + "'.matches('" + "(a*)*" * 190 + "')")
def test_no_text_raises_anything_but_an_expression_error(text: str) -> None:
    found = read(text)
    if isinstance(found, Expression):
        found.value(lambda _: None)
        return
    assert found.wrong
    assert found.remedy
    assert 0 <= found.offset <= len(text)
    assert found.line >= 1
    assert found.column >= 1


def read(text: str) -> Expression | ExpressionError:
    try:
        return expr.compile(text, ENV)
    except ExpressionError as error:
        return error


@QUICK
@given(conditions())
@example("1 - (2 - 3) == (1 - 2) - 3")
@example("(true && false) && true || (true || false)")
@example("!(-(1) == --1) == (1 < 2) ? true : (false ? true : false)")
@example("(true ? false : true) ? true : false")
@example("(-5).f()[(1 in [2]) in [true]] + -(5) + -x - (-1.0)")
def test_a_written_expression_reads_as_the_same(text: str) -> None:
    tree = parse(text)
    assert shape(parse(written(tree))) == shape(tree)


def shape(node: Node) -> object:
    """A tree without its places in the text."""
    match node:
        case Literal(value=value):
            return type(value), repr(value)
        case Name(parts=parts):
            return parts
        case Listed(items=items):
            return [shape(one) for one in items]
        case Call(function=function, args=args, target=target):
            return function, target and shape(target), [shape(one) for one in args]


@QUICK
@given(conditions(), facts())
def test_a_written_expression_means_the_same(text: str, known: dict[str, Value]) -> None:
    again = expr.compile(written(parse(text)), ENV).value(known.get)
    assert again == expr.compile(text, ENV).value(known.get)


@QUICK
@given(conditions(), facts())
def test_compiled_code_gives_what_evaluating_node_by_node_gives(text: str, known: dict[str, Value]) -> None:
    expression = expr.compile(text, ENV)
    expected = evaluate(expression.root, known.get)
    assert expression.value(known.get) == expected
    assert expression.holds(known.get) is (expected.value is True)


@QUICK
@given(conditions(), conditions(), facts())
def test_logic_is_commutative(one: str, other: str, known: dict[str, Value]) -> None:
    for sign in ("&&", "||"):
        there = expr.compile(f"({one}) {sign} ({other})", ENV).value(known.get)
        back = expr.compile(f"({other}) {sign} ({one})", ENV).value(known.get)
        assert (there.said, there.unknown) == (back.said, back.unknown)


@QUICK
@given(conditions(), conditions(), facts())
def test_not_of_and_is_or_of_nots(one: str, other: str, known: dict[str, Value]) -> None:
    there = expr.compile(f"!(({one}) && ({other}))", ENV).value(known.get)
    back = expr.compile(f"!({one}) || !({other})", ENV).value(known.get)
    assert (there.said, there.unknown) == (back.said, back.unknown)


@settings(QUICK, max_examples=200)
@given(st.lists(st.one_of(rules(), rules(), conditions()), max_size=12), st.lists(facts(), min_size=1, max_size=4))
def test_the_index_finds_what_evaluating_in_order_finds(texts: list[str], known: list[dict[str, Value]]) -> None:
    compiled = [expr.compile(text, ENV) for text in texts]
    index = Index(compiled)
    for one in known:
        outcomes = [evaluate(expression.root, one.get) for expression in compiled]
        first = next((at for at, outcome in enumerate(outcomes) if outcome.value is True), None)
        assert index.first(one.get) == first
        traced = index.trace(one.get)
        assert traced.first == first
        assert list(traced.tried) == (outcomes if first is None else outcomes[: first + 1])


@settings(QUICK, max_examples=200)
@given(st.lists(rules(), min_size=1, max_size=8), st.lists(facts(), min_size=1, max_size=6))
def test_the_index_asks_for_no_costly_fact_that_evaluating_in_order_does_not_ask_for(
    texts: list[str], known: list[dict[str, Value]]
) -> None:
    index = Index([expr.compile(text, ENV) for text in texts])
    for one in known:
        fast, ordered = Asked(one), Asked(one)
        index.first(fast)
        index.trace(ordered)
        assert len(fast.names) == len(set(fast.names)), "a fact was looked up twice"
        assert {name for name in {*fast.names} - {*ordered.names} if ENV[name].cost != "free"} == set()


class Asked:
    """Facts, and which of them were asked for."""

    def __init__(self, known: dict[str, Value]) -> None:
        self._known = known
        self.names: list[str] = []

    def __call__(self, name: str) -> Value:
        self.names.append(name)
        return self._known[name]


@settings(QUICK, max_examples=200)
@given(st.lists(rules(), min_size=2, max_size=6), st.lists(facts(), min_size=1, max_size=8))
def test_what_is_told_of_rules_is_so(texts: list[str], known: list[dict[str, Value]]) -> None:
    compiled = {str(at): expr.compile(text, ENV) for at, text in enumerate(texts)}
    for finding in analyse([Rule(name=name, when=one) for name, one in compiled.items()]):
        for one in known:
            holds = compiled[finding.rule].holds(one.get)
            if finding.kind == "never":
                assert not holds
            elif finding.kind == "shadowed":
                assert not holds or compiled[finding.by].holds(one.get)
            else:
                assert finding.kind == "duplicate"
                assert holds is compiled[finding.by].holds(one.get)


@pytest.mark.parametrize("left", [None, True, False])
@pytest.mark.parametrize("right", [None, True, False])
def test_what_decides_wins_over_what_is_unknown(left: bool | None, right: bool | None) -> None:
    known = {"code.present": left, "own.vip": right}
    both = expr.compile("code.present && own.vip", ENV).value(known.get)
    either = expr.compile("code.present || own.vip", ENV).value(known.get)
    unknown = tuple(sorted(name for name, value in known.items() if value is None))
    assert both.value is (False if False in (left, right) else None if unknown else True)
    assert either.value is (True if True in (left, right) else None if unknown else False)
    assert both.unknown == (unknown if both.value is None else ())
    assert either.unknown == (unknown if either.value is None else ())
