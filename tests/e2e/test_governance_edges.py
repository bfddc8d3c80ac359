"""Ways around what governs: refused requests, long ones, kept ones, shared ones, and what policies learn late."""

import json
from pathlib import Path
from typing import Any

import pytest
from openai import PermissionDeniedError

from antiphon.app.places import Places
from antiphon.app.vaults import envelope
from antiphon.config.load import load
from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Config, Gateway
from rig.scripts import answers
from rig.sdk import client, says
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


def test_what_is_counted_is_of_its_session_s_class(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))
    session = {"x-antiphon-session": "s"}
    chat(gateway, ask(SECRET), **{CLASS: "confidential"}, **session)
    body = json.dumps({"model": "r", "messages": says(SECRET)}).encode()

    count = gateway.ask("POST", "/v1/messages/count_tokens", body, key=ALICE, headers=session)

    assert gateway.receipt(count.receipt_id)["verdict"]["data_class"] == "confidential"


def test_what_a_policy_obliges_to_for_what_its_guard_finds_is_done(start: Start, up: Upstream, tmp_path: Path) -> None:
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


def test_a_policy_that_wants_people_asked_once_a_budget_is_low_lets_nothing_pass_unasked(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    rules = """
@id("base") permit (principal, action == Action::"call_model", resource);
@id("low") @approve("approver") permit (principal, action == Action::"call_model", resource)
when { context.budget != "ok" };
"""
    up.script = answers("ok")
    few: list[Json] = [{"name": "few", "on": ["tenant"], "window": "total", "requests": 1, "at_cap": "shadow"}]
    gateway = start(config(up.url, budgets=few, **policies(tmp_path, rules)))
    first = chat(gateway, ask())

    second = chat(gateway, ask())

    assert (first.status, second.status, second.json["error"]["code"]) == (200, 503, "guard_failed"), second
    assert len(up.seen) == 1


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


def test_a_conversation_is_of_the_class_of_what_was_said_in_it(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))
    name = gateway.ask("POST", "/v1/conversations", b"{}", key=ALICE).json["id"]
    assert respond(gateway, input=SECRET, conversation=name, headers={CLASS: "confidential"}).status == 200

    assert respond(gateway, input="Go on", conversation=name).status == 200

    assert [seen.model for seen in up.seen] == ["inside", "inside"]
    path = f"/v1/conversations/{name}/items"
    items = gateway.ask("GET", path, b"", key=ALICE).json["data"]
    assert all("antiphon.data_class" not in item for item in items)
    assert gateway.ask("GET", path, b"", key=LOW).json["error"]["code"] == "above_clearance"
    assert gateway.ask("GET", f"{path}/{items[0]['id']}", b"", key=LOW).status == 403


def test_notes_of_a_conversation_are_of_its_class(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))
    body = json.dumps({"model": "r", "input": SECRET}).encode()
    made = gateway.ask("POST", "/v1/responses/compact", body, key=ALICE, headers={CLASS: "confidential"})
    assert made.status == 200, made

    second = respond(gateway, input=made.json["output"])

    assert second.status == 200, second
    assert [seen.model for seen in up.seen] == ["inside", "inside"]


@pytest.mark.parametrize("recipe", ["", "vote"])
def test_a_streamed_response_that_is_judged_is_kept_whole(start: Start, up: Upstream, recipe: str) -> None:
    up.script = answers("no 0")
    guards: Json = {"rules": {"model": {"model": "inside", "question": "Is it against the rules?"}, "on": ["answer"]}}
    made = config(up.url, {"recipe": recipe} if recipe else None, guards=guards)
    made["recipes"] = {"vote": {"vote": {"members": ["open", "inside", "open"]}}}
    gateway = start(made)

    answer = respond(gateway, stream=True)

    events = [json.loads(line[6:]) for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    assert [one["type"] for one in events][::-1][0] == "response.completed", answer
    assert events[0]["type"] == "response.created"
    assert "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta") == "no 0"
    kept = gateway.ask("GET", f"/v1/responses/{events[-1]['response']['id']}", b"", key=ALICE)
    assert kept.json["output"][0]["content"][0]["text"] == "no 0"


def test_a_kept_response_is_shown_to_whoever_its_class_allows(start: Start, up: Upstream) -> None:
    up.script = answers(SECRET)
    gateway = start(config(up.url))
    first = respond(gateway, headers={CLASS: "confidential"})

    shown = gateway.ask("GET", f"/v1/responses/{first.json['id']}", b"", key=LOW)

    assert shown.status == 403, shown


def test_a_shared_call_and_a_shadow_keep_no_answer_unmasked(start: Start, up: Upstream) -> None:
    up.script = answers(f"It is {EMAIL}")
    route = {"coalesce": {"enabled": True}, "shadow": {"models": ["inside"]}}
    gateway = start(config(up.url, route, guards=GUARDS))

    answer = chat(gateway, ask("Who?", temperature=0))

    assert answer.status == 200, answer
    until(lambda: len(gateway.stored()) >= 3, "the caller, the call it shares, and the shadow have receipts")
    kept = {one.endpoint: content(gateway, one.id) for one in gateway.stored() if one.captured}
    assert len(gateway.stored()) == 3
    assert all(EMAIL.encode() not in said for said in kept.values()), kept


def passing(made: Config) -> Config:
    """The same with every account open to pass-through."""
    for provider in made["providers"].values():
        provider["passthrough"] = {"enabled": True, "allow": ["* /**"]}
    for key in made["keys"]:
        key["passthrough"] = ["*"]
    return made


def test_pass_through_reaches_no_deployment_that_policy_leaves_out(start: Start, up: Upstream, tmp_path: Path) -> None:
    rules = """
@id("base") permit (principal, action == Action::"call_model", resource);
@id("fast.only") forbid (principal, action == Action::"call_model", resource) when { resource.tier == "best" };
"""
    made = config(up.url, **policies(tmp_path, rules))
    made["models"]["open"]["tier"] = "best"
    gateway = start(passing(made))

    answer = gateway.ask("POST", "/passthrough/at-open/chat/completions", ask(model="open"), key=ALICE)
    other = gateway.ask("GET", "/passthrough/at-open/models", b"", key=ALICE)

    assert (answer.status, "fast.only" in answer.json["error"]["message"]) == (403, True), answer
    assert other.status == 200, other
    assert [seen.line.split()[0] for seen in up.seen] == ["GET"]


def test_a_limited_key_passes_through_where_something_governs(start: Start, up: Upstream) -> None:
    made = config(up.url, guards=GUARDS)
    made["keys"].append({"name": "dora", "key": "sk-dora-0001", "tenant": "acme", "models": ["r"]})
    gateway = start(passing(made))
    path = "/passthrough/at-open/"

    listed = gateway.ask("GET", f"{path}models", b"", key="sk-dora-0001")
    own = gateway.ask("POST", f"{path}chat/completions", ask(model="open"), key="sk-dora-0001")
    other = gateway.ask("POST", "/passthrough/at-inside/chat/completions", ask(model="x"), key="sk-dora-0001")

    assert (listed.status, own.status, other.status) == (200, 200, 403), (listed, own, other)


def test_no_line_of_a_batch_leads_to_a_deployment_that_policy_leaves_out(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    rules = """
@id("base") permit (principal, action == Action::"call_model", resource);
@id("fast.only") forbid (principal, action == Action::"call_model", resource) when { resource.tier == "best" };
"""
    made = config(up.url, **policies(tmp_path, rules))
    made["models"]["open"]["tier"] = "best"
    made["providers"] = {name: {**one, "files": True} for name, one in made["providers"].items()}
    gateway = start(made)
    line = json.dumps({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "r"}})
    with client(gateway) as sdk, pytest.raises(PermissionDeniedError, match=r"fast\.only"):
        sdk.files.create(
            file=("b.jsonl", line.encode()), purpose="batch", extra_headers={"x-antiphon-provider": "at-open"}
        )
    assert up.seen == []


def test_guards_of_a_route_look_at_what_passes_through_to_its_model(start: Start, up: Upstream) -> None:
    guards: Json = {"keys": {"secrets": {}, "action": "block", "routes": ["r"]}}
    gateway = start(passing(config(up.url, guards=guards)))

    answer = gateway.ask("POST", "/passthrough/at-open/chat/completions", ask(AWS, model="open"), key=ALICE)

    assert (answer.status, answer.json["error"]["code"]) == (400, "guard_blocked"), answer
    assert up.seen == []


def test_a_query_that_raises_the_class_keeps_what_passes_through_inside(start: Start, up: Upstream) -> None:
    guards: Json = {"people": {"pii": {}, "action": "route_private"}}
    gateway = start(passing(config(up.url, guards=guards)))

    answer = gateway.ask("GET", f"/passthrough/at-open/models?who={EMAIL}", b"", key=ALICE)

    assert answer.status == 403, answer
    assert up.seen == []


def test_who_judges_requests_judges_what_passes_through_too(start: Start, up: Upstream) -> None:
    up.script = answers('{"verdict": "bad"}')
    guards: Json = {"rules": {"model": {"model": "inside", "question": "Is it against the rules?"}, "on": ["request"]}}
    gateway = start(passing(config(up.url, guards=guards)))

    answer = gateway.ask("POST", "/passthrough/at-open/chat/completions", ask(model="open"), key=ALICE)

    assert answer.status in (400, 503), answer
    assert [seen.model for seen in up.seen] == ["inside"]


def content(gateway: Gateway, receipt_id: str) -> bytes:
    """What is captured beside a receipt."""
    sealed = gateway.records().content(receipt_id)
    assert sealed is not None
    keys = envelope(load(gateway.file, {}).settings, Places.under(gateway.data, gateway.data))
    return keys.unseal(sealed, f"acme/{receipt_id}")
