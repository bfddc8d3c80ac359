"""What is particular to a file of answers."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.core.cache import CacheEntry
from antiphon.core.error import StoreError
from antiphon.store.cache_sqlite import FILE, SqliteCache


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[SqliteCache]:
    one = SqliteCache(tmp_path, 100_000, 50_000)
    yield one
    one.close()


def entry(key: str, **fields: Any) -> CacheEntry:
    said = {"tenant": "acme", "at_ns": 10, "until_ns": 1000, "sealed": b"s" * 100, **fields}
    return CacheEntry(key=key.encode().ljust(32), **said)


def keys(cache: SqliteCache, *names: str, tenant: str = "acme") -> list[str]:
    """Those that are there."""
    return [name for name in names if cache.find(tenant, name.encode().ljust(32), 20) is not None]


def test_over_its_whole_room_the_oldest_of_all_go(cache: SqliteCache) -> None:
    for at_ns, tenant in enumerate("abcdef"):
        cache.put(entry("k" + tenant, tenant=tenant, at_ns=at_ns, sealed=b"s" * 24_000), 10)

    assert [tenant for tenant in "abcdef" if keys(cache, "k" + tenant, tenant=tenant)] == ["c", "d", "e", "f"]


def test_what_is_over_goes_with_the_next_write(cache: SqliteCache, tmp_path: Path) -> None:
    cache.put(entry("a", until_ns=15), 10)
    cache.put(entry("b"), 20)

    with sqlite3.connect(tmp_path / FILE) as database:
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (1,)
        assert database.execute("SELECT size_bytes FROM sizes").fetchall() == [(100,)]
    database.close()


def test_a_file_that_is_no_database_is_an_error_and_nothing_worse(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, however long it is" * 100)
    cache = SqliteCache(tmp_path, 100_000, 50_000)

    with pytest.raises(StoreError, match="can't be read"):
        cache.find("acme", entry("a").key, 20)
    (tmp_path / FILE).unlink()
    assert keys(cache, "a") == []
    cache.close()


def test_a_file_of_another_version_begins_anew(tmp_path: Path) -> None:
    first = SqliteCache(tmp_path, 100_000, 50_000)
    first.put(entry("a"), 10)
    first.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    second = SqliteCache(tmp_path, 100_000, 50_000)
    assert keys(second, "a") == []
    second.put(entry("b"), 10)
    assert keys(second, "b") == ["b"]
    second.close()


def test_a_write_that_waits_too_long_for_another_is_an_error(cache: SqliteCache, tmp_path: Path) -> None:
    cache.put(entry("a"), 10)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="can't be written"):
            cache.put(entry("b"), 10)
        assert keys(cache, "a", "b") == ["a"]
    finally:
        other.close()
    cache.put(entry("b"), 10)
    assert keys(cache, "b") == ["b"]


def test_a_closed_one_says_so(cache: SqliteCache) -> None:
    cache.close()

    with pytest.raises(StoreError, match="closed"):
        cache.find("acme", b"a" * 32, 20)
