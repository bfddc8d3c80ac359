"""What is told of odd policies."""

import pytest

from antiphon.policy.lint import Known, lint
from antiphon.policy.rule import read_rules
from antiphon.policy.source import Source

CALL = 'principal, action == Action::"call_model", resource'


def odd(text: str, known: Known | None = None) -> list[tuple[str, str]]:
    rules, problems = read_rules(Source(name="t.cedar", text=text), ("fast",))
    assert not problems
    return [(one.kind, one.id) for one in lint(rules, known or Known())]


def test_policies_of_which_each_decides_something_are_not_odd() -> None:
    text = f"""
    @id("a") permit({CALL}) when {{ context.hour > 8 }};
    @id("b") forbid({CALL}) when {{ context.tainted }};
    @id("c") permit(principal in Team::"x", action, resource);
    """
    assert odd(text) == []


@pytest.mark.parametrize(
    "condition",
    [
        "false",
        "context.hour > 10 && context.hour < 11",
        "context.hour == 3 && context.hour == 4",
        'context.model == "a" && context.model == "b"',
        "context.tainted && !context.tainted",
        "!(context.hour > 3 || context.tainted) && context.tainted",
    ],
)
def test_a_policy_that_never_holds_is_told(condition: str) -> None:
    assert odd(f'@id("a") permit({CALL}) when {{ {condition} }};') == [("never", "a")]


def test_a_policy_behind_a_forbid_without_conditions_is_never_reached() -> None:
    text = (
        f'@id("no") forbid({CALL}); @id("a") permit(principal in Team::"x", action == Action::"call_model", resource);'
    )

    assert odd(text) == [("unreachable", "a")]


@pytest.mark.parametrize("mark", ['@mode("shadow")', '@share("0.5")', '@approve("approver")'])
def test_a_forbid_that_decides_not_for_everybody_covers_nothing(mark: str) -> None:
    assert odd(f'@id("no") {mark} forbid({CALL}); @id("a") permit({CALL}) when {{ context.tainted }};') == []


def test_a_permit_of_what_a_forbid_forbids_contradicts_it() -> None:
    text = f"""
    @id("no") forbid({CALL}) when {{ context.tainted }};
    @id("a") permit({CALL}) when {{ context.hour > 8 }} unless {{ !context.tainted }};
    """
    assert odd(text) == [("contradictory", "a")]


def test_a_permit_of_everything_to_anybody_is_too_broad() -> None:
    assert odd('@id("a") permit(principal, action, resource);') == [("over_broad", "a")]
    assert odd(f'@id("a") permit({CALL});') == [("over_broad", "a")]


def test_a_policy_that_says_what_another_says_is_told() -> None:
    text = f'@id("a") forbid({CALL}) when {{ context.tainted }}; @id("b") forbid({CALL}) when {{ context.tainted }};'

    assert odd(text) == [("duplicate", "b")]


def test_names_that_nothing_has_are_told() -> None:
    known = Known(
        words={("resource", "uid"): ["quick"], ("context", "model"): ["auto"]}, guards=["pii"], recipes=["vote"]
    )
    text = f"""
    @id("a") forbid(principal, action == Action::"call_model", resource == Deployment::"quik");
    @id("b") forbid({CALL}) when {{ resource.zone == "privat" && context.model == "auto" }};
    @id("c") @guards("pii,secret") @recipes("vote,panel") permit({CALL}) when {{ context.tainted }};
    """
    assert odd(text, known) == [
        ("unknown_name", "a"),
        ("unknown_name", "b"),
        ("unknown_name", "c"),
        ("unknown_name", "c"),
    ]


def test_terms_that_no_policy_reads_are_told() -> None:
    text = f'@id("a") forbid({CALL}) unless {{ resource.terms.contains("no_training") }};'

    assert odd(text, Known(terms=["no_training", "zero_retention"])) == [("unused", "")]
