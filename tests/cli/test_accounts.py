"""Service accounts, bindings, and who one is, by commands on a store that no gateway works on."""

import json
from pathlib import Path
from typing import Any

import pytest

LAB = """
storage: {dir: DIR}
providers: {lab: {lab: {models: {quick: {}}}}}
models: {quick: {provider: lab}}
identity: {issuers: [{name: corp, issuer: "https://login.example.com", audiences: [antiphon]}]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "antiphon.yaml"
    file.write_text(LAB.replace("DIR", str(tmp_path / "data")), "utf-8")
    return file


def test_an_account_is_made_shown_rotated_and_revoked(antiphon: Any, config: Path) -> None:
    made = antiphon("accounts", "create", "robot", "--role", "member", "--team", "search", "--config", config)
    other = antiphon("accounts", "create", "ci", "--issuer", "corp", "--subject", "ci@corp", "--config", config)
    rotated = antiphon("accounts", "rotate", "robot", "--config", config)
    listed = antiphon("accounts", "list", "--config", config)
    revoked = antiphon("accounts", "revoke", "robot", "--config", config)
    shown = antiphon("accounts", "show", "robot", "--config", config)
    deleted = antiphon("accounts", "delete", "robot", "--config", config)

    assert [one.code for one in (made, other, rotated, listed, revoked, shown, deleted)] == [0] * 7
    assert made.out.startswith("ak-")
    assert rotated.out.startswith("ak-")
    assert made.out != rotated.out
    assert other.out == ""
    assert "Account ci made. It calls by tokens of corp." in other.err
    assert "member" in listed.out
    assert json.loads(shown.out)["status"]["state"] == "revoked"


def test_a_binding_is_set_from_a_file(antiphon: Any, config: Path, tmp_path: Path) -> None:
    file = tmp_path / "binding.yaml"
    file.write_text("subject: group/corp/auditors\nrole: auditor\ntenant: acme\n", "utf-8")
    assert antiphon("bindings", "set", "auditors", file, "--config", config).code == 0
    listed = antiphon("bindings", "list", "--config", config)
    assert "subject=group/corp/auditors role=auditor tenant=acme" in listed.out
    file.write_text("subject: nobody\nrole: king\n", "utf-8")
    wrong = antiphon("bindings", "set", "other", file, "--config", config)
    assert wrong.code != 0
    assert "role" in wrong.err
    changes = antiphon("changes", "--kind", "binding", "--json", "--config", config)
    assert [one["by"] for one in json.loads(changes.out)["data"]] == ["cli"]


def test_who_writes_the_store_is_an_owner_of_all_tenants(antiphon: Any, config: Path) -> None:
    told = antiphon("whoami", "--config", config)
    assert told.out.startswith("ROLE")
    assert "cli" in told.err
    found = json.loads(antiphon("whoami", "--json", "--config", config).out)
    assert (found["by"], found["grants"][0]["role"], found["grants"][0]["tenant"]) == ("cli", "owner", None)


def test_a_key_has_roles_and_what_policies_go_by(antiphon: Any, config: Path) -> None:
    arguments = ("--role", "team_lead", "--role", "approver", "--employment", "employee", "--data-class", "internal")
    made = antiphon("keys", "create", "ann", *arguments, "--clearance", "confidential", "--json", "--config", config)
    spec = json.loads(made.out)["spec"]
    assert (spec["roles"], spec["employment"]) == (["team_lead", "approver"], "employee")
    assert (spec["data_class"], spec["clearance"]) == ("internal", "confidential")
    assert antiphon("keys", "create", "bob", "--role", "king", "--config", config).code != 0
