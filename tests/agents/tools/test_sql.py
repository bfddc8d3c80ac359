import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest
from servers import Postgres
from toolery import Bench, bench, tool

from antiphon.agents.tools.sql_words import dollars, placeholders, reads

TABLES = """
CREATE TABLE complaints (id INTEGER PRIMARY KEY, month TEXT NOT NULL, cause TEXT, amount NUMERIC(10, 2), owner TEXT);
INSERT INTO complaints VALUES (1, '2026-10', 'late', 12.50, 'ann'), (2, '2026-11', 'broken', NULL, 'bob'),
    (3, '2026-11', 'a | b 100%', 3, 'ann');
"""


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    made = postgres.database()
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(b"DROP ROLE IF EXISTS tools")
        connection.execute(b"CREATE ROLE tools LOGIN")
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind with three complaints in it."""
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "care.db") as database:
            database.executescript(TABLES)
        database.close()
        return f"sqlite:///{tmp_path}/care.db"
    place: str = request.getfixturevalue("address")
    with psycopg.connect(place) as connection:
        connection.execute(f"DROP TABLE IF EXISTS complaints; {TABLES} GRANT ALL ON complaints TO tools".encode())
    return place.replace("//antiphon@", "//tools@")


def made(url: str, **spec: Any) -> Bench:
    top = {name: spec.pop(name) for name in ("parameters", "timeout_s", "effect") if name in spec}
    return bench(tool("care", sql={"url": url, **spec}, **top))


async def rows(url: str) -> int:
    return (await made(url).call("care", sql="SELECT count(*) AS n FROM complaints")).data[0]["n"]


async def test_a_model_asks_with_parameters_and_gets_rows(url: str) -> None:
    sql = "SELECT id, cause FROM complaints WHERE month = :month AND cause LIKE '%100\\%' -- :not one\nORDER BY id"
    result = await made(url).call("care", sql=sql.replace("\\%", "%"), parameters={"month": "2026-11"})
    assert result.data == [{"id": 3, "cause": "a | b 100%"}]
    assert result.text == "id | cause\n3 | a \\| b 100%\n(1 rows)"


async def test_tables_are_told(url: str) -> None:
    result = await made(url).call("care__tables")
    assert [one.split()[0] for one in result.data["complaints"]] == ["id", "month", "cause", "amount", "owner"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM complaints",
        "WITH gone AS (SELECT 1) DELETE FROM complaints",
        "SELECT 1; DELETE FROM complaints",
        "EXPLAIN ANALYZE DELETE FROM complaints",
        "/* SELECT */ UPDATE complaints SET cause = ''",
        "WITH x AS (DELETE FROM complaints RETURNING id) SELECT * FROM x",
        "PRAGMA query_only = 0",
        "SET TRANSACTION READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', false); DELETE FROM complaints",
        "ATTACH '/tmp/other.db' AS other",
        "SELECT 1; COMMIT; DELETE FROM complaints",
    ],
)
async def test_what_reads_cannot_change_anything(url: str, sql: str) -> None:
    box = made(url)
    result = await box.call("care", sql=sql)
    assert result.failed in {"refused", "failed"} or "EXPLAIN" in sql
    assert await rows(url) == 3


async def test_the_database_itself_refuses_what_looks_like_a_read(url: str) -> None:
    fixed = made(url, statement="DELETE FROM complaints")
    result = await fixed.call("care")
    assert result.failed == "refused"
    assert await rows(url) == 3


async def test_rows_and_bytes_are_bounded(url: str) -> None:
    few = await made(url, rows=2).call("care", sql="SELECT id FROM complaints ORDER BY id")
    assert (len(few.data), few.cut) == (2, True)
    wide = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT i FROM n"
    many = await made(url, rows=100_000, result_bytes=4096, timeout_s=60).call(
        "care", sql=wide.replace("100000000", "3000")
    )
    assert many.cut
    assert len(many.data) < 3000


async def test_a_statement_that_takes_too_long_is_stopped(url: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    result = await made(url, timeout_s=1.0).call("care", sql=endless)
    assert result.failed == "timeout"


async def test_a_cancelled_call_stops_the_statement(url: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    before = threading.active_count()
    running = asyncio.create_task(made(url, timeout_s=600).call("care", sql=endless))
    while threading.active_count() == before:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await (
        asyncio.get_running_loop().shutdown_default_executor()
    )  # waits for the thread, which hangs unless it was stopped


async def test_a_statement_of_the_document_takes_its_arguments_and_the_callers_own(url: str) -> None:
    statement = "SELECT id FROM complaints WHERE month = :month AND owner = :_user"
    box = made(url, statement=statement)
    found = box.box.get("care")
    assert found is not None
    assert list(found.parameters["properties"]) == ["month"]
    assert (await box.call("care", month="2026-11")).data == [{"id": 3}]
    hostile = await box.call("care", month="' OR 1=1 --")
    assert hostile.data == []


async def test_writing_is_said_in_the_document_and_told_by_its_labels(url: str) -> None:
    adds = made(url, write=True, statement="INSERT INTO complaints (id, month, owner) VALUES (9, :month, :_user)")
    assert (await adds.call("care", month="2026-12")).data == {"changed": 1}
    assert await rows(url) == 4
    found, free, read = adds.box.get("care"), made(url, write=True).box.get("care"), made(url).box.get("care")
    assert found is not None
    assert free is not None
    assert read is not None
    assert [(one.effect, one.destructive) for one in (found, free, read)] == [
        ("at_most_once", False),
        ("at_most_once", True),
        ("pure", False),
    ]
    assert (read.private, read.untrusted, read.sends) == (True, True, False)


async def test_wrong_sql_and_missing_parameters_are_told(url: str) -> None:
    box = made(url)
    assert (await box.call("care", sql="SELECT nothing FROM nowhere")).failed == "failed"
    assert (await box.call("care", sql="SELECT :a", parameters={"b": 1})).text == "`parameters` lacks a."


async def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    assert (await made(f"sqlite:///{tmp_path}/none.db").call("care", sql="SELECT 1")).failed == "unavailable"
    assert not (tmp_path / "none.db").exists()
    gone = await made("postgresql://nobody@127.0.0.1:1/x", timeout_s=5).call("care", sql="SELECT 1")
    assert gone.failed == "unavailable"


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_no_superuser_runs_what_a_model_wrote(url: str) -> None:
    root = url.replace("//tools@", "//antiphon@")
    free = await made(root).call("care", sql="SELECT pg_read_file('/etc/passwd')")
    assert "superuser" in free.text
    assert (await made(root, statement="SELECT count(*) AS n FROM complaints").call("care")).data == [{"n": 3}]
    assert (await made(url).call("care", sql="SELECT pg_read_file('/etc/passwd')")).failed == "refused"


def test_placeholders_are_found_where_they_are_no_part_of_texts() -> None:
    sql = "SELECT ':no', \":no\", a::text, $q$ :no $q$, :yes /* :no */ FROM t WHERE b = :yes AND c = :two -- :no"
    assert placeholders(sql) == ["yes", "two"]
    assert dollars(sql, ["yes", "two"]).count("$1") == 2
    assert [reads(one) for one in ("(select 1)", "-- x\n WITH a AS (select 1) select 1", "drop table a", "")] == [
        True,
        True,
        False,
        False,
    ]
