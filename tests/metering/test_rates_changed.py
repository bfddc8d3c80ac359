"""A limit whose rate changes: what passed stays passed, in units, in each kind of counters."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from limited import SECOND, Time
from servers_valkey import Server

from antiphon.core.counters import Granted, Standing, Told, Want
from antiphon.metering.counters_file import FileCounters
from antiphon.metering.counters_memory import MemoryCounters
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_counters import ValkeyCounters

Answer = tuple[list[Standing], list[Granted]]
Ask = Callable[[Told, Want], Awaitable[Answer]]
HOUR = 3600 * SECOND


@pytest.fixture(params=["memory", "file", "valkey"])
async def ask(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ask]:
    """Asks one key's counters, whose time stands still."""
    if request.param == "valkey":
        server: Server = request.getfixturevalue("valkey_server")
        client = Valkey(server.url, timeout_s=5.0)
        far = ValkeyCounters(client, "w", workers=1, namespace=secrets.token_hex(8), now_us=10**15)

        async def asked(told: Told, want: Want) -> Answer:
            return await far.ask([told], [[want]])

        yield asked
        await client.close()
        return
    time = Time()
    near = MemoryCounters(time) if request.param == "memory" else FileCounters(tmp_path / "c", 0, 1, time, cells=64)

    async def asked_now(told: Told, want: Want) -> Answer:
        return near.ask_now([told], [[want]])

    yield asked_now
    near.close()


def told(number: int) -> Told:
    """A limit of so many an hour."""
    return Told("r", HOUR // number, number, 0, 0)


def want(units: int) -> Want:
    return Want(0, units, units, True)


async def test_a_limit_that_is_raised_has_room_at_once(ask: Ask) -> None:
    assert (await ask(told(2), want(2)))[1] == [Granted((2,))]
    assert (await ask(told(2), want(1)))[1] == [Granted((), 0, HOUR // 2)]
    assert (await ask(told(4), want(3)))[1] == [Granted((), 0, HOUR // 4)]
    standings, granted = await ask(told(4), want(2))
    assert granted == [Granted((2,))]
    assert standings == [Standing(HOUR, 0)]
    assert (await ask(told(4), want(1)))[1] == [Granted((), 0, HOUR // 4)]


async def test_a_limit_that_is_lowered_is_full_at_most(ask: Ask) -> None:
    assert (await ask(told(100), want(50)))[1] == [Granted((50,))]
    standings, granted = await ask(told(10), want(1))
    assert standings == [Standing(HOUR, 0)]
    assert granted == [Granted((), 0, HOUR // 10)]


async def test_a_limit_that_is_lowered_keeps_what_passed(ask: Ask) -> None:
    assert (await ask(told(100), want(3)))[1] == [Granted((3,))]
    standings, granted = await ask(told(10), want(7))
    assert (standings, granted) == ([Standing(HOUR, 0)], [Granted((7,))])
