"""What the port `ApprovalStore` promises, of each adapter."""

from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from msgspec.structs import replace

from antiphon.core.approval import Approval, Vote, Wish
from antiphon.core.approval_store import ApprovalStore, Changed, Message
from antiphon.core.audit import Event
from antiphon.core.audit_store import AuditStore
from antiphon.core.error import NotAllowed, OverLimit
from antiphon.store.approvals_postgres import PostgresApprovals
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.audit_postgres import PostgresAudit
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.sqlite import SqliteDatabase

NOW = 1_000


def wish(digest: str = "d", **more: object) -> Wish:
    said = {"tenant": "acme", "by": "key/alice", "action": "call_model", "resource": "fast", "shown": b"\x00sealed"}
    return Wish(**{**said, "digest": digest, "expires_ns": 5_000, "reasons": ("p1",), **more})  # type: ignore[arg-type]


def first(number: int, **more: object) -> Changed:
    made = Approval(id=f"{number:04}", at_ns=NOW, wish=wish(**more))
    event = Event(tenant="acme", kind="approval.asked", by="key/alice", at_ns=NOW, about=made.id)
    message = Message(approval=made.id, tenant="acme", event="asked", hook="h", due_ns=NOW)
    return Changed(approval=made, events=[event], messages=[message])


Both = tuple[ApprovalStore, AuditStore]


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Both]:
    if request.param == "sqlite":
        SqliteDatabase(tmp_path).close()
        made: Both = SqliteApprovals(tmp_path), SqliteAudit(tmp_path)
    else:
        place = request.getfixturevalue("postgres").place()
        PostgresDatabase(place).close()
        made = PostgresApprovals(place), PostgresAudit(place)
    yield made
    for one in made:
        one.close()


@pytest.fixture
def store(both: Both) -> ApprovalStore:
    return both[0]


def noted(audit: AuditStore) -> list[str]:
    """Kinds of the events that wait for the chain."""
    found: list[str] = []

    def chain(pending, heads):
        found.extend(one.kind for one in pending)
        raise LookupError

    with pytest.raises(LookupError):
        audit.grow(chain, 100)
    return found


def test_what_was_asked_is_read_as_it_was_and_noted(both: Both) -> None:
    store, audit = both
    made = store.put(first(1), 10, NOW)
    assert made == first(1).approval
    assert store.one("0001") == made
    assert store.one("0001", "acme") == made
    assert store.one("0001", "other") is None
    assert store.one("0002") is None
    assert noted(audit) == ["approval.asked"]


def test_the_same_that_waits_is_found_and_not_asked_twice(store: ApprovalStore) -> None:
    store.put(first(1), 10, NOW)
    assert store.put(first(2), 10, NOW).id == "0001"
    assert store.put(first(3, digest="other"), 10, NOW).id == "0003"
    assert store.put(first(4, by="key/bob"), 10, NOW).id == "0004"
    assert store.put(first(5, tenant="other"), 10, NOW).id == "0005"
    assert store.put(first(6, needed=2), 10, NOW).id == "0006"
    assert store.put(first(7, digest="late", expires_ns=NOW), 10, NOW).id == "0007"
    assert store.put(first(8, digest="late"), 10, NOW).id == "0008"
    assert len(store.claim(NOW, 2 * NOW, 100)) == 7


def test_many_at_once_ask_once(store: ApprovalStore) -> None:
    at, ids = Barrier(8), []

    def ask(number: int) -> None:
        at.wait()
        ids.append(store.put(first(number), 100, NOW).id)

    threads = [Thread(target=ask, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(ids)) == 1
    assert len(store.page(None, (), "", 100)) == 1


def test_no_more_wait_than_may(store: ApprovalStore) -> None:
    store.put(first(1, digest="a"), 2, NOW)
    store.put(first(2, digest="b"), 2, NOW)
    with pytest.raises(OverLimit):
        store.put(first(3, digest="c"), 2, NOW)
    assert store.put(first(4, digest="c", tenant="other"), 2, NOW).id == "0004"


def test_pages_are_the_newest_first_of_a_tenant_and_of_states(store: ApprovalStore) -> None:
    for number in range(1, 6):
        store.put(first(number, digest=str(number), tenant="acme" if number % 2 else "other"), 10, NOW)
    store.change("0003", lambda one: Changed(approval=replace(one, state="rejected", settled_ns=NOW)))
    assert [one.id for one in store.page(None, (), "", 3)] == ["0005", "0004", "0003"]
    assert [one.id for one in store.page(None, (), "0003", 3)] == ["0002", "0001"]
    assert [one.id for one in store.page("acme", (), "", 9)] == ["0005", "0003", "0001"]
    assert [one.id for one in store.page("acme", ("waiting",), "", 9)] == ["0005", "0001"]
    assert [one.id for one in store.page(None, ("rejected", "expired"), "", 9)] == ["0003"]


def test_a_change_is_written_with_its_events_or_not_at_all(both: Both) -> None:
    store, audit = both
    store.put(first(1), 10, NOW)
    vote = Vote(by="key/bob", at_ns=7, state="modified", note="ok", user="bob")
    event = Event(tenant="acme", kind="approval.modified", by="key/bob", at_ns=7, about="0001")

    def change(one: Approval) -> Changed:
        settled = replace(
            one, state="modified", votes=(vote,), instead=b"\x01sealed", settled_ns=9, used=True, escalated=True
        )
        return Changed(approval=settled, events=[event])

    changed = store.change("0001", change)
    assert changed == store.one("0001")
    assert changed is not None
    assert (changed.state, changed.votes, changed.instead, changed.used) == ("modified", (vote,), b"\x01sealed", True)
    assert (changed.wish, changed.escalated, changed.settled_ns) == (wish(), True, 9)

    def refuse(one: Approval) -> Changed:
        raise NotAllowed("no")

    with pytest.raises(NotAllowed):
        store.change("0001", refuse)
    assert store.change("none", refuse) is None
    assert noted(audit) == ["approval.asked", "approval.modified"]


def test_changes_are_made_one_after_the_other(store: ApprovalStore) -> None:
    store.put(first(1), 10, NOW)
    at, taken = Barrier(6), []

    def use() -> None:
        at.wait()

        def change(one: Approval) -> Changed:
            if not one.used:
                taken.append(1)
            return Changed(approval=replace(one, used=True))

        store.change("0001", change)

    threads = [Thread(target=use) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert taken == [1]


def test_what_is_due_waits_and_has_lapsed_or_is_to_be_escalated(store: ApprovalStore) -> None:
    store.put(first(1, digest="a"), 10, NOW)
    store.put(first(2, digest="b", escalates_ns=2_000, escalate_to="admin"), 10, NOW)
    store.put(first(3, digest="c", expires_ns=2_000), 10, NOW)
    assert store.due(1_999, 10) == []
    assert store.due(2_000, 10) == ["0002", "0003"]
    assert store.due(2_000, 1) == ["0002"]
    store.change("0002", lambda one: Changed(approval=replace(one, escalated=True)))
    store.change("0003", lambda one: Changed(approval=replace(one, state="expired", settled_ns=2_000)))
    assert store.due(2_000, 10) == []
    assert store.due(9_999, 10) == ["0001", "0002"]


def test_what_was_settled_long_ago_is_dropped_with_its_messages(store: ApprovalStore) -> None:
    for number in (1, 2):
        store.put(first(number, digest=str(number)), 10, NOW)
    store.change("0001", lambda one: Changed(approval=replace(one, state="expired", settled_ns=2_000)))
    assert store.purge(2_000, 10) == 0
    assert store.purge(2_001, 10) == 1
    assert store.one("0001") is None
    assert [one.approval for one in store.claim(NOW, 2_000, 10)] == ["0002"]


def test_a_message_is_given_to_one_and_comes_again_until_it_was_told(store: ApprovalStore) -> None:
    store.put(first(1), 10, NOW)
    (message,) = store.claim(NOW, 2_000, 10)
    assert (message.approval, message.event, message.hook, message.tries) == ("0001", "asked", "h", 0)
    assert store.claim(1_999, 9_000, 10) == []
    store.unsent(replace(message, tries=1, due_ns=3_000, reason="away"))
    assert store.claim(2_999, 9_000, 10) == []
    (again,) = store.claim(3_000, 4_000, 10)
    assert (again.tries, again.reason) == (1, "away")
    store.unsent(replace(again, dead=True, reason="given up"))
    assert store.claim(99_999, 99_999, 10) == []
    assert [one.reason for one in store.dead("0001")] == ["given up"]
    store.sent(again.number)
    assert store.dead("0001") == []
