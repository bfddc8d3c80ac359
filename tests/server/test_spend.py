"""`GET /v1/spend`: who sees what, what is refused, and that a report never holds the loop."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spent import DAY_NS, some, store

from antiphon.core.error import StoreError
from antiphon.core.spend import Lines, Question, Spending
from antiphon.server.spend import MOST_AT_ONCE, Reports
from antiphon.store.reports_sqlite import SqliteSpending

Make = Callable[..., Any]
TODAY_NS = time.time_ns() // DAY_NS * DAY_NS


class Held(Spending):
    """Answers once it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def sums(self, question: Question, timeout_s: float) -> Lines:
        self.begun.release()
        assert self.go.wait(60)
        return Lines(lines=[])


class Broken(Spending):
    def sums(self, question: Question, timeout_s: float) -> Lines:
        raise StoreError("the database can't be read: it is gone")


@pytest.fixture
def here(place: Make, tmp_path: Path) -> Any:
    (tmp_path / "data").mkdir()
    store(tmp_path / "data", some(200, days=2, start_ns=TODAY_NS - 2 * DAY_NS))
    return place(reports=Reports(SqliteSpending(tmp_path / "data")))


async def test_an_admin_sees_all_and_a_key_its_own_tenant(here: Any) -> None:
    every = await here.ask("GET", "/v1/spend?by=tenant", "sk-root-01")
    own = await here.ask("GET", "/v1/spend?by=tenant", "sk-alice-1")

    assert {one["tenant"] for one in every.json["lines"]} == {"acme", "globex"}
    assert own.json["lines"] == [one for one in every.json["lines"] if one["tenant"] == "acme"]
    assert own.json["tenant"] == "acme"


async def test_an_admin_may_ask_for_one_tenant(here: Any) -> None:
    found = await here.ask("GET", "/v1/spend?tenant=globex", "sk-root-01")

    assert found.json["tenant"] == "globex"
    assert found.json["by"] == []
    assert found.json["total"]["requests"] > 0


async def test_another_tenant_is_not_shown_to_a_key(here: Any) -> None:
    asked = await here.ask("GET", "/v1/spend?tenant=globex", "sk-alice-1")

    assert (asked.status, asked.json["error"]["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("by=teem", "by"),
        ("since=yesterday", "since"),
        ("until=2001-01-01", "until"),
        ("forecast=yes", "forecast"),
        ("sinse=7d", "sinse"),
        ("by=%ff", "by"),
    ],
)
async def test_what_can_t_be_read_is_refused_with_its_name(here: Any, query: str, param: str) -> None:
    asked = await here.ask("GET", f"/v1/spend?{query}", "sk-root-01")

    assert (asked.status, asked.json["error"]["param"]) == (400, param)


async def test_a_forecast_and_anomalies_come_when_they_are_asked_for(here: Any) -> None:
    plain = await here.ask("GET", "/v1/spend", "sk-root-01")
    asked = await here.ask("GET", "/v1/spend?forecast=true&anomalies=true&by=team", "sk-root-01")

    assert (plain.json["forecast"], plain.json["anomalies"]) == (None, None)
    assert asked.json["forecast_lacks"] == "fewer than 3 whole days are known"
    assert asked.json["anomalies"] == []


async def test_a_store_that_can_t_be_read_is_told(place: Make) -> None:
    asked = await place(reports=Reports(Broken())).ask("GET", "/v1/spend", "sk-root-01")

    assert (asked.status, asked.json["error"]["code"]) == (503, "store_error")


async def test_without_reports_the_path_is_not_there(place: Make) -> None:
    asked = await place().ask("GET", "/v1/spend", "sk-root-01")

    assert asked.status == 404


async def test_so_many_at_once_and_the_loop_goes_on_meanwhile(place: Make) -> None:
    held = Held()
    here = place(reports=Reports(held))
    running = [asyncio.ensure_future(here.ask("GET", "/v1/spend", "sk-root-01")) for _ in range(MOST_AT_ONCE)]
    for _ in range(MOST_AT_ONCE):
        assert await asyncio.to_thread(held.begun.acquire, timeout=60)

    more = await here.ask("GET", "/v1/spend", "sk-root-01")
    live = await here.ask("GET", "/livez", "")

    assert (more.status, more.headers["retry-after"], live.status) == (503, "5", 200)
    held.go.set()
    assert [asked.status for asked in await asyncio.gather(*running)] == [200] * MOST_AT_ONCE
    assert (await here.ask("GET", "/v1/spend", "sk-root-01")).status == 200


async def test_a_caller_that_leaves_holds_its_place_until_the_report_is_made(place: Make) -> None:
    held = Held()
    here = place(reports=Reports(held))
    left = [asyncio.ensure_future(here.ask("GET", "/v1/spend", "sk-root-01")) for _ in range(MOST_AT_ONCE)]
    for one in left:
        assert await asyncio.to_thread(held.begun.acquire, timeout=60)
        one.cancel()
    await asyncio.wait(left)

    assert (await here.ask("GET", "/v1/spend", "sk-root-01")).status == 503
    held.go.set()
    while (await here.ask("GET", "/v1/spend", "sk-root-01")).status == 503:
        await asyncio.sleep(0)
