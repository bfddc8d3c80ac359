import json
from typing import Any

import pytest
from fakes.kept import Keeping
from msgspec import Raw

from antiphon.control.paging import Page
from antiphon.control.responses import Turn
from antiphon.core.error import BadRequest, NotFound, TooLarge
from antiphon.core.principal import Principal
from antiphon.wire.openai_responses.state import Item, Wants

ALICE = Principal(tenant="acme", key="alice")
BOB = Principal(tenant="globex", key="bob")
DAY_NS = 86_400 * 10**9


def answer(name: str, text: str, **more: Any) -> bytes:
    said = {"type": "message", "id": f"msg_{name}", "role": "assistant", "status": "completed"}
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return json.dumps({"id": name, "object": "response", "output": [{**said, "content": content}], **more}).encode()


class Talk:
    """One tenant's calls, one after the other."""

    def __init__(self, keeping: Keeping, tenant: str = "acme") -> None:
        self.keeping = keeping
        self.tenant = tenant

    async def call(
        self, name: str, asked: str, previous: str | None = None, conversation: str | None = None, **more: Any
    ) -> tuple[list[str], dict[str, Any]]:
        """Returns: what was said before it, as the upstream gets it, and its response."""
        self.keeping.clock.at_ns += 10**9
        wants = Wants(previous, conversation, more.pop("store", True))
        text = json.dumps(asked).encode()
        before = await self.keeping.responses.before(self.tenant, wants, text)
        turn = Turn(tenant=self.tenant, wants=wants, asked=text, before=before.ids, echo=more.pop("echo", {}))
        body = self.keeping.responses.end(turn, answer(name, f"re {asked}", **more))
        return [said(item) for item in before.items], json.loads(body)


def said(item: Item) -> str:
    content = item["content"]
    return content if isinstance(content, str) else content[0]["text"]


async def test_a_response_goes_on_from_all_that_were_before_it() -> None:
    talk = Talk(Keeping())
    assert (await talk.call("resp_1", "a"))[0] == []
    assert (await talk.call("resp_2", "b", "resp_1"))[0] == ["a", "re a"]
    before, response = await talk.call("resp_3", "c", "resp_2")

    assert before == ["a", "re a", "b", "re b"]
    assert response["previous_response_id"] == "resp_2"
    assert (await talk.call("resp_4", "d", "resp_1"))[0] == ["a", "re a"], "and from one of them again, another way"


async def test_what_was_sent_before_has_no_ids_that_only_its_upstream_knows() -> None:
    keeping = Keeping()
    thoughts = [{"type": "reasoning", "id": "rs_1", "summary": []}]
    proven = [{"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"}]
    call = [{"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}]
    turn = Turn(tenant="acme", wants=Wants(None, None, True), asked=b'[{"role":"user","content":"a","status":"x"}]')
    keeping.responses.end(turn, json.dumps({"id": "resp_1", "output": thoughts + proven + call}).encode())

    items = (await keeping.responses.before("acme", Wants("resp_1", None, True))).items

    assert items == [
        {"role": "user", "content": "a"},
        proven[0],
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
    ]


@pytest.mark.parametrize("why", ["unknown", "another tenant's", "deleted", "over", "not stored", "its first deleted"])
async def test_what_is_not_kept_is_not_gone_on_from(why: str) -> None:
    keeping = Keeping(days=10)
    talk = Talk(keeping)
    await talk.call("resp_1", "a")
    await talk.call("resp_2", "b", "resp_1", store=why != "not stored")
    match why:
        case "deleted":
            await keeping.responses.delete(ALICE, "resp_2")
        case "its first deleted":
            await keeping.responses.delete(ALICE, "resp_1")
        case "over":
            keeping.clock.at_ns += 11 * DAY_NS
        case "another tenant's":
            talk = Talk(keeping, "globex")
        case _:
            pass

    with pytest.raises(BadRequest) as raised:
        await talk.call("resp_3", "c", "resp_9" if why == "unknown" else "resp_2")

    error = raised.value
    assert (error.said_code, error.said_status) == ("previous_response_not_found", 400)
    assert error.param == "previous_response_id"
    assert error.message.startswith("Previous response with id 'resp_")


async def test_another_tenant_sees_nothing_and_deletes_nothing() -> None:
    keeping = Keeping()
    await Talk(keeping).call("resp_1", "a")

    for ask in (
        keeping.responses.show(BOB, "resp_1"),
        keeping.responses.delete(BOB, "resp_1"),
        keeping.responses.cancel(BOB, "resp_1"),
        keeping.responses.page(BOB, "resp_1", Page()),
    ):
        with pytest.raises(NotFound):
            await ask
    assert json.loads(await keeping.responses.show(ALICE, "resp_1"))["id"] == "resp_1"


async def test_two_tenants_may_have_responses_of_one_id() -> None:
    keeping = Keeping()
    await Talk(keeping).call("resp_1", "a")
    await Talk(keeping, "globex").call("resp_1", "b")

    assert b"re a" in await keeping.responses.show(ALICE, "resp_1")
    assert b"re b" in await keeping.responses.show(BOB, "resp_1")


async def test_whoever_goes_on_from_them_makes_all_of_them_last_longer() -> None:
    keeping = Keeping(days=10)
    talk = Talk(keeping)
    await talk.call("resp_1", "a")
    keeping.clock.at_ns += 6 * DAY_NS
    await talk.call("resp_2", "b", "resp_1")
    keeping.clock.at_ns += 6 * DAY_NS

    assert (await talk.call("resp_3", "c", "resp_2"))[0] == ["a", "re a", "b", "re b"]


async def test_a_response_says_what_is_true_of_it_and_repeats_its_request() -> None:
    talk = Talk(Keeping())
    _, foreign = await talk.call("resp_1", "a", store=True, echo={"instructions": Raw(b'"be nice"')})
    assert "store" not in foreign, "what it doesn't speak of stays so"

    _, own = await talk.call("resp_2", "b", "resp_1")
    assert own["previous_response_id"] == "resp_1"


@pytest.mark.parametrize("told", [True, False])
async def test_a_response_that_is_kept_says_that_it_is_stored(told: bool) -> None:
    keeping = Keeping()
    echo = {"instructions": Raw(b'"be nice"'), "metadata": Raw(b'{"a":"b"}')}
    turn = Turn(tenant="acme", wants=Wants(None, None, True), asked=b'"a"', echo=echo)
    body = answer("resp_1", "re", store=told, previous_response_id=None, instructions=None, metadata={})

    out = keeping.responses.end(turn, body)

    if told:
        assert out is body, "an upstream that speaks this dialect has said all of it: its bytes stay"
    else:
        assert json.loads(out) == {
            **json.loads(body),
            "store": True,
            "instructions": "be nice",
            "metadata": {"a": "b"},
        }
    assert await keeping.responses.show(ALICE, "resp_1") == out


async def test_what_is_longer_than_is_kept_says_that_it_is_not_stored() -> None:
    keeping = Keeping(max_response_bytes=1024)
    turn = Turn(tenant="acme", wants=Wants(None, None, True), asked=b'"a"')

    out = keeping.responses.end(turn, answer("resp_1", "long " * 300, store=True))

    assert json.loads(out)["store"] is False
    with pytest.raises(NotFound):
        await keeping.responses.show(ALICE, "resp_1")


async def test_too_much_to_go_on_from_is_told() -> None:
    talk = Talk(Keeping(max_conversation_bytes=1024))
    await talk.call("resp_1", "a" * 300)
    await talk.call("resp_2", "b" * 300, "resp_1")

    with pytest.raises(TooLarge) as raised:
        await talk.call("resp_3", "c", "resp_2")

    assert raised.value.param == "previous_response_id"


async def test_a_turn_of_a_conversation_is_added_to_it_whole() -> None:
    keeping = Keeping()
    talk = Talk(keeping)
    name = json.loads(keeping.conversations.create(ALICE, {}, [{"role": "user", "content": "first"}]))["id"]

    assert (await talk.call("resp_1", "a", conversation=name))[0] == ["first"]
    before, response = await talk.call("resp_2", "b", conversation=name, store=False)

    assert before == ["first", "a", "re a"]
    assert response["conversation"] == {"id": name}
    page = json.loads(await keeping.conversations.page(ALICE, name, Page(descending=False)))
    assert [item["content"][0]["text"] for item in page["data"]] == ["first", "a", "re a", "b", "re b"]
    assert all(item["id"] for item in page["data"])
    with pytest.raises(NotFound):
        await keeping.responses.show(ALICE, "resp_2")


async def test_a_response_within_a_conversation_is_gone_on_from_as_the_conversation_was_then() -> None:
    keeping = Keeping()
    talk = Talk(keeping)
    name = json.loads(keeping.conversations.create(ALICE, {}, [{"role": "user", "content": "first"}]))["id"]
    await talk.call("resp_1", "a", conversation=name)
    await talk.call("resp_2", "b", conversation=name)

    assert (await talk.call("resp_3", "c", "resp_1"))[0] == ["first", "a", "re a"]
    assert (await talk.call("resp_4", "d", "resp_3"))[0] == ["first", "a", "re a", "c", "re c"]


async def test_an_input_that_a_conversation_cannot_take_is_refused_before_it_costs_anything() -> None:
    keeping = Keeping()
    name = json.loads(keeping.conversations.create(ALICE, {}, []))["id"]

    with pytest.raises(BadRequest) as raised:
        await keeping.responses.before("acme", Wants(None, name, True), b'["a"]')

    assert raised.value.param == "input[0]"


async def test_the_items_of_an_input_have_ids_that_stay() -> None:
    keeping = Keeping()
    await Talk(keeping).call("resp_1", "a")

    pages = [json.loads(await keeping.responses.page(ALICE, "resp_1", Page())) for _ in range(2)]

    assert pages[0] == pages[1]
    (item,) = pages[0]["data"]
    assert item["content"] == [{"type": "input_text", "text": "a"}]
    assert item["id"].startswith("msg_")


async def test_only_what_runs_in_the_background_can_be_cancelled() -> None:
    keeping = Keeping()
    await Talk(keeping).call("resp_1", "a")

    with pytest.raises(BadRequest, match="Cannot cancel a synchronous response"):
        await keeping.responses.cancel(ALICE, "resp_1")


async def test_a_deleted_response_is_gone() -> None:
    keeping = Keeping()
    await Talk(keeping).call("resp_1", "a")

    said = json.loads(await keeping.responses.delete(ALICE, "resp_1"))

    assert said == {"id": "resp_1", "object": "response", "deleted": True}
    for ask in (keeping.responses.show, keeping.responses.delete):
        with pytest.raises(NotFound):
            await ask(ALICE, "resp_1")
