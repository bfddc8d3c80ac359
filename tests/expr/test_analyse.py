"""What is told of rules before any request."""

import pytest
from expressions import ENV

from antiphon import expr
from antiphon.expr import Rule, analyse


def told(*rules: tuple[str, str] | str) -> list[tuple[str, str, str]]:
    """Findings of rules named `0`, `1` …: kind, rule and the earlier one. A pair has what the rule leads to."""
    pairs = [rule if isinstance(rule, tuple) else (rule, "") for rule in rules]
    named = [
        Rule(name=str(at), when=expr.compile(text, ENV), leads_to=leads_to) for at, (text, leads_to) in enumerate(pairs)
    ]
    return [(one.kind, one.rule, one.by) for one in analyse(named)]


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "tools.count == 1 && tools.count == 2",
        "tools.count > 5 && tools.count < 3",
        "tools.count > 2 && tools.count < 3",
        "context.share >= 0.5 && context.share < 0.5",
        "task.name == 'math' && task.name in ['code', 'chat']",
        "task.name == 'math' && task.name != 'math'",
        "task.name in []",
        "code.present && !code.present",
        "code.present && (tools.count > 3 && !code.present || tools.count == 1 && tools.count == 2)",
        "!(tools.count < 3 || tools.count >= 3)",
        "!has(task.name) && task.name == 'math'",
        "text.language.startsWith('d') && !text.language.startsWith('d')",
        "time.now < timestamp('2026-01-01T00:00:00Z') && time.now > timestamp('2027-01-01T00:00:00Z')",
        "5 < tools.count && tools.count < 2 + 3",
        "code.present ? false : false",
    ],
)
def test_a_rule_that_can_never_be_true_is_told(text: str) -> None:
    assert told(text) == [("never", "0", "")]


@pytest.mark.parametrize(
    "text",
    [
        "tools.count > 2 && tools.count < 4",
        "context.share > 2.0 && context.share < 3.0",
        "task.name != 'math' && task.name != 'code'",
        "tools.count == 1 || tools.count == 2",
        "tools.count > context.tokens && tools.count < context.tokens",
        "true",
    ],
)
def test_a_rule_that_may_be_true_is_not(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("true", "task.name == 'math'"),
        ("tools.count > 3", "tools.count > 5"),
        ("tools.count > 3", "tools.count == 4 && code.present"),
        ("tools.count >= 4", "tools.count > 3 && code.present"),
        ("context.share > 0.5", "context.share > 0.6"),
        ("task.name in ['math', 'code', 'chat']", "task.name == 'math' || task.name == 'code'"),
        ("task.name != 'chat'", "task.name in ['math', 'code']"),
        ("code.present || tools.count > 0", "tools.count > 1"),
        ("code.present || tools.count > 0", "code.present && task.name == 'math' || tools.count == 2"),
        ("text.language.startsWith('d')", "text.language.startsWith('d') && code.present"),
        ("has(task.name)", "task.name == 'math'"),
        ("!code.present", "!(code.present || own.vip)"),
        ("context.share != 0.5", "!(context.share < 0.6)"),
    ],
)
def test_a_rule_that_an_earlier_one_covers_is_told(earlier: str, later: str) -> None:
    assert told(earlier, "own.vip == true && own.vip == false || has(own.vip)", later)[-1] == ("shadowed", "2", "0")
    assert told(later, earlier) == []


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("tools.count > 5", "tools.count > 3"),
        ("context.share > 0.5", "context.share >= 0.5"),
        ("task.name == 'math'", "task.name != 'code'"),
        ("code.present && tools.count > 1", "tools.count > 1"),
        ("tools.count > 1 || !(tools.count > 1)", "code.present"),  # it isn't true while the count is unknown
        ("context.share < 0.5 || context.share >= 0.5", "context.share != 0.6"),  # which no number (NaN) is, too
    ],
)
def test_a_rule_that_may_decide_is_not(earlier: str, later: str) -> None:
    assert told(earlier, later) == []


def test_the_same_condition_is_a_duplicate_or_a_conflict() -> None:
    assert told(("code.present", "fast"), ("code.present", "fast")) == [("duplicate", "1", "0")]
    assert told(("code.present", "fast"), ("code.present == true", "premium")) == [("conflict", "1", "0")]
    assert told(("tools.count > 3 && code.present", "a"), ("code.present && tools.count >= 4", "b")) == [
        ("conflict", "1", "0")
    ]
    assert told(("size(tools.names) > 1", "a"), ("size( tools.names )>1", "b")) == [("conflict", "1", "0")]


def test_a_finding_names_both_rules_and_the_remedy() -> None:
    rules = [
        Rule(name="any", when=expr.compile("tools.count > 1", ENV)),
        Rule(name="many", when=expr.compile("tools.count > 3", ENV)),
    ]
    [found] = analyse(rules)
    assert found.wrong == "many never decides: any before it is true wherever it is"
    assert found.remedy == "put it before any, or leave it out"


def test_conditions_with_too_many_alternatives_are_left_alone() -> None:
    wide = " && ".join(f"(tools.count == {at} || context.tokens == {at} || code.present)" for at in range(6))
    assert told("true", wide) == []
    assert told(wide, wide) == [("duplicate", "1", "0")]
