"""`antiphon db release`: of gateways that share a Postgres one is lost with its disk."""

import json
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from receipts import halves, receipt, receipt_id
from servers import Postgres

from antiphon.app.stores import Stores
from antiphon.cli.main import main
from antiphon.core.bank import Want
from antiphon.core.budget import Account, Measure, Span
from antiphon.core.ledger import Holds
from antiphon.core.receipt import Attempt
from antiphon.core.secret import Secret
from antiphon.metering.journal import FileJournal
from antiphon.metering.shipping import Shipper
from antiphon.store.database import Database
from antiphon.store.settings import StorageSettings

DAY_NS = 86_400_000_000_000


def account(name: str, measure: Measure = "money", **span: int) -> Account:
    return Account(key=name, tenant="acme", budget="b", measure=measure, span=Span(**{"start_ns": 1, **span}))


TEAM, USER, ROLLING = account("b|acme|team"), account("b|acme|user"), account("r|acme", start_ns=0, rolling_ns=DAY_NS)
TOKENS = account("t|acme", "tokens")
HOLDS = Holds(id="h" * 36, accounts=((TEAM.key, 1), (USER.key, 1)))
LIMIT = 10_000


class Gateway:
    """One of those that share the database."""

    def __init__(self, directory: Path, url: str) -> None:
        self.data = directory / "data"
        (self.data / "journal").mkdir(parents=True)
        self.stores = Stores.of(StorageSettings(url=Secret(url)), self.data)
        self.config = directory / "antiphon.yaml"
        self.config.write_text(
            f"storage:\n  dir: {self.data}\n  url: {url}\nproviders: {{lab: {{lab: {{models: {{m: {{}}}}}}}}}}\n"
        )

    def database(self) -> Database:
        return self.stores.database()

    def grant(self, holder: str, amount: int, *accounts: Account) -> list[int]:
        wants = [Want(account=one, limit=LIMIT, hard=True, granted=0, need=amount, like=amount) for one in accounts]
        with closing(self.stores.bank()) as bank:
            return [one.granted for one in bank.grant(holder, wants, 5)]

    def work(self, holder: str) -> None:
        """One request is done and booked, one runs; more was leased than both took."""
        with closing(self.database()) as database, closing(FileJournal(self.data / "journal", holder)) as journal:
            self.grant(holder, 1000, TEAM, ROLLING)
            self.grant(holder, 300, USER)
            self.grant(holder, 70, TOKENS)
            journal.held(HOLDS)
            journal.closed(*halves(receipt(1, attempts=(attempt(holder, 1, cost_nano_usd=100),))))
            journal.opened(*halves(receipt(2, "running", attempts=(attempt(holder, 2, open=True, held_nano_usd=150),))))
            shipper = Shipper(self.data / "journal", database)
            while shipper.step():
                pass


def attempt(holder: str, number: int, **fields: Any) -> Attempt:
    return Attempt(deployment="d", provider="p", model="m", ticket=f"{holder}-{number}", holds=HOLDS.id, **fields)


class Two:
    """A gateway that is there, and one that is lost."""

    def __init__(self, directory: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.here, self.lost = Gateway(directory / "here", url), Gateway(directory / "lost", url)
        self.home = self.lost.stores.home

    def run(self, *arguments: str) -> tuple[int, Any]:
        self._capsys.readouterr()
        code = main([*arguments, "--config", str(self.here.config), "--json"])
        return code, json.loads(self._capsys.readouterr().out)

    def stands(self, *accounts: Account, now_ns: int = 5) -> list[tuple[int, int]]:
        with closing(self.here.stores.bank()) as bank:
            found = {one.account: one for one in bank.balances([one.key for one in accounts], now_ns)}
        return [(found[one.key].spent, found[one.key].held) for one in accounts]


@pytest.fixture
def two(tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> Two:
    return Two(tmp_path, postgres.database(), capsys)


def test_what_a_lost_gateway_held_is_booked_as_spent_and_free_for_nobody(two: Two) -> None:
    two.lost.work("lost-0001")
    with closing(two.here.database()):
        two.here.grant("here-0001", 500, TEAM)
    shutil.rmtree(two.lost.data)
    assert two.stands(TEAM, USER, TOKENS) == [(100, 1400), (100, 200), (0, 70)]

    code, listed = two.run("db", "release")
    assert code == 0
    assert {one["name"]: (one["own"], one["holders"], one["accounts"], one["running"]) for one in listed["homes"]} == {
        two.home: (False, 1, 4, 1),
        two.here.stores.home: (True, 1, 1, 0),
    }
    code, said = two.run("db", "release", two.home)

    assert (code, said["holders"], said["requests"]) == (0, ["lost-0001"], 1)
    assert {one["kind"] for one in said["entries"]} == {"died"}
    assert two.stands(TEAM, USER, TOKENS) == [(1000, 500), (300, 0), (70, 0)]
    assert two.stands(ROLLING, now_ns=time.time_ns()) == [(1000, 0)]
    assert two.run("db", "check")[1]["faults"] == []
    with closing(two.here.stores.reader()) as reader:
        assert json.loads(reader.receipt(receipt_id(2)) or b"")["outcome"] == "interrupted"
    assert [one["name"] for one in two.run("db", "release")[1]["homes"]] == [two.here.stores.home]


def test_a_cap_is_not_overshot_by_what_was_released_and_a_correction_gives_it_back(two: Two) -> None:
    two.lost.work("lost-0001")
    _, said = two.run("db", "release", two.home)

    assert two.here.grant("here-0001", LIMIT - 1000 + 1, TEAM) == [0]
    largest = max(said["entries"], key=lambda one: one.get("money_nano_usd", 0))
    assert two.run("ledger", "correct", largest["id"], "--money=-0.0000001", "--note", "not sent")[0] == 0
    assert two.here.grant("here-0002", LIMIT - 1000 + 100, TEAM) == [LIMIT - 900]
    assert two.run("db", "check")[1]["faults"] == []


def test_who_lives_or_is_nobody_is_not_released(two: Two) -> None:
    two.lost.work("lost-0001")
    two.here.work("here-0001")

    code, said = two.run("db", "release", two.here.stores.home)
    assert (code, "freed when it starts" in said["error"]["message"]) == (1, True)
    code, said = two.run("db", "release", "ffff")
    assert (code, "no gateway 'ffff'" in said["error"]["message"]) == (1, True)
    with closing(two.lost.database()) as database:
        assert database.holders() == {"lost-0001"}
        code, said = two.run("db", "release", two.home)
        assert (code, "is connected to the database" in said["error"]["message"]) == (1, True)
    assert two.stands(TEAM) == [(200, 1800)]


def test_a_data_directory_of_its_own_has_one_gateway_that_frees_all_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "antiphon.yaml"
    config.write_text(f"storage: {{dir: {tmp_path}/data}}\nproviders: {{lab: {{lab: {{models: {{m: {{}}}}}}}}}}\n")
    assert main(["db", "migrate", "--config", str(config)]) == 0

    assert main(["db", "release", "--config", str(config)]) == 0
    assert "No gateway holds anything." in capsys.readouterr().err
    assert main(["db", "release", "", "--config", str(config)]) == 1
    assert "freed when it starts" in capsys.readouterr().err
