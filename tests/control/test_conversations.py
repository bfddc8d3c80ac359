import asyncio
import json
from typing import Any

import pytest
from fakes.kept import Keeping

from antiphon.control.paging import Page
from antiphon.core.error import AntiphonError, BadRequest, NotFound, TooLarge
from antiphon.core.principal import Principal

ALICE = Principal(tenant="acme", key="alice")
CAROL = Principal(tenant="acme", key="carol")
BOB = Principal(tenant="globex", key="bob")
DAY_NS = 86_400 * 10**9


def says(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text, **more}


def made(keeping: Keeping, *items: object, metadata: dict[str, str] | None = None) -> str:
    return json.loads(keeping.conversations.create(ALICE, metadata or {}, items))["id"]


async def texts(keeping: Keeping, name: str, **page: Any) -> list[str]:
    found = json.loads(await keeping.conversations.page(ALICE, name, Page(**page)))
    return [item["content"][0]["text"] for item in found["data"]]


async def test_a_conversation_is_shown_as_it_was_made_to_everyone_of_its_tenant() -> None:
    keeping = Keeping()
    name = made(keeping, metadata={"topic": "tea"})

    for who in (ALICE, CAROL):
        assert json.loads(await keeping.conversations.show(who, name)) == {
            "id": name,
            "object": "conversation",
            "created_at": 1_700_000_000,
            "metadata": {"topic": "tea"},
        }


@pytest.mark.parametrize("method", ["show", "update", "delete", "add", "page", "item", "delete_item", "context"])
async def test_another_tenant_is_told_that_there_is_none(method: str) -> None:
    keeping = Keeping()
    name = made(keeping, says("a", id="msg_1"))
    arguments: dict[str, tuple[object, ...]] = {
        "update": ({},),
        "add": ([says("b")],),
        "page": (Page(),),
        "item": ("msg_1",),
        "delete_item": ("msg_1",),
    }
    who = BOB.tenant if method == "context" else BOB

    with pytest.raises(NotFound) as raised:
        await getattr(keeping.conversations, method)(who, name, *arguments.get(method, ()))

    assert raised.value.said_code == "conversation_not_found"
    assert await texts(keeping, name) == ["a"], "and it is as it was"


async def test_items_are_listed_a_page_at_a_time_in_both_orders() -> None:
    keeping = Keeping()
    name = made(keeping, *(says(text, id=f"msg_{text}") for text in "abcd"))

    assert await texts(keeping, name) == ["d", "c", "b", "a"]
    assert await texts(keeping, name, descending=False, limit=2) == ["a", "b"]
    assert await texts(keeping, name, descending=False, after="msg_b", limit=1) == ["c"]
    assert await texts(keeping, name, after="msg_b") == ["a"]
    assert await texts(keeping, name, descending=False, before="msg_d", limit=2) == ["b", "c"]
    page = json.loads(await keeping.conversations.page(ALICE, name, Page(limit=3)))
    assert (page["object"], page["has_more"], page["first_id"], page["last_id"]) == ("list", True, "msg_d", "msg_b")
    for word in ("after", "before"):
        with pytest.raises(BadRequest) as raised:
            await keeping.conversations.page(ALICE, name, Page(**{word: "msg_nobody"}))
        assert raised.value.param == word


async def test_who_adds_at_the_same_time_takes_nothing_from_others() -> None:
    keeping = Keeping()
    name = made(keeping)

    await asyncio.gather(*(keeping.conversations.add(ALICE, name, [says(f"t{number}")]) for number in range(20)))

    assert sorted(await texts(keeping, name, limit=100)) == sorted(f"t{number}" for number in range(20))


async def test_items_that_are_given_the_same_id_at_once_are_all_there() -> None:
    keeping = Keeping()
    name = made(keeping, says("a", id="msg_1"), says("b", id="msg_1"))

    assert await texts(keeping, name, descending=False) == ["a", "b"]


async def test_an_item_is_shown_deleted_and_gone() -> None:
    keeping = Keeping()
    name = made(keeping, says("a", id="msg_1"), says("b"))

    assert json.loads(await keeping.conversations.item(ALICE, name, "msg_1"))["id"] == "msg_1"
    assert json.loads(await keeping.conversations.delete_item(ALICE, name, "msg_1"))["id"] == name
    assert await texts(keeping, name) == ["b"]
    for again in (keeping.conversations.item, keeping.conversations.delete_item):
        with pytest.raises(NotFound) as raised:
            await again(ALICE, name, "msg_1")
        assert raised.value.said_code == "item_not_found"


async def test_a_conversation_that_is_deleted_is_gone_with_its_items() -> None:
    keeping = Keeping()
    name = made(keeping, says("a", id="msg_1"))

    said = json.loads(await keeping.conversations.delete(ALICE, name))

    assert said == {"id": name, "object": "conversation.deleted", "deleted": True}
    for ask in (keeping.conversations.show(ALICE, name), keeping.conversations.item(ALICE, name, "msg_1")):
        with pytest.raises(NotFound):
            await ask


async def test_an_update_changes_the_metadata_alone_and_the_later_counts() -> None:
    keeping = Keeping()
    name = made(keeping, says("a"), metadata={"a": "1", "b": "2"})
    keeping.clock.at_ns += 5 * 10**9

    said = json.loads(await keeping.conversations.update(ALICE, name, {"c": "3"}))

    assert (said["metadata"], said["created_at"]) == ({"c": "3"}, 1_700_000_000)
    assert json.loads(await keeping.conversations.show(ALICE, name)) == said
    assert await texts(keeping, name) == ["a"]


async def test_it_is_gone_when_its_time_is_over_and_lasts_longer_where_it_is_used() -> None:
    keeping = Keeping(days=10)
    used, idle = made(keeping, says("a", id="msg_1")), made(keeping)
    keeping.clock.at_ns += 6 * DAY_NS
    await keeping.conversations.add(ALICE, used, [says("b")])
    keeping.clock.at_ns += 5 * DAY_NS

    assert await texts(keeping, used) == ["b", "a"]
    assert json.loads(await keeping.conversations.item(ALICE, used, "msg_1"))["id"] == "msg_1"
    with pytest.raises(NotFound):
        await keeping.conversations.show(ALICE, idle)
    keeping.clock.at_ns += 6 * DAY_NS
    with pytest.raises(NotFound):
        await keeping.conversations.show(ALICE, used)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (7, "items[1]"),
        ({"role": 7, "content": "a"}, "items[1].role"),
        ({"role": "user", "content": [{"type": "input_text", "text": 7}]}, "items[1].content[0].text"),
        ({"type": "function_call", "call_id": "c", "name": 7, "arguments": "{}"}, "items[1].name"),
    ],
)
async def test_an_item_that_nobody_could_read_is_refused_by_its_name(item: object, param: str) -> None:
    keeping = Keeping()
    name = made(keeping)

    with pytest.raises(BadRequest) as raised:
        await keeping.conversations.add(ALICE, name, [says("a"), item])

    assert raised.value.param == param
    assert await texts(keeping, name) == []


@pytest.mark.parametrize("bound", [{"max_conversation_bytes": 1024}, {"max_conversation_items": 3}])
async def test_a_full_conversation_takes_no_more(bound: dict[str, int]) -> None:
    keeping = Keeping(**bound)
    name = made(keeping, says("a" * 300), says("b" * 300))

    with pytest.raises(TooLarge) as raised:
        await keeping.conversations.add(ALICE, name, [says("c" * 300), says("d" * 300)])

    assert (raised.value.said_code, raised.value.said_status) == ("conversation_too_large", 413)
    with pytest.raises(TooLarge):
        made(keeping, *(says("c" * 400) for _ in range(4)))
    assert len(await texts(keeping, name)) == 2


async def test_where_nothing_is_kept_none_can_be_made() -> None:
    with pytest.raises(BadRequest) as raised:
        made(Keeping(days=0))

    assert raised.value.said_code == "nothing_is_kept"


async def test_what_cannot_be_written_is_told_and_not_half_there() -> None:
    keeping = Keeping()
    keeping.kept.fails = True

    with pytest.raises(AntiphonError, match="disk is full"):
        made(keeping, says("a"))

    assert keeping.kept.written == []
