"""Who may send what, where: classes of data, policies, over real HTTP and on every way out."""

import json
from pathlib import Path
from typing import Any

import pytest

from rig.config import ALICE
from rig.fixtures import Start
from rig.fleet import Json, asked, fleet
from rig.gateway import Config, Gateway
from rig.scripts import answers, by_model, fails, reset
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

pytestmark = pytest.mark.processes

ZONES: dict[str, Json] = {"open": {}, "other": {}, "inside": {"zone": "private"}}
CLASS = "x-antiphon-data-class"
SECRET = "the merger closes on friday"


def config(url: str, route: Json | None = None, **more: Any) -> Config:
    """A route `r` over two public deployments and a private one, in that order."""
    routes = {"r": {"models": ["open", "other", "inside"], **(route or {})}}
    return {**fleet(url, ZONES, routes, **more.pop("calls", {})), **more}


def ask(text: str = "Hi", **more: Any) -> bytes:
    return json.dumps({"model": "r", "messages": says(text), **more}).encode()


def chat(gateway: Gateway, body: bytes, key: str = ALICE, **headers: str) -> Any:
    return gateway.ask("POST", "/v1/chat/completions", body, key=key, headers=headers)


def policies(directory: Path, text: str) -> dict[str, Json]:
    file = directory / "rules.cedar"
    file.write_text(text)
    return {"policy": {"files": [str(file)]}}


def public_saw(up: Upstream, mark: str) -> list[str]:
    """Public deployments that got a text."""
    return [seen.model for seen in up.seen if seen.model != "inside" and mark.encode() in seen.body]


# --- classes of data


@pytest.mark.parametrize("label", ["confidential", "restricted"])
def test_what_is_confidential_goes_to_private_deployments_alone(start: Start, up: Upstream, label: str) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url))

    answer = chat(gateway, ask(SECRET), **{CLASS: label})

    assert answer.status == 200, answer
    assert asked(up) == ["inside"]
    receipt = gateway.receipt(answer.receipt_id)
    assert receipt["verdict"]["data_class"] == label
    assert receipt["verdict"]["excluded"] == ["open", "other"]
    assert receipt["verdict"]["why"] == ["data_class.private", "data_class.private"]
    lost = {one["deployment"]: one.get("lost") for one in receipt["plan"]["candidates"]}
    assert lost == {"open": "policy", "other": "policy", "inside": None}


@pytest.mark.parametrize("script", [fails(b"500 X"), reset, fails(b"429 X")])
def test_no_retry_fallback_or_hedge_leads_it_out(start: Start, up: Upstream, script: Any) -> None:
    up.script = by_model(inside=script, open=answers("leaked"), other=answers("leaked"))
    route = {
        "models": ["open", "inside"],
        "fallbacks": {"any": ["other"]},
        "hedge": {"enabled": True, "min_delay_s": 0.01, "max_delay_s": 0.02},
        "attempts": 4,
    }
    gateway = start(config(up.url, route))

    for stream in (False, True):
        answer = chat(gateway, ask(SECRET, stream=stream), **{CLASS: "confidential"})
        assert answer.status >= 400, answer

    assert public_saw(up, SECRET) == []


def test_where_no_private_deployment_is_nothing_is_sent(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(
        {
            **config(up.url),
            "models": {name: {**one, "zone": "public"} for name, one in config(up.url)["models"].items()},
        }
    )

    answer = chat(gateway, ask(SECRET), **{CLASS: "confidential"})

    assert (answer.status, answer.json["error"]["code"]) == (403, "policy_denied")
    assert "data_class.private" in answer.json["error"]["message"]
    assert up.seen == []
    assert gateway.receipt(answer.receipt_id)["outcome"] == "refused"


def test_metadata_and_keys_give_a_class_too(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    made = config(up.url)
    made["keys"][0]["data_class"] = "internal"
    gateway = start(made)

    by_metadata = chat(gateway, ask(SECRET, metadata={"data_class": "confidential"}, store=True))
    by_key = chat(gateway, ask("Hi"))

    assert asked(up) == ["inside", "open"]
    assert gateway.receipt(by_metadata.receipt_id)["verdict"]["data_class"] == "confidential"
    assert gateway.receipt(by_key.receipt_id)["verdict"]["data_class"] == "internal"


def test_a_session_s_class_only_rises_on_every_worker(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url), "--workers", "2")
    session = {"x-antiphon-session": "s1"}

    chat(gateway, ask("Hi"), **session)
    chat(gateway, ask(SECRET), **session, **{CLASS: "confidential"})
    for _ in range(8):  # whichever worker takes them
        assert chat(gateway, ask("and then?"), **session).status == 200
    chat(gateway, ask("Hi"), **{"x-antiphon-session": "s2"})

    assert asked(up) == ["open", "inside", *["inside"] * 8, "open"]


def test_a_tool_gives_a_class_to_what_brings_it(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url, data_classes={"tools": {"crm": "confidential"}}))
    tool = {"type": "function", "function": {"name": "crm", "parameters": {"type": "object"}}}
    other = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}

    chat(gateway, ask(tools=[other]))
    chat(gateway, ask(tools=[other, tool]))

    assert asked(up) == ["open", "inside"]


def test_a_label_that_is_none_is_refused_by_name(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url))
    answer = chat(gateway, ask(), **{CLASS: "secret"})
    assert (answer.status, answer.json["error"]["param"]) == (400, CLASS)
    assert "restricted" in answer.json["error"]["message"]
    assert up.seen == []


def test_a_key_sends_nothing_above_its_clearance(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    made = config(up.url)
    made["keys"][0]["clearance"] = "internal"
    gateway = start(made)

    over = chat(gateway, ask(), **{CLASS: "confidential"})

    assert (over.status, over.json["error"]["code"]) == (403, "policy_denied")
    assert "key.clearance" in over.json["error"]["message"]
    assert chat(gateway, ask(), **{CLASS: "internal"}).status == 200


def test_a_kept_answer_of_one_class_is_given_to_no_other(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    gateway = start(config(up.url, {"cache": {"enabled": True}, "models": ["inside"]}))
    body = ask("same", temperature=0)

    chat(gateway, body, **{CLASS: "confidential"})
    until(
        lambda: "hit" in chat(gateway, body, **{CLASS: "confidential"}).headers.get("x-antiphon-cache", ""),
        "an answer is given again",
    )
    other = chat(gateway, body)

    assert "miss" in other.headers["x-antiphon-cache"]


def test_from_a_class_on_content_is_not_captured(start: Start, up: Upstream) -> None:
    up.script = answers("ok")
    made = config(up.url)
    made["storage"] = {**made["storage"], "capture": "content"}
    gateway = start(made)

    seen = chat(gateway, ask(), **{CLASS: "confidential"})
    hidden = chat(gateway, ask(SECRET), **{CLASS: "restricted"})

    assert gateway.receipt(seen.receipt_id)["captured"] is True
    assert "captured" not in gateway.receipt(hidden.receipt_id)


# --- policies


RULES = """
@id("base.allow")
permit (principal, action == Action::"call_model", resource);

@id("no.overseas")
forbid (principal, action == Action::"call_model", resource)
when { resource.region == "overseas" && context.data_class_rank >= 1 };

@id("interns.fast")
forbid (principal, action == Action::"call_model", resource)
when { principal.team == "interns" && resource.tier != "fast" };

@id("night.shift") @mode("shadow")
forbid (principal, action == Action::"call_model", resource);
"""


def test_a_policy_leaves_deployments_out_and_its_id_is_the_reason(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = answers("ok")
    made = {**config(up.url), **policies(tmp_path, RULES)}
    made["models"]["open"]["region"] = "overseas"
    gateway = start(made)

    public = chat(gateway, ask())
    internal = chat(gateway, ask(), **{CLASS: "internal"})

    assert asked(up) == ["open", "other"]
    verdict = gateway.receipt(internal.receipt_id)["verdict"]
    assert (verdict["excluded"], verdict["why"]) == (["open"], ["no.overseas"])
    assert any("night.shift" in one for one in gateway.receipt(public.receipt_id)["verdict"]["shadow"])


def test_nobody_allowed_means_a_refusal_that_names_the_policy(start: Start, up: Upstream, tmp_path: Path) -> None:
    made = {**config(up.url), **policies(tmp_path, RULES)}
    made["keys"][0]["team"] = "interns"
    gateway = start(made)

    for path, body in {
        "/v1/chat/completions": ask(),
        "/v1/messages": json.dumps({"model": "r", "max_tokens": 9, "messages": says("Hi")}).encode(),
        "/v1/responses": json.dumps({"model": "r", "input": "Hi"}).encode(),
        "/v1/embeddings": json.dumps({"model": "r", "input": "Hi"}).encode(),
    }.items():
        answer = gateway.ask("POST", path, body, key=ALICE)
        assert answer.status == 403, (path, answer)
        assert "interns.fast" in answer.body.decode()
    assert up.seen == []


def test_policies_that_change_hold_for_the_next_request(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = answers("ok")
    gateway = start({**config(up.url), **policies(tmp_path, RULES)})
    assert chat(gateway, ask()).status == 200

    (tmp_path / "rules.cedar").write_text('@id("stop") forbid (principal, action, resource);')

    until(lambda: chat(gateway, ask()).status == 403, "the changed policies hold")


def test_obligations_are_kept(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = answers("ok")
    text = """
    @id("told") @disclose("true") @log("none") @max_tier("balanced") @retention("7")
    permit (principal, action == Action::"call_model", resource);
    """
    made = {**config(up.url), **policies(tmp_path, text)}
    made["models"]["open"]["tier"] = "premium"
    made["models"]["other"]["tier"] = "fast"
    made["models"]["inside"]["tier"] = "balanced"
    made["storage"] = {**made["storage"], "capture": "content"}
    gateway = start(made)

    answer = chat(gateway, ask())

    assert answer.headers["x-antiphon-disclosure"] == "ai-generated"
    assert asked(up) == ["other"]
    receipt = gateway.receipt(answer.receipt_id)
    assert "captured" not in receipt
    assert receipt["verdict"]["obligations"]["retention_days"] == 7


def test_explain_says_what_policy_would_say(start: Start, up: Upstream, tmp_path: Path) -> None:
    made = {**config(up.url), **policies(tmp_path, RULES)}
    gateway = start(made)
    said = gateway.ask("POST", "/v1/explain", ask(), key=ALICE, headers={CLASS: "confidential"})
    assert said.status == 200, said
    assert said.json["data_class"] == "confidential"
    assert said.json["verdict"]["excluded"] == ["open", "other"]
    assert up.seen == []


def test_an_obligation_that_nobody_can_keep_lets_nothing_pass(start: Start, up: Upstream, tmp_path: Path) -> None:
    text = """
    @id("a") @mask("email") permit (principal, action == Action::"call_model", resource) when { context.purpose == "mask" };
    @id("b") @guards("absent") permit (principal, action == Action::"call_model", resource)
    when { context.purpose == "guard" };
    """
    gateway = start({**config(up.url), **policies(tmp_path, text)})

    for purpose in ("mask", "guard"):
        answer = chat(gateway, ask(), **{"x-antiphon-purpose": purpose})
        assert (answer.status, answer.json["error"]["code"]) == (503, "guard_failed")
    assert up.seen == []


def test_a_policy_masks_what_guards_only_flag(start: Start, up: Upstream, tmp_path: Path) -> None:
    up.script = answers("ok")
    text = '@id("a") @mask("email") permit (principal, action == Action::"call_model", resource);'
    guards = {"people": {"pii": {}, "action": "flag"}}
    gateway = start({**config(up.url, guards=guards), **policies(tmp_path, text)})

    chat(gateway, ask("Mail erika.mustermann@example.org, card 4111 1111 1111 1111"))

    assert "erika" not in up.seen[-1].body.decode()
    assert "4111 1111 1111 1111" in up.seen[-1].body.decode()


def test_a_forbidden_model_that_is_asked_for_by_name_is_refused_by_policy(
    start: Start, up: Upstream, tmp_path: Path
) -> None:
    made = {**config(up.url), **policies(tmp_path, RULES)}
    made["models"]["open"] |= {"region": "overseas", "listed": True}
    gateway = start(made)

    body = json.dumps({"model": "open", "messages": says("Hi")}).encode()
    by_policy = chat(gateway, body, **{CLASS: "internal"})
    by_class = chat(gateway, body, **{CLASS: "confidential"})

    assert (by_policy.status, by_policy.json["error"]["code"]) == (403, "policy_denied")
    assert by_policy.headers["x-antiphon-reasons"] == "no.overseas"
    assert "data_class.private" in by_class.headers["x-antiphon-reasons"]
    assert up.seen == []
