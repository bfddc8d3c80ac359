import json
from pathlib import Path
from typing import Any

import pytest
from fakes.house import NotedReply

from antiphon.control.compaction import HEADING, PROMPT, Compactor, CompactReply, question
from antiphon.core.error import BadRequest, UpstreamMalformed
from antiphon.core.ports import Served
from antiphon.vault.local import LocalSealer

SERVED = Served("r", "d", {})


@pytest.fixture
def compactor(tmp_path: Path) -> Compactor:
    return Compactor(LocalSealer(tmp_path / "key"), lambda prefix: f"{prefix}_1")


def test_notes_come_back_for_their_own_tenant_in_the_place_of_what_they_were_sealed_in(compactor: Compactor) -> None:
    item = compactor.item("acme", "the cat is Tom")
    theirs = {"type": "compaction", "encrypted_content": "gAAAA-a-providers-own"}

    assert "Tom" not in json.dumps(item)
    assert compactor.opened("acme", [item, theirs, "odd"])[0] == [
        {"type": "message", "role": "user", "content": HEADING + "the cat is Tom"},
        theirs,
        "odd",
    ]


def test_notes_are_of_the_class_of_what_they_were_made_of(compactor: Compactor) -> None:
    items = [compactor.item("acme", "a", "confidential"), compactor.item("acme", "b", "internal")]

    assert compactor.opened("acme", items)[1] == "confidential"
    assert compactor.opened("acme", [compactor.item("acme", "c")])[1] is None


@pytest.mark.parametrize("why", ["another tenant's", "changed", "no base64"])
def test_notes_that_cannot_be_read_are_refused_by_their_place(compactor: Compactor, why: str) -> None:
    item = compactor.item("acme", "notes")
    if why == "changed":
        item["encrypted_content"] = item["encrypted_content"][:-8] + "AAAAAAA="
    elif why == "no base64":
        item["encrypted_content"] = "antiphon.1.a"

    with pytest.raises(BadRequest) as raised:
        compactor.opened("globex" if why == "another tenant's" else "acme", [{"role": "user", "content": "a"}, item])

    assert raised.value.param == "input[1].encrypted_content"


def test_a_model_is_asked_for_its_notes_behind_all_that_was_said() -> None:
    items: list[Any] = [{"role": "user", "content": "a"}]

    said = json.loads(question("m", items, instructions="be nice"))

    asked = {"role": "user", "content": PROMPT}
    assert said == {"model": "m", "input": [*items, asked], "store": False, "instructions": "be nice"}
    assert "instructions" not in json.loads(question("m", items))


def test_a_compacted_conversation_is_the_callers_messages_and_then_the_notes(compactor: Compactor) -> None:
    events: list[str] = []
    under = NotedReply(events)
    items = [{"role": "user", "content": "a"}, {"type": "message", "role": "assistant", "content": "b"}]
    reply = CompactReply(under, compactor, "acme", items)
    text = {"type": "output_text", "text": "notes"}
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    message = {"type": "message", "id": "m", "role": "assistant", "content": [text]}
    body = json.dumps({"id": "resp_1", "created_at": 9, "output": [message], "usage": usage}).encode()

    reply.keep(body)
    reply.whole(SERVED, body)

    said = json.loads(under.out)
    assert (said["object"], said["created_at"], said["usage"]["total_tokens"]) == ("response.compaction", 9, 7)
    first, last = said["output"]
    assert (first["role"], first["content"]) == ("user", [{"type": "input_text", "text": "a"}])
    assert compactor.opened("acme", [last])[0] == [{"type": "message", "role": "user", "content": f"{HEADING}notes"}]


def test_a_model_that_writes_no_notes_has_failed(compactor: Compactor) -> None:
    reply = CompactReply(NotedReply([]), compactor, "acme", [])

    with pytest.raises(UpstreamMalformed):
        reply.keep(b'{"id":"resp_1","output":[]}')
