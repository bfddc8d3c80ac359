"""What workers tell each other of breakers: one suite for the memory of one process, a file, and a cluster."""

import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import Struct
from servers_valkey import Server, own_valkey, valkey_server

from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers, SharedBreaker, Word
from antiphon.calls.breaker_shared_cluster import ClusterBreakers
from antiphon.calls.breaker_shared_file import CELL_BYTES, REASON_BYTES, FileBreakers
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_board import ValkeyBoard

__all__ = ["own_valkey", "valkey_server"]

OPEN = Word(open=True, until_s=130.0, reason="5 failures in a row")
CLOSED = Word(open=False)


class Pair(Struct):
    """Two workers, and what makes the one's words reach the other."""

    one: SharedBreaker
    other: SharedBreaker
    carry: Callable[[], Awaitable[None]]


async def _nothing() -> None:
    pass


@pytest.fixture(params=["memory", "file", "cluster"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    match request.param:
        case "memory":
            both = MemoryBreakers()
            yield Pair(both, both, _nothing)
        case "file":
            one, other = FileBreakers(tmp_path / "b"), FileBreakers(tmp_path / "b")
            yield Pair(one, other, _nothing)
            one.close()
            other.close()
        case _:
            server: Server = request.getfixturevalue("valkey_server")
            client, namespace = Valkey(server.url, timeout_s=5.0), secrets.token_hex(8)
            one, other = (
                ClusterBreakers(MemoryBreakers(), ValkeyBoard(client, namespace), origin, lambda: 100.0)
                for origin in ("m0", "m1")
            )

            async def carry() -> None:
                await one.exchange()
                await other.exchange()

            yield Pair(one, other, carry)
            await client.close()


async def test_what_one_tells_the_other_hears(pair: Pair) -> None:
    assert pair.other.heard("small") is None
    pair.one.tell("small", OPEN)
    await pair.carry()
    heard = pair.other.heard("small")
    assert heard is not None
    assert heard.open
    assert heard.until_s == pytest.approx(130.0, abs=1.0)
    assert heard.reason == OPEN.reason
    assert pair.other.heard("large") is None


async def test_the_last_word_wins(pair: Pair) -> None:
    pair.one.tell("small", OPEN)
    await pair.carry()
    pair.one.tell("small", CLOSED)
    await pair.carry()
    heard = pair.other.heard("small")
    assert heard is not None
    assert not heard.open
    assert pair.one.heard("small") == CLOSED


@pytest.mark.parametrize("pair", ["memory", "file"], indirect=True)
async def test_one_at_a_time_probes(pair: Pair) -> None:
    assert pair.one.claim("small", 100.0, 110.0)
    assert not pair.other.claim("small", 105.0, 115.0)
    assert pair.other.claim("large", 105.0, 115.0)
    pair.one.release("small")
    assert pair.other.claim("small", 106.0, 116.0)
    assert pair.one.claim("small", 116.0, 126.0)
    pair.other.tell("small", CLOSED)
    assert pair.one.claim("small", 117.0, 127.0)


async def test_a_breaker_that_opened_here_is_open_there(pair: Pair) -> None:
    here, there = (Breaker("small", BreakerSettings(), shared, lambda: 0.0) for shared in (pair.one, pair.other))
    for _ in range(BreakerSettings().consecutive_failures):
        here.failed(here.admit(100.0), 100.0, "upstream_error")
    await pair.carry()
    assert not there.admit(101.0)
    assert "failures in a row" in there.state(101.0).reason


def test_a_file_tells_other_processes_and_outlives_a_killed_one(tmp_path: Path) -> None:
    script = (
        "import sys, os; from pathlib import Path; from antiphon.calls.breaker_shared_file import FileBreakers;"
        "from antiphon.calls.breaker_shared import Word;"
        "b = FileBreakers(Path(sys.argv[1])); b.claim('small', 1.0, 9.0);"
        "b.tell('large', Word(open=True, until_s=7.0, reason='gone')); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "b"
    here = FileBreakers(path)
    assert subprocess.run([sys.executable, "-c", script, str(path)]).returncode == -9
    assert here.heard("large") == Word(open=True, until_s=7.0, reason="gone")
    assert not here.claim("small", 2.0, 10.0)
    assert here.claim("small", 9.0, 10.0)
    here.close()


def test_a_reason_that_is_too_long_is_cut_and_a_full_table_shares_nothing_more(tmp_path: Path) -> None:
    table = FileBreakers(tmp_path / "b", cells=2)
    table.tell("a", Word(open=True, until_s=1.0, reason="ä" * CELL_BYTES))
    heard = table.heard("a")
    assert heard is not None
    assert heard.reason == "ä" * (REASON_BYTES // 2)
    table.tell("b", CLOSED)
    table.tell("c", CLOSED)
    assert table.heard("b") == CLOSED
    assert table.heard("c") is None
    assert table.claim("c", 0.0, 1.0)
    table.close()


async def test_words_wait_while_the_board_is_away(own_valkey: Server) -> None:
    own_valkey.stop()
    clients = [Valkey(own_valkey.url, timeout_s=0.5) for _ in range(2)]
    here, there = (
        ClusterBreakers(MemoryBreakers(), ValkeyBoard(client, "x"), f"m{number}", lambda: 100.0)
        for number, client in enumerate(clients)
    )
    here.tell("small", OPEN)
    await here.exchange()
    own_valkey.start()
    for client in clients:
        client.alone_until_s = 0.0
    await here.exchange()
    await there.exchange()
    heard = there.heard("small")
    assert heard is not None
    assert heard.open
    for client in clients:
        await client.close()


async def test_a_worker_that_begins_takes_no_old_word_for_news(valkey_server: Server) -> None:
    client, namespace = Valkey(valkey_server.url, timeout_s=5.0), secrets.token_hex(8)
    board = ValkeyBoard(client, namespace)
    before = ClusterBreakers(MemoryBreakers(), board, "m0", lambda: 100.0)
    before.tell("over", Word(open=True, until_s=99.0, reason="long ago"))
    before.tell("closed", CLOSED)
    before.tell("open", OPEN)
    await before.exchange()
    machine = MemoryBreakers()
    begun = ClusterBreakers(machine, board, "m1", lambda: 100.0)
    await begun.exchange()
    assert machine.heard("over") is None
    assert machine.heard("closed") is None
    assert machine.heard("open") is not None
    await client.close()
