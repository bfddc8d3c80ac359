"""What `config diff` says of documents: between two files, and beside a gateway."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIG: dict[str, Any] = {
    "storage": {"dir": "data", "ship_interval_s": 0.05},
    "admin": {"port": 0},
    "keys": [{"name": "admin", "key": "sk-admin-0123456789", "admin": True}],
    "providers": {"lab": {"lab": {"models": {"small": {}}}}},
    "models": {"small": {"provider": "lab", "tier": "fast"}},
    "routes": {"auto": {"models": ["small"]}},
}


def prompt(name: str, text: str, version: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "version": version}
    return {"apiVersion": "antiphon/v1", "kind": "Prompt", "metadata": metadata, "spec": {"text": text}}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path, "old", prompt("kept", "a"), prompt("changes", "a"), prompt("goes", "a"))
    write(tmp_path, "new", prompt("kept", "a"), prompt("changes", "b"), prompt("comes", "a"))
    return tmp_path


def write(place: Path, name: str, *documents: dict[str, Any]) -> None:
    (place / f"{name}-documents.yaml").write_text(yaml.safe_dump_all(documents))
    config = {**CONFIG, "agents": {"documents": [f"{name}-documents.yaml"]}}
    (place / f"{name}.yaml").write_text(yaml.safe_dump(config))


EXPECTED = [
    "~ Prompt/changes@1  (another text: give it another version)",
    "- Prompt/goes@1",
    "+ Prompt/comes@1",
]


def test_documents_that_come_change_and_go_are_listed(antiphon: Callable[..., Any], place: Path) -> None:
    ran = antiphon("config", "diff", place / "old.yaml", place / "new.yaml")
    assert [line for line in ran.out.splitlines() if "Prompt/" in line] == EXPECTED
    assert ", 3 documents: " in ran.err
    told = json.loads(antiphon("config", "diff", place / "old.yaml", place / "new.yaml", "--json").out)
    assert [(one["id"], one["state"]) for one in told["documents"]] == [
        ("Prompt/changes@1", "changed"),
        ("Prompt/goes@1", "gone"),
        ("Prompt/comes@1", "new"),
    ]
    assert (told["documents"][1]["new"], told["documents"][2]["old"]) == (None, None)
    assert antiphon("config", "diff", place / "old.yaml", place / "old.yaml").out == ""


def test_a_gateway_that_runs_is_compared_with_the_configuration(
    antiphon: Callable[..., Any], serving: Callable[..., Any], place: Path
) -> None:
    with serving(place / "old.yaml", "--port", "0"):
        assert antiphon("config", "diff", "--config", place / "old.yaml").out == ""
        own = place / "own.yaml"
        own.write_text(yaml.safe_dump(prompt("api", "a")))
        applied = antiphon("config", "apply", own, "--config", place / "old.yaml")
        assert applied.code == 0, applied.err
        ran = antiphon("config", "diff", "--config", place / "new.yaml")
        told = json.loads(antiphon("config", "diff", "--config", place / "new.yaml", "--json").out)
    assert ran.out.splitlines() == [*EXPECTED[:2], "= Prompt/api@1  (the admin API's)", EXPECTED[2]]
    assert [one["state"] for one in told["documents"]] == ["changed", "gone", "api", "new"]
