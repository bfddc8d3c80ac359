import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fakes.clock import StoppedClock
from fakes.loop import run_virtually

from antiphon.core.error import UpstreamAuth
from antiphon.providers.auth.credential import GIVEN_UP, MOST_THREADS, REST_S, Credential
from antiphon.providers.auth.grant import Grant, Source, Token

NOW_S = 1_800_000_000.0


class Told(Source):
    """Gives what it is told to, in turn."""

    name = "the test"
    remedy = "look at the test"

    def __init__(self, *given: Grant | Exception | Callable[[], Grant]) -> None:
        self._given = list(given)
        self.asked = 0

    def fetch(self) -> Grant:
        self.asked += 1
        one = self._given.pop(0)
        if isinstance(one, Exception):
            raise one
        return one if isinstance(one, Grant) else one()


def clock() -> StoppedClock:
    return StoppedClock(int(NOW_S) * 1_000_000_000)


def line(credential: Credential) -> bytes:
    return credential.lines("POST", "up.example", "/v1/chat", "", [b"{}"])


@contextmanager
def held(grant: Grant) -> Iterator[tuple[Callable[[], Grant], threading.Event]]:
    """A source that gives its grant once it is let go."""
    go = threading.Event()

    def fetch() -> Grant:
        assert go.wait(30)
        return grant

    try:
        yield fetch, go
    finally:
        go.set()


async def test_nothing_is_ready_before_it_is_asked_for() -> None:
    source = Told(Token("t", NOW_S + 3600))
    credential = Credential("up", source, clock())

    assert not credential.ready(NOW_S)
    assert not credential.due(NOW_S)
    with pytest.raises(UpstreamAuth):
        line(credential)
    assert source.asked == 0

    await credential.renew()
    assert credential.ready(NOW_S)
    assert line(credential) == b"Authorization: Bearer t\r\n"


async def test_a_token_is_due_before_it_expires_and_is_never_sent_after() -> None:
    time = clock()
    credential = Credential("up", Told(Token("t", NOW_S + 3600)), time)
    await credential.renew()

    assert not credential.due(NOW_S + 3000)
    assert credential.due(NOW_S + 3400)
    assert credential.ready(NOW_S + 3560)
    assert not credential.ready(NOW_S + 3571)

    time.at_ns += 3600 * 1_000_000_000
    with pytest.raises(UpstreamAuth, match="look at the test"):
        line(credential)


async def test_one_that_lives_shortly_is_not_due_all_the_time() -> None:
    credential = Credential("up", Told(Token("t", NOW_S + 60)), clock())
    await credential.renew()
    assert credential.ready(NOW_S + 44)
    assert not credential.due(NOW_S + 29)
    assert credential.due(NOW_S + 31)


async def test_one_that_never_expires_is_never_due() -> None:
    credential = Credential("up", Told(Token("t", None)), clock())
    await credential.renew()
    assert credential.ready(NOW_S + 1e9)
    assert not credential.due(NOW_S + 1e9)


async def test_one_that_has_expired_already_is_refused() -> None:
    credential = Credential("up", Told(Token("t", NOW_S)), clock())
    with pytest.raises(UpstreamAuth) as caught:
        await credential.renew()
    assert "expired already" in caught.value.noted
    assert not credential.ready(NOW_S)


async def test_those_who_ask_at_once_share_one_answer() -> None:
    with held(Token("t", None)) as (fetch, go):
        source = Told(fetch)
        credential = Credential("up", source, clock())
        asking = [asyncio.create_task(credential.renew()) for _ in range(20)]
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*asking)
    assert source.asked == 1


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    with held(Token("t", None)) as (fetch, go):
        credential = Credential("up", Told(fetch), clock())
        leaves, stays = (asyncio.create_task(credential.renew()) for _ in range(2))
        await asyncio.sleep(0)
        leaves.cancel()
        go.set()
        await stays
        with pytest.raises(asyncio.CancelledError):
            await leaves
    assert credential.ready(NOW_S)


async def test_a_source_that_hangs_costs_its_deadline_and_one_thread() -> None:
    with held(Token("late", None)) as (fetch, go):
        source = Told(fetch)
        credential = Credential("up", source, clock(), deadline_s=0.01)
        with pytest.raises(UpstreamAuth) as caught:
            await credential.renew()
        assert "did not answer within 0.01 s" in caught.value.noted
        assert source.asked == 1
        assert not credential.ready(NOW_S)
        assert credential._flight is not None
        flight = credential._flight.result
        go.set()
        await flight
    assert line(credential) == b"Authorization: Bearer late\r\n"


class Stuck(Source):
    """Gives nothing before it is let go."""

    name = "the test"
    remedy = "look at the test"

    def __init__(self) -> None:
        self.go = threading.Event()

    def fetch(self) -> Grant:
        assert self.go.wait(30)
        return Token("late", None)


def test_a_source_that_never_answers_is_asked_anew_and_holds_a_few_threads_at_most() -> None:
    source = Stuck()
    credential = Credential("up", source, clock(), deadline_s=10)

    async def renewed_late() -> None:
        with pytest.raises(UpstreamAuth):
            await credential.renew()

    async def story() -> None:
        loop, began = asyncio.get_running_loop(), 0
        for _ in range(MOST_THREADS + 2):
            started_s = loop.time()
            await renewed_late()
            began += loop.time() > started_s  # it waited: a thread was started
            before = credential._flight
            await renewed_late()
            assert credential._flight is before, "a source is not asked anew before it is given up"
            await asyncio.sleep(GIVEN_UP * 10)
        assert began == MOST_THREADS

    try:
        run_virtually(story())
    finally:
        source.go.set()


def test_a_token_that_comes_late_does_not_replace_a_newer_one() -> None:
    time = clock()
    source = Stuck()
    credential = Credential("up", source, time, deadline_s=10)

    async def story() -> None:
        with pytest.raises(UpstreamAuth):
            await credential.renew()
        old = credential._flight
        assert old is not None
        await asyncio.sleep(GIVEN_UP * 10)
        with pytest.raises(UpstreamAuth):
            await credential.renew()
        new = credential._flight
        assert new is not None
        assert new is not old
        credential._landed(new, Token("new", None))
        credential._landed(old, Token("old", None))
        assert line(credential) == b"Authorization: Bearer new\r\n"

    try:
        run_virtually(story())
    finally:
        source.go.set()


async def test_a_failure_is_told_and_its_cause_is_noted_only() -> None:
    credential = Credential("up", Told(OSError("no route to 10.0.0.1")), clock())
    with pytest.raises(UpstreamAuth) as caught:
        await credential.renew()
    assert caught.value.message == "up has no credential from the test; look at the test"
    assert "10.0.0.1" in caught.value.noted
    assert not caught.value.retryable


async def test_a_source_that_failed_is_left_alone_for_a_while() -> None:
    time = clock()
    source = Told(OSError("down"), Token("t", None))
    credential = Credential("up", source, time)
    for _ in range(3):
        with pytest.raises(UpstreamAuth, match="up has no credential") as caught:
            await credential.renew()
        assert caught.value.noted.count("down") == 1
    assert source.asked == 1

    time.at_ns += int(REST_S * 1e9)
    await credential.renew()
    assert credential.ready(NOW_S)


async def test_a_renewal_that_fails_keeps_what_is_still_good() -> None:
    time = clock()
    source = Told(Token("old", NOW_S + 3600), OSError("down"), Token("new", NOW_S + 7200))
    credential = Credential("up", source, time)
    await credential.renew()
    time.at_ns += 3400 * 1_000_000_000
    assert credential.due(NOW_S + 3400)

    with pytest.raises(UpstreamAuth):
        await credential.renew()
    assert line(credential) == b"Authorization: Bearer old\r\n"
    assert not credential.due(NOW_S + 3400), "a source that failed is not asked again at once"

    time.at_ns += int(REST_S * 1e9)
    assert credential.due(NOW_S + 3405)
    await credential.renew()
    assert line(credential) == b"Authorization: Bearer new\r\n"


async def test_it_is_not_due_while_it_is_being_renewed() -> None:
    with held(Token("new", None)) as (fetch, go):
        credential = Credential("up", Told(Token("old", NOW_S + 60), fetch), clock())
        await credential.renew()
        renewing = asyncio.create_task(credential.renew())
        await asyncio.sleep(0)
        assert not credential.due(NOW_S + 50)
        go.set()
        await renewing
