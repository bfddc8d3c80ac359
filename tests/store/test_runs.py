"""What the port `RunStore` promises of runs, their mail and what they tell, of each adapter."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from run_stores import ALICE, at_once, mail, run, run_place, run_store

from antiphon.core.error import OverLimit, StoreError
from antiphon.core.run import Beat, Intent, Run, RunEvent, Use, Wait
from antiphon.core.run_store import Asked, RunStore
from antiphon.store.runs_sqlite import SqliteRuns

__all__ = ["run_place", "run_store"]


def due(store: RunStore, now_ns: int = 1_000, most: int = 10) -> list[str]:
    return [one.id for one in store.due(now_ns, most)]


def wait(store: RunStore, number: int, key: str, **more: object) -> Run:
    """A run that waits, saved."""
    made = replace(store.begin(run(number)), status="waiting", wait=Wait(kind="question", key=key), **more)
    assert store.save(made, 1, ["queued"])
    return made


# --- runs


def test_a_run_is_read_as_it_was_begun(store: RunStore) -> None:
    made = run(1, session="s", envelope=run(1).envelope, wait=Wait(kind="timer", key="w", shown="x"))
    assert store.begin(made) == made
    assert store.one("0001") == store.one("0001", "acme") == made
    assert store.one("0001", "other") is None
    assert store.one("none") is None


def test_the_same_id_or_the_same_once_finds_the_run_that_is_there(store: RunStore) -> None:
    first = store.begin(run(1, once="a"))
    assert store.begin(run(1, agent="other")) == first
    assert store.begin(run(2, once="a")) == first
    assert store.begin(run(3, once="a", agent="other")).id == "0003"
    assert store.begin(run(4, once="a", tenant="other")).id == "0004"
    assert store.begin(run(5)).id == "0005"
    assert store.begin(run(6)).id == "0006"


def test_many_who_begin_the_same_begin_one(store: RunStore) -> None:
    found = at_once(8, lambda number: store.begin(run(number, once="a")).id)
    assert len(set(found)) == 1
    assert len(store.page(Asked())) == 1


def test_no_more_of_a_tenant_are_queued_than_may(store: RunStore) -> None:
    def begin(number: int) -> str:
        try:
            return store.begin(run(number), 3).id
        except OverLimit:
            return "full"

    assert at_once(6, begin).count("full") == 3
    assert store.begin(run(7, tenant="other"), 3).id == "0007"
    queued = store.page(Asked(tenant="acme"))[0]
    assert store.save(replace(queued, status="running"), 1, ["queued"])
    assert store.begin(run(8), 3).id == "0008"


def test_pages_are_the_newest_first_of_what_is_asked_for(store: RunStore) -> None:
    store.begin(run(1))
    store.begin(run(2, agent="other", session="s"))
    store.begin(run(3, parent="0001", root="0001"))
    store.begin(run(4, principal=replace(ALICE, user="bob")))
    store.begin(run(5, tenant="other"))
    store.save(run(4, principal=replace(ALICE, user="bob"), status="done", ended_ns=9), 1, ["queued"])

    def ids(**asked: object) -> list[str]:
        return [one.id for one in store.page(Asked(**asked))]  # type: ignore[arg-type]

    assert ids() == ["0005", "0004", "0003", "0002", "0001"]
    assert ids(tenant="acme", most=2) == ["0004", "0003"]
    assert ids(tenant="acme", before="0003") == ["0002", "0001"]
    assert ids(agent="other") == ids(session="s") == ["0002"]
    assert ids(root="0001") == ["0003", "0001"]
    assert ids(parent="0001") == ["0003"]
    assert ids(user="bob") == ids(statuses=("done", "failed")) == ["0004"]
    assert ids(statuses=("queued",), tenant="acme") == ["0003", "0002", "0001"]
    assert store.counts() == {("clerk", "queued"): 3, ("clerk", "done"): 1, ("other", "queued"): 1}
    assert store.counts("other") == {("clerk", "queued"): 1}


def test_a_run_is_saved_only_as_it_was_expected_to_stand_and_its_use_is_kept(store: RunStore) -> None:
    store.begin(run(1))
    store.settle("0001", "0001/a", Use(steps=1))
    taken = run(1, status="running", owner="w", segment=2, state=b"{}", result=b"r", used=Use(steps=9))
    assert not store.save(taken, 2, ["queued"])
    assert not store.save(taken, 1, ["waiting"])
    assert not store.save(replace(taken, id="none"), 1, ["queued"])
    assert store.save(taken, 1, ["waiting", "queued"])
    assert not store.save(taken, 1, ["queued"])
    assert store.one("0001") == replace(taken, used=Use(steps=1))


def test_one_of_many_takes_a_run(store: RunStore) -> None:
    store.begin(run(1))
    taken = at_once(6, lambda number: store.save(run(1, status="running", owner=str(number)), 1, ["queued"]))
    assert taken.count(True) == 1


# --- what is due


def test_due_are_the_queued_the_most_urgent_first(store: RunStore) -> None:
    store.begin(run(1))
    store.begin(run(2, priority=1))
    store.begin(run(3, priority=9))
    assert due(store) == ["0002", "0001", "0003"]
    assert due(store, most=1) == ["0002"]
    store.save(run(2, status="running"), 1, ["queued"])
    assert due(store) == ["0001", "0003"]


def test_a_tenant_with_many_does_not_hide_the_others(store: RunStore) -> None:
    for number in range(1, 21):
        store.begin(run(number))
    store.begin(run(21, tenant="other"))
    store.begin(run(22, tenant="third"))
    assert due(store, most=6) == ["0001", "0021", "0022", "0002", "0003", "0004"]
    for number in range(1, 21):
        store.save(run(number, priority=1), 1, ["queued"])
    assert due(store, most=6) == ["0001", "0002", "0003", "0021", "0022", "0004"]


def test_a_wait_ends_with_mail_of_its_key_alone(store: RunStore) -> None:
    waits = wait(store, 1, "1.0")
    assert due(store) == []
    assert store.post(mail(1, 1, key="other"))
    assert store.post(mail(2, 1, "message"))
    assert due(store) == []
    assert store.post(mail(3, 1, key="1.0", body=b"yes"))
    assert due(store) == ["0001"]
    assert [one.body for one in store.mail("0001")] == [b"", b"", b"yes"]
    store.take("0001", ["m3"])
    assert due(store) == []
    assert [one.id for one in store.mail("0001")] == ["m1", "m2"]
    assert store.save(replace(waits, wait=Wait(kind="question", key="other")), 1, ["waiting"])
    assert due(store) == ["0001"], "its answer came before it waited"


def test_mail_counts_once_and_needs_its_run(store: RunStore) -> None:
    wait(store, 1, "a")
    assert store.post(mail(1, 1, key="a"))
    assert not store.post(mail(1, 1, key="a"))
    assert not store.post(mail(1, 2))
    assert not store.post(mail(2, 1, tenant="other"))
    assert store.mail("0001") == [mail(1, 1, key="a")]
    store.take("0001", ["m1"])
    assert not store.post(mail(1, 1, key="a")), "taken, it still counts once"


def test_a_wait_ends_by_itself_when_its_time_is_over(store: RunStore) -> None:
    wait(store, 1, "a", wake_ns=500)
    wait(store, 2, "a", wake_ns=400)
    assert due(store, 399) == []
    assert due(store, 400) == ["0002"]
    assert due(store, 500) == ["0001", "0002"]


@pytest.mark.parametrize("kind", ["cancel", "kill", "pause", "resume"])
def test_what_must_be_heeded_is_due_in_any_state_but_ended(store: RunStore, kind: str) -> None:
    for number, status in enumerate(("running", "waiting", "paused", "done"), 1):
        store.begin(run(number))
        assert store.save(run(number, status=status), 1, ["queued"])
        assert store.post(mail(1, number, kind))
    assert due(store) == ["0001", "0002", "0003"]
    store.take("0001", ["m1"])
    assert due(store) == ["0002", "0003"]
    store.save(run(2, status="cancelled"), 1, ["waiting"])
    assert due(store) == ["0003"]


def test_no_answer_is_missed_that_comes_while_a_run_begins_to_wait(store: RunStore) -> None:
    for number in range(1, 13):
        store.begin(run(number))
        waits = run(number, status="waiting", wait=Wait(kind="question", key="k"))

        def both(place: int, number: int = number, waits: Run = waits) -> object:
            return store.post(mail(1, number, key="k")) if place else store.save(waits, 1, ["queued"])

        assert at_once(2, both) == [True, True]
    assert len(due(store, most=99)) == 12


# --- what happened


def test_events_are_told_once_in_order(store: RunStore) -> None:
    events = [RunEvent(run="r", seq=seq, at_ns=seq, kind="text", body=b"%d" % seq) for seq in range(1, 6)]
    for name in ("r", "other"):
        store.begin(run(1, id=name))
    store.tell(events[:3])
    store.tell([replace(events[2], body=b"again"), *events[3:]])
    store.tell([replace(events[0], run="other")])
    assert store.told("r", 0) == events
    assert store.told("r", 2, 2) == events[2:4]
    assert store.told("r", 5) == store.told("none", 0) == []


# --- at most once


def test_an_intent_is_written_once_and_what_came_of_it_by_its_owner_alone(store: RunStore) -> None:
    first = Intent(run="r", step="1.0", tool="pay", digest="d", owner="w1", at_ns=1)
    assert store.intend(first) == first
    assert store.intend(replace(first, owner="w2")) == first
    assert not store.came("r", "1.0", b"late", "w2")
    assert store.came("r", "1.0", b"{}", "w1")
    assert not store.came("r", "1.0", b"other", "w1")
    assert store.intend(first) == replace(first, outcome=b"{}")
    assert not store.review("r", "1.0", b"x", "user/bob", "w3"), "it is known"


def test_a_person_says_what_became_of_it_or_has_it_made_again(store: RunStore) -> None:
    first = Intent(run="r", step="1", tool="pay", digest="d", owner="w1", at_ns=1)
    for step in ("1", "2"):
        store.intend(replace(first, step=step))
    assert store.review("r", "1", b"done", "user/bob", "w2")
    assert store.intend(first) == replace(first, outcome=b"done", reviewed_by="user/bob", owner="w2")
    assert store.review("r", "2", None, "user/bob", "w2")
    assert not store.came("r", "2", b"late", "w1"), "the first owner comes too late"
    assert store.came("r", "2", b"made", "w2")


def test_of_many_who_make_a_reviewed_call_again_one_does(store: RunStore) -> None:
    first = Intent(run="r", step="1", tool="pay", digest="d", owner="w1", at_ns=1)
    store.intend(first)
    assert not store.review("r", "1", None, "user/bob", "w9", was="w2")
    assert not store.review("r", "1", b"done", "user/bob", "w9", was="w2")
    assert store.intend(first) == first
    won = at_once(6, lambda number: store.review("r", "1", None, "user/bob", f"again/{number}", was="w1"))
    assert sorted(won) == [False] * 5 + [True]
    kept = store.intend(first)
    assert kept == replace(first, owner=f"again/{won.index(True)}", reviewed_by="user/bob")
    assert not store.came("r", "1", b"late", "w1")
    assert store.review("r", "1", b"done", "user/bob", "w3", was=kept.owner)


def test_of_many_who_intend_the_same_one_does(store: RunStore) -> None:
    intent = Intent(run="r", step="1", tool="pay", digest="d", owner="", at_ns=1)
    found = at_once(6, lambda number: store.intend(replace(intent, owner=f"w{number}")).owner)
    assert len(set(found)) == 1


# --- workers


def test_a_worker_that_was_retired_may_not_go_on_and_never_comes_back(store: RunStore) -> None:
    one = Beat(worker="w1", host="h", pid=7, started=8, at_ns=10)
    assert store.beat(one)
    assert store.beat(replace(one, at_ns=20))
    assert store.beat(replace(one, worker="w2"))
    assert store.beats() == [replace(one, at_ns=20), replace(one, worker="w2")]
    assert not store.retire("w1", 10), "it has beaten since"
    assert at_once(4, lambda _: store.retire("w1", 20)).count(True) == 1
    assert not store.beat(replace(one, at_ns=30))
    assert store.beats()[0] == replace(one, at_ns=20, retired=True)
    store.forget_worker("w1")
    store.forget_worker("w2")
    assert store.beats() == []
    assert not store.beat(replace(one, at_ns=40))
    assert store.beat(replace(one, worker="w2", at_ns=40))


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"antiphon\.db can't be read"):
        SqliteRuns(tmp_path).one("r")
