from contextlib import closing
from typing import Any

import pytest

from antiphon.core.ledger import Posting
from antiphon.store.database import Batch

ENTRY = Posting(
    id="t-1",
    at_ns=5,
    kind="settled",
    tenant="acme",
    receipt="r-1",
    holds="",
    debit="tenant/acme",
    credit="provider/lab/fast",
    money_nano_usd=7_000_000_000,
    tokens=100,
    requests=1,
)


@pytest.fixture
def booked(office: Any) -> Any:
    with closing(office.site.desk.database()) as database:
        database.write(Batch(postings=[ENTRY]))
    return office


async def test_a_correction_is_an_entry_of_its_own_that_says_who_made_it(booked: Any) -> None:
    asked = await booked.ask(
        "POST", "/admin/v1/ledger/corrections", {"entry": "t-1", "usd": -2.5, "tokens": -10, "note": "billed twice"}
    )

    assert asked.status == 200, asked.body
    made = asked.json
    assert (made["corrects"], made["tenant"], made["usd"], made["tokens"]) == ("t-1", "acme", "-2.500000000", -10)
    assert made["note"] == "bootstrap: billed twice"
    with closing(booked.site.desk.database()) as database:
        assert database.posting("t-1") == ENTRY
        kept = database.posting(made["id"])
    assert (kept.kind, kept.money_nano_usd, kept.debit) == ("correction", -2_500_000_000, "tenant/acme")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "entry"),
        ({"entry": "t-1", "usd": 1}, "note"),
        ({"entry": "t-1", "note": "x"}, "usd"),
        ({"entry": "t-1", "usd": "1", "note": "x"}, "usd"),
        ({"entry": "t-1", "usd": True, "note": "x"}, "usd"),
        ({"entry": "t-1", "usd": 0.0000000001, "note": "x"}, "usd"),
        ({"entry": "t-1", "usd": 1e300, "note": "x"}, "usd"),
        ({"entry": "t-1", "tokens": 1.5, "note": "x"}, "tokens"),
        ({"entry": "t-1", "requests": 10**19, "note": "x"}, "requests"),
        ({"entry": "t-1", "usd": 1, "note": "two\nlines"}, "note"),
        ({"entry": "t-1", "usd": 1, "note": "x", "why": "y"}, "why"),
    ],
    ids=str,
)
async def test_a_correction_that_is_none_is_refused(booked: Any, fields: Any, field: str) -> None:
    asked = await booked.ask("POST", "/admin/v1/ledger/corrections", fields)
    assert (asked.status, asked.json["error"]["param"]) == (400, field)


async def test_what_is_no_entry_can_t_be_corrected(booked: Any) -> None:
    asked = await booked.ask("POST", "/admin/v1/ledger/corrections", {"entry": "t-2", "usd": 1, "note": "x"})
    assert (asked.status, asked.json["error"]["code"]) == (404, "entry_not_found")
