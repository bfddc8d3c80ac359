"""Boards that the console shows: what is on them, and what of it is whose."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
from odd_receipts import GLOBEX, attempt, whole
from spent import store

from antiphon.control import budget_board, deployment_board, spend_board
from antiphon.control.deployment_board import Placed
from antiphon.control.sight import FIRST, Sight, sight_of
from antiphon.control.who import who_is
from antiphon.core.bank import Want
from antiphon.core.budget import Account, Budget, Window
from antiphon.core.error import BadRequest, NotAllowed
from antiphon.core.principal import Principal
from antiphon.core.spend import Lines, Question, Spending
from antiphon.metering.records import Records
from antiphon.metering.windows import span_at
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.reports_sqlite import SqliteSpending
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.telemetry.slots import Slots

NOW_NS = 1_796_000_000 * 10**9
DAY_NS = 86_400 * 10**9
MONTH = Window(period="month")


def person(*roles: str, tenant: str = "acme", team: str = "") -> Sight:
    return sight_of(who_is(Principal(tenant=tenant, key="k", team=team, roles=roles)))


NOBODY = sight_of(who_is(Principal(tenant="acme", key="k")))


# --- budgets


def used(bank: SqliteBank, budget: Budget, key: str, tenant: str, amount: int) -> None:
    span = span_at(budget.window, NOW_NS)
    account = Account(key=key, tenant=tenant, budget=budget.name, measure=budget.measure, span=span)
    bank.grant("w", [Want(account=account, limit=budget.limit, hard=False, granted=0, need=0, like=amount)], NOW_NS)


@pytest.fixture
def bank(tmp_path: Path) -> Iterable[SqliteBank]:
    SqliteDatabase(tmp_path).close()
    made = SqliteBank(tmp_path)
    yield made
    made.close()


TEAMS = Budget(name="teams", measure="requests", limit=100, window=MONTH, scopes=("tenant", "team"))
SHARED = Budget(name="all", measure="requests", limit=1000, window=MONTH, scopes=(), shared=True)
THEIRS = Budget(name="theirs", measure="requests", limit=10, window=MONTH, only={"tenant": ("glo*",)})


@pytest.fixture
def filled(bank: SqliteBank) -> SqliteBank:
    used(bank, TEAMS, "teams|acme|acme|search", "acme", 30)
    used(bank, TEAMS, "teams|acme|acme|bill%7Cing", "acme", 90)
    used(bank, TEAMS, "teams|globex|globex|search", "globex", 99)
    used(bank, SHARED, "all|", "", 500)
    used(bank, THEIRS, "theirs|globex|globex", "globex", 1)
    return bank


def standings(found: budget_board.Budgets) -> dict[str, list[tuple[tuple[str, ...], int]]]:
    return {one.budget.name: [(each.values, each.permille) for each in one.fullest] for one in found.shown}


def test_the_fullest_budgets_and_accounts_come_first(filled: SqliteBank) -> None:
    found = budget_board.board([THEIRS, SHARED, TEAMS], filled, FIRST, NOW_NS)

    assert list(standings(found).items()) == [
        ("teams", [(("globex", "search"), 990), (("acme", "bill|ing"), 900), (("acme", "search"), 300)]),
        ("all", [((), 500)]),
        ("theirs", [(("globex",), 100)]),
    ]


@pytest.mark.parametrize(
    ("sight", "seen"),
    [
        (person("admin"), {"teams": [(("acme", "bill|ing"), 900), (("acme", "search"), 300)]}),
        (person("team_lead", team="search"), {"teams": [(("acme", "search"), 300)]}),
        (
            person("admin", tenant="globex"),
            {"teams": [(("globex", "search"), 990)], "theirs": [(("globex",), 100)]},
        ),
    ],
)
def test_people_see_their_own_accounts(filled: SqliteBank, sight: Sight, seen: object) -> None:
    assert standings(budget_board.board([THEIRS, SHARED, TEAMS], filled, sight, NOW_NS)) == seen


# --- spend


class Told(Spending):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def sums(self, question: Question, timeout_s: float) -> Lines:
        self.asked.append(question)
        return Lines(lines=[])


def test_the_store_is_asked_for_what_is_theirs_alone() -> None:
    for sight, tenant, asked in ((FIRST, "", None), (FIRST, "acme", "acme"), (person("admin"), "globex", "acme")):
        told = Told()
        spend_board.board(told, "7d", tenant, sight, NOW_NS, 1)
        assert {one.tenant for one in told.asked} == {asked}


def test_a_team_s_lines_are_told_apart_from_those_of_others(tmp_path: Path) -> None:
    other = Principal(tenant="acme", key="zed", team="billing")
    store(tmp_path, [whole(NOW_NS - 10**9, 1), whole(NOW_NS - 2 * 10**9, 2, principal=other)])
    found = spend_board.board(SqliteSpending(tmp_path), "24h", "", person("member", team="search"), NOW_NS, 5)

    assert found.total.requests == 1
    for table in found.tables:
        assert [one.value for one in table.lines] in (["balanced"], ["gpt-main"], ["search"], ["alice"])
    assert sum(sums.requests for _, sums in found.points) == 1


def test_every_hour_and_day_has_its_point(tmp_path: Path) -> None:
    store(tmp_path, [whole(NOW_NS - 2 * DAY_NS, 1), whole(NOW_NS, 2, principal=GLOBEX)])
    spending = SqliteSpending(tmp_path)
    for time, unit, count in (("24h", "hour", 24), ("7d", "day", 7), ("90d", "day", 90)):
        found = spend_board.board(spending, time, "", FIRST, NOW_NS, 5)
        assert (found.unit, len(found.points)) == (unit, count)
        assert found.points[-1][1].requests == 1
        assert found.total.requests == (1 if time == "24h" else 2)
    with pytest.raises(BadRequest):
        spend_board.board(spending, "1y", "", FIRST, NOW_NS, 5)


# --- deployments


def place(name: str) -> Placed:
    return Placed(name=name, provider="p", model=name, tier="", zone="public", region="")


def test_a_deployment_is_judged_by_its_breakers_then_by_its_attempts(tmp_path: Path) -> None:
    bad = attempt("bad", 10, 100, error="upstream_broken")
    tries = [
        whole(NOW_NS - number * 10**9, number, attempts=(bad, attempt("good", 200, 9000))) for number in range(1, 7)
    ]
    store(tmp_path, [*tries, whole(NOW_NS - DAY_NS, 99, attempts=(attempt("idle", 1, 2),))])
    slots = Slots(tmp_path, "w0")
    slots.number("gauge", "antiphon_breaker_open", "", {"deployment": "open"}).set(1)
    slots.number("gauge", "antiphon_concurrency_limit", "", {"deployment": "good"}).set(40)
    records = Records(SqliteReader(tmp_path), tmp_path)
    names = ("good", "idle", "bad", "open")
    found = deployment_board.board(map(place, names), tmp_path, records.between, FIRST, NOW_NS)

    assert [(one.placed.name, one.state) for one in found.deployments] == [
        ("open", "resting"),
        ("bad", "failing"),
        ("good", "working"),
        ("idle", "idle"),
    ]
    bad_one, good = found.deployments[1].tally, found.deployments[2]
    assert (bad_one.attempts, bad_one.failed, bad_one.failures) == (6, 6, (("upstream_broken", 6),))
    assert (good.gauges.limit, good.tally.failed_permille, good.tally.first_token_p95_us) == (40, 0, 3000)
    assert good.tally.last_ns == NOW_NS - 10**9 + 200_000
    theirs = deployment_board.board(
        [place("good")], tmp_path, records.between, person("admin", tenant="globex"), NOW_NS
    )
    assert theirs.deployments[0].tally.attempts == 0


@pytest.mark.parametrize(
    "board",
    [
        partial(spend_board.board, Told(), "7d", "", NOBODY, NOW_NS, 1),
        partial(budget_board.board, [], None, NOBODY, NOW_NS),
        partial(deployment_board.board, [], Path(), lambda *_: [], NOBODY, NOW_NS),
    ],
)
def test_nobody_without_a_role_sees_one(board: partial[object]) -> None:
    with pytest.raises(NotAllowed):
        board()
