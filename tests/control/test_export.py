"""Days are exported whole, again without harm, and never in place of more than there is."""

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import parquet
from spent import DAY_NS, HOUR_NS, START_NS, some, store

from antiphon.control.export import Exporter
from antiphon.control.focus import COLUMNS, charges
from antiphon.core.error import BadRequest, StoreError
from antiphon.core.ledger import Posting
from antiphon.core.spend import Question
from antiphon.store.database import Batch
from antiphon.store.parquet import bounds
from antiphon.store.parquet_place import Place
from antiphon.store.parquet_rows import COLUMNS as RECEIPT_COLUMNS
from antiphon.store.reports_duckdb import ParquetSpending
from antiphon.store.reports_sqlite import SqliteSpending
from antiphon.store.sqlite import FILE, SqliteDatabase

DAY = date(2026, 11, 18)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW_NS = START_NS + 3 * DAY_NS + 2 * HOUR_NS
RECEIPTS = some(300)
ENDED = [one for one in RECEIPTS if one.outcome != "running"]
MANDATORY = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart"),
    *("ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName"),
    *("PublisherName", "ServiceCategory", "ServiceName"),
)  # fmt: skip
"""Source: FOCUS 1.2, columns of feature level Mandatory."""


def of_day(day: date) -> list[Any]:
    since_ns, until_ns = bounds(day)
    return [one for one in ENDED if since_ns <= one.at_ns < until_ns]


def posting(number: int, at_ns: int) -> Posting:
    return Posting(
        id=f"t-{number}",
        at_ns=at_ns,
        kind="settled",
        tenant="acme",
        receipt=f"r-{number}",
        holds="",
        debit="tenant/acme",
        credit="provider/openai/gpt",
        money_nano_usd=None if number == 2 else number * 10,
        tokens=7,
        requests=1,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    store(directory, RECEIPTS)
    with closing(SqliteDatabase(directory)) as database:
        database.write(Batch(postings=[posting(number, START_NS + number) for number in range(1, 4)]))
    return directory


def exporter(data: Path, place: str, name: str = "gateway") -> Exporter:
    return Exporter(source=SqliteSpending(data), place=Place(place), name=name)


def test_a_day_has_every_receipt_that_ended_in_typed_columns(data: Path, tmp_path: Path) -> None:
    done = exporter(data, str(tmp_path / "out")).export(DAY, NOW_NS)

    path = tmp_path / "out" / "receipts" / "day=2026-11-18" / "gateway.parquet"
    table = parquet.read_table(path)
    assert table.num_rows == len(of_day(DAY))
    assert table.schema.names == [name for name, _, _ in RECEIPT_COLUMNS]
    assert done.running == len([one for one in RECEIPTS if one.outcome == "running" and one.at_ns < START_NS + DAY_NS])
    by_id = {row["id"]: row for row in table.to_pylist()}
    for one in of_day(DAY):
        row = by_id[one.id]
        assert (row["received_at"] - EPOCH) // timedelta(microseconds=1) == one.at_ns // 1000
        assert (row["team"], row["tags"]) == (one.principal.team, list(one.principal.tags))
        assert row["attempt_count"] == len(one.attempts) == len(row["attempts"])
        assert [tried["cost_nano_usd"] for tried in row["attempts"]] == [tried.cost_nano_usd for tried in one.attempts]
        assert row["cost_nano_usd"] == one.cost_nano_usd
        assert row["input_tokens"] == sum(tried.usage.input_tokens for tried in one.attempts if tried.usage)


def test_the_ledger_of_the_day_is_there_with_what_is_not_known_left_empty(data: Path, tmp_path: Path) -> None:
    exporter(data, str(tmp_path / "out")).export(DAY, NOW_NS)

    rows = parquet.read_table(tmp_path / "out" / "ledger" / "day=2026-11-18" / "gateway.parquet").to_pylist()

    assert [(row["id"], row["money_nano_usd"], row["credit"]) for row in rows] == [
        ("t-1", 10, "provider/openai/gpt"),
        ("t-2", None, "provider/openai/gpt"),
        ("t-3", 30, "provider/openai/gpt"),
    ]


def test_a_day_that_is_exported_again_is_the_same(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exporter(data, str(out)).export(DAY, NOW_NS)
    first = {path: path.read_bytes() for path in out.rglob("*.parquet")}

    exporter(data, str(out)).export(DAY, NOW_NS)

    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == first
    assert [path for path in out.rglob("*") if path.is_file() and path.suffix != ".parquet"] == []


def test_what_is_gone_from_the_database_is_not_lost_from_the_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    exporter(data, str(out)).export(DAY, NOW_NS)
    path = out / "receipts" / "day=2026-11-18" / "gateway.parquet"
    before = path.read_bytes()
    (data / FILE).unlink()
    store(data, RECEIPTS[:5])

    with pytest.raises(StoreError, match="--force"):
        exporter(data, str(out)).export(DAY, NOW_NS)

    assert path.read_bytes() == before
    exporter(data, str(out)).export(DAY, NOW_NS, force=True)
    assert parquet.read_table(path).num_rows < len(of_day(DAY))


def test_a_day_that_is_not_over_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is not over"):
        exporter(data, str(tmp_path / "out")).export(DAY + timedelta(days=3), NOW_NS)


def test_due_are_the_days_that_are_over_and_not_there(data: Path, tmp_path: Path) -> None:
    one = exporter(data, str(tmp_path / "out"))
    days = [DAY + timedelta(days=number) for number in range(3)]

    assert one.due(NOW_NS) == days
    assert one.due(START_NS + 3 * DAY_NS + HOUR_NS // 2) == days[:2]
    one.export(days[1], NOW_NS)
    assert one.due(NOW_NS) == [days[0], days[2]]
    assert exporter(data, str(tmp_path / "out"), "other").due(NOW_NS) == days


def test_a_place_that_can_t_be_written_is_told(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(StoreError, match="can't be written"):
        exporter(data, str(tmp_path / "out")).export(DAY, NOW_NS)


def test_files_are_read_by_anything_that_reads_parquet(data: Path, tmp_path: Path) -> None:
    exporter(data, str(tmp_path / "out")).export(DAY, NOW_NS)

    files = tmp_path / "out" / "receipts" / "*" / "*.parquet"
    found = duckdb.sql(
        f"SELECT day, count(*), sum(spent_nano_usd) FROM read_parquet('{files}', hive_partitioning = true) GROUP BY day"
    ).fetchall()

    spent = sum(tried.cost_nano_usd or 0 for one in of_day(DAY) for tried in one.attempts)
    assert [(str(day), rows, money) for day, rows, money in found] == [("2026-11-18", len(of_day(DAY)), spent)]


# --- FOCUS


def test_focus_has_every_mandatory_column_and_adds_up(data: Path, tmp_path: Path) -> None:
    done = exporter(data, str(tmp_path / "out")).focus(DAY, NOW_NS, "csv")

    with (tmp_path / "out" / "focus" / "day=2026-11-18" / "gateway.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert set(MANDATORY) <= set(rows[0])
    assert [name for name in rows[0] if name.startswith("x_")] == [name for name, _ in COLUMNS if name.startswith("x_")]
    spent = sum(tried.cost_nano_usd or 0 for one in of_day(DAY) for tried in one.attempts)
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal(spent).scaleb(-9)
    assert {row["ProviderName"] for row in rows} == {"openai", "anthropic"}
    unpriced = sum(
        tried.usage is not None and tried.cost_nano_usd is None for one in of_day(DAY) for tried in one.attempts
    )
    assert done.unpriced >= unpriced > 0
    one = rows[0]
    assert (one["ChargePeriodStart"], one["ChargePeriodEnd"]) == ("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z")
    assert (one["BillingPeriodStart"], one["BillingPeriodEnd"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert (one["ServiceCategory"], one["ServiceSubcategory"]) == ("AI and Machine Learning", "Generative AI")
    assert json.loads(one["Tags"])["key"] in ("k1", "k2")


def test_focus_in_parquet_keeps_money_exact(data: Path, tmp_path: Path) -> None:
    exporter(data, str(tmp_path / "out")).focus(DAY, NOW_NS, "parquet")

    table = parquet.read_table(tmp_path / "out" / "focus" / "day=2026-11-18" / "gateway.parquet")
    spent = sum(tried.cost_nano_usd or 0 for one in of_day(DAY) for tried in one.attempts)
    assert sum(table["BilledCost"].to_pylist()) == Decimal(spent).scaleb(-9)
    assert table.schema.names == [name for name, _ in COLUMNS]


def test_a_day_without_receipts_has_a_file_without_rows(tmp_path: Path) -> None:
    assert charges(DAY, []).rows == []
    exporter(tmp_path / "none", str(tmp_path / "out")).focus(DAY, NOW_NS, "parquet")
    assert parquet.read_table(tmp_path / "out" / "focus" / "day=2026-11-18" / "gateway.parquet").num_rows == 0


# --- S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 that runs here: moto's server, asked over HTTP by the same client that asks AWS."""
    import boto3
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="spend")
    yield f"s3://spend/exports?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    server.stop()


def test_a_bucket_holds_days_as_a_directory_does(data: Path, bucket: str) -> None:
    one = exporter(data, bucket)

    one.export(DAY, NOW_NS)
    again = one.export(DAY, NOW_NS)

    assert [written.rows for written in again.files] == [3, len(of_day(DAY))]
    assert sorted(one.place.files("receipts")) == ["spend/exports/receipts/day=2026-11-18/gateway.parquet"]
    assert one.due(NOW_NS) == [DAY + timedelta(days=1), DAY + timedelta(days=2)]
    question = Question(by=("team", "provider"), since_ns=START_NS, until_ns=START_NS + DAY_NS)
    assert ParquetSpending(one.place).sums(question, 60) == SqliteSpending(data).sums(question, 60)


def test_a_bucket_that_is_not_there_is_told(data: Path, bucket: str) -> None:
    with pytest.raises(StoreError, match="can't be"):
        exporter(data, bucket.replace("spend", "absent")).export(DAY, NOW_NS)
