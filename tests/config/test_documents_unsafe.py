"""An agent that says so is refused with tools that together let strangers carry private data away."""

from pathlib import Path

import pytest

from antiphon.config.documents_api import FileDocuments
from antiphon.config.load import load
from antiphon.control.ownership import Flawed
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
TOOLS = """\
apiVersion: antiphon/v1
kind: Tool
metadata: {name: customers}
spec: {sql: {url: "sqlite:///shop.db", statement: "SELECT name FROM customers WHERE id = :id"}}
---
apiVersion: antiphon/v1
kind: Tool
metadata: {name: inbox}
spec:
  http: {method: GET, url: "https://mail.example.com/inbox"}
  untrusted: true
---
apiVersion: antiphon/v1
kind: Tool
metadata: {name: send_mail}
spec:
  http: {method: POST, url: "https://mail.example.com/send", auth: {kind: bearer, value: "${env:MAIL}"}}
  parameters: {type: object, properties: {to: {type: string}, text: {type: string}}}
---
apiVersion: antiphon/v1
kind: Agent
metadata: {name: clerk}
spec:
  goal: Answers mail.
  tools: [customers, inbox, send_mail]
  safety:
    trifecta: refuse
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "antiphon.yaml").write_text(CONFIG)
    (tmp_path / "agents" / "all.yaml").write_text(TOOLS)
    return tmp_path


def test_the_three_together_are_refused_at_the_line_that_asks_for_it(place: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(place / "antiphon.yaml", {"MAIL": "s3cret"})

    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == (
        str(place / "agents" / "all.yaml"),
        27,
        "spec.safety.trifecta",
    )
    assert "sends (send_mail)" in problem.wrong
    assert "customers" in problem.wrong
    assert problem.remedy == "take one of the three away, or set `safety.trifecta` to `approve`"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trifecta: refuse", "trifecta: approve"),
        ("trifecta: refuse", "trifecta: allow"),
        ("[customers, inbox, send_mail]", "[customers, inbox]"),
    ],
)
def test_without_one_of_them_or_with_people_who_approve_it_loads(place: Path, old: str, new: str) -> None:
    (place / "agents" / "all.yaml").write_text(TOOLS.replace(old, new))

    assert load(place / "antiphon.yaml", {"MAIL": "s3cret"}).shelf.agent("clerk") is not None


def test_an_agent_of_the_admin_api_is_refused_with_tools_of_files(place: Path) -> None:
    (place / "agents" / "all.yaml").write_text(TOOLS.replace("refuse", "approve"))
    forms = FileDocuments(load(place / "antiphon.yaml", {"MAIL": "s3cret"}))
    spec = {"goal": "x", "tools": ["*"], "safety": {"trifecta": "refuse"}}
    fresh = forms.read([{"apiVersion": "antiphon/v1", "kind": "Agent", "metadata": {"name": "other"}, "spec": spec}])

    with pytest.raises(Flawed) as caught:
        forms.check(fresh)

    assert caught.value.message.startswith("Agent/other@1: spec.safety.trifecta: it reads private data (")
