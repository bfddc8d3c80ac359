"""Runs are dropped for their age and by erasure, with their files, unless a hold is on them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from run_stores import ALICE, run

from antiphon.agents.retention import DAY_NS, EVERY_S, RunsKeeping, watch
from antiphon.core.error import StoreError
from antiphon.core.run import Memory, Run
from antiphon.core.run_store import Asked
from antiphon.core.vault_store import Hold
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase
from antiphon.store.vault_sqlite import SqliteVault

NOW = 100 * DAY_NS


class Names:
    """Owners that say their subject."""

    def owner(self, tenant: str, subject: str) -> str:
        return f"{tenant}:{subject}"


@pytest.fixture
def keeping(tmp_path: Path) -> Iterator[RunsKeeping]:
    SqliteDatabase(tmp_path).close()
    store = SqliteRuns(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    yield RunsKeeping(
        store=store,
        held=SqliteVault(tmp_path),
        owners=Names(),
        now_ns=lambda: NOW,
        keep_days=30,
        workspaces=files,
    )
    store.close()


def ended(keeping: RunsKeeping, number: int, days_ago: float, **more: object) -> Run:
    """A run that ended, and left a file."""
    made = run(number, status="done", ended_ns=NOW - int(days_ago * DAY_NS), **more)
    keeping.store.begin(made)
    assert keeping.workspaces is not None
    folder = keeping.workspaces / made.id
    folder.mkdir()
    (folder / "report.md").write_text("x")
    return made


def left(keeping: RunsKeeping) -> list[str]:
    """Ids of the runs, which have their files."""
    assert keeping.workspaces is not None
    found = sorted(one.id for one in keeping.store.page(Asked()))
    assert found == sorted(one.name for one in keeping.workspaces.iterdir())
    return found


def test_what_ended_long_ago_is_dropped_with_its_files(keeping: RunsKeeping) -> None:
    ended(keeping, 1, 31)
    ended(keeping, 2, 29)
    assert keeping.tidy() == 1
    assert left(keeping) == ["0002"]
    assert keeping.tidy() == 0


def test_more_than_one_look_holds_are_dropped_in_one_go(keeping: RunsKeeping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon.agents.retention.AT_ONCE", 2)
    for number in range(1, 6):
        ended(keeping, number, 31)
    assert keeping.tidy() == 5


@pytest.mark.parametrize("on", [{}, {"owner": "acme:user/alice"}, {"session": "s"}])
def test_what_a_hold_is_on_stays_until_it_is_lifted(keeping: RunsKeeping, on: dict[str, str]) -> None:
    vault = keeping.held
    assert isinstance(vault, SqliteVault)
    names = {"owner": "", "receipt": "", "session": "", **on}
    vault.hold(Hold(id="h", tenant="acme", by="user/bob", at_ns=1, note="", **names))
    ended(keeping, 1, 31, session="s")
    ended(keeping, 2, 31, tenant="other", session="s", principal=replace(ALICE, tenant="other"))
    assert keeping.tidy() == 1
    assert left(keeping) == ["0001"]
    vault.lift("h")
    assert keeping.tidy() == 1


def test_a_subjects_runs_memories_and_files_are_erased(keeping: RunsKeeping) -> None:
    ended(keeping, 1, 1)
    ended(keeping, 2, 1, principal=replace(ALICE, user="bob"))
    for owner in ("alice", "bob"):
        made = Memory(id=owner, tenant="acme", agent="clerk", scope="user", owner=owner, text=b"x", created_ns=1)
        keeping.store.remember(made)
    assert keeping.erase("acme", "user/alice") == 1
    assert left(keeping) == ["0002"]
    owners = [("user", "alice"), ("user", "bob")]
    assert [one.id for one in keeping.store.memories("acme", "clerk", owners, 0)] == ["bob"]


def test_files_that_cannot_be_removed_are_told_of(keeping: RunsKeeping, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(keeping, 1, 1)

    def refuse(folder: Path) -> None:
        raise PermissionError("no")

    monkeypatch.setattr("shutil.rmtree", refuse)
    with pytest.raises(StoreError, match="remove them by hand"):
        keeping.erase("acme", "user/alice")


def test_a_link_in_the_place_of_a_folder_leads_nowhere(keeping: RunsKeeping, tmp_path: Path) -> None:
    assert keeping.workspaces is not None
    other = tmp_path / "other"
    other.mkdir()
    (keeping.workspaces / "0001").symlink_to(other)
    keeping.store.begin(run(1))
    assert keeping.erase("acme", "user/alice") == 1
    assert other.is_dir()


async def test_it_is_tidied_again_and_again_also_after_a_failure(
    keeping: RunsKeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(keeping, 1, 31)
    pauses: list[float] = []
    lapse = keeping.store.lapse

    def away(now_ns: int) -> int:
        if len(pauses) == 1:
            raise StoreError("the database can't be written")
        return lapse(now_ns)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(keeping.store, "lapse", away)
    with pytest.raises(asyncio.CancelledError):
        await watch(keeping, pause)
    assert pauses == [EVERY_S] * 3
    assert left(keeping) == []
