import json
import logging
import os
import signal
from datetime import date
from pathlib import Path

import pytest
from spent import DAY_NS, HOUR_NS, START_NS, some, store

from antiphon.app.exported import until_ns
from antiphon.app.exporting import LOOK_S, RETRY_S, export_due, start
from antiphon.app.reporting import exporter_of, spending_of
from antiphon.config.load import load_text
from antiphon.config.settings import Settings
from antiphon.store.reports import JoinedSpending
from antiphon.store.reports_sqlite import SqliteSpending

NOW_NS = START_NS + 2 * DAY_NS + HOUR_NS


def settings(directory: Path, text: str) -> Settings:
    return load_text(text, "antiphon.yaml", directory, {}).settings


def exporting_dir(found: Settings) -> Path:
    return Path(found.storage.dir)


@pytest.fixture
def exporting(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    store(tmp_path / "data", some(60, days=2))
    return settings(tmp_path, "storage: {dir: data, export: {to: out, name: eu-1, hour: 1}}\n")


def test_paths_start_from_the_configuration_file_and_buckets_stay(tmp_path: Path) -> None:
    here = settings(tmp_path, "storage: {export: {to: out}}\n").storage.export
    there = settings(tmp_path, "storage: {export: {to: 's3://b/p?region=eu-central-1'}}\n").storage.export

    assert here is not None
    assert there is not None
    assert (here.to, here.name, here.hour) == (str(tmp_path / "out"), "gateway", 1)
    assert there.to == "s3://b/p?region=eu-central-1"


def test_days_that_are_due_are_exported_once(exporting: Settings, caplog: pytest.LogCaptureFixture) -> None:
    assert exporting.storage.export is not None
    exporter = exporter_of(exporting, exporting.storage.export)

    with caplog.at_level(logging.INFO, "antiphon.exporting"):
        waits = [export_due(exporter, NOW_NS, exporting_dir(exporting)) for _ in range(2)]

    assert waits == [LOOK_S, LOOK_S]
    assert [(one.message, one.__dict__["day"]) for one in caplog.records] == [
        ("day.exported", "2026-11-18"),
        ("day.exported", "2026-11-19"),
    ]
    assert exporter.due(NOW_NS) == []
    assert until_ns(exporting_dir(exporting)) == START_NS + 2 * DAY_NS
    assert set(exporter.place.files("receipts").values()) == {date(2026, 11, 18), date(2026, 11, 19)}


def test_a_failure_is_told_and_tried_again_later(exporting: Settings, caplog: pytest.LogCaptureFixture) -> None:
    export = exporting.storage.export
    assert export is not None
    Path(export.to).write_text("in the way")

    data = exporting_dir(exporting)
    assert until_ns(data) == 0

    assert export_due(exporter_of(exporting, export), NOW_NS, data) == RETRY_S
    assert until_ns(data) in (0, START_NS), "nothing is exported, so nothing may be dropped"

    (record,) = caplog.records
    assert record.message == "day.not_exported"
    assert json.dumps(record.__dict__["reason"])


@pytest.mark.processes
def test_the_process_ends_at_once_when_it_is_told_to(exporting: Settings) -> None:
    child = start(exporting, ())
    assert child is not None

    os.kill(child.pid, signal.SIGTERM)
    child.wait()

    assert child.status in (0, -signal.SIGTERM)  # the latter where it had not begun to listen


def test_there_is_no_process_where_nothing_is_to_be_exported(tmp_path: Path) -> None:
    assert start(settings(tmp_path, "storage: {dir: data}\n"), ()) is None


def test_reports_join_exported_days_where_there_are_any(exporting: Settings, tmp_path: Path) -> None:
    assert isinstance(spending_of(exporting), JoinedSpending)
    assert isinstance(spending_of(settings(tmp_path, "storage: {dir: data}\n")), SqliteSpending)
