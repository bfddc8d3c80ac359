import asyncio

import pytest
from fakes.fleets import Worker, keys_of, post, targets_of, virtually
from fakes.weather import answers, hangs, says
from msgspec.structs import replace

from antiphon.calls.fleet import Fleet
from antiphon.calls.settings import CallsSettings
from antiphon.calls.settings_balance import LiveSettings
from antiphon.calls.settings_failure import BreakerSettings, RetryBudgetSettings, RetrySettings

PLAIN = CallsSettings()


def test_a_fleet_has_the_members_of_its_revision_in_their_order() -> None:
    fleet = Fleet()

    fleet.arrange(PLAIN, targets_of([post("two"), post("one")], {}, {}), {}, 0.0)

    assert [member.name for member in fleet.members()] == ["two", "one"]
    assert fleet["one"].name == "one"


def test_a_name_that_is_not_arranged_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Fleet()["one"]


def test_who_a_reload_takes_away_is_still_known_to_requests_that_name_it_and_comes_back_anew() -> None:
    fleet = Fleet()
    fleet.arrange(PLAIN, targets_of([post("one"), post("two")], {}, {}), {}, 0.0)
    before = fleet["one"]

    fleet.arrange(PLAIN, targets_of([post("two")], {}, {}), {}, 1.0)
    assert fleet["one"] is before
    assert [member.name for member in fleet.members()] == ["two"]

    fleet.arrange(PLAIN, targets_of([post("one")], {}, {}), {}, 2.0)
    assert fleet["one"] is not before


@virtually
async def test_a_reload_keeps_what_was_measured() -> None:
    worker = Worker(["one"], keys={"one": 1}, calls=CallsSettings(live=LiveSettings(min_volume=1)))
    await worker.ask()
    member = worker.member("one")
    now_s = asyncio.get_running_loop().time()
    before = (member.live, member.gate, member.breaker, member.budget, member.live.whole_s(0.5, now_s))

    worker.arrange()

    again = worker.member("one")
    assert again is member
    assert (again.live, again.gate, again.breaker, again.budget, again.live.whole_s(0.5, now_s)) == before
    assert before[-1] is not None


@virtually
async def test_a_reload_keeps_a_breaker_open() -> None:
    worker = Worker(["one"], attempts=1)
    worker.weather.script("one", *[says(500)] * 5)
    for _ in range(5):
        await worker.ask()

    worker.arrange()

    assert worker.state("one") == "open"


@virtually
async def test_new_members_join_and_old_ones_leave() -> None:
    worker = Worker(["one", "two"])
    kept = worker.member("two")
    worker.posts = [post("two"), post("three")]

    worker.arrange()

    assert [member.name for member in worker.fleet.members()] == ["two", "three"]
    assert worker.member("two") is kept
    assert (await worker.ask()).served in {"two", "three"}


@virtually
async def test_who_starts_together_has_its_whole_share_and_who_joins_warms_up() -> None:
    worker = Worker(["one"])
    worker.posts.append(post("two"))
    await asyncio.sleep(100.0)

    worker.arrange()

    now_s = asyncio.get_running_loop().time()
    assert worker.member("one").live.warmth(now_s) == 1.0
    assert worker.member("two").live.warmth(now_s) == pytest.approx(0.1)


@virtually
async def test_what_runs_while_the_configuration_is_read_again_ends_as_it_began() -> None:
    worker = Worker(["one", post("two", concurrency=1)], keys={"one": 2, "two": 1})
    tasks = [asyncio.ensure_future(worker.ask(seed=place * 2**29)) for place in range(8)]
    await asyncio.sleep(0.05)
    worker.posts = [post("one")]
    worker.keys = {"one": 1}

    worker.arrange()
    visits = await asyncio.gather(*tasks)

    assert {visit.served for visit in visits} == {"one", "two"}
    worker.check_rest()
    assert worker.tickets.counted.taken == 8


@virtually
async def test_a_deployment_that_comes_back_begins_anew() -> None:
    worker = Worker(["one", "two"])
    before = worker.member("two")
    worker.weather.script("two", *[answers(5.0)] * 9)
    tasks = [asyncio.ensure_future(worker.ask(seed=place * 2**29)) for place in range(8)]
    await asyncio.sleep(1.0)
    posts = worker.posts

    worker.posts = posts[:1]
    worker.arrange()
    worker.posts = posts
    worker.arrange()

    assert worker.member("two") is not before
    assert worker.member("two").live.in_flight == 0
    await asyncio.gather(*tasks)
    worker.check_rest()


@virtually
async def test_new_settings_of_breakers_make_new_breakers() -> None:
    worker = Worker(["one"], attempts=1)
    before = worker.member("one").breaker
    worker.calls = replace(PLAIN, breaker=BreakerSettings(consecutive_failures=1))

    worker.arrange()
    worker.weather.script("one", says(500))
    await worker.ask()

    assert worker.member("one").breaker is not before
    assert worker.state("one") == "open"


@virtually
async def test_an_attempt_from_before_new_breakers_ends_in_peace() -> None:
    worker = Worker(["one"], attempts=1)
    worker.weather.script("one", hangs())
    running = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(1.0)
    worker.calls = replace(PLAIN, breaker=BreakerSettings(consecutive_failures=2))

    worker.arrange()
    visit = await running

    assert visit.failures == ["timeout"]
    assert worker.state("one") == "closed"
    worker.check_rest()


@virtually
async def test_new_settings_of_budgets_make_new_budgets() -> None:
    worker = Worker(["one"], attempts=2)
    worker.calls = replace(PLAIN, retry_budget=RetryBudgetSettings(fraction=0.0, min_per_s=0.0))

    worker.arrange()
    worker.weather.script("one", says(500))
    visit = await worker.ask()

    assert visit.asked.stopped == "the retry budget of one is spent"


@virtually
async def test_other_settings_leave_breakers_and_budgets_as_they_are() -> None:
    worker = Worker(["one"])
    member = worker.member("one")
    before = (member.breaker, member.budget)
    worker.calls = replace(PLAIN, retry=RetrySettings(base_s=1.0))

    worker.arrange()

    assert (member.breaker, member.budget) == before
    assert worker.fleet.settings is worker.calls


@virtually
async def test_deployments_of_one_account_share_its_keys() -> None:
    worker = Worker(["one", "two", "three"], accounts={"one": "acct", "two": "acct"}, keys={"acct": 2})

    assert worker.member("one").pool is worker.member("two").pool
    assert worker.member("one").pool is not None
    assert worker.member("three").pool is None


@virtually
async def test_a_reload_tries_dead_keys_again_and_lets_others_cool_on() -> None:
    worker = Worker(["one"], keys={"one": 3})
    pool = worker.member("one").pool
    assert pool is not None
    pool.keys[0].mark("dead", "auth", 0.0)
    pool.keys[1].mark("cooling", "rate_limited", 0.0, 60.0)

    worker.arrange()

    again = worker.member("one").pool
    assert again is not None
    assert [key.health(1.0) for key in again.keys] == ["alive", "cooling", "alive"]


@virtually
async def test_a_reload_forgets_which_keys_a_deployment_refused() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.weather.script("one", says(403))
    await worker.ask()
    refused = await worker.ask()

    worker.arrange()

    assert refused.served == ""
    assert (await worker.ask()).served == "one"


@virtually
async def test_a_new_limit_of_a_deployment_holds_from_the_reload_on() -> None:
    worker = Worker(["one"])
    worker.posts = [post("one", concurrency=1, requests_per_minute=5)]

    worker.arrange()

    assert worker.member("one").gate.limit == 1
    assert worker.member("one").rated


@virtually
async def test_a_fleet_takes_a_key_that_was_added() -> None:
    worker = Worker(["one"], keys={"one": 1})
    worker.keys = {"one": 2}

    worker.arrange()
    used = {(await worker.ask(seed=place * 2**28)).keys[0] for place in range(16)}

    assert used == {"key 1", "key 2"}
    assert {sent.key for sent in worker.weather.sent} == {one.key.reveal() for one in keys_of("one", 2)}
