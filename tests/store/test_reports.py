"""The live database, exported files and both together give the sums that the receipts themselves give."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from servers import Postgres
from spent import DAY_NS, HOUR_NS, START_NS, fill, some, store

from antiphon.core.error import StoreError, Unavailable
from antiphon.core.ledger import Posting
from antiphon.core.receipt import Attempt, Receipt
from antiphon.core.spend import BY, OF_TRIES, By, Question, Spending, Sums
from antiphon.store.database import Batch
from antiphon.store.live import Live
from antiphon.store.parquet import bounds, write_receipts
from antiphon.store.parquet_place import Place
from antiphon.store.parquet_rows import FREE_ENDS
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.reports import JoinedSpending, gaps
from antiphon.store.reports_duckdb import ParquetSpending
from antiphon.store.reports_postgres import PostgresSpending
from antiphon.store.reports_sqlite import SqliteSpending
from antiphon.store.sqlite import SqliteDatabase

RECEIPTS = some(400)
DAYS = [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)]
TIMEOUT_S = 60.0
POSTINGS = [
    Posting(
        id=f"t{number}",
        at_ns=START_NS + number,
        kind="settled",
        tenant="acme",
        receipt="r",
        holds="",
        debit="tenant/acme",
        credit="provider/openai/gpt",
        money_nano_usd=None if number == 1 else number,
    )
    for number in range(5)
]
EVERY = [(), *((one,) for one in BY), ("team", "model", "route"), ("tenant", "provider", "day"), ("tag", "tier")]
SPANS = [(START_NS, START_NS + 3 * DAY_NS), (START_NS + 7 * HOUR_NS + 1, START_NS + 55 * HOUR_NS + 17)]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> SqliteSpending:
    directory = tmp_path_factory.mktemp("live")
    store(directory, RECEIPTS)
    with closing(SqliteDatabase(directory)) as database:
        database.write(Batch(postings=POSTINGS))
    return SqliteSpending(directory)


def exported(live: SqliteSpending, directory: Path, days: list[date], name: str = "gateway") -> Place:
    place = Place(str(directory))
    for day in days:
        write_receipts(place, day, name, live.rows(*bounds(day)))
    return place


@pytest.fixture(scope="module")
def shared(postgres: Postgres) -> PostgresSpending:
    place = postgres.place()
    with closing(PostgresDatabase(place)) as database:
        fill(database, RECEIPTS)
        database.write(Batch(postings=POSTINGS))
    return PostgresSpending(place)


@pytest.fixture(scope="module")
def spendings(
    live: SqliteSpending, shared: PostgresSpending, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Spending]:
    every = exported(live, tmp_path_factory.mktemp("every"), DAYS)
    middle = exported(live, tmp_path_factory.mktemp("middle"), DAYS[1:2])
    return {
        "live": live,
        "shared": shared,
        "parquet": ParquetSpending(every),
        "joined": JoinedSpending(live, middle, "gateway"),
    }


def values(receipt: Receipt, one: By, attempt: Attempt | None) -> list[str]:
    who = receipt.principal
    assert who is not None
    at = datetime.fromtimestamp(receipt.at_ns // 10**9, UTC)
    match one:
        case "tag":
            return list(who.tags) or [""]
        case "tenant" | "team" | "user" | "key":
            return [getattr(who, one)]
        case "department":
            return [""]
        case "model":
            return [receipt.asked]
        case "route":
            return [receipt.plan.route if receipt.plan else ""]
        case "end_user":
            return [receipt.user]
        case "session" | "run" | "step":
            return [getattr(receipt.lineage, one)]
        case "tier" | "provider" | "deployment":
            return [getattr(attempt, one) if attempt else ""]
        case "day":
            return [f"{at:%Y-%m-%d}"]
        case "hour":
            return [f"{at:%Y-%m-%dT%H:00Z}"]
        case _:
            return [getattr(receipt, one)]


def combinations(receipt: Receipt, by: tuple[By, ...], attempt: Attempt | None) -> Iterator[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for one in by:
        found = [(*left, value) for left in found for value in values(receipt, one, attempt)]
    yield from found


def expected(question: Question) -> dict[tuple[str, ...], Sums]:
    """Sums by the plainest way there is."""
    out: defaultdict[tuple[str, ...], Sums] = defaultdict(Sums)
    for receipt in RECEIPTS:
        within = question.since_ns <= receipt.at_ns < question.until_ns
        theirs = question.tenant in (None, receipt.principal.tenant if receipt.principal else None)
        if not within or not theirs or receipt.outcome == "running":
            continue
        by_tries = not OF_TRIES.isdisjoint(question.by)
        pieces = [[one] for one in receipt.attempts] or [[]] if by_tries else [list(receipt.attempts)]
        for tries in pieces:
            for key in combinations(receipt, question.by, tries[0] if tries else None):
                out[key] += summed(receipt, tries, by_tries=by_tries)
    return {key: sums for key, sums in out.items() if sums != Sums()}


def summed(receipt: Receipt, tries: list[Attempt], *, by_tries: bool) -> Sums:
    counts = not by_tries or any(one.deployment == receipt.served and not one.error for one in tries)
    used = [one.usage for one in tries if one.usage is not None]
    unpriced = [one.usage for one in tries if one.usage is not None and one.cost_nano_usd is None]
    mute = [one for one in tries if one.usage is None and one.cost_nano_usd is None and not one.error]
    return Sums(
        requests=int(counts),
        succeeded=int(counts and receipt.outcome == "ok"),
        failed=int(counts and receipt.outcome in ("failed", "refused", "interrupted")),
        attempts=len(tries),
        input_tokens=sum(one.input_tokens for one in used),
        output_tokens=sum(one.output_tokens for one in used),
        cached_tokens=sum(one.cached_tokens for one in used),
        cost_nano_usd=sum(one.cost_nano_usd or 0 for one in tries),
        unpriced_requests=int(bool(unpriced)),
        unpriced_tokens=sum(one.input_tokens + one.output_tokens for one in unpriced),
        unmeasured_requests=int(bool(mute) and not receipt.endpoint.endswith(FREE_ENDS)),
        cache_hits=int(counts and bool(receipt.shared or receipt.cached)),
        saved_nano_usd=receipt.saved_nano_usd or 0 if counts else 0,
    )


@pytest.mark.parametrize("tenant", [None, "acme"])
@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("by", EVERY, ids=lambda by: "+".join(by) or "all")
@pytest.mark.parametrize("source", ["live", "shared", "parquet", "joined"])
def test_sums_are_those_of_the_receipts(
    spendings: dict[str, Spending], source: str, by: tuple[By, ...], span: tuple[int, int], tenant: str | None
) -> None:
    question = Question(by=by, since_ns=span[0], until_ns=span[1], tenant=tenant)

    found = spendings[source].sums(question, TIMEOUT_S)

    assert {line.values: line.sums for line in found.lines} == expected(question)
    assert not found.cut
    costs = [line.sums.cost_nano_usd for line in found.lines]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize("source", ["live", "shared", "parquet", "joined"])
def test_the_cheapest_lines_are_left_out_and_that_is_told(spendings: dict[str, Spending], source: str) -> None:
    question = Question(by=("hour",), since_ns=START_NS, until_ns=START_NS + 3 * DAY_NS, most=3)

    found = spendings[source].sums(question, TIMEOUT_S)

    assert found.cut
    whole = expected(Question(by=("hour",), since_ns=START_NS, until_ns=START_NS + 3 * DAY_NS))
    costs = sorted((sums.cost_nano_usd for sums in whole.values()), reverse=True)
    if source != "joined":  # of two sources each gives its dearest, and those of one hour are added up
        assert [line.sums.cost_nano_usd for line in found.lines] == costs[:3]


def test_a_file_that_is_no_parquet_is_told(live: SqliteSpending, tmp_path: Path) -> None:
    place = exported(live, tmp_path, DAYS[:1])
    (file,) = place.files("receipts")
    Path(file).write_bytes(b"PAR1 and nothing else")

    with pytest.raises(StoreError, match="can't be read"):
        ParquetSpending(place).sums(Question(by=(), since_ns=START_NS, until_ns=START_NS + DAY_NS), TIMEOUT_S)


def test_no_database_and_no_file_is_no_spend(tmp_path: Path) -> None:
    question = Question(by=("team",), since_ns=START_NS, until_ns=START_NS + DAY_NS)

    assert SqliteSpending(tmp_path).sums(question, TIMEOUT_S).lines == []
    assert ParquetSpending(Place(str(tmp_path / "none"))).sums(question, TIMEOUT_S).lines == []


@pytest.mark.parametrize(("source", "timeout_s"), [("live", 0.0), ("shared", 0.001)])  # Postgres takes 0 for no end
def test_a_question_that_takes_too_long_is_cut_off(
    spendings: dict[str, Spending], source: str, timeout_s: float
) -> None:
    question = Question(by=("session", "hour"), since_ns=START_NS, until_ns=START_NS + 3 * DAY_NS)

    with pytest.raises(Unavailable, match=f"more than {timeout_s:g} s") as refused:
        spendings[source].sums(question, timeout_s)

    assert refused.value.said_code == "report_timeout"


def test_days_of_another_gateway_are_added_to_the_live_ones(live: SqliteSpending, tmp_path: Path) -> None:
    other = exported(live, tmp_path, DAYS[:1], name="other")
    question = Question(by=(), since_ns=START_NS, until_ns=START_NS + DAY_NS)

    both = JoinedSpending(live, other, "gateway").sums(question, TIMEOUT_S).lines[0].sums
    one = live.sums(question, TIMEOUT_S).lines[0].sums

    assert both == one + one


@pytest.mark.parametrize("source", ["live", "shared"])
def test_what_is_exported_is_read_in_order_and_without_what_still_runs(
    spendings: dict[str, Spending], source: str
) -> None:
    here = spendings[source]
    assert isinstance(here, Live)
    since_ns, until_ns = START_NS + DAY_NS, START_NS + 2 * DAY_NS
    within = [one for one in RECEIPTS if since_ns <= one.at_ns < until_ns]

    rows = list(here.rows(since_ns, until_ns))

    assert [row.id for row in rows] == sorted(one.id for one in within if one.outcome != "running")
    assert rows[0].asked in ("fast", "auto")
    assert here.running(since_ns, until_ns) == len([one for one in within if one.outcome == "running"])
    assert here.oldest_ns() == min(one.at_ns for one in RECEIPTS)
    assert list(here.entries(START_NS + 1, START_NS + 3)) == POSTINGS[1:3]


@pytest.mark.parametrize("source", ["live", "shared"])
def test_texts_that_callers_send_do_no_harm(postgres: Postgres, tmp_path: Path, source: str) -> None:
    """What JSON in a database can't hold, what a statement would end at, and what looks like it."""
    users = ["nul \0 here", "back\\u0000slash", "quote ' and \"", "per%cent", "ü 🦊"]
    place = postgres.place()
    database = SqliteDatabase(tmp_path) if source == "live" else PostgresDatabase(place)
    with closing(database):
        fill(database, [replace(one, user=user) for one, user in zip(some(len(users)), users, strict=True)])
    here = SqliteSpending(tmp_path) if source == "live" else PostgresSpending(place)
    question = Question(by=("end_user",), since_ns=START_NS, until_ns=START_NS + 3 * DAY_NS)

    found = {line.values[0] for line in here.sums(question, TIMEOUT_S).lines}

    assert {one for one in found if not one.startswith("nul ")} == set(users[1:])
    assert len(found) == len(users)  # what is behind a NUL may be cut off, and nothing else


def test_gaps_lie_between_exported_days() -> None:
    hour = HOUR_NS
    assert list(gaps(START_NS + hour, START_NS + 3 * DAY_NS, set())) == [(START_NS + hour, START_NS + 3 * DAY_NS)]
    assert list(gaps(START_NS + hour, START_NS + 3 * DAY_NS, {DAYS[1]})) == [
        (START_NS + hour, START_NS + DAY_NS),
        (START_NS + 2 * DAY_NS, START_NS + 3 * DAY_NS),
    ]
    assert list(gaps(START_NS + hour, START_NS + 3 * DAY_NS, set(DAYS))) == []
