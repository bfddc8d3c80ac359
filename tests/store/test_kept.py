from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from antiphon.core.kept import Entry
from antiphon.store.database import Batch
from antiphon.store.kept import KEYS_AT_ONCE
from antiphon.store.sqlite import SqliteDatabase, SqliteReader


def entry(number: int, *, part_of: str = "", at_ns: int = 10, until_ns: int = 100, sealed: bytes = b"MARKER") -> Entry:
    return Entry(key=f"k{number}", tenant="t", part_of=part_of, at_ns=at_ns, until_ns=until_ns, sealed=sealed)


def put(database: SqliteDatabase, *entries: Entry) -> None:
    database.write(Batch(rows=[], contents=[], kept=list(entries), began=[], ended=[], positions={}))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    with closing(SqliteDatabase(tmp_path)) as one:
        yield one


def files(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir() if file.is_file())


def test_an_entry_comes_back_as_it_was_written(database: SqliteDatabase, tmp_path: Path) -> None:
    one = replace(entry(1, part_of="k9"), place=3)
    put(database, one)

    assert SqliteReader(tmp_path).kept(["k1", "k2"]) == [one]
    assert SqliteReader(tmp_path).kept_parts("k9") == [one]


def test_more_keys_than_one_question_takes_are_asked_for_in_several(database: SqliteDatabase, tmp_path: Path) -> None:
    many = [entry(number) for number in range(2 * KEYS_AT_ONCE + 1)]
    put(database, *many)

    assert len(SqliteReader(tmp_path).kept([one.key for one in many])) == len(many)


def test_without_a_database_nothing_is_kept(tmp_path: Path) -> None:
    assert SqliteReader(tmp_path).kept(["k1"]) == SqliteReader(tmp_path).kept_parts("k1") == []


@pytest.mark.parametrize("size", [20, 100_000], ids=["small", "over many pages"])
def test_the_bytes_of_what_is_deleted_are_nowhere_in_the_files(
    database: SqliteDatabase, tmp_path: Path, size: int
) -> None:
    put(database, entry(1, sealed=b"MARKER" * (size // 6)), entry(2, part_of="k1", sealed=b"PARTMARK" * (size // 8)))
    assert b"MARKER" in files(tmp_path)

    put(database, entry(1, at_ns=20, sealed=b""))

    assert b"MARKER" not in files(tmp_path)
    assert b"PARTMARK" not in files(tmp_path)
    assert SqliteReader(tmp_path).kept_parts("k1") == []


def test_what_is_over_is_purged_and_its_bytes_too(database: SqliteDatabase, tmp_path: Path) -> None:
    put(database, entry(1), entry(2, until_ns=101))

    assert database.purge(100) == 1
    assert [one.key for one in SqliteReader(tmp_path).kept(["k1", "k2"])] == ["k2"]
    assert database.purge(101) == 1
    assert b"MARKER" not in files(tmp_path)
    assert database.purge(101) == 0


def test_a_part_lives_as_long_as_its_whole_and_one_that_came_before_its_whole_waits_for_it(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    put(database, entry(1, until_ns=1000), entry(2, part_of="k1"), entry(3, part_of="k8", until_ns=500))

    assert database.purge(200) == 0, "2 has its whole, and 3 may still get one"
    assert database.purge(500) == 1
    assert SqliteReader(tmp_path).kept_parts("k8") == []
    assert database.purge(1000) == 2


def test_a_part_that_comes_after_its_whole_was_deleted_is_not_kept(database: SqliteDatabase, tmp_path: Path) -> None:
    put(database, entry(1), entry(1, at_ns=20, sealed=b""))
    put(database, entry(2, part_of="k1", at_ns=30))

    assert SqliteReader(tmp_path).kept_parts("k1") == []
