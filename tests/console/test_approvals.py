import json
import re

import pytest
from console_desk import ACTION, Office

from antiphon.core.approval import Approval


async def voted(office: Office, one: Approval, state: str, **fields: str) -> tuple[int, str]:
    """Status, and where the browser is led or what is wrong."""
    form = {"csrf": office.csrf, "digest": one.wish.digest, "state": state, "note": "because", **fields}
    asked = await office.ask("POST", f"/console/approvals/{one.id}", form)
    wrong = re.search(r'role="alert"><bdi>(.*?)</bdi>', asked.body.decode())
    return asked.status, asked.headers.get("location", "") or ("" if wrong is None else wrong[1])


async def test_what_waits_is_listed_with_its_votes_and_shown_with_the_exact_action(office: Office) -> None:
    one = office.wish()
    page = await (await office.sign_in("ada")).get("/console/approvals")
    assert "0 of 2" in page
    assert "dpo.review" in page

    page = await office.get(f"/console/approvals/{one.id}")
    shown = re.search(r'aria-label="The exact action, as JSON">(.*?)</pre>', page, re.DOTALL)
    assert shown is not None
    assert json.loads(shown[1].replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">")) == ACTION
    kinds = [event["kind"] for event in office.noted()]
    assert kinds == ["approval.asked", "login.console", "approval.viewed"]


async def test_two_people_have_to_approve_and_each_counts_once(office: Office) -> None:
    one = office.wish()
    await office.sign_in("ada")
    assert await voted(office, one, "approved") == (303, f"/console/approvals/{one.id}?done=waiting")
    page = await office.get(f"/console/approvals/{one.id}?done=waiting")
    assert "Others have to approve too" in page
    assert "1 more person has to approve" in page
    assert "has approved" in page, "the form is gone, and it is said why"
    assert 'name="state"' not in page
    status, wrong = await voted(office, one, "approved")
    assert (status, "already" in wrong) == (409, True)

    await office.sign_in("bea")
    assert await voted(office, one, "approved") == (303, f"/console/approvals/{one.id}?done=approved")
    found = office.book.find(one.id)
    assert found is not None
    assert [(vote.by, vote.note) for vote in found.votes] == [("key/ada", "because"), ("key/bea", "because")]
    assert found.state == "approved"
    assert "approved" in await office.get("/console/approvals?state=settled")
    assert "Nothing waits" in await office.get("/console/approvals")


async def test_a_no_settles_it(office: Office) -> None:
    one = office.wish()
    await office.sign_in("ada")

    assert await voted(office, one, "rejected") == (303, f"/console/approvals/{one.id}?done=rejected")
    assert "Rejected." in await office.get(f"/console/approvals/{one.id}?done=rejected")


async def test_something_else_may_be_approved_in_its_place_and_what_differs_is_shown(office: Office) -> None:
    one = office.wish(needed=1)
    await office.sign_in("ada")
    instead = {**ACTION, "max_tokens": 5}

    status, path = await voted(office, one, "modified", instead=json.dumps(instead))

    assert (status, path) == (303, f"/console/approvals/{one.id}?done=modified")
    page = await office.get(path)
    assert "<code>max_tokens</code>" in page
    assert "not there" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "modified", "instead": "{no json"}, "no JSON"),
        ({"state": "modified", "instead": '{"action": "other"}'}, "action.action"),
        ({"state": "granted"}, "state: send one of"),
        ({"state": "approved", "digest": "0" * 64}, "another action"),
        ({"state": "approved", "note": "x" * 2000}, "at most 1000"),
    ],
)
async def test_a_mistake_is_shown_beside_what_was_written(office: Office, fields: dict[str, str], said: str) -> None:
    one = office.wish()
    await office.sign_in("ada")
    state = fields.pop("state")
    form = {"csrf": office.csrf, "digest": one.wish.digest, "state": state, "note": "kept <note>", **fields}
    asked = await office.ask("POST", f"/console/approvals/{one.id}", form)
    page = asked.body.decode()

    assert asked.status == 400
    assert said in page
    assert fields.get("note", "kept &lt;note&gt;") in page
    found = office.book.find(one.id)
    assert found is not None
    assert found.votes == ()


@pytest.mark.parametrize("who", ["member", "auditor"])
async def test_who_may_not_approve_sees_none(office: Office, who: str) -> None:
    one = office.wish()
    await office.sign_in(who)

    assert (await office.ask("GET", "/console/approvals")).status == 403
    assert (await office.ask("GET", f"/console/approvals/{one.id}")).status == 403
    assert (await voted(office, one, "approved"))[0] == 403
    assert 'href="/console/approvals"' not in await office.get("/console/receipts")


async def test_those_of_another_tenant_are_not_told_of(office: Office) -> None:
    one = office.wish()
    await office.sign_in("globex")

    assert "Nothing waits" in await office.get("/console/approvals")
    assert (await office.ask("GET", f"/console/approvals/{one.id}")).status == 404
    assert (await voted(office, one, "approved"))[0] == 404


async def test_who_asks_for_something_doesn_t_approve_it(office: Office) -> None:
    one = office.wish(by="key/ada", user="ada@acme.test")
    await office.sign_in("ada")

    page = await office.get(f"/console/approvals/{one.id}")
    assert "nobody approves what they ask for themselves" in page
    assert (await voted(office, one, "approved"))[0] == 403


async def test_what_has_lapsed_can_t_be_approved(office: Office) -> None:
    one = office.wish()
    await office.sign_in("ada")
    lapsed = office.wish(digest="e" * 64, expires_ns=office.clock.at_ns - 1)

    page = await office.get(f"/console/approvals/{lapsed.id}")
    assert "expired" in page
    assert (await voted(office, lapsed, "approved"))[0] == 409
    assert (await voted(office, one, "approved"))[0] == 303
