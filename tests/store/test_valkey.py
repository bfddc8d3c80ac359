"""A connection to Valkey: what it asks, and that it keeps nobody waiting."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from servers_valkey import Server, Silent, own_valkey, valkey_server

from antiphon.core.error import StoreError
from antiphon.store.valkey import Script, Valkey

__all__ = ["own_valkey", "valkey_server"]


@pytest.fixture
async def client(valkey_server: Server) -> AsyncIterator[Valkey]:
    one = Valkey(valkey_server.url, timeout_s=5.0)
    yield one
    await one.close()


async def test_commands_and_scripts_are_answered(client: Valkey, valkey_server: Server) -> None:
    assert await client.call("ECHO", "ä") == "ä".encode()
    script = Script("return {KEYS[1], tonumber(ARGV[1]) + 1}")
    for _ in range(2):
        assert await client.script(script, [b"k"], [41]) == [b"k", 42]
        valkey_server.command("script", "flush")
    assert not client.away


async def test_an_address_may_say_valkey(valkey_server: Server) -> None:
    one = Valkey(valkey_server.url.replace("redis://", "valkey://"), timeout_s=5.0)
    assert await one.call("ECHO", "x") == b"x"
    await one.close()


async def test_what_the_server_refuses_is_a_store_error(client: Valkey) -> None:
    with pytest.raises(StoreError, match="unknown command"):
        await client.call("NOSUCH")


async def test_after_a_question_without_an_answer_none_is_asked_for_a_second() -> None:
    silent = Silent()
    one = Valkey(silent.url, timeout_s=0.05)
    with pytest.raises(StoreError, match="no answer within 50 ms"):
        await one.call("PING")
    assert one.away
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        with pytest.raises(StoreError, match="a moment ago"):
            await one.call("PING")
    assert one.alone_until_s - began == pytest.approx(1.0, abs=0.2)
    await one.close()
    silent.close()


async def test_one_that_was_away_is_found_again(own_valkey: Server) -> None:
    one = Valkey(own_valkey.url, timeout_s=5.0)
    assert await one.call("ECHO", "x") == b"x"
    own_valkey.stop()
    with pytest.raises(StoreError, match="can't be asked"):
        await one.call("PING")
    own_valkey.start()
    one.alone_until_s = 0.0
    assert await one.call("ECHO", "x") == b"x"
    assert not one.away
    await one.close()
