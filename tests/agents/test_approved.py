"""Runs that wait for an approval go on once it is settled, whoever was there to tell them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.agents import ADA

from antiphon.agents.approved import Waker
from antiphon.core.approval import Approval, Wish
from antiphon.core.run import Run, Wait
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRuns]:
    SqliteDatabase(tmp_path).close()
    made = SqliteRuns(tmp_path)
    yield made
    made.close()


def waits(store: SqliteRuns, number: int) -> Run:
    run = Run(id=f"run{number}", tenant="acme", agent="clerk", version="1", principal=ADA, created_ns=0)
    store.begin(run)
    wait = Wait(kind="approval", key="1.1", approval=f"apr{number}")
    assert store.save(Run(**{**as_fields(run), "status": "waiting", "wait": wait, "root": run.id}), 1, ("queued",))
    return run


def as_fields(run: Run) -> dict[str, object]:
    return {name: getattr(run, name) for name in run.__struct_fields__}


def settled(number: int) -> Approval:
    wish = Wish(tenant="acme", by="key/ada", action="use_tool", resource="pay", shown=b"{}", digest="", expires_ns=1)
    return Approval(id=f"apr{number}", at_ns=0, wish=wish, state="approved")


def test_each_sweep_looks_at_the_next_ones_so_that_the_oldest_are_found_too(store: SqliteRuns) -> None:
    for number in range(5):
        waits(store, number)
    waker = Waker(store, lambda: 7)

    def find(tenant: str, approval: str) -> Approval | None:
        assert tenant == "acme"
        number = int(approval.removeprefix("apr"))
        return settled(number) if number == 0 else Approval(id=approval, at_ns=0, wish=settled(number).wish)

    woken = [waker.sweep(find, most=2) for _ in range(4)]
    assert woken == [0, 0, 1, 0]
    [mail] = store.mail("run0")
    assert (mail.kind, mail.key) == ("approval", "1.1")
    assert store.mail("run4") == []


def test_an_approval_that_no_run_asked_for_wakes_nobody(store: SqliteRuns) -> None:
    waits(store, 1)
    Waker(store, lambda: 7).settled(settled(1))
    assert store.mail("run1") == []
