"""What policies are found to read, and how finely."""

import pytest

from antiphon.policy.reads import Reading, fold, readings
from antiphon.policy.rule import read_rules
from antiphon.policy.source import Source


def read(condition: str, head: str = 'principal, action == Action::"call_model", resource') -> dict[str, Reading]:
    text = f'@id("x") permit({head}) when {{ {condition} }};'
    rules, problems = read_rules(Source(name="t", text=text), ("fast",))
    assert not problems
    return {".".join(spot): reading for spot, reading in readings(rules).items()}


WHOLE = Reading(whole=True)


@pytest.mark.parametrize(
    ("condition", "spot", "reading"),
    [
        ("context.hour < 8", "context.hour", Reading(cuts={8})),
        ("context.hour <= 8", "context.hour", Reading(cuts={9})),
        ("context.hour > 8", "context.hour", Reading(cuts={9})),
        ("8 < context.hour", "context.hour", Reading(cuts={9})),
        ("8 >= context.hour", "context.hour", Reading(cuts={9})),
        ("context.hour == 8", "context.hour", Reading(cuts={8, 9})),
        ("context.hour != 8", "context.hour", Reading(cuts={8, 9})),
        ("context.hour + 1 > 8", "context.hour", WHOLE),
        ("context.hour > context.weekday", "context.hour", WHOLE),
        ('context.model == "auto"', "context.model", Reading(words={"auto"})),
        ('["a", "b"].contains(context.model)', "context.model", Reading(words={"a", "b"})),
        ('context.model like "gpt*"', "context.model", WHOLE),
        ("context.model == context.route", "context.model", WHOLE),
        ('context.findings.contains("a")', "context.findings", Reading(words={"a"})),
        ('context.findings.containsAny(["a", "b"])', "context.findings", Reading(words={"a", "b"})),
        ('context.findings.containsAll(["a"])', "context.findings", Reading(words={"a"})),
        ("context.findings.contains(context.model)", "context.findings", WHOLE),
        ("context.findings == context.tools", "context.findings", WHOLE),
        ("context.findings.isEmpty()", "context.findings", Reading(empty=True)),
        ("context.tainted", "context.tainted", WHOLE),
        ("!context.tainted", "context.tainted", WHOLE),
        ("context.tainted == true", "context.tainted", WHOLE),
        ('if context.tainted then context.model == "a" else false', "context.model", Reading(words={"a"})),
        ('principal in Team::"t"', "principal.team", Reading(words={"t"})),
        ('principal in [Role::"r", Role::"s"]', "principal.roles", Reading(words={"r", "s"})),
        ('principal == User::"u"', "principal.uid", Reading(words={"u"})),
        ('principal is User in Department::"d"', "principal.department", Reading(words={"d"})),
        ('resource == Deployment::"d"', "resource.uid", Reading(words={"d"})),
        ("principal has team", "principal.team", Reading()),
    ],
)
def test_an_expression_reads_its_attributes_as_finely_as_its_answer_turns(
    condition: str, spot: str, reading: Reading
) -> None:
    found = read(condition)[spot]

    assert (found.whole, found.empty) == (reading.whole, reading.empty)
    assert reading.whole or (found.cuts, found.words) == (reading.cuts, reading.words)


def test_heads_are_read_too() -> None:
    found = read("true", 'principal in Team::"t", action == Action::"call_model", resource == Deployment::"d"')

    assert (found["principal.team"].words, found["resource.uid"].words) == ({"t"}, {"d"})


def test_what_is_read_in_two_ways_counts_as_the_finer() -> None:
    found = read('context.hour > 8 && context.model == "a" && context.hour + 1 > 3')

    assert found["context.hour"].whole


@pytest.mark.parametrize(
    ("reading", "several", "one", "other", "same"),
    [
        (Reading(cuts={8, 18}), False, 9, 17, True),
        (Reading(cuts={8, 18}), False, 7, 8, False),
        (Reading(words={"a"}), False, "b", "c", True),
        (Reading(words={"a"}), False, "a", "b", False),
        (Reading(words={"a"}), True, ("b",), (), True),
        (Reading(words={"a"}), True, ("a", "b"), ("a",), True),
        (Reading(words={"a"}, empty=True), True, ("b",), (), False),
        (Reading(whole=True), True, ("b", "a"), ("a", "b"), True),
    ],
)
def test_values_that_policies_cannot_tell_apart_fold_alike(
    reading: Reading,
    several: bool,
    one: object,
    other: object,
    same: bool,  # noqa: FBT001
) -> None:
    made = fold(reading, several=several)

    assert made is not None
    assert (made(one) == made(other)) is same
