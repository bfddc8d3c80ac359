"""A stream that breaks off, and another deployment that goes on with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from asks import asking, told
from fakes.house import DONE, USAGE, House, NotedReply, chunk, deployed, events_of, usage_event
from fakes.upstream import Answer

from antiphon.calls.settings import CallsSettings
from antiphon.calls.settings_failure import RetrySettings
from antiphon.core.error import UpstreamBroken, UpstreamTimeout
from antiphon.core.usage import Usage

QUICK = CallsSettings(retry=RetrySettings(base_s=0.001, cap_s=0.001))
COST = 10 * 150 + 5 * 600
TWO = [deployed(model="one", continues=True), deployed("big", model="two", continues=True)]


def cut(*texts: str, **fields: Any) -> Answer:
    return events_of(*[chunk(text) for text in texts], **{"fails": UpstreamBroken("cut"), **fields})


def rest(*texts: str) -> Answer:
    """What another goes on with; it speaks of another answer."""
    events = [chunk(text, id="other", model="another") for text in texts]
    return events_of(*events, chunk(finish="stop", id="other"), usage_event(), DONE)


def house_of(directory: Path, *script: Any, **fields: Any) -> House:
    return House(directory, *script, **{"deployments": TWO, "attempts": 3, "route": {"on_cut": "continue"}, **fields})


def text_of(reply: NotedReply) -> str:
    events = [event.removeprefix("data: ") for event in reply.out.decode().split("\n\n") if event.startswith("data: {")]
    chunks = [json.loads(event) for event in events]
    assert {chunk["id"] for chunk in chunks} == {"c"}, "one answer"
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


async def test_another_goes_on_where_one_broke_off_and_the_caller_reads_one_answer(tmp_path: Path) -> None:
    house = house_of(tmp_path, cut("He", "l"), rest("l", "o"))

    reply = await told(house, asking(stream=True))

    assert (text_of(reply), reply.out.endswith(DONE), reply.failure) == ("Hello", True, None)
    first, second = house.receipt.attempts
    assert (first.error, first.failure, second.error) == ("upstream_broken", "broken", "")
    assert second.reason == "other_deployment: broken"
    assert (house.receipt.outcome, house.receipt.served) == ("ok", second.deployment)
    assert f"stream: {second.deployment} went on after {first.deployment} broke off" in house.receipt.notes
    sent = json.loads(b"".join(house.transport.sent[1][0].body))
    assert sent["messages"][-1] == {"role": "assistant", "content": "Hel"}


async def test_it_may_break_off_again(tmp_path: Path) -> None:
    three = [*TWO, deployed("huge", model="three", continues=True)]
    house = house_of(tmp_path, cut("He"), cut("l"), rest("lo"), deployments=three)

    reply = await told(house, asking(stream=True))

    assert text_of(reply) == "Hello"
    sent = [json.loads(b"".join(sent.body))["messages"][-1] for sent, _ in house.transport.sent]
    assert [one["content"] for one in sent] == ["hello", "He", "Hel"]
    assert len(set(house.asked)) == 3


async def test_the_usage_of_all_parts_is_the_answers(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(chunk("a", usage=USAGE), fails=UpstreamBroken("cut")), rest("b"))

    await told(house, asking(stream=True))

    assert house.receipt.usage == Usage(input_tokens=20, output_tokens=10)
    assert house.receipt.cost_nano_usd == 2 * COST
    assert house.tickets.counted.spent == 2 * COST


async def test_the_usage_of_an_answer_is_unknown_where_that_of_a_part_is(tmp_path: Path) -> None:
    house = house_of(tmp_path, cut("a"), rest("b"))

    await told(house, asking(stream=True))

    assert (house.receipt.usage, house.receipt.cost_basis) == (None, "no_usage")
    first, second = house.receipt.attempts
    assert (first.assumed, second.assumed) == (True, False)
    assert first.cost_nano_usd is not None
    assert second.cost_nano_usd == COST
    assert house.receipt.spent_nano_usd == first.cost_nano_usd + COST == house.tickets.counted.spent


async def test_what_was_released_of_both_is_kept_as_one(tmp_path: Path) -> None:
    house = house_of(tmp_path, cut("a"), rest("b"), capture_most_bytes=10_000)

    reply = await told(house, asking(stream=True))

    assert house.journal.contents[house.receipt.id].count(b"data: ") == reply.out.count(b"data: ")


FAILS = {"route": {"on_cut": "fail"}}
ONE_CONTINUES = {
    "deployments": [deployed(model="one", continues=True, weight=1e6), deployed("big", model="two", weight=1e-6)]
}


@pytest.mark.parametrize(
    ("script", "fields", "house"),
    [
        ([cut("a")], {}, FAILS),
        ([cut("a")], {"n": 2}, {}),
        ([cut("a")], {}, {"attempts": 1}),
        ([cut("a")], {}, {"deployments": [deployed(model="one"), deployed("big", model="two")]}),
        ([events_of(chunk(choices=[{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]), fails=UpstreamBroken("cut"))], {}, {}),
        ([events_of(chunk(choices=[{"index": 0, "delta": {"content": [{"type": "thinking"}]}}]), fails=UpstreamBroken("cut"))], {}, {}),
        ([events_of(chunk("a"), chunk(finish="stop"), fails=UpstreamBroken("cut"))], {}, {}),
    ],
    ids=["not to", "several answers", "no attempt left", "nobody can", "tools", "parts", "it had finished"],
)  # fmt: skip
async def test_where_nobody_goes_on_the_stream_ends_with_its_error(
    tmp_path: Path, script: list[Any], fields: dict[str, Any], house: dict[str, Any]
) -> None:
    made = house_of(tmp_path, *script, **house)

    reply = await told(made, asking(stream=True, **fields))

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.begun, reply.ended) == ("upstream_broken", True, True)
    assert (made.receipt.outcome, made.receipt.status, made.receipt.served) == (
        "failed",
        200,
        made.receipt.attempts[0].deployment,
    )
    assert len(made.transport.sent) == 1
    assert "stream: 1 events were released" in made.receipt.notes or len(made.receipt.notes) == 1


async def test_only_who_can_go_on_is_asked_to(tmp_path: Path) -> None:
    house = house_of(tmp_path, cut("a"), rest("b"), **ONE_CONTINUES, calls=QUICK)

    reply = await told(house, asking(stream=True))

    assert text_of(reply) == "ab"
    assert house.asked == ["one", "one"]


async def test_one_that_goes_on_and_fails_at_once_leaves_the_first_error(tmp_path: Path) -> None:
    house = house_of(tmp_path, cut("a"), UpstreamTimeout("slow"), attempts=2)

    reply = await told(house, asking(stream=True))

    assert reply.failure is not None
    assert reply.out == chunk("a")
    assert [attempt.error for attempt in house.receipt.attempts] == ["upstream_broken", "upstream_timeout"]
    assert (house.receipt.outcome, house.receipt.status) == ("failed", 200)
    assert house.receipt.served == house.receipt.attempts[0].deployment


async def test_before_its_first_content_a_stream_is_begun_anew_and_not_gone_on_with(tmp_path: Path) -> None:
    house = house_of(tmp_path, events_of(chunk(), fails=UpstreamBroken("cut")), rest("b"))

    await told(house, asking(stream=True))

    sent = json.loads(b"".join(house.transport.sent[1][0].body))
    assert [message["role"] for message in sent["messages"]] == ["user"]
