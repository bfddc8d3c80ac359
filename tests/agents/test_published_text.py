"""A run goes on under the text that it began under, or not at all."""

from pathlib import Path

from fakes.agents import ADA, House, ScriptedMind, agent, says
from fakes.clock import StoppedClock
from msgspec import structs

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.documents.reading import shelved
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.journal import Ended
from antiphon.agents.runs import Runs, RunsParts
from antiphon.config.documents import read_values
from antiphon.core.ids import Uuid7
from antiphon.core.run import Run, Wait
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase


def shelf_of(goal: str, *, prompt: str = "triage@1", text: str = "Sort.") -> Shelf:
    both = [
        {"kind": "Prompt", "metadata": {"name": "triage", "version": "1"}, "spec": {"text": text}},
        {
            "kind": "Agent",
            "metadata": {"name": "clerk"},
            "spec": {"goal": goal, "prompt": prompt, "models": {"act": "small"}},
        },
    ]
    documents: list[Document] = read_values([{"apiVersion": "antiphon/v1", **one} for one in both]).documents
    shelf, mistakes = shelved(documents, models=["small"])
    assert mistakes == []
    return shelf


async def begun(directory: Path, shelf: Shelf) -> Run:
    """A run as the use case keeps it, read back from the database."""
    SqliteDatabase(directory).close()
    clock, store = StoppedClock(10**9), SqliteRuns(directory)
    try:
        parts = RunsParts(store=store, shelf=lambda: shelf, clock=clock, ids=Uuid7(clock), may=lambda *_: None)
        run = await Runs(parts).begin(ADA, "clerk", "Work.")
        kept = store.one(run.id)
        assert kept is not None
        return kept
    finally:
        store.close()


async def test_what_a_run_began_under_is_kept_with_it(tmp_path: Path) -> None:
    shelf = shelf_of("Works.")
    found = shelf.agent("clerk")
    assert found is not None

    assert (await begun(tmp_path, shelf)).digest == found.text != found.digest


def test_the_text_is_the_document_and_the_version_of_a_prompt_that_it_names() -> None:
    def text(**more: str) -> str:
        found = shelf_of(more.pop("goal", "Works."), **more).agent("clerk")
        assert found is not None
        return found.text

    assert text() == text()
    assert len({text(), text(text="Sort well."), text(goal="Plays.")}) == 3
    assert text(prompt="triage@latest") == text(prompt="triage@latest", text="Sort well.")


async def test_a_waiting_run_does_not_go_on_under_another_text() -> None:
    first = structs.replace(agent(), text="aa" * 32)
    mind = ScriptedMind({"act": [says("", ("ask_person", {"question": "Which?"})), says("Done.")]})
    home = House(mind, agents=[first])
    run = home.begin("Work.", digest=first.text)
    assert isinstance(await home.segment(run), Wait)
    asked = len(mind.asked)
    changed = Shelf(agents={"clerk": {"1": structs.replace(first, text="bb" * 32)}})
    home.driver = type(home.driver)(structs.replace(home.doors, shelf=lambda: changed))

    ended = await home.go_on(run.id, home.answer(run.id, "The first."))

    assert isinstance(ended, Ended)
    assert (ended.status, ended.stop) == ("failed", "error")
    assert ended.why.startswith("clerk says another text in the version 1 than this run began under; a version never")
    assert len(mind.asked) == asked


async def test_it_goes_on_under_the_same_text() -> None:
    first = structs.replace(agent(), text="aa" * 32, metadata=Metadata(name="clerk", version="1"))
    home = House(
        ScriptedMind({"act": [says("", ("ask_person", {"question": "Which?"})), says("Done.")]}), agents=[first]
    )
    run = home.begin("Work.", digest=first.text)
    assert isinstance(await home.segment(run), Wait)

    ended = await home.go_on(run.id, home.answer(run.id, "The first."))

    assert isinstance(ended, Ended)
    assert ended.status == "done"
