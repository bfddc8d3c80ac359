"""What every store of answers does."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from servers_valkey import Server, Silent, own_valkey, valkey_server

from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.error import StoreError
from antiphon.store.cache_sqlite import SqliteCache
from antiphon.store.cache_valkey import ValkeyCache
from antiphon.store.valkey import Valkey

__all__ = ["own_valkey", "valkey_server"]
TENANT_BYTES = 50_000
NS = 1_000_000_000
NOW = 1_700_000_000 * NS
Make = Callable[[], CacheStore]


class Loop:
    """A worker's loop, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        async def rest() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(rest(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    one = Loop()
    yield one
    one.close()


@pytest.fixture(params=["file", "valkey"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a worker's access to one and the same store."""
    made: list[CacheStore] = []
    if request.param == "file":

        def one() -> CacheStore:
            made.append(SqliteCache(tmp_path, 2 * TENANT_BYTES, TENANT_BYTES))
            return made[-1]

    else:
        server: Server = request.getfixturevalue("valkey_server")
        loop: Loop = request.getfixturevalue("loop")
        namespace = f"test-{uuid4()}"

        def one() -> CacheStore:
            made.append(to_valkey(server.url, namespace, loop))
            return made[-1]

    yield one
    for store in made:
        store.close()


def to_valkey(url: str, namespace: str, loop: Loop, timeout_s: float = 5) -> ValkeyCache:
    return ValkeyCache(Valkey(url, timeout_s=timeout_s), namespace, TENANT_BYTES, 10, loop.loop)


@pytest.fixture
def cache(make: Make) -> CacheStore:
    return make()


def entry(key: str, *, at_s: float = 0, lasts_s: float = 1000, **fields: Any) -> CacheEntry:
    said = {"tenant": "acme", "sealed": b"s" * 100, **fields}
    at_ns = NOW + int(at_s * NS)
    return CacheEntry(key=key.encode().ljust(32), at_ns=at_ns, until_ns=at_ns + int(lasts_s * NS), **said)


def keys(cache: CacheStore, *names: str, tenant: str = "acme") -> list[str]:
    """Those that are there."""
    return [name for name in names if cache.find(tenant, name.encode().ljust(32), NOW + 1) is not None]


GROUP = b"g" * 32


def test_an_entry_is_found_until_its_time_is_over(cache: CacheStore) -> None:
    one = entry("a", group=GROUP, hint=b"h")
    cache.put(one, NOW)

    assert cache.find("acme", one.key, one.until_ns - 1) == one
    assert cache.find("acme", one.key, one.until_ns) is None


def test_another_worker_finds_it(make: Make) -> None:
    one, other = make(), make()
    assert keys(other, "a") == []
    one.put(entry("a"), NOW)

    assert keys(other, "a") == ["a"]


def test_another_tenant_does_not(cache: CacheStore) -> None:
    cache.put(entry("a", group=GROUP), NOW)

    assert cache.find("globex", entry("a").key, NOW) is None
    assert cache.near("globex", GROUP, 0, NOW, 10) == []


def test_a_later_answer_takes_the_place_of_the_first(cache: CacheStore) -> None:
    cache.put(entry("a"), NOW)
    cache.put(entry("a", at_s=1, sealed=b"later"), NOW)

    found = cache.find("acme", entry("a").key, NOW + 1)
    assert found is not None
    assert found.sealed == b"later"


def test_near_gives_the_newest_of_a_group_without_their_answers(cache: CacheStore) -> None:
    for at_s, name in enumerate("abcd", start=1):
        cache.put(entry(name, at_s=at_s, group=GROUP, hint=name.encode()), NOW)
    cache.put(entry("e", group=b"o" * 32, hint=b"e"), NOW)
    cache.put(entry("f"), NOW)

    found = cache.near("acme", GROUP, NOW + NS, NOW, 2)

    assert [(one.hint, one.sealed) for one in found] == [(b"d", b""), (b"c", b"")]
    assert [one.hint for one in cache.near("acme", GROUP, NOW + 3 * NS, NOW, 9)] == [b"d"]


def test_near_gives_none_whose_time_is_over(cache: CacheStore) -> None:
    cache.put(entry("a", lasts_s=5, group=GROUP, hint=b"a"), NOW)
    cache.put(entry("b", lasts_s=50, group=GROUP, hint=b"b"), NOW)

    assert [one.hint for one in cache.near("acme", GROUP, 0, NOW + 5 * NS, 9)] == [b"b"]


def test_a_tenant_over_its_share_loses_its_oldest_and_nobody_else_does(cache: CacheStore) -> None:
    cache.put(entry("other", tenant="globex", at_s=-1), NOW)
    for at_s, name in enumerate("abcdef"):
        cache.put(entry(name, at_s=at_s, sealed=b"s" * 12_000), NOW)

    assert keys(cache, *"abcdef") == ["c", "d", "e", "f"]
    assert keys(cache, "other", tenant="globex") == ["other"]


def test_an_answer_that_is_renewed_counts_once(cache: CacheStore) -> None:
    for at_s in range(10):
        cache.put(entry("a", at_s=at_s, sealed=b"s" * 20_000), NOW)
    cache.put(entry("b", at_s=11, sealed=b"s" * 20_000), NOW)

    assert keys(cache, "a", "b") == ["a", "b"]


def test_what_is_over_makes_room(cache: CacheStore) -> None:
    for name in "ab":
        cache.put(entry(name, lasts_s=5, sealed=b"s" * 20_000), NOW)
    for name in "cd":
        cache.put(entry(name, at_s=-9, lasts_s=100, sealed=b"s" * 20_000), NOW + 6 * NS)

    assert keys(cache, "c", "d") == ["c", "d"]


def test_an_answer_that_never_fits_is_refused(cache: CacheStore) -> None:
    with pytest.raises(StoreError, match="more than the cache may hold"):
        cache.put(entry("a", sealed=b"s" * (TENANT_BYTES + 1)), NOW)


def test_many_threads_may_ask(cache: CacheStore) -> None:
    def work(name: str) -> None:
        for _ in range(20):
            cache.put(entry(name), NOW)
            assert keys(cache, name) == [name]

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys(cache, *"abc") == list("abc")


def test_a_valkey_that_is_away_is_an_error_and_is_found_again(own_valkey: Server, loop: Loop) -> None:
    cache = to_valkey(own_valkey.url, "test", loop)
    cache.put(entry("a"), NOW)
    own_valkey.stop()

    with pytest.raises(StoreError, match="can't be asked"):
        cache.find("acme", entry("a").key, NOW)
    with pytest.raises(StoreError, match="a moment ago"):
        cache.put(entry("a"), NOW)
    own_valkey.start()
    again = to_valkey(own_valkey.url, "test", loop)
    again.put(entry("b"), NOW)
    assert keys(again, "a", "b") == ["b"]
    cache.close()
    again.close()


def test_a_valkey_that_never_answers_is_an_error_within_its_time(loop: Loop) -> None:
    silent = Silent()
    cache = to_valkey(silent.url, "test", loop, timeout_s=0.05)

    with pytest.raises(StoreError, match="no answer within 50 ms"):
        cache.find("acme", entry("a").key, NOW)
    cache.close()
    silent.close()


def test_what_is_no_answer_of_ours_is_an_error(valkey_server: Server, loop: Loop) -> None:
    namespace = f"test-{uuid4()}"
    cache = to_valkey(valkey_server.url, namespace, loop)
    key = cache._key(b"a:", "acme", b"odd")
    valkey_server.command("SET", key.decode(), "nonsense")

    with pytest.raises(StoreError, match="what is no answer"):
        cache.find("acme", b"odd", NOW)
    cache.close()
