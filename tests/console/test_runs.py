"""Pages of agents and their runs."""

from typing import Any

import pytest
from console_desk import NOW_NS, Office

from antiphon.core.principal import Principal
from antiphon.core.run import Barred, Run, RunEvent, Use, Wait

ALICE = Principal(tenant="acme", key="apps", user="alice", team="search")
ODD = "<script>alert(1)</script>"


def run(number: int, **more: Any) -> Run:
    said: dict[str, Any] = {
        "id": f"run-{number}",
        "root": f"run-{number}",
        "tenant": "acme",
        "agent": "clerk",
        "version": "2",
        "principal": ALICE,
        "created_ns": NOW_NS - number * 10**9,
        "updated_ns": NOW_NS,
        "input": b'{"goal": "Sort them."}',
        "used": Use(steps=3, money_nano_usd=1_000_000),
    }
    return Run(**{**said, **more})


def keep(office: Office) -> None:
    """A run that asks, one that ended, and one of another tenant."""
    wait = Wait(kind="question", key="2.1", shown=f'{{"question": "Which month? {ODD}"}}', to="approver")
    office.store.begin(run(1, status="waiting", wait=wait))
    office.store.begin(run(2, status="failed", stop="money", why="the money is spent", result=b'"Half of it."'))
    office.store.begin(run(3, tenant="globex", principal=Principal(tenant="globex", key="g")))
    at_ns = NOW_NS - 10**9
    office.store.tell(
        [
            RunEvent(run="run-1", seq=1, at_ns=at_ns, kind="began"),
            RunEvent(
                run="run-1", seq=2, at_ns=at_ns + 10**6, kind="tool", body=b'{"tool": "crm", "failed": "timeout"}'
            ),
            RunEvent(run="run-1", seq=3, at_ns=at_ns + 2 * 10**6, kind="wait", body=b'{"kind": "question"}'),
        ]
    )


@pytest.mark.parametrize(
    ("who", "seen"),
    [("first", [1, 2, 3]), ("admin", [1, 2]), ("member", [1, 2]), ("globex", [3])],
)
async def test_runs_are_those_that_are_theirs_to_see(office: Office, who: str, seen: list[int]) -> None:
    keep(office)
    page = await (await office.sign_in(who)).get("/console/runs")

    assert [number for number in (1, 2, 3) if f"/console/runs/run-{number}" in page] == seen


async def test_a_run_shows_its_wait_its_steps_and_what_ended_it(office: Office) -> None:
    keep(office)
    await office.sign_in("ada")
    waiting, failed = await office.get("/console/runs/run-1"), await office.get("/console/runs/run-2")

    assert "Which month?" in waiting
    assert ODD not in waiting
    assert "failed" in waiting
    assert 'name="verb" value="answer"' in waiting
    assert "the money is spent" in failed
    assert 'value="answer"' not in failed


async def test_what_was_said_is_not_for_those_who_may_only_read(office: Office) -> None:
    keep(office)
    page = await (await office.sign_in("member")).get("/console/runs/run-1")

    assert "Which month?" not in page
    assert "Sort them." not in page
    assert "What it shows is for those who answer it." in page
    assert '<form method="post" action="/console/runs' not in page


async def test_the_inbox_leads_to_an_answer_that_is_kept_for_the_run(office: Office) -> None:
    keep(office)
    await office.sign_in("ada")
    assert "/console/runs/run-1" in await office.get("/console/inbox")

    fields = {"csrf": office.csrf, "verb": "answer", "key": "2.1", "body": '{"month": "2026-11"}'}
    asked = await office.ask("POST", "/console/runs/run-1", fields)

    assert (asked.status, asked.headers["location"]) == (303, "/console/runs/run-1?done=answer")

    assert [(one.kind, one.key, one.body) for one in office.store.mail("run-1")] == [
        ("answer", "2.1", b'{"month":"2026-11"}')
    ]


async def test_whoever_may_only_approve_cancels_nothing(office: Office) -> None:
    keep(office)
    await office.sign_in("ada")
    asked = await office.ask("POST", "/console/runs/run-1", {"csrf": office.csrf, "verb": "cancel"})

    assert asked.status == 403
    assert "this needs the permission `agents`" in asked.body.decode()
    assert office.store.mail("run-1") == []


async def test_agents_are_listed_with_what_is_switched_off(office: Office) -> None:
    keep(office)
    office.store.bar(Barred(kind="tool", name="crm", tenant="", how="killed", by="key/root", at_ns=NOW_NS, why="leaks"))
    page = await (await office.sign_in()).get("/console/agents")

    assert "Clerk &lt;b&gt;of all&lt;/b&gt;" in page
    assert ODD not in page
    assert "leaks" in page
