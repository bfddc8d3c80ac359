"""Reports: what is asked, who may ask, and what a request costs."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from spent import DAY_NS, HOUR_NS, START_NS, some, store

from antiphon.control.spend import numbers, report
from antiphon.control.spend_asked import Asked, dimensions, moment, question
from antiphon.core.error import BadRequest, NotAllowed
from antiphon.core.principal import Principal
from antiphon.core.spend import Line, Lines, Question, Spending, Sums
from antiphon.store.reports_sqlite import SqliteSpending

NOW_NS = START_NS + 20 * DAY_NS + 13 * HOUR_NS
ADMIN = Principal(tenant="acme", key="root", admin=True)
ALICE = Principal(tenant="acme", key="alice")


class Told(Spending):
    """Answers with given lines, and keeps what it was asked."""

    def __init__(self, *lines: Line, cut: bool = False) -> None:
        self.asked: list[Question] = []
        self._lines = Lines(lines=list(lines), cut=cut)

    def sums(self, question: Question, timeout_s: float) -> Lines:
        self.asked.append(question)
        return self._lines


def line(*values: str, **sums: int) -> Line:
    return Line(values=values, sums=Sums(**sums))


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("7d", NOW_NS - 7 * DAY_NS),
        ("24h", NOW_NS - DAY_NS),
        ("90m", NOW_NS - 3 * HOUR_NS // 2),
        ("2w", NOW_NS - 14 * DAY_NS),
        ("2026-11-18", START_NS),
        ("2026-11-18T01:00:00Z", START_NS + HOUR_NS),
        ("2026-11-18T01:00:00+01:00", START_NS),
        ("2026-11-18T01:00", START_NS + HOUR_NS),
    ],
)
def test_times_are_read_as_people_write_them(text: str, at_ns: int) -> None:
    assert moment("since", text, NOW_NS) == at_ns


@pytest.mark.parametrize("text", ["yesterday", "7 d", "-7d", "9999999d", "0001-01-01", "2026-13-01", "", "7", "1e3h"])
def test_what_is_no_time_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        moment("until", text, NOW_NS)

    assert refused.value.param == "until"


@pytest.mark.parametrize(
    "text", ["teem", "team,,model", "team,team", "team;model", "day,hour,team,model,route,user,key"]
)
def test_dimensions_that_are_unknown_or_too_many_are_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        dimensions(text)

    assert refused.value.param == "by"


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(BadRequest, match="`until` 2d is not after `since` 1d;"):
        question(Asked(since="1d", until="2d"), ADMIN, NOW_NS)
    with pytest.raises(BadRequest, match="`until` 30d is not after `since` 7d;"):
        question(Asked(until="30d"), ADMIN, NOW_NS)
    with pytest.raises(BadRequest, match="`until` now is not after"):
        question(Asked(since="2030-01-01"), ADMIN, NOW_NS)
    with pytest.raises(BadRequest, match="ten years"):
        question(Asked(since="1999-01-01"), ADMIN, NOW_NS)


@pytest.mark.parametrize(
    ("principal", "tenant", "seen"),
    [(None, "", None), (ADMIN, "", None), (ADMIN, "globex", "globex"), (ALICE, "", "acme"), (ALICE, "acme", "acme")],
)
def test_a_key_sees_its_tenant_and_an_admin_all(principal: Principal | None, tenant: str, seen: str | None) -> None:
    assert question(Asked(tenant=tenant), principal, NOW_NS).tenant == seen


def test_the_spend_of_another_tenant_is_not_shown() -> None:
    with pytest.raises(NotAllowed):
        question(Asked(tenant="globex"), ALICE, NOW_NS)


@pytest.mark.parametrize(
    ("sums", "each", "success"),
    [
        ({"requests": 4, "succeeded": 2, "cost_nano_usd": 100}, 25, 50),
        ({"requests": 3, "succeeded": 2, "cost_nano_usd": 100}, 33, 50),
        ({"requests": 4, "succeeded": 3, "cost_nano_usd": 100, "unpriced_requests": 2}, 50, 100),
        ({"requests": 2, "succeeded": 0, "cost_nano_usd": 100}, 50, None),
    ],
)
def test_a_unit_cost_is_of_the_requests_whose_cost_is_known(
    sums: dict[str, int], each: int, success: int | None
) -> None:
    found = numbers(Sums(**sums))

    assert (found["cost_per_request_nano_usd"], found["cost_per_success_nano_usd"]) == (each, success)


def test_a_cost_that_is_not_known_is_never_0() -> None:
    found = numbers(Sums(requests=2, succeeded=2, unpriced_requests=2, unpriced_tokens=70))

    assert found["cost_nano_usd"] is None
    assert found["cost_per_request_nano_usd"] is None
    assert (found["unpriced_requests"], found["unpriced_tokens"]) == (2, 70)
    assert numbers(Sums(requests=2, failed=2))["cost_nano_usd"] == 0


def test_a_report_has_its_lines_and_their_total() -> None:
    told = Told(
        line("a", "x", requests=3, cost_nano_usd=9), line("a", "y", requests=1, cost_nano_usd=2), line("b", "x", requests=2)
    )  # fmt: skip

    found = report(told, Asked(by="team,model", since="1d"), ADMIN, NOW_NS, 1)

    assert [(one["team"], one["model"], one["requests"]) for one in found.lines] == [
        ("a", "x", 3),
        ("a", "y", 1),
        ("b", "x", 2),
    ]
    assert (found.total["requests"], found.total["cost_nano_usd"]) == (6, 11)
    assert (found.since, found.until) == ("2026-12-07T13:00:00Z", "2026-12-08T13:00:00Z")
    assert len(told.asked) == 1


@pytest.mark.parametrize(("by", "cut"), [("team", True), ("tag", False), ("provider", False)])
def test_the_total_is_asked_for_where_lines_do_not_add_up_to_it(by: str, cut: bool) -> None:
    told = Told(line("a", requests=3), cut=cut)

    report(told, Asked(by=by), ADMIN, NOW_NS, 1)

    assert [one.by for one in told.asked] == [(by,), ()]


def test_a_report_over_real_receipts_with_all_that_can_be_asked(tmp_path: Path) -> None:
    store(tmp_path, some(3000, days=20))
    spending = SqliteSpending(tmp_path)
    asked = Asked(by="team,day", since="3d", forecast=True, anomalies=True)

    found = report(spending, asked, ADMIN, START_NS + 20 * DAY_NS, 60)

    whole: Any = msgspec.json.decode(msgspec.json.encode(found))
    assert {one["day"] for one in whole["lines"]} == {"2026-12-05", "2026-12-06", "2026-12-07"}
    assert whole["forecast"]["since"] == "2026-12-01T00:00:00Z"
    assert whole["forecast"]["until"] == "2027-01-01T00:00:00Z"
    assert (
        whole["forecast"]["low_nano_usd"]
        <= whole["forecast"]["expected_nano_usd"]
        <= whole["forecast"]["high_nano_usd"]
    )
    assert isinstance(whole["anomalies"], list)


def test_a_forecast_without_days_behind_says_why_there_is_none(tmp_path: Path) -> None:
    found = report(SqliteSpending(tmp_path), Asked(forecast=True), ADMIN, NOW_NS, 1)

    assert found.forecast is None
    assert found.forecast_lacks == "fewer than 3 whole days are known"
