"""What a response in the background says, kept in batches on a real store, whoever writes."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from antiphon.agents.background import BACKGROUND
from antiphon.agents.background_pieces import Pieces, batches
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

RUN = Run(
    id="resp_1",
    root="resp_1",
    tenant="acme",
    agent=BACKGROUND,
    version="1",
    principal=Principal(tenant="acme", key="alice"),
    created_ns=1,
)
ITEM = {"id": "msg_1", "type": "message", "status": "in_progress", "content": []}


@pytest.fixture(name="store")
def opened(tmp_path: Path) -> Iterator[SqliteRuns]:
    SqliteDatabase(tmp_path).close()
    store = SqliteRuns(tmp_path)
    store.begin(RUN)
    yield store
    store.close()


async def writer(store: SqliteRuns, attempt: int) -> Pieces:
    made = Pieces(store, RUN, attempt, time.time_ns)
    await made.open()
    return made


def say(pieces: Pieces, kind: str, **more: Any) -> None:
    body = json.dumps({"type": f"response.{kind}", "sequence_number": 77, **more})
    pieces.take(f"event: response.{kind}\ndata: {body}\n\n".encode())


def begin(pieces: Pieces) -> None:
    say(pieces, "created")
    say(pieces, "output_item.added", output_index=0, item=ITEM)


def word(pieces: Pieces, text: str) -> None:
    say(pieces, "output_text.delta", output_index=0, delta=text)


def told(store: SqliteRuns) -> list[tuple[int, str, Any]]:
    found = [json.loads(piece.event) for one in batches(store, RUN, time.time_ns()) for piece in one.pieces]
    return [(one["sequence_number"], one["type"].removeprefix("response."), one.get("delta")) for one in found]


async def test_many_words_are_few_rows_and_what_opens_and_ends_is_left_out(store: SqliteRuns) -> None:
    pieces = await writer(store, 1)
    begin(pieces)
    for number in range(500):
        word(pieces, f"{number} ")
    say(pieces, "completed", response={})
    pieces.take(b": a comment\n\n")
    pieces.take(b"data: no json\n\n")
    await pieces.close()
    assert len(batches(store, RUN, time.time_ns())) == 1
    said = told(store)
    assert [number for number, _, _ in said] == [*range(3, 504)]
    assert said[0][1] == "output_item.added"
    assert "".join(delta or "" for _, _, delta in said) == "".join(f"{number} " for number in range(500))


async def test_a_call_that_is_made_again_goes_on_behind_and_one_that_was_taken_over_says_no_more(
    store: SqliteRuns,
) -> None:
    first = await writer(store, 1)
    begin(first)
    word(first, "one")
    await first.close()
    second = await writer(store, 2)
    begin(second)
    word(first, " late")  # its process only seemed to be dead
    await first.close()
    await second.close()
    word(first, " too late")
    await first.close()
    word(second, "two")
    await second.close()

    said = told(store)
    assert [number for number, _, _ in said] == [*range(3, 3 + len(said))]
    assert [(kind, delta) for _, kind, delta in said] == [
        ("output_item.added", None),
        ("output_text.delta", "one"),
        ("output_text.delta", " late"),
        ("output_item.done", None),
        ("output_item.added", None),
        ("output_text.delta", "two"),
    ]
    events = [json.loads(piece.event) for one in batches(store, RUN, time.time_ns()) for piece in one.pieces]
    assert [one["output_index"] for one in events] == [0, 0, 0, 0, 1, 1]
    ended = events[3]["item"]
    assert (ended["status"], ended["content"][0]["text"]) == ("incomplete", "one late")


async def test_they_go_with_their_run(store: SqliteRuns) -> None:
    pieces = await writer(store, 1)
    begin(pieces)
    await pieces.close()
    assert store.erase("acme", RUN.principal.subject()) == ["resp_1"]
    assert batches(store, RUN, time.time_ns()) == []
