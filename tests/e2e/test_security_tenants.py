"""Whatever one tenant leaves with the gateway, another's key never gets: not its answers, its values, its words, its tickets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rig.config import ALICE, BOB
from rig.fleet import Json, fleet
from rig.gateway import Answer, Config, Gateway
from rig.scripts import completion
from rig.sdk import says
from rig.upstream import JSON, Script, Seen, Upstream, whole

pytestmark = pytest.mark.processes

EMAIL = "erika.mustermann@example.org"
CARD = "4111 1111 1111 1111"
GUARDS: Json = {
    "people": {"pii": {}, "action": "mask"},
    "pays": {"regex": {"patterns": {"p": {"pattern": "pay [0-9]+"}}}, "on": ["request"], "action": "approve"},
    "merges": {
        "regex": {"patterns": {"m": {"pattern": "merger"}}},
        "on": ["request"],
        "action": "flag",
        "raises": "confidential",
    },
}


def config(url: str) -> Config:
    zones: dict[str, Json] = {"open": {}, "inside": {"zone": "private"}}
    made = fleet(
        url,
        zones,
        {"r": {"models": ["open", "inside"], "cache": {"enabled": True, "ttl_s": 600, "any_temperature": True}}},
    )
    return {**made, "guards": GUARDS, "approvals": {}, "admin": {"port": 0}}


@pytest.fixture(scope="module")
def shared(upstream_shared: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("tenants"), config(upstream_shared.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def up(upstream_shared: Upstream) -> Upstream:
    upstream_shared.seen.clear()
    upstream_shared.script = whole(completion("ok"))
    return upstream_shared


def post(gateway: Gateway, path: str, fields: Any, key: str = ALICE, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.ask("POST", path, json.dumps(fields).encode(), key=key, headers=told)


def chat(gateway: Gateway, text: str, key: str = ALICE, **headers: str) -> Answer:
    return post(gateway, "/v1/chat/completions", {"model": "r", "messages": says(text)}, key, **headers)


def repeats(text: str = "") -> Script:
    """Says again what it was asked last, or a text."""

    async def script(seen: Seen, writer: Any) -> None:
        said = text or json.loads(seen.body)["messages"][-1]["content"]
        await whole(completion(said), JSON)(seen, writer)

    return script


def said(one: Answer) -> str:
    assert one.status == 200, one
    return one.json["choices"][0]["message"]["content"]


def test_a_token_stands_for_nothing_to_another_tenant(shared: Gateway, up: Upstream) -> None:
    up.script = repeats()
    assert said(chat(shared, f"It is {EMAIL}, card {CARD}")) == f"It is {EMAIL}, card {CARD}"
    sent = json.loads(up.last.body)["messages"][-1]["content"]
    token = sent.split(",")[0].removeprefix("It is ")
    assert token.startswith("[[EMAIL_")

    theirs = chat(shared, f"Who is {token}? Mine is {EMAIL}.", BOB)

    assert said(theirs) == f"Who is {token}? Mine is {EMAIL}."
    bobs = json.loads(up.last.body)["messages"][-1]["content"]
    assert bobs.startswith(f"Who is {token}? Mine is [[EMAIL_")
    assert bobs.count(token) == 1, "the same value has another token for another tenant"
    up.script = repeats(f"{token} it is")
    assert said(chat(shared, "And who was it?", BOB)) == f"{token} it is"


def test_an_answer_is_given_again_to_its_own_tenant_alone(shared: Gateway, up: Upstream) -> None:
    up.script = whole(completion("for acme"))
    assert said(chat(shared, "The same question")) == "for acme"
    up.script = whole(completion("for globex"))

    assert said(chat(shared, "The same question", BOB)) == "for globex"
    assert said(chat(shared, "The same question")) == "for acme"
    assert said(chat(shared, "The same question", BOB)) == "for globex"
    assert len(up.seen) == 2


def test_a_session_s_class_is_its_own_tenant_s(shared: Gateway, up: Upstream) -> None:
    for text, key in (("The merger is on friday", ALICE), ("Go on, please", ALICE), ("Go on, please!", BOB)):
        assert chat(shared, text, key, x_antiphon_session="one name").status == 200

    assert [seen.model for seen in up.seen] == ["inside", "inside", "open"]


def test_nobody_sees_or_uses_another_tenant_s_ticket(shared: Gateway, up: Upstream) -> None:
    pending = chat(shared, "pay 500")
    assert pending.status == 202, pending
    ticket = shared.closed_receipt(pending.receipt_id)["approval"]
    assert shared.get(f"/v1/approvals/{ticket}").status == 200

    assert shared.get(f"/v1/approvals/{ticket}", key=BOB).status == 404
    assert shared.get("/v1/approvals/" + "x" * len(ticket), key=BOB).status == 404
    used = chat(shared, "pay 500", BOB, x_antiphon_approval=ticket)
    assert used.status in (403, 404), used
    assert up.seen == []


def test_nobody_sees_another_tenant_s_receipts_and_scores(shared: Gateway, up: Upstream) -> None:
    mine = chat(shared, "Hello there")
    for path in (f"/v1/receipts/{mine.receipt_id}", f"/v1/feedback?receipt={mine.receipt_id}"):
        theirs, none = shared.get(path, key=BOB), shared.get(path.replace(mine.receipt_id, "0" * 36), key=BOB)
        assert (theirs.status, theirs.body.replace(mine.receipt_id.encode(), b"")) == (
            none.status,
            none.body.replace(b"0" * 36, b""),
        )
        assert b"Hello" not in theirs.body
    scored = post(shared, "/v1/feedback", {"receipt": mine.receipt_id, "score": 1}, BOB)
    assert scored.status == 404, scored


def test_nobody_goes_on_from_another_tenant_s_conversation(shared: Gateway, up: Upstream) -> None:
    up.script = whole(completion("The secret word is plum."))
    ask = {"model": "r", "input": "The word is plum."}
    first = post(shared, "/v1/responses", {**ask, "store": True}).json["id"]
    talk = post(shared, "/v1/conversations", {"items": [{"role": "user", "content": "plum"}]}).json["id"]
    notes = post(shared, "/v1/responses/compact", ask)
    assert notes.status == 200, notes
    up.seen.clear()

    tries = [
        post(shared, "/v1/responses", {**ask, "input": "Which?", "previous_response_id": first}, BOB),
        post(shared, "/v1/responses", {**ask, "input": "Which?", "conversation": talk}, BOB),
        post(shared, "/v1/responses", {**ask, "input": notes.json["output"]}, BOB),
        post(shared, "/v1/responses/input_tokens", {**ask, "previous_response_id": first}, BOB),
        post(shared, "/v1/responses/compact", {"model": "r", "previous_response_id": first}, BOB),
        post(shared, f"/v1/conversations/{talk}/items", {"items": [{"role": "user", "content": "x"}]}, BOB),
        post(shared, f"/v1/conversations/{talk}", {"metadata": {"a": "b"}}, BOB),
        *(
            shared.ask(method, path, key=BOB)
            for method in ("GET", "DELETE")
            for path in (f"/v1/responses/{first}", f"/v1/conversations/{talk}")
        ),
        *(
            shared.get(path, key=BOB)
            for path in (f"/v1/responses/{first}/input_items", f"/v1/conversations/{talk}/items")
        ),
    ]

    for one in tries:
        assert one.status in (400, 404), one
        assert b"plum" not in one.body
    assert up.seen == []
    assert shared.get(f"/v1/responses/{first}").status == 200
    assert shared.get(f"/v1/conversations/{talk}").status == 200
