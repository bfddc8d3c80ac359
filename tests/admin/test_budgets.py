import json
from contextlib import closing
from typing import Any

import pytest

from antiphon.core.bank import Want
from antiphon.core.budget import Account, Span
from antiphon.core.money import NANO_PER_USD


def error_of(asked: Any) -> dict[str, Any]:
    return asked.json["error"]


async def made(office: Any, path: str, **fields: Any) -> dict[str, Any]:
    asked = await office.ask("PUT", f"/admin/v1/{path}", fields)
    assert asked.status == 201, asked.body
    return asked.json


async def test_a_budget_becomes_what_workers_work_by(office: Any) -> None:
    await made(office, "budgets/team-month", usd=500.25, on=["team"], only={"team": ["support"]}, window="month")

    (budget,) = office.owned.budgets
    assert (budget.name, budget.measure, budget.limit, budget.owner) == (
        "team-month", "money", 500_250_000_000, "api",
    )  # fmt: skip
    assert (budget.scopes, dict(budget.only)) == (("team",), {"team": ("support",)})


async def test_a_key_brings_its_budget_and_takes_it_along(office: Any) -> None:
    version = (await made(office, "keys/ci", tenant="acme", budget={"usd": 20, "window": "day"}))["version"]

    (budget,) = office.owned.budgets
    assert (budget.name, budget.limit, budget.window.period) == ("key/ci", 20 * NANO_PER_USD, "day")
    assert dict(budget.only) == {"tenant": ("acme",), "key": ("ci",)}
    assert budget.hard
    await office.ask("PUT", "/admin/v1/keys/ci", {"budget": {"tokens": 5}}, if_match=str(version))
    assert [(one.measure, one.limit) for one in office.owned.budgets] == [("tokens", 5)]
    await office.ask("DELETE", "/admin/v1/keys/ci")
    assert office.owned.budgets == ()


async def test_a_limit_becomes_what_workers_work_by(office: Any) -> None:
    version = (await made(office, "limits/rate", requests=600, tokens=10_000, on=["team"]))["version"]
    assert [(one.name, one.kind, one.number, one.owner) for one in office.owned.limits] == [
        ("rate", "requests", 600, "api"),
        ("rate", "tokens", 10_000, "api"),
    ]
    await office.ask("PUT", "/admin/v1/limits/rate", {"requests": 5}, if_match=str(version))
    assert [one.number for one in office.owned.limits] == [5]
    await office.ask("DELETE", "/admin/v1/limits/rate")
    assert office.owned.limits == ()


@pytest.mark.parametrize(
    ("path", "fields", "field"),
    [
        ("budgets/b", {}, ""),
        ("budgets/b", {"usd": 1, "tokens": 1}, ""),
        ("budgets/b", {"usd": 0}, "usd"),
        ("budgets/b", {"usd": -5}, "usd"),
        ("budgets/b", {"usd": 1e300}, "usd"),
        ("budgets/b", {"usd": "5"}, "usd"),
        ("budgets/b", {"usd": 5, "on": ["planet"]}, "on[0]"),
        ("budgets/b", {"usd": 5, "window": "decade"}, "window"),
        ("budgets/b", {"usd": 5, "at_cap": "explode"}, "at_cap"),
        ("budgets/b", {"tokens": 10**19}, "tokens"),
        ("budgets/key%2Fci", {"usd": 5}, "name"),
        ("limits/l", {}, "(object)"),
        ("limits/l", {"requests": 0}, "requests"),
        ("limits/l", {"requests": 5, "per": "year"}, "per"),
        ("limits/l", {"requests": 5, "burst": 1000}, "burst"),
        ("limits/l", {"requets": 5}, "requets"),
    ],
)
async def test_a_mistake_names_its_field_and_changes_nothing(office: Any, path: str, fields: Any, field: str) -> None:
    asked = await office.ask("PUT", f"/admin/v1/{path}", fields)

    error = error_of(asked)
    assert (asked.status, error["code"]) == (400, "invalid_request"), error
    assert error["problems"]
    assert all(one["wrong"] and one["remedy"] for one in error["problems"])
    if field:
        assert field in [one["field"] for one in error["problems"]]
    assert office.objects.since(0).version == 0


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("budgets/b", {"usd": 500.25, "rolling": "24h", "on": ["team"], "only": {"team": ["a*"]}, "alerts": [0.5, 1]}),
        ("budgets/b", {"tokens": 5, "at_cap": "downgrade", "downgrade_to": "fast", "timezone": "Europe/Berlin"}),
        ("budgets/b", {"requests": 5, "raises": [{"requests": 1, "until": "2030-01-01T00:00:00Z"}]}),
        ("limits/l", {"requests": 5, "burst": 50, "per": "hour", "shared": True}),
        ("keys/k", {"budget": {"usd": 1}, "limit": {"tokens": 5}, "expires": "2030-01-01T00:00:00Z"}),
    ],
    ids=json.dumps,
)
async def test_what_is_shown_can_be_put_back(office: Any, path: str, fields: Any) -> None:
    first = await made(office, path, **fields)

    again = await office.ask("PUT", f"/admin/v1/{path}", first["spec"], if_match=str(first["version"]))

    assert again.status == 200, again.body
    assert again.json["spec"] == first["spec"] == {"name": path.partition("/")[2], **fields}


async def test_a_raise_is_added_and_noted(office: Any) -> None:
    await made(office, "budgets/b", usd=10)

    asked = await office.ask(
        "POST", "/admin/v1/budgets/b/raises", {"usd": 2.5, "until": "1970-01-02T00:00:00Z", "note": "launch"}
    )

    assert asked.status == 200, asked.body
    (budget,) = office.owned.budgets
    day_ns = 86_400 * 10**9
    assert (budget.limit_at(day_ns - 1), budget.limit_at(day_ns)) == (12_500_000_000, 10_000_000_000)
    (change, _) = (await office.ask("GET", "/admin/v1/changes")).json["data"]
    assert (change["action"], change["after"]["raises"][0]["note"]) == ("raise", "launch")


@pytest.mark.parametrize(
    "fields",
    [{"usd": 5}, {"tokens": 5, "until": "1970-01-02T00:00:00Z"}, {"usd": 5, "until": "soon"}, {"usd": 5, "untl": "x"}],
)
async def test_a_raise_that_is_none_is_refused(office: Any, fields: Any) -> None:
    await made(office, "budgets/b", usd=10)
    asked = await office.ask("POST", "/admin/v1/budgets/b/raises", fields)
    assert asked.status == 400, asked.body
    assert office.owned.budgets[0].raises == ()


async def test_accounts_are_shown_as_they_stand(office: Any) -> None:
    await made(office, "budgets/b", usd=10, on=["tenant", "team"])
    await made(office, "keys/ci", budget={"tokens": 100, "window": "total"})
    money = Account(key="b|acme|acme|a%7Cb", tenant="acme", budget="b", measure="money", span=Span(start_ns=0))
    tokens = Account(
        key="key/ci|default|ci", tenant="default", budget="key/ci", measure="tokens", span=Span(start_ns=0)
    )
    with closing(office.bank()) as bank:
        for one, amount in ((money, 2_500_000_000), (tokens, 40)):
            wanted = Want(account=one, limit=10**12, hard=True, granted=0, need=amount, like=amount)
            assert bank.grant("w1", [wanted], office.clock.now_ns())[0].granted == amount

    of_b = (await office.ask("GET", "/admin/v1/budgets/b/accounts")).json
    of_key = (await office.ask("GET", "/admin/v1/budgets/key%2Fci/accounts")).json

    assert of_b["next"] is None
    assert [(one["tenant"], one["values"], one["spent"], one["held"]) for one in of_b["data"]] == [
        ("acme", ["acme", "a|b"], "0.000000000", "2.500000000")
    ]
    assert [(one["values"], one["held"]) for one in of_key["data"]] == [(["ci"], "40")]
    assert (await office.ask("GET", "/admin/v1/budgets/nobody/accounts")).status == 404
