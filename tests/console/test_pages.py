import re
from contextlib import closing

import msgspec
import pytest
from console_desk import NOW_NS, Office
from msgspec import structs
from odd_receipts import ACME, odd, rich, whole
from spent import store

from antiphon.core.audit import Event
from antiphon.metering.captured import Captured
from antiphon.store.database import Batch
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer

ROW = re.compile(r'<a href="/console/receipts/([0-9a-f-]{36})"')
SECOND_NS = 10**9


def rows(page: str) -> list[str]:
    return ROW.findall(page)


async def test_receipts_are_listed_the_newest_first(office: Office) -> None:
    office.keep_odd()

    assert rows(await (await office.sign_in()).get("/console/receipts")) == [one.id for one in odd(NOW_NS)]


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ("outcome=refused", [7, 8]),
        ("model=balanced&outcome=ok", [9]),
        ("model=agent/*", [1]),
        ("model=claude-main", [1]),
        ("tenant=globex", [5, 10]),
        ("tenant=globex&outcome=client_gone", [10]),
        ("since=2026-11-30T00:52:28Z", [1, 2, 3, 4, 5, 6, 7]),
        ("until=2026-11-30T00:52:40Z&outcome=ok", [9]),
        ("tenant=nobody", []),
    ],
)
async def test_filters_leave_what_fits(office: Office, filters: str, numbers: list[int]) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get(f"/console/receipts?{filters}")

    assert [int(one[-3:], 16) for one in rows(page)] == numbers
    assert ("No receipts here" in page) == (not numbers)


async def test_a_page_leads_to_the_older_ones(office: Office) -> None:
    times = [NOW_NS - number * SECOND_NS for number in range(1, 121)]
    store(office.directory, [whole(at_ns, number) for number, at_ns in enumerate(times, 1)])
    await office.sign_in()
    seen: list[str] = []
    path = "/console/receipts?outcome=ok"
    while path:
        page = await office.get(path)
        seen += rows(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = "" if older is None else older[1].replace("&amp;", "&")

    assert len(seen) == 120
    assert seen == sorted(seen, reverse=True)


async def test_a_script_gets_the_rows_alone(office: Office) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get("/console/receipts", hx_request="true")

    assert len(rows(page)) == 10
    assert "<html" not in page
    assert "<form" not in page


@pytest.mark.parametrize(
    ("who", "numbers"), [("member", [1, 2, 6, 7, 9]), ("auditor", [1, 2, 6, 7, 9]), ("globex", [5, 10])]
)
async def test_people_see_the_receipts_of_their_own_tenant_and_team(
    office: Office, who: str, numbers: list[int]
) -> None:
    office.keep_odd()
    billing = structs.replace(ACME, team="billing")
    store(office.directory, [whole(NOW_NS - 5 * 10**11, 77, principal=billing)])
    page = await (await office.sign_in(who)).get("/console/receipts")

    theirs = numbers + ([77] if who == "auditor" else [])
    assert [int(one[-3:], 16) for one in rows(page)] == theirs
    for one in (*odd(NOW_NS), whole(NOW_NS - 5 * 10**11, 77)):
        asked = await office.ask("GET", f"/console/receipts/{one.id}")
        assert (asked.status == 200) == (int(one.id[-3:], 16) in theirs)
    assert (await office.get("/console/receipts?tenant=globex")).count("/console/receipts/0") == (
        2 if who == "globex" else 0
    )


async def test_a_receipt_s_page_tells_the_whole_story(office: Office) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get(f"/console/receipts/{odd(NOW_NS)[0].id}")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    for said in (
        "agent/refunds", "alice of acme, team search", "run-12", "legal.eu-only,dpo.no-training", "confidential",
        "email, phone", "metadata at most", "30 days", "2 × approver", "draft.no-tools: deny", "overseas",
        "1. gpt-main", "HTTP 529: overloaded", "fallback:any: overloaded", "$0.004 $0.001 to $0.009", "$0.00512",
        "86 % 79 % to 91 %", "88 % by judge", "refunds-over-100", "small-talk : does not hold", "pii.email",
        "messages[2].content", "114 to 131", "text.language", "no such claim", "below 0.8: escalated", "logit_bias",
        "the prompt was cached for 5 minutes",
    ):  # fmt: skip
        assert said in text.replace(" ,", ","), said
    assert page.count('class="bar ') == 4


async def test_a_receipt_that_nobody_has_is_said_so(office: Office) -> None:
    asked = await (await office.sign_in()).ask("GET", "/console/receipts/none")

    assert asked.status == 404
    assert b"there is no receipt" in asked.body


def keep_content(office: Office) -> str:
    one = rich(NOW_NS - SECOND_NS, 5)
    one = structs.replace(one, captured=True)
    store(office.directory, [one])
    said = Captured(request=b'{"messages":["<script>hello"]}', answer=b"data: hi", cut=True)
    sealed = LocalSealer(office.directory / "local.key").seal(msgspec.msgpack.encode(said), f"acme/{one.id}")
    with closing(SqliteDatabase(office.directory)) as database:
        database.write(Batch(contents=[(one.id, "acme", sealed)]))
    return f"/console/receipts/{one.id}"


async def test_content_is_shown_to_those_who_may_once_that_is_noted(office: Office) -> None:
    path = keep_content(office)
    await office.sign_in("auditor")
    assert "Show what was said" in await office.get(path)
    assert "content.view" not in [event["kind"] for event in office.noted()]

    asked = await office.ask("POST", f"{path}/content", {"csrf": office.csrf})

    assert asked.status == 200
    assert b"&lt;script&gt;hello" in asked.body
    assert b"Cut:" in asked.body
    event = office.noted()[-1]
    assert (event["kind"], event["by"], f"/console/receipts/{event['about']}") == ("content.view", "key/a", path)


@pytest.mark.parametrize("who", ["admin", "member"])
async def test_content_is_kept_from_those_who_may_not(office: Office, who: str) -> None:
    path = keep_content(office)
    await office.sign_in(who)
    page = await office.get(path)
    assert "Show what was said" not in page
    assert "permission" in page

    asked = await office.ask("POST", f"{path}/content", {"csrf": office.csrf})

    assert asked.status == 403
    assert b"hello" not in asked.body
    assert "content.view" not in [event["kind"] for event in office.noted()]


async def test_what_can_t_be_noted_isn_t_shown(office: Office) -> None:
    path = keep_content(office)
    await office.sign_in("auditor")
    office.audit.away = True
    asked = await office.ask("POST", f"{path}/content", {"csrf": office.csrf})

    assert asked.status == 503
    assert b"hello" not in asked.body


async def test_spend_is_summed_and_drawn(office: Office) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get("/console/spend?time=24h")

    assert "By hour" in page
    assert page.count("data-chart=") == 2
    assert "balanced" in page
    assert "gpt-main" in page
    assert "billing" in page
    assert "monthly" in page


async def test_a_team_s_spend_is_its_own(office: Office) -> None:
    billing = structs.replace(ACME, team="billing", key="zed")
    store(office.directory, [whole(NOW_NS - SECOND_NS, 1), whole(NOW_NS - 2 * SECOND_NS, 2, principal=billing)])

    mine = await (await office.sign_in("member")).get("/console/spend")
    assert '<dd title="$0.00193">' in mine
    assert "zed" not in mine
    assert "billing" not in mine
    both = await (await office.sign_in("admin")).get("/console/spend")
    assert '<dd title="$0.00386">' in both
    assert "zed" in both
    theirs = await (await office.sign_in("globex")).get("/console/spend?tenant=acme")
    assert "Nothing was spent" in theirs


async def test_deployments_are_judged_by_their_attempts(office: Office) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get("/console/deployments")
    lines = {re.sub(r"<[^>]+>|\s+", " ", one).split()[0]: one for one in page.split("<tr>")[2:]}

    assert "failing" not in page
    assert "working" in lines["gpt-main"]
    assert "upstream_overloaded" in lines["gpt-main"]
    assert "idle" in lines["&lt;b&gt;odd&lt;/b&gt;"]


async def test_policies_are_shown_as_they_are_written(office: Office) -> None:
    page = await (await office.sign_in("member")).get("/console/policies")

    assert "legal.eu-only" in page
    assert "asks approver" in page
    assert "principal.team == &#34;&lt;script&gt;&#34;" in page


async def test_the_audit_log_is_for_those_who_audit(office: Office) -> None:
    asked = await (await office.sign_in("member")).ask("GET", "/console/audit")
    assert asked.status == 403
    assert b"`audit`" in asked.body

    assert "No events yet" in await (await office.sign_in("auditor")).get("/console/audit")


async def test_chains_and_their_newest_events_are_shown(office: Office) -> None:
    office.keep_odd()
    office.audit.note(Event(tenant="globex", kind="erasure", by="key/g", at_ns=NOW_NS, about="<b>bob</b>"))
    office.noted()

    mine = await (await office.sign_in("auditor")).get("/console/audit")
    assert "globex" not in mine
    assert "receipt" in mine
    all_of_them = await (await office.sign_in()).get("/console/audit?tenant=globex")
    assert "erasure" in all_of_them
    assert "&lt;b&gt;bob&lt;/b&gt;" in all_of_them
