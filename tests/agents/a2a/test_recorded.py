"""Receipts of tasks of remote agents: what was decided, sent and paid, whatever became of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from a2a_peer import Heard, peer
from guarded import Mails, Words, guard
from mcp_gateway import Tokens
from msgspec import structs
from remotes import Far, context, far

from antiphon.core.clock import SystemClock
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.request import Lineage, Trace
from antiphon.core.verdict import Obligations, Verdict
from antiphon.governance.govern import Governor
from antiphon.governance.parts import Parts
from antiphon.governance.sessions import SessionClasses
from antiphon.governance.settings import DataClassSettings
from antiphon.policy.compile import of_sources
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

USD = 1_000_000_000
RULES = """
@id("no.evil") forbid(principal, action == Action::"use_tool", resource == Tool::"a2a/echo") when { principal.key == "bob" };
"""
GUARDS = (guard(Mails(), "mask", name="mails"), guard(Words("bomb"), "block", name="bombs"))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Heard]]:
    with peer() as found:
        yield found


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Far]:
    async with far(tmp_path / "plain") as found:
        yield found


def governor(**settings: Any) -> Governor:
    return Governor(
        Parts(
            settings=DataClassSettings(**settings),
            guards=GUARDS,
            policies=of_sources([Source(name="r.cedar", text=RULES)], PolicySettings()),
            deployments={},
            sessions=SessionClasses(None, SystemClock()),
            vault=Tokens(),
        )
    )


def receipt(of: Far) -> Receipt:
    return of.house.receipt


async def test_a_task_has_a_receipt_of_the_run_and_step_that_asked(server: tuple[str, Heard], plain: Far) -> None:
    trace = Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", parent_id="00f067aa0ba902b7", sampled=True)
    asked = plain.remotes(f"{server[0]}/rpc", cost_usd=0.25, may=lambda *_: Verdict(allowed=True, reasons=("a.rule",)))
    result = await asked.ask("echo", "hello", {"a": 1}, context(session="s1", trace=trace))
    found = receipt(plain)
    assert result.receipt == found.id
    assert (found.outcome, found.status, found.endpoint, found.dialect, found.asked) == (
        "ok",
        200,
        "(a2a)",
        "a2a",
        "a2a/echo",
    )
    assert found.lineage == Lineage(session="s1", run="run", step="1.0")
    assert found.trace_id == trace.trace_id
    assert found.principal is not None
    assert found.principal.key == "alice"
    assert found.verdict is not None
    assert found.verdict.reasons == ("a.rule",)
    assert (found.cost_nano_usd, found.served, result.cost_nano_usd) == (USD // 4, "tool/a2a/echo", USD // 4)
    assert len(found.digest) == 64
    assert found.notes[0].startswith("task: ")
    (attempt,) = found.attempts
    assert (attempt.deployment, attempt.provider, attempt.model) == ("tool/a2a/echo", "a2a/echo", "a2a/echo")
    assert (attempt.error, attempt.cost_nano_usd, attempt.open) == ("", USD // 4, False)
    assert (attempt.timings.last_byte_us or 0) > 0
    assert plain.house.events.index("journal.opened") < plain.house.events.index("journal.closed")


async def test_a_task_that_failed_costs_nothing_and_its_words_are_not_kept(
    server: tuple[str, Heard], plain: Far
) -> None:
    result = await plain.remotes(f"{server[0]}/rpc", cost_usd=0.25).ask("echo", "fail", None, context())
    found = receipt(plain)
    assert "I can't" in result.text
    assert (found.outcome, found.error, found.detail) == ("failed", "tool_failed", "a2a/echo: failed")
    assert [(one.error, one.cost_nano_usd) for one in found.attempts] == [("tool_failed", None)]
    assert result.cost_nano_usd == 0


async def test_a_task_that_waits_for_an_answer_is_paid_for_once(server: tuple[str, Heard], plain: Far) -> None:
    asked = plain.remotes(f"{server[0]}/rest", cost_usd=0.25)
    first = await asked.ask("echo", "ask", None, context())
    assert (first.failed, first.cost_nano_usd) == ("input_required", 0)
    await asked.ask("echo", "blue", {"a2a_task": first.data["a2a_task"]}, context("run/2.0"))
    shut = plain.house.journal.shut
    assert [(one.outcome, one.cost_nano_usd) for one in shut] == [("ok", 0), ("ok", USD // 4)]
    assert shut[0].notes == shut[1].notes == (f"task: {first.data['a2a_task']}",)


async def test_a_task_that_took_too_long_is_taken_for_done(server: tuple[str, Heard], plain: Far) -> None:
    result = await plain.remotes(f"{server[0]}/rpc", cost_usd=0.25, timeout_s=0.3).ask("echo", "hang", None, context())
    found = receipt(plain)
    assert (result.failed, result.cost_nano_usd) == ("timeout", USD // 4)
    assert (found.outcome, found.error, found.attempts[0].cost_nano_usd) == ("failed", "tool_failed", USD // 4)


async def test_one_that_can_not_be_reached_is_told_of_by_its_error(plain: Far) -> None:
    result = await plain.remotes("http://127.0.0.1:9/none", cost_usd=0.25).ask("echo", "x", None, context())
    found = receipt(plain)
    assert (found.outcome, found.error) == ("failed", "upstream_unreachable")
    assert (found.attempts[0].error, found.attempts[0].cost_nano_usd) == ("upstream_unreachable", None)
    assert result.cost_nano_usd == 0


@pytest.mark.parametrize(
    ("fields", "error", "failed"),
    [
        ({"data_class": "restricted"}, "not_allowed", "refused"),
        ({"may": Verdict(allowed=False, reasons=("no.remote",))}, "policy_denied", "policy_denied"),
        (
            {"may": Verdict(allowed=True, obligations=Obligations(approve="approver"))},
            "approval_refused",
            "needs_approval",
        ),
    ],
)
async def test_what_is_not_sent_has_a_receipt_too(
    server: tuple[str, Heard], plain: Far, fields: dict[str, Any], error: str, failed: str
) -> None:
    server[1].heads.clear()
    may = fields.pop("may", None)
    asked = plain.remotes(f"{server[0]}/rpc", may=None if may is None else lambda *_: may)
    result = await asked.ask("echo", "x", None, context(**fields))
    found = receipt(plain)
    assert (result.failed, result.receipt) == (failed, found.id)
    assert (found.outcome, found.error, found.attempts) == ("refused", error, ())
    assert may is None or found.verdict == may
    assert server[1].heads == []


async def test_a_budget_that_is_spent_keeps_it_from_being_sent(server: tuple[str, Heard], plain: Far) -> None:
    server[1].heads.clear()
    plain.house.tickets.refuses = True
    result = await plain.remotes(f"{server[0]}/rpc", cost_usd=0.25).ask("echo", "x", None, context())
    assert (result.failed, result.unknown) == ("rate_limit_exceeded", False)
    assert (receipt(plain).outcome, receipt(plain).error) == ("refused", "rate_limit_exceeded")
    assert server[1].heads == []


async def test_a_journal_that_can_not_be_written_keeps_it_from_being_sent(
    server: tuple[str, Heard], plain: Far
) -> None:
    server[1].heads.clear()
    plain.house.journal.failing = {"opened", "closed"}
    result = await plain.remotes(f"{server[0]}/rpc").ask("echo", "x", None, context())
    assert result.failed == "store_error"
    assert [one.error for one in plain.house.journal.owed] == ["store_error"]
    assert server[1].heads == []


async def test_a_run_that_leaves_has_the_task_ended_and_recorded(server: tuple[str, Heard], plain: Far) -> None:
    server[1].heads.clear()
    asked = plain.remotes(f"{server[0]}/rpc", cost_usd=0.25)
    going = asyncio.create_task(asked.ask("echo", "hang", None, context()))
    async with asyncio.timeout(10):
        while len(server[1].heads) < 2:  # the card, and the message
            await asyncio.sleep(0.01)
    going.cancel()
    await asyncio.wait({going})
    assert going.cancelled()
    found = receipt(plain)
    assert (found.outcome, found.attempts[0].cost_nano_usd, found.attempts[0].assumed) == (
        "client_gone",
        USD // 4,
        True,
    )


async def test_guards_see_what_is_sent_and_their_findings_are_told(server: tuple[str, Heard], tmp_path: Path) -> None:
    async with far(tmp_path / "guarded", governor=governor(restore=False)) as guarded:
        result = await guarded.remotes(f"{server[0]}/rpc").ask("echo", "write to a@b.de", None, context())
        found = receipt(guarded)
        assert "a@b.de" not in result.text
        assert result.text.startswith("echo: write to [[EMAIL")
        assert [(one.guard, one.side, one.action) for one in found.findings] == [("mails", "request", "mask")]
        assert found.guards == ("mails", "bombs")
        assert found.circumstances["tools"] == ("a2a/echo",)


async def test_what_guards_block_is_not_sent_and_what_policies_forbid_neither(
    server: tuple[str, Heard], tmp_path: Path
) -> None:
    server[1].heads.clear()
    async with far(tmp_path / "guarded", governor=governor()) as guarded:
        asked = guarded.remotes(f"{server[0]}/rpc")
        assert (await asked.ask("echo", "a bomb", None, context())).failed == "guard_blocked"
        bob = structs.replace(context(), principal=Principal(tenant="acme", key="bob"))
        assert (await asked.ask("echo", "x", None, bob)).failed == "policy_denied"
        shut = guarded.house.journal.shut
        assert [(one.outcome, one.error) for one in shut] == [
            ("refused", "guard_blocked"),
            ("refused", "policy_denied"),
        ]
        assert shut[1].verdict is not None
        assert shut[1].verdict.reasons == ("no.evil",)
    assert server[1].heads == []
