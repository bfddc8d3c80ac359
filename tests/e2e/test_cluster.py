"""Two gateways on one Postgres and one Valkey: budgets and limits are theirs together, also while one of the two is away."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from servers import Postgres, postgres_programs
from servers_valkey import Server, own_valkey, valkey_server

from rig.config import BOB
from rig.fixtures import Start
from rig.fleet import Json, fleet
from rig.gateway import Answer, Config, Gateway
from rig.money import PATIENT, Bill, Books, audit, budget
from rig.sdk import says
from rig.upstream import Upstream
from rig.wait import until

__all__ = ["own_valkey", "valkey_server"]
pytestmark = pytest.mark.processes

OUTPUT = 100
CALLERS, CALLS = 48, 240
AWAY_S = 60.0
"""So long a test waits for a store to be missed, or found again."""


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that a test may stop."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("Postgres is not installed: apt-get install postgresql")
    server = Postgres(programs)
    yield server
    server.close()


def config(up: str, database: str, valkey: str = "", **more: Any) -> Config:
    made = fleet(up, ["one"], {"r": {"models": ["one"]}})
    made["storage"] |= {"url": database}
    if valkey:
        made["cluster"] = {"url": valkey, "replicas": 2, "timeout_ms": 5000}
    return {**made, **more}


def ask(**more: Any) -> Json:
    return {"model": "r", "messages": says("Hi"), "max_tokens": OUTPUT, **more}


def pair(start: Start, home: Path, made: Config, workers: int = 2) -> tuple[Gateway, Gateway]:
    """Two replicas."""
    first, second = home / "first", home / "second"
    for one in (first, second):
        one.mkdir()
    return (
        start(made, "--workers", str(workers), home=first),
        start(made, "--workers", str(workers), home=second),
    )


def books(database: str) -> Books:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database) as connection:
            return cast("list[tuple[Any, ...]]", connection.execute(statement.encode()).fetchall())

    return Books(rows)


def turns(replicas: tuple[Gateway, Gateway], call: Callable[[Gateway], Answer], calls: int = CALLS) -> list[Answer]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda number: call(replicas[number % 2]), range(calls)))


def leased(replicas: Iterable[Gateway]) -> None:
    """Each has answered, and so has a lease; a busy machine may take its time for the first."""
    for one in replicas:
        until(lambda one=one: one.chat(ask()).status == 200, "its first lease")


# --- together


@pytest.mark.parametrize(("measure", "limit"), [("usd", 0.02), ("requests", 60)])
def test_one_budget_is_shared_by_replicas_and_never_overshot(
    start: Start, up: Upstream, postgres: Postgres, tmp_path: Path, measure: str, limit: float
) -> None:
    bill, database = Bill(), postgres.database()
    up.script = bill.uses()
    made = config(up.url, database, budgets=[budget(**{measure: limit})], metering=PATIENT)
    replicas = pair(start, tmp_path, made)
    found = turns(replicas, lambda one: one.chat(ask(stream=bool(one is replicas[0]))))

    counted = Counter(one.status for one in found)
    assert counted.keys() == {200, 402}, found
    most = round(limit * 1e9) if measure == "usd" else limit
    assert bill.amount(measure) <= most
    assert counted[200] == bill.answers
    for one in replicas:
        assert one.stop() == 0
    booked = books(database)
    assert booked.spent("cap") == bill.amount(measure)
    assert booked.spent("cap") > 0.5 * most
    assert (booked.held, booked.leases) == (0, 0)
    assert (booked.tokens, booked.money_nano_usd) == (bill.tokens, bill.nano_usd)
    assert audit(replicas[0])["faults"] == []


def test_one_limit_is_shared_by_replicas(
    start: Start, up: Upstream, postgres: Postgres, valkey_server: Server, tmp_path: Path
) -> None:
    up.script = Bill().uses()
    limits = [{"name": "rate", "requests": 40, "per": "hour"}]
    made = config(up.url, postgres.database(), valkey_server.url, limits=limits)
    made["cluster"]["namespace"] = "e2e-limit"
    replicas = pair(start, tmp_path, made)
    found = turns(replicas, lambda one: one.chat(ask()))

    counted = Counter(one.status for one in found)
    assert counted.keys() == {200, 429}
    assert counted[200] == len(up.seen) <= 41
    assert counted[200] >= 40 * 3 // 4
    refused = next(one for one in found if one.status == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["x-ratelimit-limit-requests"] == "40"


def test_a_killed_replica_keeps_its_leases_until_it_is_back(
    start: Start, up: Upstream, postgres: Postgres, tmp_path: Path
) -> None:
    """Only its journal can say what it spent."""
    bill, database = Bill(), postgres.database()
    up.script = bill.uses()
    replicas = pair(start, tmp_path, config(up.url, database, budgets=[budget(usd=1)]), workers=1)
    leased(replicas)
    replicas[0].kill()
    assert replicas[1].stop() == 0
    until(lambda: books(database).leases > 0, "its lease stands")
    assert audit(replicas[1])["faults"] == []

    replicas[0].start()
    until(lambda: len(books(database).entries) == bill.answers, "its journal is read")
    assert replicas[0].stop() == 0
    booked = books(database)
    assert (booked.held, booked.leases) == (0, 0)
    assert booked.spent("cap") == bill.nano_usd


# --- Valkey is away


def test_limits_do_as_they_say_while_valkey_is_away(
    start: Start, up: Upstream, postgres: Postgres, own_valkey: Server, tmp_path: Path
) -> None:
    up.script = Bill().uses()
    limits = [
        {"name": "local", "requests": 8, "per": "hour", "on": ["end_user"], "only": {"end_user": ["local*"]}},
        {"name": "refuse", "requests": 8, "per": "hour", "on": ["end_user"], "only": {"end_user": ["refuse"]}, "when_away": "refuse"},
        {"name": "allow", "requests": 1, "per": "hour", "on": ["end_user"], "only": {"end_user": ["allow"]}, "when_away": "allow"},
    ]  # fmt: skip
    made = config(up.url, postgres.database(), own_valkey.url, limits=limits)
    gateway, _ = pair(start, tmp_path, made)
    assert {gateway.chat(ask(user=user)).status for user in ("local", "refuse", "allow")} == {200}
    assert gateway.chat(ask(user="allow")).status == 429

    own_valkey.stop()

    def away() -> bool:
        return gateway.chat(ask(user="refuse")).status == 503

    until(away, "it is missed", AWAY_S)
    until(lambda: [gateway.chat(ask(user="refuse")).status for _ in range(8)] == [503] * 8, "by all workers", AWAY_S)
    refused = gateway.chat(ask(user="refuse"))
    assert refused.error["code"] == "unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    assert "refuse" in refused.error["message"]
    assert [gateway.chat(ask(user="allow")).status for _ in range(6)] == [200] * 6
    # 8 of 2 replicas with 2 workers each: 2 for each worker, so 4 of this gateway.
    alone = Counter(gateway.chat(ask(user="local-2")).status for _ in range(40))
    assert alone.keys() == {200, 429}
    assert alone[200] <= 4
    assert gateway.chat({"model": "r", "messages": says("nobody's"), "max_tokens": 5}, key=BOB).status == 200

    own_valkey.start()
    until(lambda: gateway.chat(ask(user="refuse")).status == 200, "it is found again", AWAY_S)
    until(lambda: gateway.chat(ask(user="allow")).status == 429, "its limits hold again", AWAY_S)


# --- Postgres is away


def test_leases_serve_on_while_postgres_is_away_and_then_it_is_503_until_it_is_back(
    start: Start, up: Upstream, own_postgres: Postgres, tmp_path: Path
) -> None:
    bill, database = Bill(), own_postgres.database()
    up.script = bill.uses()
    made = config(up.url, database, budgets=[budget(requests=100_000)], metering={"lease_term_s": 600})
    replicas = pair(start, tmp_path, made, workers=1)
    gateway = replicas[0]
    leased(replicas)
    until(lambda: len(books(database).entries) == bill.answers, "both are booked")

    own_postgres.stop()
    found = [gateway.chat(ask())]
    while found[-1].status == 200:
        found.append(gateway.chat(ask()))
    last = found[-1]
    assert (last.status, last.error["code"]) == (503, "store_error")
    assert "budgets" in last.error["message"]
    assert len(found) > 1  # what was leased went on
    served = bill.answers
    assert [gateway.chat(ask()).status for _ in range(3)] == [503] * 3
    assert bill.answers == served
    gateway.event("escrow.store_away")

    own_postgres.start()
    until(lambda: gateway.chat(ask()).status == 200, "it is found again", AWAY_S)
    gateway.event("escrow.store_back")
    until(lambda: len(books(database).entries) == bill.answers, "what was answered meanwhile is booked", AWAY_S)
    for one in replicas:
        assert one.stop() == 0
    booked = books(database)
    assert booked.spent("cap") == bill.answers
    assert (booked.held, booked.leases) == (0, 0)
    assert audit(gateway)["faults"] == []


def test_who_serves_while_postgres_is_away_says_so_and_books_it_later(
    start: Start, up: Upstream, own_postgres: Postgres, tmp_path: Path
) -> None:
    bill, database = Bill(), own_postgres.database()
    up.script = bill.uses()
    metering = {"when_store_away": "serve", "wait_s": 30}
    made = config(up.url, database, budgets=[budget(requests=100_000)], metering=metering)
    gateway, _ = pair(start, tmp_path, made, workers=1)
    leased([gateway])

    own_postgres.stop()
    for _ in range(40):
        assert gateway.chat(ask()).status == 200
    unbacked = gateway.chat(ask())
    assert unbacked.status == 200

    own_postgres.start()
    until(lambda: len(books(database).entries) == bill.answers, "all is booked", AWAY_S)
    assert any("budget_unbacked: cap" in note for note in gateway.receipt(unbacked).get("notes", []))
    assert gateway.stop() == 0
    assert books(database).spent("cap") == bill.answers
    assert audit(gateway)["faults"] == []


def test_a_gateway_that_dies_while_postgres_is_away_books_all_once_both_are_back(
    start: Start, up: Upstream, own_postgres: Postgres, tmp_path: Path
) -> None:
    bill, database = Bill(), own_postgres.database()
    up.script = bill.uses()
    made = config(up.url, database, budgets=[budget(usd=1)], metering={"lease_term_s": 600})
    gateway, other = pair(start, tmp_path, made, workers=1)
    leased([gateway])
    until(lambda: len(books(database).entries) == bill.answers, "it is booked")
    own_postgres.stop()
    for _ in range(3):
        gateway.chat(ask())
    gateway.kill()
    own_postgres.start()
    gateway.start()

    until(lambda: len(books(database).entries) == bill.answers, "the journal is read", AWAY_S)
    for one in (gateway, other):
        assert one.stop() == 0
    booked = books(database)
    assert booked.spent("cap") == bill.nano_usd
    assert (booked.held, booked.leases) == (0, 0)
    assert audit(gateway)["faults"] == []
