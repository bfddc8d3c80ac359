"""Budgets and limits have one owner, the file or the admin API; the commands beside it show and raise them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.config import ALICE, BOB, KEYS, to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.scripts import completion
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes
ASK = {"model": "gpt-test", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}


def keyed(up: Upstream, name: str, **more: Any) -> Config:
    """The usual configuration, one key with more."""
    return {**to_upstream(up.url), "keys": [{**key, **(more if key["name"] == name else {})} for key in KEYS]}


def command(gateway: Gateway, *arguments: str, config: Path | None = None, code: int = 0) -> str:
    """What a command printed on stdout, or on stderr where it fails."""
    named = ["--config", str(config or gateway.file)]
    ran = subprocess.run(
        [sys.executable, "-m", "antiphon", *arguments, *named],
        capture_output=True, text=True, cwd=gateway.home, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran
    return ran.stderr if code else ran.stdout


def documents(gateway: Gateway, *arguments: str, **more: Any) -> list[dict[str, Any]]:
    return json.loads(command(gateway, *arguments, "--json", **more))["data"]


def test_what_the_file_gives_a_key_holds(start: Start, up: Upstream) -> None:
    up.script = whole(completion("Hello!"))
    gateway = start(keyed(up, "alice", budget={"requests": 2, "window": "total"}), key=ALICE)

    assert [gateway.chat(ASK).status for _ in range(3)] == [200, 200, 402]
    (account,) = documents(gateway, "budgets", "accounts", "key/alice")
    assert (account["tenant"], account["values"], account["window_start"]) == ("acme", ["acme", "alice"], None)


def test_the_file_s_limit_of_a_key_holds(start: Start, up: Upstream) -> None:
    up.script = whole(completion("Hello!"))
    gateway = start(keyed(up, "bob", limit={"requests": 2, "per": "day"}), key=BOB)

    assert [gateway.chat({**ASK, "model": "bob-test"}).status for _ in range(3)] == [200, 200, 429]


def test_a_name_that_becomes_doubled_is_told_once_and_the_file_s_own_stands(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    up.script = whole(completion("Hello!"))
    small = {"name": "small", "requests": 1, "window": "total"}
    gateway = start({**to_upstream(up.url), "budgets": [small]}, "--workers", "2", key=ALICE)
    other, fields = tmp_path / "other.yaml", tmp_path / "fields.yaml"
    other.write_text(yaml.safe_dump({**to_upstream(up.url), "storage": {"dir": str(gateway.data)}}))
    fields.write_text("requests: 100\nwindow: total\n")

    command(gateway, "budgets", "set", "small", str(fields), config=other)

    told = gateway.event("objects.doubled")
    assert (told["kind"], told["object"], told["level"]) == ("budget", "small", "error")
    assert [gateway.chat(ASK).status for _ in range(2)] == [200, 402]
    command(gateway, "budgets", "set", "another", str(fields), config=other)
    until(lambda: len(documents(gateway, "changes", config=other)) == 2, "both changes are noted")
    assert gateway.stop() == 0
    assert len(gateway.events("objects.doubled")) == 1


@pytest.mark.parametrize("managed", [True, False], ids=["api", "store"])
def test_a_budget_is_raised_by_the_command_and_the_change_is_on_record(
    start: Start, up: Upstream, tmp_path: Path, managed: bool
) -> None:
    up.script = whole(completion("Hello!"))
    gateway = start(to_upstream(up.url) | ({"admin": {"port": 0}} if managed else {}), key=ALICE)
    fields = tmp_path / "fields.yaml"
    fields.write_text("on: [key]\nrequests: 1\nwindow: total\n")
    command(gateway, "budgets", "set", "few", str(fields))
    until(lambda: gateway.chat(ASK).status == 402, "the budget is at its cap")
    assert "no budget" in command(gateway, "budgets", "accounts", "nothing", code=1)
    assert "until" in command(gateway, "budgets", "raise", "few", "--requests", "1", "--until", "soon", code=1)

    command(
        gateway, "budgets", "raise", "few", "--requests", "1", "--until", "2096-01-01T00:00:00Z", "--note", "launch"
    )

    until(lambda: gateway.chat(ASK).status == 200, "the budget is raised")
    assert gateway.chat(ASK).status == 402
    assert documents(gateway, "budgets", "accounts", "few")[0]["values"] == ["alice"]
    assert "alice" in command(gateway, "budgets", "accounts", "few")
    raised, made = documents(gateway, "changes", "--kind", "budget", "--name", "few")
    assert [raised["action"], made["action"]] == ["raise", "create"]
    assert raised["after"]["raises"] == [{"requests": 1, "until": "2096-01-01T00:00:00Z", "note": "launch"}]
    assert raised["by"] == ("bootstrap" if managed else "cli")
    assert len(documents(gateway, "changes", "--most", "1")) == 1
    assert documents(gateway, "changes", "--kind", "limit") == []
    shown = command(gateway, "changes")
    assert "raise budget few" in shown
    assert "raises" in shown
