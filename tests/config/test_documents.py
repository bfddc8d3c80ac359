from pathlib import Path

import pytest

from antiphon.config.document_files import check_published
from antiphon.config.documents import read_files, read_values, schema_of, shelf_of
from antiphon.config.load import load, load_text
from antiphon.core.error import ConfigError

CONFIG = """\
agents:
  documents: [agents/*.yaml]
providers:
  lab: {lab: {models: {small: {}}}}
models:
  small: {provider: lab, tier: fast}
routes:
  auto: {models: [small]}
"""
AGENT = """\
# Two documents.
apiVersion: antiphon/v1
kind: Prompt
metadata: {name: triage, version: "2"}
spec: {text: "Sort by cause. ${env:TEAM:-Support}"}
---
apiVersion: antiphon/v1
kind: Agent
metadata:
  name: complaints
  version: "1.0"
spec:
  goal: Sums up complaints.
  prompt: triage@2
  models:
    act: auto
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "antiphon.yaml").write_text(CONFIG)
    (tmp_path / "agents" / "complaints.yaml").write_text(AGENT)
    return tmp_path


def problems_of(place: Path, text: str) -> list[str]:
    (place / "agents" / "complaints.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(place / "antiphon.yaml", {})
    return [str(one).removeprefix(f"{place}/agents/complaints.yaml:") for one in caught.value.problems]


def test_documents_of_one_file_are_a_shelf_with_prompts_put_in(place: Path) -> None:
    loaded = load(place / "antiphon.yaml", {"TEAM": "Billing"})

    agent = loaded.shelf.agent("complaints")
    assert agent is not None
    assert (agent.version, agent.instructions, agent.model("act")) == ("1.0", "Sort by cause. Billing", "auto")
    assert agent.digest == loaded.shelf.documents[1].digest
    assert loaded.shelf.of("Prompt")["triage"].raw["spec"] == {"text": "Sort by cause. ${env:TEAM:-Support}"}


def test_the_revision_changes_with_a_document_and_with_what_is_filled_in(place: Path) -> None:
    first = load(place / "antiphon.yaml", {}).revision.id
    other = load(place / "antiphon.yaml", {"TEAM": "Billing"}).revision.id
    (place / "agents" / "complaints.yaml").write_text(AGENT.replace("Sums up", "Classifies"))

    assert len({first, other, load(place / "antiphon.yaml", {}).revision.id}) == 3


def test_a_configuration_without_documents_has_an_empty_shelf_and_its_usual_revision(place: Path) -> None:
    text = CONFIG.replace("  documents: [agents/*.yaml]\n", "  workers: 1\n")

    assert load_text(text, "a.yaml", place, {}).shelf.documents == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("goal: Sums up complaints.", "goals: x", "13: spec.goals: unknown key; did you mean `goal`?"),
        ("kind: Agent", "kind: Agnet", "8: kind: there is no kind 'Agnet'; did you mean `Agent`?"),
        ("apiVersion: antiphon/v1\nkind: Agent", "kind: Agent", "7: apiVersion: is missing"),
        ("name: complaints", "name: Complaints!", "10: metadata.name: found"),
        ("act: auto", "act: autp", "16: spec.models.act: no model is called 'autp'; did you mean `auto`?"),
        ("triage@2", "triage@3", "14: spec.prompt: the Prompt triage has no version '3'; write one of 2"),
        ("triage@2", "triage", "14: spec.prompt: 'triage' says no version; write `triage@VERSION`"),
        ("triage@2", "tirage@2", "14: spec.prompt: no Prompt is called 'tirage'; did you mean `triage`?"),
        ("  models:", "  tools: [crm]\n  models:", "15: spec.tools[0]: no tool is called that: 'crm'"),
        ("  models:", "  children: {agents: [complaints]}\n  models:", "15: spec.children.agents[0]: is this agent"),
        ("  models:", "  children: {agents: [a2a/x]}\n  models:", "15: spec.children.agents[0]: no RemoteAgent"),
        ("  models:", "  envelope: {usd: 0}\n  models:", "15: spec.envelope.usd: is 0; write a number above 0"),
        ("  models:", "  hand_off: {on: [step]}\n  models:", "15: spec.hand_off.on[0]: there is no stop 'step'; did"),
        ("  models:", "  output: {schema: {type: strin}}\n  models:", "15: spec.output.schema: "),
        ("  models:", "  code: nothing\n  models:", "15: spec.code: 'nothing' names no function"),
        ("  models:", "  approvals: {escalate_s: 5}\n  models:", "15: spec.approvals.escalate_to: escalation needs"),
        ("${env:TEAM:-Support}", "${env:TEAM}", "5: spec.text: TEAM is not set in the environment"),
        ("# Two documents.", "- 1\n---", "1: (document): this is no document; begin it with `apiVersion:`"),
    ],
)
def test_a_mistake_is_told_at_its_line_with_a_remedy(place: Path, old: str, new: str, said: str) -> None:
    assert old in AGENT

    assert any(one.startswith(said) for one in problems_of(place, AGENT.replace(old, new))), problems_of(
        place, AGENT.replace(old, new)
    )


def test_the_same_version_twice_is_refused(place: Path) -> None:
    found = problems_of(place, AGENT + "---\n" + AGENT.replace("Sums up", "Classifies"))

    assert [one.split(";")[0] for one in found] == [
        f"21: metadata.version: Prompt triage of version 2 is there already, in {place}/agents/complaints.yaml:2",
        f"28: metadata.version: Agent complaints of version 1.0 is there already, in {place}/agents/complaints.yaml:7",
    ]
    assert "leave one of them out" in found[0]
    assert "a version never changes" in found[1]


def test_the_newest_version_is_the_last_one_published(place: Path) -> None:
    second = AGENT.split("---\n")[1].replace('"1.0"', '"0.9"')
    (place / "agents" / "complaints.yaml").write_text(f"{AGENT}---\n{second}")

    shelf = load(place / "antiphon.yaml", {}).shelf

    assert [getattr(shelf.agent("complaints", at), "version", None) for at in ("", "1.0", "2")] == ["0.9", "1.0", None]


def test_a_name_belongs_to_one_tenant(place: Path) -> None:
    other = AGENT.split("---\n")[1].replace('version: "1.0"', 'version: "2"\n  tenant: acme')

    assert problems_of(place, f"{AGENT}---\n{other}") == [
        "23: metadata.tenant: Agent complaints is another tenant's; give this one another name"
    ]


def test_a_published_version_never_changes(place: Path) -> None:
    before = load(place / "antiphon.yaml", {})
    (place / "agents" / "complaints.yaml").write_text(AGENT.replace("Sums up", "Classifies"))
    after = load(place / "antiphon.yaml", {})

    check_published(before.shelf, before.shelf)
    with pytest.raises(
        ConfigError, match=r"complaints.yaml:7: metadata.version: Agent/complaints@1.0: this version was"
    ):
        check_published(before.shelf, after.shelf)


def test_values_of_the_admin_api_read_as_files_do_but_for_what_would_be_filled_in(place: Path) -> None:
    loaded = load(place / "antiphon.yaml", {})
    raws = [one.raw for one in loaded.shelf.documents]

    refused = read_values(raws)
    raws[0]["spec"]["text"] = "Costs $${20}."
    shelf, problems = shelf_of(read_values(raws), loaded.settings)

    assert [(one.path, one.wrong) for one in refused.problems] == [
        ("spec.text", "`${…}` is filled in for documents in files alone")
    ]
    assert problems == []
    assert getattr(shelf.agent("complaints"), "instructions", "") == "Costs ${20}."


def test_a_pattern_that_names_no_file_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "antiphon.yaml").write_text(CONFIG)

    with pytest.raises(ConfigError, match=r"antiphon.yaml:2: agents.documents\[0\]: no file is named so: "):
        load(tmp_path / "antiphon.yaml", {})


def test_a_file_that_is_not_text_is_told_of(place: Path) -> None:
    (place / "agents" / "x.yaml").write_bytes(b"\xff")

    assert "can't be read" in str(read_files([str(place / "agents" / "x.yaml")], {}).problems[0])


def test_the_schema_of_a_kind_names_its_fields() -> None:
    schema = schema_of("Agent")

    assert schema["$defs"]["AgentSpec"]["required"] == ["goal"]
    assert "instructions" in schema["$defs"]["AgentSpec"]["properties"]
