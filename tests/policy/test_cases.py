"""Tests of policies, run."""

import pytest

from antiphon.core.error import ConfigError
from antiphon.policy.cases import never_decided, tried
from antiphon.policy.compile import of_sources
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

TEXT = """
@id("tier") @max_tier("balanced") permit(principal in Role::"contractor", action == Action::"call_model", resource);
@id("egress") forbid(principal, action == Action::"use_tool", resource)
when { context.tainted && resource.effects.contains("egress") };
@id("idle") forbid(principal in Team::"none", action, resource);
"""
CASES = """
deployments:
  quick: {tier: fast}
  grand: {tier: premium}
cases:
  - name: contractors
    principal: {roles: [contractor]}
    expect: {allow: true, excluded: [grand], reasons: [tier], obligations: {max_tier: balanced, mask: []}}
  - name: one of them
    deployments: [quick]
    expect: {allow: true, reasons: [default.allow], excluded: []}
  - name: tainted
    action: use_tool
    resource: {kind: Tool, name: mail, effects: [egress]}
    context: {tainted: true}
    expect: {allow: false, reasons: [egress]}
"""
POLICIES = of_sources([Source(name="t.cedar", text=TEXT)], PolicySettings())


def test_cases_that_come_out_as_expected_have_nothing_wrong() -> None:
    found = tried(CASES, "t.yaml", POLICIES)

    assert [(one.name, one.line, one.wrong) for one in found] == [
        ("contractors", 6, ()),
        ("one of them", 9, ()),
        ("tainted", 12, ()),
    ]


def test_policies_that_decided_no_case_are_told() -> None:
    assert never_decided(POLICIES, tried(CASES, "t.yaml", POLICIES)) == ["idle"]


def test_what_comes_out_otherwise_is_told() -> None:
    text = CASES.replace("allow: false, reasons: [egress]", "allow: true, reasons: [x]").replace(
        "max_tier: balanced", "max_tier: fast, approval: 1"
    )

    wrong = {one.name: one.wrong for one in tried(text, "t.yaml", POLICIES)}

    assert wrong["tainted"] == ("denied, by egress", "reasons: egress, not x")
    assert wrong["contractors"] == (
        "obligations.max_tier: 'balanced', not 'fast'",
        "obligations.approval: 'no such obligation', not 1",
    )


@pytest.mark.parametrize(
    ("before", "after", "line", "told"),
    [
        ("roles: [contractor]", "rolls: [contractor]", 6, "unknown field `rolls`"),
        ("deployments: [quick]", "deployments: [quik]", 9, "names the deployment quik"),
        ("    resource: {kind: Tool, name: mail, effects: [egress]}\n", "", 12, "use_tool is about nothing"),
        ("cases:", "case:", 1, "unknown field `case`"),
        ("{tainted: true}", "{tainted: 1}", 12, "Expected `bool`"),
    ],
)
def test_a_case_that_cannot_be_read_is_told_with_its_line(before: str, after: str, line: int, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        tried(CASES.replace(before, after), "t.yaml", POLICIES)

    assert [one.line for one in error.value.problems] == [line]
