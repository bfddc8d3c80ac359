"""What the section `agents` says has its effect."""

from pathlib import Path

import pytest
from fakes.agents import ADA, agent
from fakes.clock import StoppedClock

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.settings import AgentsSettings
from antiphon.app.agents import workspaces
from antiphon.config.load import load_text
from antiphon.core.error import OverLimit
from antiphon.core.ids import Uuid7
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase


@pytest.mark.parametrize(
    ("documents", "enabled", "on"),
    [([], None, False), (["a.yaml"], None, True), ([], True, True), (["a.yaml"], False, False)],
)
def test_agents_are_served_where_there_are_documents_unless_it_is_said(
    documents: list[str], enabled: bool | None, on: bool
) -> None:
    assert AgentsSettings(documents=documents, enabled=enabled).on is on


async def test_no_more_runs_of_a_tenant_wait_in_the_queue_than_may(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    clock, store = StoppedClock(10**9), SqliteRuns(tmp_path)
    parts = RunsParts(
        store=store,
        shelf=lambda: Shelf(agents={"clerk": {"1": agent()}}),
        clock=clock,
        ids=Uuid7(clock),
        may=lambda *_: None,
        most_queued=2,
    )
    runs = Runs(parts)
    for _ in range(2):
        await runs.begin(ADA, "clerk", "Work.")
    with pytest.raises(OverLimit, match=r"see agents\.most_queued"):
        await runs.begin(ADA, "clerk", "Work.")
    store.close()


@pytest.mark.parametrize(("said", "folder"), [("", "data/workspaces"), ("agents: {workspaces: files}\n", "files")])
def test_files_of_runs_are_where_it_is_said_else_in_the_data_directory(said: str, folder: str, tmp_path: Path) -> None:
    settings = load_text(f"storage: {{dir: data}}\n{said}", "a.yaml", tmp_path, {}).settings
    assert workspaces(settings) == tmp_path / folder
