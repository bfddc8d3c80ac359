"""The page of guards names every kind of personal data, and every rule of secrets."""

from pathlib import Path

from antiphon.guards.pii_kinds import NAMES
from antiphon.guards.secrets_rules import known, rules

PAGE = (Path(__file__).parents[2] / "docs/reference/guards.md").read_text()


def test_every_kind_of_personal_data_is_named():
    assert [name for name in NAMES if f"`{name}`" not in PAGE] == []


def test_every_rule_of_secrets_is_named():
    assert [name for name in known(rules()) if f"`{name}`" not in PAGE] == []
