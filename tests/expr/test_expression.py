"""Errors that help, costs, orders and bounds."""

import sys
import threading

import pytest
from expressions import ENV

from antiphon import expr
from antiphon.core.signal import Declared, Value
from antiphon.expr import ExpressionError
from antiphon.expr.parse import MAX_CHARACTERS, MAX_ITEMS


def error(text: str, gives: expr.Gives = "bool") -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        expr.compile(text, ENV, gives)
    return caught.value


def test_an_error_says_where_what_and_what_to_write() -> None:
    found = error("tools.count > 1 &&\n  task.nam == 'math'")
    assert (found.offset, found.line, found.column, found.token) == (21, 2, 3, "task.nam")
    assert found.wrong == "there is no fact `task.nam`"
    assert found.remedy == "did you mean `task.name`?"
    assert str(found) == "at `task.nam`, line 2, column 3: there is no fact `task.nam`; did you mean `task.name`?"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("task.name.startWith('a')", "did you mean `startsWith`?"),
        ("sizes(tools.names) > 1", "did you mean `size`?"),
        ("header.x-team == 'a'", "a name with a hyphen stands in backticks: `header.`x-…``"),
        ("task.name = 'a'", "write `==`"),
        ("code.present & own.vip", "write `&&`"),
        ("code.present and own.vip", "put an operator such as `&&` before it, or leave it out"),
        ("task.name == 'math", "close the text with the quote that it begins with"),
        ("tools.count + 1.5 > 2.0", "convert with double(…) or int(…)"),
        ("'a' in task.name", "write text.contains(part)"),
        ("tools.count", "compare it, as in `… == …`"),
        ("has('a')", "write has(fact)"),
        ("task.name.matches(text.language)", "write it out: patterns are compiled beforehand"),
        ("tools.names.exists(n.m, true)", "write exists(x, …)"),
        ("time.now > '2026-01-01'", "convert one of them, as in string(…), int(…) or timestamp(…)"),
        ("zebra == 'a'", "the facts stand in the reference of signals"),
        ("code.present == null", "write has(fact) for whether it is known"),
    ],
)
def test_an_error_says_what_to_write(text: str, remedy: str) -> None:
    assert error(text).remedy == remedy


@pytest.mark.parametrize(
    ("text", "gives", "fits"),
    [
        ("tools.count", "int", True),
        ("tools.count", "number", True),
        ("context.share", "number", True),
        ("tools.count", "double", False),
        ("tools.names", "strings", True),
        ("[]", "strings", True),
        ("[1]", "strings", False),
        ("time.now", "timestamp", True),
        ("task.name", "string", True),
        ("task.name", "bool", False),
        ("task.name", "any", True),
    ],
)
def test_an_expression_has_to_give_what_is_wanted(text: str, gives: expr.Gives, fits: bool) -> None:
    if fits:
        assert expr.compile(text, ENV, gives).text == text
    else:
        assert f"not {gives}" in str(error(text, gives))


def test_names_and_cost_are_those_of_its_facts_cheap_ones_first() -> None:
    found = expr.compile("asked.tone == 'calm' && like.refunds > 0.5 && tools.count > 1 || own.vip", ENV)
    assert found.names == ("tools.count", "like.refunds", "own.vip", "asked.tone")
    assert found.cost == "model"
    assert expr.compile("tools.count > 1", ENV).cost == "free"
    assert expr.compile("true", ENV).names == ()


def test_cheap_facts_are_looked_up_before_dear_ones() -> None:
    asked: list[str] = []
    known: dict[str, Value] = {"tools.count": 1, "like.refunds": 0.9, "asked.tone": "calm"}

    def lookup(name: str) -> Value:
        asked.append(name)
        return known[name]

    assert not expr.compile("asked.tone == 'calm' && like.refunds > 0.5 && tools.count > 1", ENV).holds(lookup)
    assert asked == ["tools.count"]
    asked.clear()
    assert expr.compile("like.refunds > 0.5 || tools.count == 1", ENV).holds(lookup)
    assert asked == ["tools.count"]


def test_facts_may_be_declared_by_use() -> None:
    class Headers(dict[str, Declared]):
        def get(self, name: str, default: object = None) -> Declared | None:  # type: ignore[override]
            return Declared(name=name, kind="string", cost="free", says="") if name.startswith("header.") else None

    found = expr.compile("header.`x-anything` == 'a'", Headers())
    assert found.names == ("header.x-anything",)


def test_a_fact_that_is_not_of_its_kind_is_an_error() -> None:
    found = expr.compile("tools.count > 1", ENV).value({"tools.count": "many"}.get)
    assert found.why == "the fact tools.count is declared as int, and was given as str"
    assert not expr.compile("task.name.startsWith('a')", ENV).holds({"task.name": 1}.get)


def test_what_a_lookup_raises_is_raised() -> None:
    def broken(name: str) -> Value:
        raise KeyError(name)

    with pytest.raises(KeyError):
        expr.compile("tools.count > 1", ENV).value(broken)


def test_the_written_form_is_one_for_all_ways_to_write_the_same() -> None:
    ways = (
        "task.name=='math'&&(tools.count>0x1)",
        'task.name == "math"   &&\n tools.count > 1 // a remark',
        "((task.name == '''m\\x61th''') && tools.count > 1)",
    )
    assert {expr.compile(way, ENV).written for way in ways} == {"task.name == 'math' && tools.count > 1"}


@pytest.mark.parametrize(
    "text",
    [
        "true" + " " * MAX_CHARACTERS,
        f"1 in [{'1,' * (MAX_ITEMS + 1)}]",
        "(" * 101 + "true" + ")" * 101,
        "1" + " + 1" * 70 + " > 0",
        "tools.names" + ".filter(n, true)" * 65 + " == []",
        "[1].exists(a, [1].exists(b, [1].exists(c, [1].exists(d, true))))",
        f"'a'.matches('{'a' * 1001}')",
        "'a'.matches('((a{100}){100}){100}')",
    ],
)
def test_what_is_too_large_is_refused(text: str) -> None:
    error(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 99 + "true" + ")" * 99,
        "!" * 62 + "code.present",
        "own.vip ? false : " * 60 + "true",
        "!(own.vip || " * 30 + "code.present" + ")" * 30,
        "own.vip != (" * 46 + "code.present" + ")" * 46,
        "size(" + "[" * 60 + "]" * 60 + ") == 1",
        "task.name" + ".trim()" * 60 + " == 'a'",
        "own.vip || 1 == " + "0 + 1 * (0 + [" * 12 + "1" + "][0])" * 12,
    ],
)
def test_expressions_of_the_greatest_depth_are_evaluated_deep_within_a_stack(text: str) -> None:
    """On a thread whose stack has 300 frames already, of the 1,000 that Python allows."""
    known: dict[str, Value] = {"code.present": True, "own.vip": False, "task.name": "a"}
    done: list[object] = []

    def down(frames: int) -> None:
        if frames:
            down(frames - 1)
        else:
            done.append(compiled(text))

    def compiled(text: str) -> object:
        try:
            return expr.compile(text, ENV).value(known.get).value
        except ExpressionError as error:
            return error.wrong

    thread = threading.Thread(target=down, args=(300,))
    thread.start()
    thread.join()
    assert sys.getrecursionlimit() == 1000
    assert done == [True]


def test_macros_within_macros_have_a_bound() -> None:
    names = ENV | {"many": Declared(name="many", kind="strings", cost="free", says="")}
    text = "many.all(a, many.all(b, many.all(c, a != b + c + 'x')))"
    outcome = expr.compile(text, names).value({"many": ("a",) * 200}.get)
    assert outcome.why == "its macros take over 100000 rounds"


def test_lists_and_texts_do_not_grow_without_bound() -> None:
    names = ENV | {"long": Declared(name="long", kind="string", cost="free", says="")}
    doubled = expr.compile("tools.names + tools.names", ENV, "strings")
    assert doubled.value({"tools.names": ("a",) * 6000}.get).why == "the list is over 10000 items"
    joined = expr.compile("long + long + long == ''", names)
    assert joined.value({"long": "a" * 1_500_000}.get).why == "the text is over 4000000 characters"


def test_a_pattern_s_time_grows_with_the_text_alone() -> None:
    """A matcher that tracks back would not be done with this today."""
    found = expr.compile("task.name.matches('^(a|a)*(a*)*b$')", ENV)
    text = "a" * 1_000_000
    assert not found.holds({"task.name": text}.get)
    assert found.holds({"task.name": f"{text}b"}.get)


def test_a_text_that_is_no_unicode_is_matched_too() -> None:
    assert expr.compile("task.name.matches('^a.b$')", ENV).holds({"task.name": "a\ud800b"}.get)
