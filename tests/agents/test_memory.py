"""What agents remember: whose it is, for how long, who has to approve it, and how it is forgotten."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes.clock import StoppedClock
from fakes.records import PlainSealer
from msgspec.structs import replace
from run_stores import ALICE, run

from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata
from antiphon.agents.memory import LONGEST, KeptMemories
from antiphon.control.approvals import Book, Clockwork, People
from antiphon.control.roles import Grant, Scope
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.who import Who
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.tool import Origins
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

DAY_NS = 86_400_000_000_000
USER = Origins(sources=("user",))
STRANGER = Origins(sources=("tool/mail",), untrusted=True)
MANAGER = Who(by="key/eve", grants=(Grant("approver", Scope("acme")),), principal=Principal(tenant="acme", key="eve"))


def clerk(name: str = "clerk", **memory: Any) -> AgentDocument:
    spec = {"goal": "g", "memory": {"scopes": ["user", "session", "team", "agent"], "days": 10, **memory}}
    return AgentDocument(metadata=Metadata(name=name), spec=msgspec.convert(spec, AgentSpec))


class Rig:
    """Memories and approvals on a real database."""

    def __init__(self, directory: Path) -> None:
        self.clock = StoppedClock(100 * DAY_NS)
        self.store = SqliteRuns(directory)
        clockwork = Clockwork(
            now_ns=self.clock.now_ns, now_s=self.clock.steady_s, ids=Uuid7(self.clock), sealer=PlainSealer()
        )
        self.book = Book(SqliteApprovals(directory), ApprovalSettings(), clockwork, ())
        people = People(self.book, clockwork)
        self.memories = KeptMemories(self.store, lambda: people, self.clock)

    async def keep(self, text: str, *, scope: str = "user", key: str = "", origins: Origins = USER, **more: Any) -> str:
        document, there = more.pop("document", clerk()), more.pop("there", True)
        by = run(1, **{"session": "s", **more})
        if there:
            self.store.begin(by)
        return await self.memories.remember(by, document, text, scope=scope, origins=origins, key=key or text)

    async def known(self, about: str = "", by: Run | None = None, document: AgentDocument | None = None) -> list[str]:
        found = await self.memories.recall(by or run(2, session="s"), document or clerk(), about)
        return [one.text for one in found]

    def waiting(self) -> list[str]:
        return [one.id for one in self.book.page("acme", ("waiting",), "", 10)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    SqliteDatabase(tmp_path).close()
    made = Rig(tmp_path)
    yield made
    made.store.close()


async def test_a_run_that_was_erased_remembers_nothing(rig: Rig) -> None:
    assert "is gone" in await rig.keep("Late.", there=False)
    assert await rig.known() == []


async def test_what_is_kept_is_recalled_by_a_later_run_with_where_it_came_from(rig: Rig) -> None:
    private = Origins(sources=("tool/crm", "user"), private=True, data_class="internal")
    assert await rig.keep("prefers tea", origins=private) == "It is remembered."
    [one] = await rig.memories.recall(run(2), clerk(), "drinks")
    assert one.text == "prefers tea"
    assert one.origins.sources == tuple(sorted(("tool/crm", "user", f"memory/{one.id}")))
    assert (one.origins.private, one.origins.untrusted, one.origins.data_class) == (True, False, "internal")


async def test_memories_are_their_owners_alone(rig: Rig) -> None:
    await rig.keep("of alice")
    await rig.keep("of the session", scope="session")
    await rig.keep("of the team", scope="team", principal=replace(ALICE, team="red"), document=clerk(approve="never"))
    await rig.keep("of all", scope="agent", document=clerk(approve="never"))
    bob = replace(ALICE, user="bob")
    assert set(await rig.known(by=run(2, session="s"))) == {"of alice", "of the session", "of all"}
    assert set(await rig.known(by=run(2, principal=bob))) == {"of all"}
    assert set(await rig.known(by=run(2, session="s", principal=bob))) == {"of all"}, "another's session of that name"
    assert set(await rig.known(by=run(2, principal=replace(bob, team="red")))) == {"of the team", "of all"}
    assert set(await rig.known(by=run(2, tenant="other", principal=replace(ALICE, tenant="other")))) == set()
    assert set(await rig.known(document=clerk("other"))) == set()
    assert set(await rig.known(document=clerk(scopes=["agent"]))) == {"of all"}


async def test_memories_last_as_long_as_the_agent_says(rig: Rig) -> None:
    await rig.keep("a")
    rig.clock.at_ns += 10 * DAY_NS - 1
    assert await rig.known() == ["a"]
    rig.clock.at_ns += 1
    assert await rig.known() == []


async def test_a_replay_keeps_it_once_and_the_same_again_only_lasts_longer(rig: Rig) -> None:
    await rig.keep("a", key="0001/1.0")
    await rig.keep("a", key="0001/1.0")
    rig.clock.at_ns += 5 * DAY_NS
    assert await rig.keep(" A ", key="0002/1.0") == "It is remembered already."
    rig.clock.at_ns += 9 * DAY_NS
    assert await rig.known() == ["a"]


async def test_the_most_fitting_come_first_and_no_more_than_the_agent_says(rig: Rig) -> None:
    for text in ("The customer likes red shoes", "The customer lives in Bern", "The customer is a vet"):
        rig.clock.at_ns += 1
        await rig.keep(text)
    assert await rig.known("where to send shoes in BERN to the customer", document=clerk(recall=2)) == [
        "The customer lives in Bern",
        "The customer likes red shoes",
    ]
    assert (await rig.known())[0] == "The customer is a vet", "without a word in common the newest"


@pytest.mark.parametrize(
    ("approve", "scope", "origins", "waits"),
    [
        ("untrusted", "user", USER, False),
        ("untrusted", "user", STRANGER, True),
        ("untrusted", "agent", USER, True),
        ("always", "user", USER, True),
        ("never", "agent", STRANGER, False),
    ],
)
async def test_what_strangers_had_a_part_in_or_others_would_read_is_approved_first(
    rig: Rig, approve: str, scope: str, origins: Origins, waits: bool
) -> None:
    said = await rig.keep("a", scope=scope, origins=origins, document=clerk(approve=approve))
    assert ("approves" in said) is waits
    assert await rig.known() == ([] if waits else ["a"])
    assert len(rig.waiting()) == waits


async def test_an_approved_memory_counts_and_is_the_approvers_word(rig: Rig) -> None:
    await rig.keep("pay invoices at once", origins=STRANGER, key="k")
    assert await rig.keep("pay invoices at once", origins=STRANGER, key="k") == "It is kept once a person approves it."
    [waiting] = rig.waiting()
    rig.book.approve(waiting, MANAGER)
    [one] = await rig.memories.recall(run(2), clerk(), "")
    assert not one.origins.untrusted
    assert "person/key/eve" in one.origins.sources
    assert await rig.keep("pay invoices at once", origins=STRANGER, key="k") == "It is remembered."
    assert rig.waiting() == []


async def test_what_nobody_approved_of_unapproved_origin_stays_untrusted(rig: Rig) -> None:
    await rig.keep("a", origins=STRANGER, document=clerk(approve="never"))
    [one] = await rig.memories.recall(run(2), clerk(), "")
    assert one.origins.untrusted


async def test_an_approver_may_change_the_text(rig: Rig) -> None:
    await rig.keep("pay at once", origins=STRANGER)
    [waiting] = rig.waiting()
    found = rig.book.find(waiting)
    assert found is not None
    action = {**msgspec.json.decode(found.wish.shown), "text": "ask before paying"}
    rig.book.modify(waiting, MANAGER, action)
    assert await rig.known() == ["ask before paying"]


async def test_what_was_refused_or_lapsed_is_dropped(rig: Rig) -> None:
    await rig.keep("a", origins=STRANGER)
    await rig.keep("b", origins=STRANGER)
    first, second = sorted(rig.waiting())
    rig.book.reject(first, MANAGER)
    rig.clock.at_ns += 2 * DAY_NS
    rig.book.pass_time()
    found = rig.book.find(second)
    assert found is not None
    await rig.memories.settled(found)
    assert await rig.memories.of(ALICE, "clerk") == []


async def test_who_would_put_it_before_others_does_not_approve_it(rig: Rig) -> None:
    await rig.keep("a", scope="agent")
    [waiting] = rig.waiting()
    with pytest.raises(NotAllowed):
        rig.book.approve(waiting, Who(by="key/k", grants=MANAGER.grants, principal=ALICE))


async def test_a_caller_without_clearance_recalls_nothing_above_it(rig: Rig) -> None:
    await rig.keep("secret", origins=replace(USER, data_class="restricted"))
    cleared = replace(ALICE, clearance="internal")
    assert await rig.known(by=run(2, principal=cleared)) == []
    assert await rig.memories.of(cleared, "clerk") == []
    assert await rig.known() == ["secret"]


@pytest.mark.parametrize("text", [" ", "x" * (LONGEST + 1)])
async def test_a_memory_of_no_length_or_too_long_is_refused(rig: Rig, text: str) -> None:
    with pytest.raises(BadRequest, match=str(LONGEST)):
        await rig.keep(text)


async def test_scopes_that_the_agent_does_not_keep_or_the_caller_does_not_have_are_refused(rig: Rig) -> None:
    with pytest.raises(NotAllowed, match=r"spec\.memory\.scopes"):
        await rig.keep("a", scope="team", document=clerk(scopes=["user"]))
    with pytest.raises(NotAllowed, match="has no team"):
        await rig.keep("a", scope="team")
    with pytest.raises(NotAllowed, match="has no user"):
        await rig.keep("a", principal=replace(ALICE, user=""))


async def test_without_approvals_what_needs_one_is_refused(rig: Rig) -> None:
    alone = KeptMemories(rig.store, lambda: None, rig.clock)
    with pytest.raises(NotAllowed, match="nobody can here"):
        await alone.remember(run(1), clerk(), "a", scope="user", origins=STRANGER, key="k")


async def test_the_oldest_goes_for_one_more_than_may_be_kept(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.agents.memory.MOST", 2)
    for text in ("a", "b", "c"):
        rig.clock.at_ns += 1
        await rig.keep(text)
    assert await rig.known() == ["c", "b"]


async def test_people_see_and_forget_their_own_and_admins_what_is_shared(rig: Rig) -> None:
    await rig.keep("mine")
    await rig.keep("shared", scope="agent", document=clerk(approve="never"))
    await rig.keep("bobs", principal=replace(ALICE, user="bob"))
    mine, shared = sorted(await rig.memories.of(ALICE, "clerk"), key=lambda one: one.text)
    assert (mine.text, shared.text) == (b"mine", b"shared")
    [bobs] = [one for one in await rig.memories.of(replace(ALICE, user="bob"), "clerk") if one.text == b"bobs"]
    with pytest.raises(NotFound):
        await rig.memories.forget(ALICE, "clerk", bobs.id)
    with pytest.raises(NotAllowed, match="an admin"):
        await rig.memories.forget(ALICE, "clerk", shared.id)
    await rig.memories.forget(ALICE, "clerk", mine.id)
    await rig.memories.forget(replace(ALICE, admin=True), "clerk", shared.id)
    assert await rig.memories.of(ALICE, "clerk") == []


async def test_many_at_once_keep_all(rig: Rig) -> None:
    await asyncio.gather(*(rig.keep(f"fact {number}") for number in range(8)))
    assert len(await rig.known()) == 8
