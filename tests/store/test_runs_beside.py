"""What the port `RunStore` promises of what is kept beside runs, of age and of erasure, of each adapter."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace
from run_stores import ALICE, at_once, mail, run, run_place, run_store

from antiphon.core.error import NotFound, VersionConflict
from antiphon.core.run import Barred, Intent, Memory, RunEvent, RunStatus, Skill, Use
from antiphon.core.run_store import Asked, RunStore

__all__ = ["run_place", "run_store"]


def memory(number: int, **more: object) -> Memory:
    said = {"id": f"m{number}", "tenant": "acme", "agent": "clerk", "scope": "user", "owner": "alice"}
    return Memory(**{**said, "text": b"sealed", "created_ns": number, "sources": ("user",), **more})  # type: ignore[arg-type]


def ids(found: Iterable[Memory]) -> list[str]:
    return [one.id for one in found]


def test_memories_are_found_by_whose_they_are_until_they_expire(store: RunStore) -> None:
    store.remember(memory(1))
    store.remember(memory(2, expires_ns=100, waits=True))
    store.remember(memory(3, scope="agent", owner=""))
    store.remember(memory(4, owner="bob"))
    store.remember(memory(5, agent="other"))
    store.remember(memory(6, tenant="other"))
    mine = [("user", "alice"), ("agent", "")]
    assert store.memories("acme", "clerk", mine, 99)[1] == memory(2, expires_ns=100, waits=True)
    assert ids(store.memories("acme", "clerk", mine, 99)) == ["m3", "m2", "m1"]
    assert ids(store.memories("acme", "clerk", mine, 100)) == ["m3", "m1"]
    assert store.memories("acme", "clerk", [], 0) == []
    store.remember(memory(1, text=b"changed", approved_by="user/bob"))
    assert store.memories("acme", "clerk", mine, 100)[-1].text == b"changed"


def test_a_memory_is_never_written_over_by_another_tenants(store: RunStore) -> None:
    store.remember(memory(1))
    store.remember(memory(1, tenant="other", text=b"theirs"))
    assert store.memories("acme", "clerk", [("user", "alice")], 0) == [memory(1)]


def test_memories_are_forgotten_by_name_or_by_whose_they_are(store: RunStore) -> None:
    for number, owner in enumerate(("alice", "alice", "bob"), 1):
        store.remember(memory(number, owner=owner))
    store.remember(memory(4, tenant="other"))
    assert store.forget("acme", memory="m1") == 1
    assert store.forget("acme", memory="m4") == 0
    assert store.forget("acme", scope="user", owner="alice") == 1
    assert store.forget("acme") == 1
    assert ids(store.memories("other", "clerk", [("user", "alice")], 0)) == ["m4"]


def test_skills_add_up(store: RunStore) -> None:
    store.score(Skill(tenant="acme", agent="a", skill="s", good=1, cost_nano_usd=5, took_us=7, runs=1))
    at_once(4, lambda _: store.score(Skill(tenant="acme", agent="a", skill="s", bad=1, runs=1)))
    store.score(Skill(tenant="other", agent="a", skill="s", good=1))
    assert store.skills("acme") == [
        Skill(tenant="acme", agent="a", skill="s", good=1, bad=4, cost_nano_usd=5, took_us=7, runs=5)
    ]
    assert len(store.skills()) == 2


def test_what_is_switched_off_stays_so_until_it_is_switched_on(store: RunStore) -> None:
    one = Barred(kind="agent", name="clerk", tenant="", how="quarantined", by="user/bob", at_ns=1, why="odd")
    store.bar(one)
    store.bar(replace(one, how="killed", at_ns=2))
    store.bar(replace(one, tenant="acme"))
    assert store.barred() == [replace(one, how="killed", at_ns=2), replace(one, tenant="acme")]
    assert store.unbar("agent", "clerk", "")
    assert not store.unbar("agent", "clerk", "")
    assert store.barred() == [replace(one, tenant="acme")]


def test_a_value_is_put_where_it_has_the_version_that_is_expected(store: RunStore) -> None:
    assert store.put("acme", "pins", "k", b"1", expects=0) == 1
    with pytest.raises(VersionConflict, match="is there already"):
        store.put("acme", "pins", "k", b"2", expects=0)
    assert store.put("acme", "pins", "k", b"2", expects=1) == 2
    with pytest.raises(VersionConflict, match="has no version 1 any more"):
        store.put("acme", "pins", "k", b"3", expects=1)
    assert store.put("acme", "pins", "k", b"4") == 3
    assert store.put("acme", "pins", "new", b"5") == 1
    assert store.value("acme", "pins", "k", 0) == (b"4", 3)
    assert store.value("other", "pins", "k", 0) is None
    assert store.drop("acme", "pins", "k")
    assert not store.drop("acme", "pins", "k")
    assert store.value("acme", "pins", "k", 0) is None


def test_one_of_many_puts_a_value(store: RunStore) -> None:
    def put(number: int) -> bool:
        try:
            store.put("acme", "fired", "k", b"%d" % number, expects=0)
        except VersionConflict:
            return False
        return True

    assert at_once(6, put).count(True) == 1


def test_values_of_a_space_are_listed_in_order_until_their_time_is_over(store: RunStore) -> None:
    for key, until_ns in (("b/1", 0), ("a/%", 0), ("b/2", 50), ("B/1", 0)):
        store.put("acme", "s", key, key.encode(), until_ns=until_ns)
    store.put("acme", "other", "b/3", b"")
    assert store.values("acme", "s", 49, "b/") == [("b/1", b"b/1", 1), ("b/2", b"b/2", 1)]
    assert [key for key, _, _ in store.values("acme", "s", 50)] == ["B/1", "a/%", "b/1"]
    assert store.value("acme", "s", "b/2", 50) is None
    assert store.lapse(50) == 1
    assert store.value("acme", "s", "b/2", 49) is None


def test_the_first_values_of_a_space_are_found_by_key(store: RunStore) -> None:
    for number in (3, 1, 2, 4):
        store.put("acme", "queue/q", f"{number}/m", b"%d" % number, until_ns=50 if number == 2 else 0)
    store.put("acme", "queue/other", "0/m", b"0")
    assert store.first("acme", "queue/q", 49, 2) == [("1/m", b"1", 1), ("2/m", b"2", 1)]
    assert [key for key, _, _ in store.first("acme", "queue/q", 50, 9)] == ["1/m", "3/m", "4/m"]
    assert [key for key, _, _ in store.first("acme", "queue/q", 50, 9, "4/")] == ["1/m", "3/m"]
    assert store.count("acme", "queue/q") == 4
    assert store.count("acme", "none") == 0


def test_expired_memories_lapse(store: RunStore) -> None:
    store.remember(memory(1, expires_ns=50))
    store.remember(memory(2))
    assert store.lapse(49) == 0
    assert store.lapse(50) == 1
    assert ids(store.memories("acme", "clerk", [("user", "alice")], 0)) == ["m2"]


def fill(store: RunStore, number: int, **more: object) -> None:
    """A run with something of everything."""
    made = run(number, **more)
    store.begin(made)
    store.post(mail(1, number, tenant=made.tenant))
    store.tell([RunEvent(run=made.id, seq=1, at_ns=1, kind="began")])
    store.intend(Intent(run=made.id, step="1", tool="t", digest="d", owner="w", at_ns=1))
    store.hold(made.root, f"{made.id}/1", Use(steps=1))
    store.put(made.tenant, f"context/{made.root}", "h", b"v")


def gone(store: RunStore, number: int) -> bool:
    name = f"{number:04}"
    intent = Intent(run=name, step="1", tool="t", digest="d", owner="new", at_ns=1)
    found = [store.one(name), store.told(name, 0), store.mail(name), store.value("acme", f"context/{name}", "h", 0)]
    return not any(found) and store.intend(intent).owner == "new"


def test_a_tree_is_old_once_all_of_it_has_ended_and_goes_whole(store: RunStore) -> None:
    for number in (1, 3):
        fill(store, number)
    fill(store, 2, parent="0001", root="0001")
    store.save(run(1, status="done", ended_ns=50), 1, ["queued"])
    assert store.old(100, 10) == [], "a child of it runs"
    store.save(run(2, parent="0001", root="0001", status="failed", ended_ns=60), 1, ["queued"])
    assert store.old(50, 10) == []
    [old] = store.old(51, 10)
    assert (old.id, old.tenant, old.principal, old.input) == ("0001", "acme", ALICE, b"")
    assert store.old(51, 10, after="0001") == []
    store.discard([old.id])
    assert gone(store, 1)
    assert gone(store, 2)
    assert [one.id for one in store.page(Asked())] == ["0003"]
    assert store.told("0003", 0)


def test_what_is_somebodys_is_erased_with_what_came_of_it(store: RunStore) -> None:
    bob = replace(ALICE, user="bob")
    fill(store, 1)
    fill(store, 2, parent="0001", root="0001")
    fill(store, 3, principal=bob)
    store.remember(memory(1))
    store.remember(memory(2, scope="agent", owner="", subject="user/alice"))
    store.remember(memory(3, scope="user", owner="bob", subject="user/bob"))
    assert store.erase("acme", "user/alice") == ["0001"]
    assert gone(store, 1)
    assert gone(store, 2)
    assert [one.id for one in store.page(Asked())] == ["0003"]
    assert ids(store.memories("acme", "clerk", [("user", "alice"), ("agent", ""), ("user", "bob")], 0)) == ["m3"]
    assert store.erase("other", "") == []
    assert store.erase("acme", "") == ["0003"]
    assert store.page(Asked()) == []


@pytest.mark.parametrize("status", ["queued", "running", "waiting", "paused"])
def test_nothing_of_an_erased_run_comes_back_by_whoever_still_works_on_it(store: RunStore, status: RunStatus) -> None:
    fill(store, 1)
    going = run(1, status=status, owner="w")
    assert store.save(going, 1, ["queued"])
    assert store.erase("acme", "user/alice") == ["0001"]

    for after in ("waiting", "done", "running"):
        assert not store.save(replace(going, status=after, state=b"late", segment=2), 1, [status])  # type: ignore[arg-type]
    store.tell([RunEvent(run="0001", seq=2, at_ns=2, kind="text", body=b"late")])
    assert not store.post(mail(2, 1))
    assert store.put("acme", "context/0001", "late", b"v") == 0
    store.settle("0001", "0001/1", Use(steps=1))
    store.settle("0001", "0001/2", Use(steps=1))
    with pytest.raises(NotFound):
        store.hold("0001", "0001/3", Use(steps=1))
    with pytest.raises(NotFound, match="begins no children"):
        store.begin(run(2, parent="0001", root="0001"))

    assert gone(store, 1)
    assert store.value("acme", "context/0001", "late", 0) is None
    assert store.page(Asked()) == []
    assert store.due(10**18, 10) == []
    fill(store, 1)
    assert [one.seq for one in store.told("0001", 0)] == [1], "a run of that name has nothing of the other"
    assert store.one("0001") == replace(run(1), used=Use())


def test_what_is_told_while_a_run_is_erased_is_gone_too(store: RunStore) -> None:
    for turn in range(5):
        fill(store, 1)

        def work(number: int, turn: int = turn) -> None:
            if number == 0:
                store.erase("acme", "user/alice")
                return
            for seq in range(5):
                store.tell([RunEvent(run="0001", seq=100 * number + seq, at_ns=1, kind="text", body=b"late")])
                store.put("acme", "context/0001", f"{turn}.{number}.{seq}", b"v")

        at_once(4, work)
        assert store.told("0001", 0) == []
        assert store.values("acme", "context/0001", 0) == []


def test_a_session_without_a_user_is_erased_by_its_name(store: RunStore) -> None:
    nobody = replace(ALICE, user="")
    fill(store, 1, principal=nobody, session="s")
    fill(store, 2, principal=nobody)
    assert store.erase("acme", "session/s") == ["0001"]
    assert store.erase("acme", "key/k") == ["0002"]
