"""Which rules are evaluated, and which facts are asked for."""

import math
from collections import Counter

import pytest
from expressions import ENV

from antiphon import expr
from antiphon.core.signal import Value
from antiphon.expr import Expression, Index


class Counted(Expression):
    """Counts how often it is evaluated."""

    __slots__ = ("counts",)

    def holds(self, lookup: expr.Lookup) -> bool:
        self.counts[self.text] += 1
        return super().holds(lookup)


def counted(texts: list[str]) -> tuple[Index, Counter[str]]:
    counts: Counter[str] = Counter()
    rules: list[Expression] = []
    for text in texts:
        plain = expr.compile(text, ENV)
        rule = Counted(plain.text, plain.root, plain.written)
        rule.counts = counts
        rules.append(rule)
    return Index(rules), counts


def test_of_200_rules_about_one_fact_a_single_one_is_evaluated() -> None:
    index, counts = counted([f"text.language == 'language-{at}' && tools.count >= 0" for at in range(200)])
    assert index.first({"text.language": "language-150", "tools.count": 1}.__getitem__) == 150
    assert counts.total() == 1


def test_ranges_are_told_apart_by_their_ends() -> None:
    index, counts = counted([f"context.tokens >= {at * 10} && context.tokens < {at * 10 + 10}" for at in range(200)])
    for tokens, first in ((0, 0), (9, 0), (10, 1), (1999, 199), (2000, None), (-1, None)):
        assert index.first({"context.tokens": tokens}.__getitem__) == first
    assert counts.total() == 4


@pytest.mark.parametrize(
    ("share", "first"),
    [(0.49999999999999994, 0), (0.5, 1), (0.5000000000000001, 2), (math.inf, 2), (-math.inf, 0), (math.nan, 3), (1, 2)],
)
def test_doubles_are_told_apart_exactly(share: float, first: int) -> None:
    index, _ = counted(["context.share < 0.5", "context.share == 0.5", "context.share > 0.5", "has(context.share)"])
    assert index.first({"context.share": share}.__getitem__) == first


def test_no_number_is_unequal_to_every_number() -> None:
    index, _ = counted(["context.share == 0.5", "!(context.share < 0.5) && code.present", "context.share != 0.5"])
    assert index.first({"context.share": math.nan, "code.present": True}.__getitem__) == 1
    assert index.first({"context.share": math.nan, "code.present": False}.__getitem__) == 2


def test_a_rule_of_several_alternatives_is_evaluated_once() -> None:
    index, counts = counted(
        ["tools.count > 1 && 'a' in tools.names || text.language == 'de' && 'b' in tools.names", "true"]
    )
    known: dict[str, Value] = {"tools.count": 2, "text.language": "de", "tools.names": ()}
    assert index.first(known.__getitem__) == 1
    assert counts.total() == 2


def test_an_unknown_fact_leaves_the_rules_that_do_not_need_it() -> None:
    index, counts = counted(
        [
            "text.language == 'de'",
            "text.language != 'de'",
            "tools.count > 1 || text.language == 'en'",
            "!has(text.language)",
        ]
    )
    known: dict[str, Value] = {"text.language": None, "tools.count": 0}
    assert index.first(known.__getitem__) == 3
    assert counts == {"!has(text.language)": 1}
    assert index.first({**known, "tools.count": 2}.__getitem__) == 2


def test_a_dear_fact_rules_out_others_once_a_rule_needed_it() -> None:
    asked: list[str] = []
    known: dict[str, Value] = {"task.name": "math", "tools.count": 0}

    def lookup(name: str) -> Value:
        asked.append(name)
        return known[name]

    index, counts = counted([f"task.name == 'task-{at}'" for at in range(50)] + ["tools.count == 0"])
    assert index.first(lookup) == 50
    assert asked == ["task.name", "tools.count"]
    assert counts.total() == 2


def test_a_dear_fact_is_not_asked_for_when_a_rule_before_is_true() -> None:
    asked: list[str] = []
    known: dict[str, Value] = {"tools.count": 3}

    def lookup(name: str) -> Value:
        asked.append(name)
        return known[name]

    index, _ = counted(["tools.count > 2", "asked.tone == 'angry'", "like.refunds > 0.5"])
    assert index.first(lookup) == 0
    assert asked == ["tools.count"]


def test_a_trace_says_what_became_of_each_rule() -> None:
    index, _ = counted(["text.language == 'de'", "like.refunds > 0.5", "1 / tools.count > 0", "code.present", "true"])
    known: dict[str, Value] = {"text.language": "en", "like.refunds": None, "tools.count": 0, "code.present": True}
    traced = index.trace(known.__getitem__)
    assert traced.first == 3
    assert [outcome.said for outcome in traced.tried] == ["false", "unknown", "error", "true"]
    assert traced.tried[1].unknown == ("like.refunds",)
    assert traced.tried[2].why == "it divides by zero"


def test_no_rules_and_rules_that_are_never_true_find_nothing() -> None:
    assert Index([]).first({}.__getitem__) is None
    index, counts = counted(["false", "tools.count > 5 && tools.count < 3"])
    assert index.first({"tools.count": 4}.__getitem__) is None
    assert counts.total() == 0
    assert index.trace({"tools.count": 4}.__getitem__).first is None
