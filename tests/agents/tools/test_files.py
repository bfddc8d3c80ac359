import csv
import io
import os
from pathlib import Path
from typing import Any

import pytest
from docx import Document as Word
from toolery import Bench, bench, context, tool

from antiphon.agents.hands import ToolFailed
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.core.tool import ToolResult


async def did(made: Bench, place: Path, name: str, **arguments: Any) -> ToolResult:
    return await made.at(name, arguments, context(made.clock, workspace=str(place)))


async def test_files_are_written_listed_and_read_in_parts(tmp_path: Path) -> None:
    made, place = bench(tool("files", files={})), tmp_path / "run"
    assert (await did(made, place, "files__list")).text == "There are no files."
    wrote = await did(made, place, "files__write", path="out/report.md", text="# Über\nalles")
    assert wrote.data["bytes"] == 13
    assert (await did(made, place, "files__list")).data == [{"path": "out/report.md", "bytes": 13}]
    first = await did(made, place, "files__read", path="out/report.md", bytes=8)
    assert (first.data["text"], first.data["next_offset"], first.cut) == ("# Über\n", 8, True)
    rest = await did(made, place, "files__read", path="./out/report.md", offset=8)
    assert (rest.text, rest.cut) == ("alles", False)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../outside.txt",
        "a/../../outside.txt",
        "a//b",
        ".hidden",
        "a/.ssh/x",
        "x\0y",
        "a\nb",
        "..",
        "/".join("abcdefghij"),
    ],
)
async def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.txt").write_text("secret")
    made, place = bench(tool("files", files={})), tmp_path / "run"
    for name, more in (("files__read", {}), ("files__write", {"text": "x"})):
        assert (await did(made, place, name, path=path, **more)).failed in {"invalid_arguments", "not_found"}
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["outside.txt"]
    assert (tmp_path / "outside.txt").read_text() == "secret"


async def test_links_are_not_followed_whatever_they_are(tmp_path: Path) -> None:
    made, place, outside = bench(tool("files", files={})), tmp_path / "run", tmp_path / "outside"
    place.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (place / "file").symlink_to(outside / "secret.txt")
    (place / "folder").symlink_to(outside)
    (place / "dangling").symlink_to(outside / "new.txt")
    os.mkfifo(place / "pipe")
    for path in ("file", "folder/secret.txt", "pipe", "dangling"):
        assert (await did(made, place, "files__read", path=path)).failed in {"refused", "not_found"}
        assert (await did(made, place, "files__write", path=path, text="x")).failed == "refused"
    assert (await did(made, place, "files__list")).data == []
    assert [one.name for one in outside.iterdir()] == ["secret.txt"]
    assert (outside / "secret.txt").read_text() == "secret"


def test_a_folder_holds_no_more_than_it_may(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "run"), Limits(file_bytes=10, folder_bytes=15, files=2))
    folder.write("a", b"x" * 10)
    for path, size in (("b", 11), ("b", 6)):
        with pytest.raises(ToolFailed, match="bytes"):
            folder.write(path, b"x" * size)
    folder.write("b", b"x" * 5)
    with pytest.raises(ToolFailed, match="2 files"):
        folder.write("c", b"")
    folder.write("a", b"y" * 10)
    assert folder.read("a") == (b"y" * 10, 10)
    folder.write("b", b"z", append=False)
    folder.write("b", b"z", append=True)
    assert folder.read("b")[0] == b"zz"
    assert sorted(one.path for one in folder.list()) == ["a", "b"]


async def test_another_folder_is_only_read_and_a_run_without_one_has_no_files(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.txt").write_text("shared")
    (tmp_path / "shared" / "b.bin").write_bytes(b"\0\1")
    made = bench(tool("shared", files={"folder": "shared"}), parts={"base": tmp_path})
    assert made.box.names() == ("shared__list", "shared__read")
    assert (await did(made, tmp_path / "run", "shared__read", path="a.txt")).text == "shared"
    assert (await did(made, tmp_path / "run", "shared__read", path="b.bin")).failed == "refused"
    own = bench(tool("files", files={}))
    assert (await own.call("files__list")).text == "This run has no folder for files."


async def test_tables_are_written_as_csv_without_formulas(tmp_path: Path) -> None:
    made = bench(tool("table", writer={"format": "csv", "folder": "out"}))
    rows = [["late", 3], ["=HYPERLINK(1)", -2.5], [None, True], ['a "b", c\nd', "+41"]]
    result = await did(made, tmp_path, "table", file="causes", columns=["cause", "n"], rows=rows)
    assert result.data["path"] == "out/causes.csv"
    read = list(csv.reader(io.StringIO((tmp_path / "out/causes.csv").read_bytes().decode(), newline="")))
    assert read == [["cause", "n"], ["late", "3"], ["'=HYPERLINK(1)", "-2.5"], ["", "true"], ['a "b", c\nd', "'+41"]]
    wrong = await did(made, tmp_path, "table", file="x", columns=["a"], rows=[[1, 2]])
    assert wrong.text == "Row 1 has 2 cells; there are 1 columns."


async def test_markdown_is_written_with_its_title(tmp_path: Path) -> None:
    made = bench(tool("note", writer={"format": "markdown"}))
    await did(made, tmp_path, "note", file="a.md", title="Causes", markdown="- late\n\n")
    assert (tmp_path / "a.md").read_text() == "# Causes\n\n- late\n"
    assert (await did(made, tmp_path, "note", file="../a", markdown="x")).failed == "invalid_arguments"


TEXT = """# Causes

Most were **late**, some *broken*, none `lost`,
on one line.

1. first
2. second
   - inner

> quoted

| cause | n |
| --- | ---: |
| late | 3 |
| broken |

```
code | here
```
"""


async def test_a_word_document_has_what_the_markdown_says_and_is_the_same_each_time(tmp_path: Path) -> None:
    made = bench(tool("report", writer={"format": "docx"}))
    first = await did(made, tmp_path, "report", file="a", title="October\x0b", markdown=TEXT)
    second = await did(made, tmp_path, "report", file="b", title="October\x0b", markdown=TEXT)
    assert first.data["sha256"] == second.data["sha256"]
    word = Word(str(tmp_path / "a.docx"))
    said = [(one.style.name, one.text) for one in word.paragraphs]
    assert said == [
        ("Title", "October"),
        ("Heading 1", "Causes"),
        ("Normal", "Most were late, some broken, none lost, on one line."),
        ("List Number", "first"),
        ("List Number", "second"),
        ("List Bullet 2", "inner"),
        ("Quote", "quoted"),
        ("Normal", "code | here"),
    ]
    assert [run.text for run in word.paragraphs[2].runs if run.bold] == ["late"]
    assert [[cell.text for cell in row.cells] for row in word.tables[0].rows] == [
        ["cause", "n"],
        ["late", "3"],
        ["broken", ""],
    ]
