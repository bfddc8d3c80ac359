"""Ways around what governs: refused requests, long ones, kept ones, shared ones, and what policies learn late."""

import json
from pathlib import Path
from typing import Any

import pytest

from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Config, Gateway
from rig.scripts import answers
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

EMAIL = "erika.mustermann@example.org"
AWS = "AKIA" + "Z3MSJV4WWNKWWRQ7"
CLASS = "x-antiphon-data-class"
SECRET = "the merger closes on friday"
LOW = "sk-carol-0001"
GUARDS: Json = {"people": {"pii": {}, "action": "mask"}, "keys": {"secrets": {}, "action": "block"}}


def config(url: str, route: Json | None = None, **more: Any) -> Config:
    """A route `r` over a public deployment and a private one, in that order; content is captured."""
    zones: dict[str, Json] = {"open": {}, "inside": {"zone": "private"}}
    made = fleet(url, zones, {"r": {"models": ["open", "inside"], **(route or {})}})
    made["keys"].append({"name": "carol", "key": LOW, "tenant": "acme", "clearance": "internal"})
    made["storage"] = {**made["storage"], "capture": "content"}
    return {**made, **more}


def ask(text: str = "Hi", **more: Any) -> bytes:
    return json.dumps({"model": "r", "messages": says(text), **more}).encode()


def chat(gateway: Gateway, body: bytes, key: str = ALICE, **headers: str) -> Any:
    return gateway.ask("POST", "/v1/chat/completions", body, key=key, headers=headers)


def policies(directory: Path, text: str) -> dict[str, Json]:
    file = directory / "rules.cedar"
    file.write_text(text)
    return {"policy": {"files": [str(file)]}}


def test_what_a_guard_blocks_is_not_captured(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, guards=GUARDS))

    answer = chat(gateway, ask(f"{EMAIL} has {AWS}"))

    assert answer.status == 400, answer
    assert "captured" not in gateway.receipt(answer.receipt_id)


def test_what_policy_refuses_is_not_captured(start: Start, up: Upstream, tmp_path: Path) -> None:
    rules = '@id("none") forbid (principal, action == Action::"call_model", resource);'
    gateway = start(config(up.url, **policies(tmp_path, rules)))

    answer = chat(gateway, ask(SECRET), **{CLASS: "restricted"})

    assert answer.status == 403, answer
    assert "captured" not in gateway.receipt(answer.receipt_id)


def test_a_long_request_s_metadata_gives_it_a_class_too(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))

    answer = chat(gateway, ask("x" * 400_000, metadata={"data_class": "confidential"}))

    assert answer.status == 200, answer
    assert gateway.receipt(answer.receipt_id)["verdict"]["data_class"] == "confidential"
    assert [seen.model for seen in up.seen] == ["inside"]


def test_what_a_policy_obliges_to_for_what_its_guard_finds_is_done(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    rules = """
@id("base") @guards("people") permit (principal, action == Action::"call_model", resource);
@id("mail") @mask("email") permit (principal, action == Action::"call_model", resource)
when { context.findings.contains("email") };
"""
    up.script = answers("ok")
    guards: Json = {"people": {"pii": {}, "action": "flag", "routes": ["other"]}}
    made = config(up.url, guards=guards, **policies(tmp_path, rules))
    made["routes"]["other"] = {"models": ["inside"]}
    gateway = start(made)

    answer = chat(gateway, ask(f"Mail {EMAIL}"))

    assert answer.status == 200, answer
    assert EMAIL.encode() not in up.seen[-1].body


def respond(gateway: Gateway, key: str = ALICE, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = json.dumps({"model": "r", "input": "Hi", "store": True, **more}).encode()
    return gateway.ask("POST", "/v1/responses", body, key=key, headers=headers or {})


def test_what_goes_on_from_a_kept_response_is_of_its_class(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))
    first = respond(gateway, input=SECRET, headers={CLASS: "confidential"})
    assert first.status == 200, first

    second = respond(gateway, input="Go on", previous_response_id=first.json["id"])

    assert second.status == 200, second
    assert [seen.model for seen in up.seen] == ["inside", "inside"]


def test_a_kept_response_is_shown_to_whoever_its_class_allows(start: Start, up: Upstream) -> None:
    up.script = answers(SECRET)
    gateway = start(config(up.url))
    first = respond(gateway, headers={CLASS: "confidential"})

    shown = gateway.ask("GET", f"/v1/responses/{first.json['id']}", b"", key=LOW)

    assert shown.status == 403, shown


def test_a_shared_call_and_a_shadow_keep_no_answer_unmasked(start: Start, up: Upstream) -> None:
    up.script = answers(f"It is {EMAIL}")
    route = {"coalesce": {"enabled": True}, "shadow": {"models": ["inside"], "percent": 100}}
    gateway = start(config(up.url, route, guards=GUARDS))

    answer = chat(gateway, ask("Who?", temperature=0))

    assert answer.status == 200, answer
    until(lambda: len(up.seen) == 2, "both were asked")
    until(lambda: len(gateway.receipts()) >= 2, "both have receipts")
    for receipt in gateway.receipts():
        assert EMAIL not in content(gateway, receipt["id"])


def test_names_of_models_that_there_are_not_take_no_memory() -> None: ...
