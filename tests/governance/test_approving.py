"""Calls that people have to approve first, with approvals on a real database."""

import asyncio
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from bodies import request
from fakes.clock import StoppedClock
from fakes.records import PlainSealer
from msgspec.structs import replace
from receipts import ALICE

from antiphon.calls.story import Story
from antiphon.control.approvals import Book, Clockwork, People
from antiphon.control.roles import Grant, Scope
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.who import Who
from antiphon.core.arrival import Arrival
from antiphon.core.error import ApprovalPending, ApprovalRefused, NotFound, TooLarge
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.verdict import Obligations, Verdict
from antiphon.governance.approving import Approving, ApprovingSettings, shown_of
from antiphon.governance.asking import Askers
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.sqlite import SqliteDatabase

BOB = Who(by="key/bob", grants=(Grant("approver", Scope("acme")),))
REASONS = ("policy:ask-first",)
USUAL = ApprovingSettings(
    expires_s=100, wait_s=0, retry_after_s=7, needed=1, approvers="approver", escalate_s=0, escalate_to="", most_shown_bytes=10_000
)  # fmt: skip


def asking(text: str = "hello", **fields: Any) -> Request:
    return request(json.dumps({"model": "fast", "messages": [{"role": "user", "content": text}], **fields}).encode())


def story(ticket: str = "", principal: Principal = ALICE, verdict: Verdict | None = None) -> Story:
    headers = {b"x-antiphon-approval": ticket.encode()} if ticket else {}
    arrival = Arrival(id="r-1", at_ns=1, started_s=time.perf_counter(), endpoint="/v1/chat/completions", dialect="openai_chat", headers=headers)  # fmt: skip
    made = Story(arrival, "rev-1", 0, arrival.started_s, principal=principal)
    made.verdict = verdict
    return made


class Rig:
    def __init__(self, directory: Path) -> None:
        SqliteDatabase(directory).close()
        self.clock = StoppedClock(1_000 * 10**9)
        clockwork = Clockwork(
            now_ns=self.clock.now_ns, now_s=self.clock.steady_s, ids=Uuid7(self.clock), sealer=PlainSealer()
        )
        self.book = Book(SqliteApprovals(directory), ApprovalSettings(), clockwork)
        self.on_pause: Any = lambda: None

        async def pause(seconds: float) -> None:
            self.clock.at_ns += round(seconds * 10**9)
            await asyncio.to_thread(self.on_pause)

        self.people = People(self.book, clockwork, pause)

    def approving(self, **settings: Any) -> Approving:
        return Approving(self.people, replace(USUAL, **settings), self.clock.now_ns, self.clock.steady_s)

    async def ask(self, one: Story, asked: Request, **settings: Any) -> None:
        await self.approving(**settings).ask(one, asked, REASONS, self.clock.steady_s() + 50)

    async def pending(self, asked: Request, **more: Any) -> str:
        with pytest.raises(ApprovalPending) as caught:
            await self.ask(story(**more), asked)
        return caught.value.approval


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.book.store.close()


async def test_a_call_gets_a_ticket_and_runs_by_it_once(rig: Rig) -> None:
    asked, one = asking(), story()
    with pytest.raises(ApprovalPending) as caught:
        await rig.ask(one, asked)
    pending = caught.value
    assert (pending.said_status, pending.said_code, pending.retry_after_s) == (202, "approval_pending", 7)
    assert (one.approval, pending.approval in pending.message) == (pending.approval, True)
    found = rig.book.find(pending.approval)
    assert found is not None
    assert json.loads(found.wish.shown)["request"] == json.loads(asked.body.whole())
    assert (found.wish.reasons, found.wish.by, found.wish.receipt) == (REASONS, "key/alice", "r-1")

    assert await rig.pending(asking()) == pending.approval  # asked again, without the ticket: the same waits
    assert await rig.pending(asking(), ticket=pending.approval) == pending.approval
    rig.book.approve(pending.approval, BOB)
    ran = story(pending.approval)
    await rig.ask(ran, asking())
    assert ran.approval == pending.approval
    with pytest.raises(ApprovalRefused, match="which was made"):
        await rig.ask(story(pending.approval), asking())


async def test_a_yes_while_the_call_waits_lets_it_run(rig: Rig) -> None:
    looks: list[int] = []

    def answer() -> None:
        looks.append(1)
        if len(looks) == 3:
            rig.book.approve(rig.book.page("acme")[0].id, BOB)

    rig.on_pause = answer
    one = story()
    await rig.ask(one, asking(), wait_s=30)
    assert one.approval
    assert len(looks) == 3


async def test_it_waits_no_longer_than_its_deadline(rig: Rig) -> None:
    began_s = rig.clock.steady_s()
    with pytest.raises(ApprovalPending):
        await rig.ask(story(), asking(), wait_s=3000)
    assert rig.clock.steady_s() - began_s == pytest.approx(50)


@pytest.mark.parametrize("change", [{"text": "bye"}, {"max_tokens": 9}, {"model": "other"}, {"stream": True}])
async def test_an_approval_is_for_this_very_call(rig: Rig, change: dict) -> None:
    ticket = await rig.pending(asking(max_tokens=5))
    rig.book.approve(ticket, BOB)
    with pytest.raises(ApprovalRefused, match="another request"):
        await rig.ask(story(ticket), asking(**{"max_tokens": 5, **change}))
    await rig.ask(story(ticket), asking(max_tokens=5))


def test_the_same_request_in_another_spelling_is_the_same() -> None:
    one = request(b'{"model": "fast", "messages": [{"role": "user", "content": "h\\u00e9"}], "max_tokens": 5}')
    two = request('{"messages":[{"content":"hé","role":"user"}],"max_tokens":5,"model":"fast"}'.encode())
    assert shown_of(one) == shown_of(two)


@pytest.mark.parametrize(
    ("verb", "word"), [("reject", "is rejected: no"), ("cancel", "is cancelled"), ("lapse", "is expired")]
)
async def test_what_is_not_approved_does_not_run(rig: Rig, verb: str, word: str) -> None:
    ticket = await rig.pending(asking())
    match verb:
        case "reject":
            rig.book.reject(ticket, BOB, "no")
        case "cancel":
            rig.book.cancel(ticket, "key/alice")
        case _:
            rig.clock.at_ns += 101 * 10**9
    with pytest.raises(ApprovalRefused, match=word):
        await rig.ask(story(ticket), asking())


async def test_after_it_has_lapsed_people_are_asked_anew(rig: Rig) -> None:
    ticket = await rig.pending(asking())
    rig.clock.at_ns += 101 * 10**9
    assert await rig.pending(asking()) != ticket


async def test_a_changed_request_runs_in_its_approved_form_alone(rig: Rig) -> None:
    ticket = await rig.pending(asking(max_tokens=500))
    found = rig.book.find(ticket)
    assert found is not None
    action = json.loads(found.wish.shown)
    action["request"]["max_tokens"] = 5
    rig.book.modify(ticket, BOB, action)
    with pytest.raises(ApprovalRefused, match="changed request"):
        await rig.ask(story(ticket), asking(max_tokens=500))
    one = story(ticket)
    await rig.ask(one, asking(max_tokens=5))
    assert one.approval == ticket


@pytest.mark.parametrize("principal", [Principal(tenant="acme", key="eve"), Principal(tenant="other", key="alice")])
async def test_nobody_runs_by_anothers_ticket(rig: Rig, principal: Principal) -> None:
    ticket = await rig.pending(asking())
    rig.book.approve(ticket, BOB)
    with pytest.raises(NotFound):
        await rig.ask(story(ticket, principal=principal), asking())
    with pytest.raises(NotFound):
        await rig.ask(story("none"), asking())


def obliged(approve: str = "approver", approvals: int = 1) -> Verdict:
    return Verdict(allowed=True, obligations=Obligations(approve=approve, approvals=approvals))


async def test_policy_says_how_many_people_and_which(rig: Rig) -> None:
    ticket = await rig.pending(asking(), verdict=obliged("admin", 2))
    found = rig.book.find(ticket)
    assert found is not None
    assert (found.wish.needed, found.wish.approvers) == (2, "admin")


@pytest.mark.parametrize("verdict", [obliged("approver", 2), obliged("admin", 1)])
async def test_what_was_approved_under_milder_policies_is_not_enough(rig: Rig, verdict: Verdict) -> None:
    ticket = await rig.pending(asking())
    rig.book.approve(ticket, BOB)
    with pytest.raises(ApprovalRefused):
        await rig.ask(story(ticket, verdict=verdict), asking())
    await rig.ask(story(ticket), asking())


async def test_what_nobody_could_read_is_not_put_before_people(rig: Rig) -> None:
    with pytest.raises(TooLarge):
        await rig.ask(story(), asking("x" * 20_000))
    assert rig.book.page(None) == []


async def test_two_calls_that_wait_for_one_approval_are_one_call(rig: Rig) -> None:
    ticket = await rig.pending(asking())
    rig.book.approve(ticket, BOB)
    ends = await asyncio.gather(*(rig.ask(story(ticket), asking()) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in ends if one is not None] == [ApprovalRefused] * 4


async def test_where_nobody_can_be_asked_nothing_passes() -> None:
    with pytest.raises(ApprovalRefused):
        await Askers([], None, 60.0).people(story(), asking(), REASONS)


def test_what_is_no_json_is_shown_by_its_digest() -> None:
    one = asking()
    one.body.segments = (b"--x\r\nfile\r\n",)
    said = json.loads(shown_of(one))["request"]
    assert said == {"bytes": 11, "sha256": sha256(b"--x\r\nfile\r\n").hexdigest()}
