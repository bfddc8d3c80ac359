"""Scores and what they come to, on every store: one contract."""

import math
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from servers import Postgres

from antiphon.core.score import DAY_S, Forgetting, Score, Tally
from antiphon.store.database import Batch, Database, Reader
from antiphon.store.postgres import PostgresDatabase, PostgresReader
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.store.tallying import NOTHING, by_name, counted, fresh

DAY_NS = int(DAY_S * 1e9)
NOW_NS = 10**18
WEEK = Forgetting(half_life_s=7 * DAY_S)


class Store:
    """A database, and whoever reads it."""

    def __init__(self, database: Database, reader: Reader, place: PostgresPlace | None = None) -> None:
        self.database = database
        self.reader = reader
        self.place = place

    def put(self, *scores: Score) -> None:
        self.database.write(Batch(scores=list(scores), forgetting=WEEK))

    def tally(self, tenant: str = "", task: str = "", source: str = "feedback") -> Tally | None:
        found = [one for one in self.reader.tallies(tenant) if (one.task, one.source) == (task, source)]
        return found[0] if found else None

    def sums(self, tenant: str = "", task: str = "") -> tuple[float, float]:
        one = self.tally(tenant, task)
        return (0.0, 0.0) if one is None else (round(one.count, 9), round(one.total, 9))


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            made = Store(SqliteDatabase(tmp_path), SqliteReader(tmp_path))
        else:
            server: Postgres = request.getfixturevalue("postgres")
            place = server.place()
            made = Store(PostgresDatabase(place), PostgresReader(place), place)
        stack.callback(made.database.close)
        stack.callback(made.reader.close)
        yield made


def score(number: int = 1, value: float = 1.0, **fields: Any) -> Score:
    said = {
        "receipt": f"r-{number}", "tenant": "acme", "deployment": "d", "route": "auto", "task": "math",
        "source": "feedback", "score": value, "at_ns": NOW_NS, "by": "alice",
    }  # fmt: skip
    return Score(**{**said, **fields})


def test_a_score_comes_back_as_it_was_written(store: Store) -> None:
    mine = score(1, 0.25, sealed=b"\x00sealed")
    store.put(mine, score(1, by="step-1", source="judge"), score(2))

    assert store.reader.scores("r-1") == [mine, score(1, by="step-1", source="judge")]
    assert store.reader.scores("r-9") == []
    assert store.reader.scores("r\0") == store.reader.tallies("t\0") == []


def test_scores_are_summed_for_a_tenant_and_all_for_a_class_and_over_all(store: Store) -> None:
    store.put(score(1, 1.0), score(2, 0.5, task=""), score(3, 0.0, tenant="globex"))
    store.put(score(4, 0.25, source="evaluation"))

    assert store.sums() == (3, 1.5)
    assert store.sums(task="math") == (2, 1.0)
    assert store.sums("acme") == (2, 1.5)
    assert store.sums("globex", "math") == (1, 0)
    assert store.tally(source="evaluation", tenant="acme") is not None
    assert store.reader.tallies("nobody") == []


def test_the_last_of_an_id_takes_the_place_of_the_others_in_whatever_order_they_come(store: Store) -> None:
    early, late, last = (score(1, value, at_ns=NOW_NS + at) for value, at in ((0.1, 0), (0.9, 10), (0.3, 20)))
    store.put(late)
    store.put(early)
    assert store.reader.scores("r-1") == [late]
    assert store.sums() == (1, 0.9)

    store.put(early, last, late)

    assert store.reader.scores("r-1") == [last]
    assert store.sums() == store.sums("acme", "math") == (1, 0.3)


def test_what_is_written_again_counts_once(store: Store) -> None:
    batch = [score(number, number / 10) for number in range(10)]
    for _ in range(3):
        store.put(*batch)

    assert store.sums() == (10, 4.5)


def test_what_is_old_counts_for_less_and_what_comes_late_for_as_much_as_if_it_had_come_in_time(store: Store) -> None:
    store.put(score(1, 1.0, at_ns=NOW_NS - 7 * DAY_NS))
    store.put(score(2, 0.0))
    store.put(score(3, 1.0, at_ns=NOW_NS - 14 * DAY_NS))

    assert store.sums() == (1.75, 0.75)
    one = store.tally()
    assert one is not None
    assert one.at_ns == NOW_NS


def test_a_score_may_move_to_another_class_when_its_receipt_says_more(store: Store) -> None:
    store.put(score(1, 0.5, task=""))
    store.put(score(1, 0.5, task="code", at_ns=NOW_NS + 1))

    assert store.sums() == store.sums(task="code") == (1, 0.5)


def test_a_batch_that_fails_counts_nothing(store: Store) -> None:
    store.put(score(1))
    with pytest.raises(Exception, match=r"score|NOT NULL|null"):
        store.put(score(2), replace(score(3), route=None))  # type: ignore[arg-type]

    assert store.sums() == (1, 1)
    assert store.reader.scores("r-2") == []


def test_scores_lapse_with_receipts_and_what_they_came_to_stays(store: Store) -> None:
    store.put(*(score(number, at_ns=NOW_NS + number) for number in range(5)))

    store.database.retain(NOW_NS + 3, 0, 2)
    assert len([number for number in range(5) if store.reader.scores(f"r-{number}")]) == 3, "two at a time"
    store.database.retain(NOW_NS + 3, 0, 100)

    assert [number for number in range(5) if store.reader.scores(f"r-{number}")] == [3, 4]
    assert store.tally() is not None


def test_shippers_that_write_the_same_scores_at_once_count_them_once(postgres: Postgres) -> None:
    place = postgres.place()
    databases = [PostgresDatabase(place) for _ in range(4)]
    batch = Batch(scores=[score(number, 0.5, deployment=f"d{number % 3}") for number in range(90)], forgetting=WEEK)
    turned = Batch(scores=batch.scores[::-1], forgetting=WEEK)
    threads = [
        threading.Thread(target=one.write, args=(batch if place % 2 else turned,))
        for place, one in enumerate(databases)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in databases:
        one.close()

    reader = PostgresReader(place)
    found = [one for one in reader.tallies() if not one.task]
    reader.close()
    assert [round(one.count, 6) for one in found] == [30, 30, 30]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.floats(0, 1), st.integers(0, 60), st.sampled_from(["alice", "bob"])),
        max_size=30,
    ),
    st.integers(1, 7),
)
def test_whatever_the_order_and_the_batches_the_tally_is_that_of_the_scores_that_count(
    said: list[tuple[int, float, int, str]], size: int
) -> None:
    scores = [score(number, value, at_ns=NOW_NS + day * DAY_NS, by=by) for number, value, day, by in said]
    found: dict[Any, Score] = {}
    tally = NOTHING
    for start in range(0, len(scores), size):
        taken, added = fresh(scores[start : start + size], found)
        found.update((one.id, one) for one in taken)
        for name, some in by_name(added).items():
            if name[:4] == ("", "d", "auto", ""):
                tally = counted(tally, some, WEEK)

    weights = [WEEK.kept(tally[0] - one.at_ns) for one in found.values()]
    assert math.isclose(tally[1], sum(weights), abs_tol=1e-6)
    assert math.isclose(
        tally[2], sum(one.score * weight for one, weight in zip(found.values(), weights, strict=True)), abs_tol=1e-6
    )
