"""A run goes on under the text that it began under, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from fakes.agents import ADA, House, ScriptedMind, agent, says, tool
from fakes.clock import StoppedClock
from msgspec import structs

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.documents.pinned import changed, pins
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


def tooled(result: str = "1", server: str = "http://a.example", **more: Any) -> Shelf:
    """An agent with a tool of its own, a tool over a collection, and those of a server; and a tool of nobody's."""
    every = [
        {"kind": "Tool", "metadata": {"name": "look"}, "spec": {"simulated": {"answers": [{"result": result}]}}},
        {"kind": "Tool", "metadata": {"name": "read"}, "spec": {"documents": {"collections": ["notes"]}}},
        {"kind": "Collection", "metadata": {"name": "notes"}, "spec": {"files": [more.get("notes", "a")]}},
        {"kind": "ToolServer", "metadata": {"name": "shop"}, "spec": {"url": server}},
        {
            "kind": "Tool",
            "metadata": {"name": "other", **more.get("other", {})},
            "spec": {"simulated": {"answers": [{"result": more.get("aside", "1")}]}},
        },
        {
            "kind": "Agent",
            "metadata": {"name": "clerk"},
            "spec": {"goal": "Works.", "tools": ["lo*", "read", "shop__price"], "models": {"act": "small"}},
        },
    ]
    found = read_values([{"apiVersion": "antiphon/v1", **one} for one in every])
    assert found.problems == []
    shelf, mistakes = shelved(found.documents, models=["small"])
    assert mistakes == []
    return shelf


def pinned(shelf: Shelf) -> dict[str, str]:
    found = shelf.agent("clerk")
    assert found is not None
    return pins(shelf, found, ADA.tenant)


async def test_the_documents_of_its_tools_are_kept_with_a_run(tmp_path: Path) -> None:
    kept = await begun(tmp_path, tooled())

    assert kept.pins == pinned(tooled())
    assert sorted(kept.pins) == ["Collection/notes", "Tool/look", "Tool/read", "ToolServer/shop"]
    assert changed(kept.pins, pinned(tooled())) == ""
    assert changed(kept.pins, pinned(tooled(aside="2"))) == "", "a tool that it can't call"
    assert changed(kept.pins, pinned(tooled("2"))) == "Tool/look says another text"
    assert changed(kept.pins, pinned(tooled(notes="b"))) == "Collection/notes says another text"
    assert changed(kept.pins, pinned(tooled(server="http://b.example"))) == "ToolServer/shop says another text"


@pytest.mark.parametrize(("result", "stop"), [("2", "error"), ("1", "finished")])
async def test_a_call_that_waited_is_made_with_the_tool_that_it_was_approved_for_alone(result: str, stop: str) -> None:
    over, made = await _after_a_wait(says("", ("look", {})), tooled(result))

    assert over.stop == stop, over.why
    if stop == "error":
        assert over.why == "Tool/look says another text than this run of clerk began with: begin another run"
        assert made == []


async def test_a_run_that_waits_for_something_else_goes_on_with_tools_as_they_are_published() -> None:
    over, _ = await _after_a_wait(says("", ("ask_person", {"question": "Which?"})), tooled("2"))

    assert over.stop == "finished", over.why


async def _after_a_wait(first: Any, later: Shelf) -> tuple[Ended, list[Any]]:
    """How a run ends that waited after its first action, while documents were published; and the calls that were made."""
    tools = tool("look", lambda: "seen", destructive=True, effect="at_most_once")
    home = House(ScriptedMind({"act": [first, says("Done.")]}), tools, agents=[agent(tools=["look"])])
    mine, driver = home.doors.shelf(), type(home.driver)
    home.driver = driver(structs.replace(home.doors, shelf=lambda: beside(mine, tooled())))
    run = home.begin("Work.", pins={"Tool/look": pinned(tooled())["Tool/look"]})
    wait = await home.segment(run)
    assert isinstance(wait, Wait)
    if wait.approval:
        home.desk.say(wait.approval, "approved")
    home.driver = driver(structs.replace(home.doors, shelf=lambda: beside(mine, later)))
    over = await (home.settled(run.id) if wait.approval else home.go_on(run.id, home.answer(run.id, "The first.")))
    assert isinstance(over, Ended)
    return over, home.tools.made


def beside(shelf: Shelf, more: Shelf) -> Shelf:
    return structs.replace(shelf, others=more.others)


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


@pytest.mark.parametrize("known", [None, "2"])
async def test_documents_that_a_run_has_just_begun_under_are_waited_for_a_while(known: str | None) -> None:
    newer, older = tooled(), Shelf() if known is None else tooled(known)
    there = older
    home = House(ScriptedMind({"act": [says("Done.")]}))
    home.driver = type(home.driver)(structs.replace(home.doors, shelf=lambda: there))
    run = home.begin("Work.", pins=pinned(newer))
    wait = await home.segment(run)
    assert isinstance(wait, Wait)
    assert (wait.kind, wait.key, home.store.runs[run.id].state) == ("timer", "documents", b"")

    there = newer
    over = await home.go_on(run.id)
    assert isinstance(over, Ended)
    assert over.status == "done"

    there, late = older, home.begin("Work.", pins=pinned(newer))
    home.clock.at_ns = late.created_ns + 60 * 10**9
    over = await home.segment(late)
    assert isinstance(over, Ended)
    assert (over.status, over.stop) == ("failed", "error")
