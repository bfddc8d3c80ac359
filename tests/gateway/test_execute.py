"""What a request asks of its call, and what its receipt and its caller are told of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asks import asking, told
from fakes.house import DONE, KEY, House, chunk, completion, deployed, events_of
from fakes.upstream import Answer, Hangs, Late
from msgspec.structs import replace
from receipts import ALICE

from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_balance import StickySettings
from antiphon.calls.settings_failure import RetrySettings
from antiphon.calls.settings_flow import DeadlineSettings, HedgeSettings
from antiphon.core.error import OverLimit, UpstreamBroken, UpstreamTimeout
from antiphon.core.plan import Candidate
from antiphon.core.principal import Lane, Principal
from antiphon.core.receipt import Bounded, Receipt
from antiphon.core.request import Lineage
from antiphon.core.secret import Secret
from antiphon.core.usage import Usage
from antiphon.providers.credentials import ProviderKeySettings

COST = 10 * 150 + 5 * 600
TWO = [deployed(model="one"), deployed("big", model="two")]
THREE = [*TWO, deployed("huge", model="three")]


# --- several deployments


async def test_a_failure_is_answered_by_another_and_the_caller_never_knows(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamBroken("cut"), Answer(completion()), deployments=TWO, attempts=3)

    reply = await told(house)

    assert reply.out == completion()
    first, second = house.receipt.attempts
    assert sorted(house.asked) == ["one", "two"]
    assert (first.failure, first.error) == ("broken", "upstream_broken")
    assert (second.reason, second.error) == ("other_deployment: broken", "")
    assert second.passed_over == (Candidate(deployment=first.deployment, lost="failed: broken"),)
    assert (house.receipt.outcome, house.receipt.served) == ("ok", second.deployment)
    assert (house.receipt.seed, house.receipt.stopped) == (7, "")
    assert reply.served is not None
    assert reply.served.told == b"x-antiphon-attempts: 2\r\n"


async def test_one_attempt_at_one_deployment_is_not_told_of(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), attempts=4)

    reply = await told(house)

    assert reply.served is not None
    assert reply.served.told == b""
    (attempt,) = house.receipt.attempts
    assert (attempt.reason, attempt.chosen, attempt.passed_over, attempt.key) == ("", "", (), "")


async def test_how_a_deployment_was_picked_is_in_the_receipt(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(completion()), deployments=TWO)

    await told(house)

    assert house.receipt.attempts[0].chosen == "weighted"
    assert house.receipt.plan is not None
    assert house.receipt.plan.steps[0].deployments == ("small", "big")


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("context_window", b'{"error":{"message":"too long","code":"context_length_exceeded"}}'),
        ("content_policy", b'{"error":{"message":"no","code":"content_policy_violation"}}'),
    ],
)
async def test_a_refusal_goes_to_the_fallback_of_its_kind_alone(tmp_path: Path, kind: Any, refusal: bytes) -> None:
    fallbacks = {"any": [deployed("big", model="two")], kind: [deployed("huge", model="three")]}
    house = House(tmp_path, Answer(refusal, status=400), Answer(completion()), fallbacks=fallbacks, attempts=3)

    await told(house)

    assert house.asked == ["gpt-4o-mini", "three"]
    assert house.receipt.attempts[1].reason == f"fallback:{kind}: {kind}"
    assert house.receipt.served == "huge"


async def test_what_the_caller_has_to_mend_is_told_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, Answer(b'{"error":{"message":"n is too large"}}', status=400), deployments=TWO, attempts=3)

    reply = await told(house)

    assert reply.failure is not None
    assert (reply.failure.said_code, len(house.transport.sent)) == ("upstream_refused", 1)
    assert house.receipt.stopped == "refused is not tried again"


async def test_when_all_have_failed_the_caller_learns_how_many_were_asked(tmp_path: Path) -> None:
    house = House(tmp_path, *[UpstreamBroken("cut") for _ in range(3)], deployments=THREE, attempts=3)

    reply = await told(house)

    assert reply.failure is not None
    assert reply.failure.message.endswith("(3 attempts were made)")
    assert reply.told == b"x-antiphon-attempts: 3\r\n"
    assert house.receipt.stopped == "3 of 3 attempts were made"
    assert sorted(house.asked) == ["one", "three", "two"]


async def test_a_stream_is_answered_by_another_until_its_first_content(tmp_path: Path) -> None:
    cut = events_of(chunk(), fails=UpstreamBroken("cut"))
    house = House(tmp_path, cut, events_of(chunk("a"), chunk(finish="stop"), DONE), deployments=TWO, attempts=2)

    reply = await told(house, asking(stream=True))

    assert reply.out == chunk("a") + chunk(finish="stop") + DONE
    assert cut.over
    assert len(house.receipt.attempts) == 2


async def test_what_a_failed_attempt_has_surely_used_is_booked_beside_the_answers_cost(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        Hangs(),
        Answer(completion()),
        deployments=TWO,
        attempts=2,
        policy=RouteSettings(hedge=HedgeSettings(enabled=True, min_delay_s=0.001, max_delay_s=0.001)),
    )

    await told(house)

    receipt = house.receipt
    first, second = receipt.attempts
    assert (first.assumed, second.assumed) == (True, False)
    assert first.cost_nano_usd is not None
    assert (receipt.cost_nano_usd, receipt.spent_nano_usd) == (COST, COST + first.cost_nano_usd)
    assert house.tickets.counted.spent == receipt.spent_nano_usd


async def test_a_request_sticks_where_its_session_is(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        *[Answer(completion()) for _ in range(24)],
        deployments=THREE,
        policy=RouteSettings(sticky=StickySettings(by="session")),
    )
    homes: dict[str, set[str]] = {}

    for turn in range(24):
        session = f"s{turn % 6}"
        await house.answer(replace(asking(n=turn + 1), lineage=Lineage(session=session)))
        homes.setdefault(session, set()).add(house.asked[-1])

    assert all(len(home) == 1 for home in homes.values())
    assert len(set.union(*homes.values())) > 1
    assert {receipt.attempts[0].chosen for receipt in house.journal.shut} == {"sticky"}


async def test_a_request_without_a_session_sticks_nowhere(tmp_path: Path) -> None:
    house = House(
        tmp_path, Answer(completion()), deployments=TWO, policy=RouteSettings(sticky=StickySettings(by="session"))
    )

    await told(house)

    assert house.receipt.attempts[0].chosen == "weighted"


async def test_a_request_sticks_where_prompts_that_begin_like_it_are(tmp_path: Path) -> None:
    house = House(
        tmp_path,
        *[Answer(completion()) for _ in range(8)],
        deployments=THREE,
        policy=RouteSettings(sticky=StickySettings(by="prefix", prefix_bytes=64)),
    )

    for turn in range(8):
        messages = [{"role": "system", "content": "x" * 100}, {"role": "user", "content": str(turn)}]
        await house.answer(asking(messages=messages))

    assert len(set(house.asked)) == 1


# --- time


@pytest.mark.parametrize(
    ("headers", "route", "bounded", "told_of"),
    [
        ({}, {}, None, b""),
        (
            {b"x-antiphon-timeout": b"5s"},
            {},
            Bounded(allowed_s=5, by="request", header="x-antiphon-timeout"),
            b"",
        ),
        ({}, {"seconds": 9.0, "bounds_time": True}, Bounded(allowed_s=9, by="route"), b""),
        (
            {b"x-antiphon-timeout": b"50s"},
            {"seconds": 9.0, "bounds_time": True},
            Bounded(allowed_s=9, by="route", header="x-antiphon-timeout", asked_s=50),
            b"x-antiphon-timeout: 9; asked=50; by=route\r\n",
        ),
        (
            {b"x-antiphon-timeout": b"50s"},
            {},
            Bounded(allowed_s=20, by="server", header="x-antiphon-timeout", asked_s=50),
            b"x-antiphon-timeout: 20; asked=50; by=server\r\n",
        ),
    ],
    ids=["the server's", "the request's", "the route's", "more than the route's", "more than the server's"],
)
async def test_a_request_has_the_least_of_the_times_and_learns_when_it_got_less(
    tmp_path: Path, headers: dict[bytes, bytes], route: dict[str, Any], bounded: Bounded | None, told_of: bytes
) -> None:
    calls = CallsSettings(deadline=DeadlineSettings(max_s=20))
    house = House(tmp_path, Answer(completion()), route=route, calls=calls)

    reply = await told(house, headers=headers)

    assert reply.served is not None
    assert reply.served.told == told_of
    assert house.receipt.deadline == bounded
    sent, _ = house.transport.sent[0]
    least_s = bounded.allowed_s if bounded else 20
    assert least_s - 1 < sent.timeouts.total_s <= least_s


async def test_a_request_whose_time_is_over_is_told_who_set_it(tmp_path: Path) -> None:
    house = House(tmp_path, Late(0.1, UpstreamTimeout("nothing came")), attempts=3)

    reply = await told(house, headers={b"x-antiphon-timeout": b"80ms"})

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.failure.said_status) == ("deadline_exceeded", 504)
    assert "the header x-antiphon-timeout" in reply.failure.message
    assert len(house.receipt.attempts) == 1
    assert "nothing came" in house.receipt.detail


async def test_a_timeout_that_is_none_is_the_callers_to_mend(tmp_path: Path) -> None:
    house = House(tmp_path)

    reply = await told(house, headers={b"x-antiphon-timeout": b"soon"})

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.failure.param) == ("invalid_request", "x-antiphon-timeout")
    assert (house.receipt.outcome, house.receipt.attempts) == ("refused", ())


# --- priority


async def order_of(house: House, *asked: tuple[Lane, bytes | None]) -> list[str]:
    """Who of several that wait is served, in turn: each has the lane of its key, and a header."""
    first = asyncio.ensure_future(house.answer(asking(user="first")))
    while "transport.send" not in house.events:
        await asyncio.sleep(0)
    waiting: list[asyncio.Future[Any]] = []
    for number, (lane, header) in enumerate(asked):
        principal = Principal(tenant="acme", key=f"k{number}", priority=lane)
        headers = {} if header is None else {b"x-antiphon-priority": header}
        waiting.append(asyncio.ensure_future(house.answer(asking(user=str(number)), principal, headers)))
        await asyncio.sleep(0)
    await asyncio.gather(first, *waiting)
    return [receipt.user for receipt in house.journal.shut[1:]]


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ([("low", None), ("normal", None), ("high", None)], ["2", "1", "0"]),
        ([("high", b"low"), ("high", b" Normal "), ("high", None)], ["2", "1", "0"]),
        ([("low", b"high"), ("normal", None)], ["1", "0"]),
    ],
    ids=["their keys'", "what they ask for", "no more than their keys'"],
)
async def test_who_waits_is_served_by_lane(
    tmp_path: Path, asked: list[tuple[Lane, bytes | None]], order: list[str]
) -> None:
    script = [Late(0.02, Answer(completion())), *[Answer(completion()) for _ in asked]]
    house = House(tmp_path, *script, deployment=deployed(concurrency=1))

    assert await order_of(house, *asked) == order

    house.check_settled()


async def test_a_lane_that_there_is_not_is_the_callers_to_mend(tmp_path: Path) -> None:
    house = House(tmp_path)

    for _ in range(2):
        reply = await house.answer(asking(), ALICE, {b"x-antiphon-priority": b"urgent"})

        assert reply.failure is not None
        assert (reply.failure.said_code, reply.failure.param) == ("invalid_request", "x-antiphon-priority")
        assert "'urgent'" in reply.failure.message
        assert "high, normal, low" in reply.failure.message
    assert all(receipt.plan is not None for receipt in house.journal.shut), "the first and those that are known"


# --- a full house


async def test_a_full_deployment_is_passed_over_for_one_with_room(tmp_path: Path) -> None:
    several = [deployed(model="one", concurrency=1), deployed("big", model="two")]
    house = House(
        tmp_path, Late(0.02, Answer(completion())), Answer(completion()), Answer(completion()), deployments=several
    )
    member = house.caller.fleet["small"]
    assert member.gate.try_enter("other")

    await told_of(house)

    assert house.asked == ["two"]
    assert Candidate(deployment="small", lost="full") in house.journal.shut[0].attempts[0].passed_over
    member.gate.leave("other")


async def told_of(house: House) -> Receipt:
    await house.answer(asking())
    return house.journal.shut[-1]


async def test_when_all_keys_are_dead_the_operator_has_to_mend_it_and_nothing_is_sent(tmp_path: Path) -> None:
    calls = CallsSettings(retry=RetrySettings(dead_key_s=100))
    house = House(tmp_path, Answer(b"{}", status=401), attempts=2, calls=calls)
    await house.answer(asking())

    reply = await house.answer(asking())

    assert reply.failure is not None
    assert (reply.failure.said_code, reply.failure.said_status) == ("upstream_auth", 502)
    assert len(house.transport.sent) == 1
    assert "key 1: dead (auth)" in house.journal.shut[-1].detail
    assert (house.journal.shut[-1].outcome, house.journal.shut[-1].attempts) == ("refused", ())


async def test_when_all_keys_are_at_their_limits_the_caller_learns_when_to_come_back(tmp_path: Path) -> None:
    limited = [ProviderKeySettings(key=Secret(KEY), requests_per_minute=1)]
    house = House(tmp_path, Answer(completion()))
    house.caller.fleet.arrange(CallsSettings(), house.targets, {"openai": limited}, house.caller.now())
    await house.answer(asking())

    reply = await house.answer(asking())

    assert isinstance(reply.failure, OverLimit)
    assert reply.failure.retry_after_s is not None
    assert 1 <= reply.failure.retry_after_s <= 120
    assert "key 1: at its limit" in house.journal.shut[-1].detail


async def test_usage_of_a_whole_answer_is_the_receipts(tmp_path: Path) -> None:
    house = House(tmp_path, UpstreamBroken("cut"), Answer(completion()), deployments=TWO, attempts=2)

    await told(house)

    assert (house.receipt.usage, house.receipt.cost_nano_usd) == (Usage(input_tokens=10, output_tokens=5), COST)
    assert house.receipt.spent_nano_usd is None, "the attempt that broke off cost nothing that is known"
