"""`antiphon db` and `antiphon ledger`, on a data directory and on Postgres."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from receipts import halves, receipt, receipt_id

from antiphon.app.places import Places, own
from antiphon.app.stores import Stores
from antiphon.cli.main import main
from antiphon.core.bank import Want
from antiphon.core.budget import Account, Span
from antiphon.core.ledger import Holds
from antiphon.core.receipt import Attempt
from antiphon.core.secret import Secret
from antiphon.core.usage import Usage
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import Records
from antiphon.metering.shipping import Shipper
from antiphon.store.schema_sqlite import STEPS
from antiphon.store.settings import StorageSettings
from antiphon.store.sqlite import FILE

ACCOUNT = Account(key="b|acme|", tenant="acme", budget="b", measure="money", span=Span(start_ns=1))
HOLDS = Holds(id="h" * 36, accounts=((ACCOUNT.key, 1),))
NEWEST = len(STEPS)


class House:
    """A configuration, its data directory, and a worker in it."""

    def __init__(self, directory: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = directory / "antiphon.yaml"
        self.data = directory / "data"
        self.places = Places.under(self.data, directory)
        self.places.journal.mkdir(parents=True)
        named = f"\n  url: {url}" if url else ""
        self.config.write_text(
            f"storage:\n  dir: {self.data}{named}\nproviders: {{lab: {{lab: {{models: {{m: {{}}}}}}}}}}\n"
        )
        self.stores = Stores.of(StorageSettings(url=Secret(url) if url else None), self.data)
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, Any]:
        """A command's exit code and document."""
        self._capsys.readouterr()
        code = main([*arguments, "--config", str(self.config), "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def work(self) -> None:
        """Two requests: one is shipped and booked, one stands in the journal."""
        with (
            closing(self.stores.database()) as database,
            closing(self.stores.bank()) as bank,
            closing(FileJournal(self.places.journal, "w-0001")) as journal,
        ):
            want = Want(account=ACCOUNT, limit=10**9, hard=True, granted=0, need=1000, like=1000)
            bank.grant("w-0001", [want], 2)
            journal.held(HOLDS)
            shipper = Shipper(self.places.journal, database)
            for number in (1, 2):
                journal.closed(*halves(receipt(number, attempts=(attempt(number),))))
                if number == 1:
                    shipper.step()

    def ship(self) -> None:
        with closing(self.stores.database()) as database:
            shipper = Shipper(self.places.journal, database)
            while shipper.step():
                pass
            shipper.step()


def attempt(number: int) -> Attempt:
    return Attempt(
        deployment="d", provider="p", model="m", ticket=f"w-0001-{number}", holds=HOLDS.id, cost_nano_usd=100,
        usage=Usage(input_tokens=5, output_tokens=2), requests=1,
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    url = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""
    return House(tmp_path, url, capsys)


def test_migrating_goes_to_the_newest_version_and_back(house: House) -> None:
    assert house.run("db", "migrate") == (0, {"from": 0, "to": NEWEST, "newest": NEWEST})
    assert house.run("db", "migrate", "--to", "3") == (0, {"from": NEWEST, "to": 3, "newest": NEWEST})

    code, said = house.run("db", "check")
    assert code == 1
    assert "version 3" in said["error"]["message"]
    assert house.run("db", "migrate", "--to", "99")[0] == 1
    assert house.run("db", "migrate")[1]["to"] == NEWEST


def test_books_in_order_have_nothing_wrong_and_say_who_waits(house: House) -> None:
    house.work()
    code, said = house.run("db", "check")
    assert (code, said["ok"], said["entries"], said["accounts"], said["waiting"]) == (0, True, 1, 1, [])

    house.ship()
    assert house.run("db", "check")[1]["entries"] == 2


def test_balances_that_the_ledger_does_not_say_are_told(house: House) -> None:
    house.work()
    if house.stores.url is None:
        with closing(sqlite3.connect(house.data / FILE, isolation_level=None)) as database:
            tamper(database.execute)
    else:
        import psycopg

        with psycopg.connect(house.stores.url.reveal()) as database:
            tamper(database.execute)

    code, said = house.run("db", "check")

    assert code == 1
    assert [(one["what"], one["found"]) for one in said["faults"]] == [
        ("spent", "107 spent, and the ledger says 100 (money)"),
        ("held", "903 held, and leases say 900 (money)"),
        ("lease", "has leases, and no gateway is going to free them"),
    ]


def tamper(execute: Any) -> None:
    execute("UPDATE accounts SET spent = spent + 7, held = held + 3")
    execute("DELETE FROM holders")


def test_a_copy_put_back_has_what_was_shipped_and_what_was_not(house: House, tmp_path: Path) -> None:
    house.work()
    target = tmp_path / "copy"
    code, said = house.run("db", "backup", str(target))
    assert (code, said["segments"]) == (0, 1)
    assert house.run("db", "backup", str(target))[0] == 1, "a copy is not written over"
    house.ship()
    with closing(house.stores.database()) as database:
        shutter = Shipper(house.places.journal, database)
        shutter.step()

    code, said = house.run("db", "restore", str(target))

    assert code == 0, said
    assert Path(said["replaced"]).is_dir()
    with closing(house.stores.reader()) as reader:
        assert reader.receipt(receipt_id(2)) is None
        records = Records(reader, house.places.journal)
        assert [records.receipt(receipt_id(number)).outcome for number in (1, 2)] == ["ok", "ok"]
        house.ship()
        assert reader.receipt(receipt_id(2)) is not None
    assert house.run("db", "check")[1]["entries"] == 2


def test_while_a_gateway_runs_nothing_is_restored_or_migrated(house: House, tmp_path: Path) -> None:
    house.work()
    house.run("db", "backup", str(tmp_path / "copy"))
    lock = own(house.data)
    try:
        for arguments in (("restore", str(tmp_path / "copy")), ("migrate", "--to", "0")):
            code, said = house.run("db", *arguments)
            assert code == 1
            assert "another gateway uses" in said["error"]["message"]
    finally:
        import os

        os.close(lock)
    assert house.run("db", "restore", str(tmp_path))[0] == 1, "that is no copy"


def test_a_copy_that_can_not_be_read_leaves_everything_as_it_was(house: House, tmp_path: Path) -> None:
    house.work()
    target = tmp_path / "copy"
    house.run("db", "backup", str(target))
    for name in (FILE, "antiphon.dump"):
        (target / name).write_bytes(b"no copy at all" * 100)

    assert house.run("db", "restore", str(target))[0] == 1

    assert [path.name for path in house.places.journal.iterdir()] == ["w-0001-000001.journal"]
    assert house.run("db", "check")[1]["entries"] == 1
    assert not list(house.data.glob("replaced-*"))


def test_a_correction_is_an_entry_that_changes_the_balance_of_the_same_accounts(house: House) -> None:
    house.work()
    code, made = house.run("ledger", "correct", "w-0001-1", "--money=-0.00000004", "--tokens", "3", "--note", "double")
    assert code == 0, made
    assert (made["kind"], made["corrects"], made["money_nano_usd"], made["tokens"]) == (
        "correction",
        "w-0001-1",
        -40,
        3,
    )
    assert house.run("ledger", "show", made["id"])[1] == made

    with closing(house.stores.bank()) as bank:
        assert bank.balances([ACCOUNT.key], 2)[0].spent == 60
    assert house.run("db", "check")[1]["ok"]
    assert house.run("ledger", "show", "w-0001-1")[1]["money_nano_usd"] == 100


def test_what_can_not_be_corrected_is_told(house: House) -> None:
    house.work()

    code, said = house.run("ledger", "correct", "w-0001-9", "--money", "1", "--note", "x")
    assert (code, said["error"]["code"]) == (1, "entry_not_found")
    assert house.run("ledger", "show", "w-0001-9")[1]["error"]["code"] == "entry_not_found"
    code, said = house.run("ledger", "correct", "w-0001-1", "--note", "x")
    assert code == 1
    assert "--money" in said["error"]["message"]


def test_without_a_database_there_is_nothing_to_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    house = House(tmp_path, "", capsys)

    for arguments in (("check",), ("backup", str(tmp_path / "copy"))):
        code, said = house.run("db", *arguments)
        assert code == 1
        assert "version 0" in said["error"]["message"]
