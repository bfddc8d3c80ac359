"""Every fenced block of every page runs, or is validated as what it is."""

import configparser
import importlib.util
import json
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable

import pytest
import yaml
from pages import configurations
from pages.desk import MAKE_SERVE, Desk, serving
from pages.page import ROOT, Block, Page, pages

from antiphon.cli.commands import parser
from antiphon.policy.compile import rules_of
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

PAGES = [page for page in pages() if page.blocks and not page.generated]
REMARKS = {
    "sh": {"", "not run", "answers an error", "needs"},
    "python": {"", "not run", "needs"},
    "yaml": {"", "not run", "fragment", "file", "lab"},
    "json": {""},
    "cedar": {"", "file"},
    "ini": {""},
    "toml": {""},
    "text": {""},
}
MOST_NOT_RUN = 10
TOOLS = ("bash", "curl")


def starts(page: Page) -> bool:
    return any(block.lang == "sh" and block.remark != "not run" and serving(block.text) for block in page.blocks)


@pytest.mark.processes
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_says(page: Page, request: pytest.FixtureRequest) -> None:
    missing = [tool for tool in (*TOOLS, *(["openssl"] if "openssl " in page.text else [])) if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    desk: Desk = request.getfixturevalue("desk" if starts(page) else "shared")
    printed = ""
    for block in page.blocks:
        try:
            if lacks(block):
                continue
            if block.lang == "text":
                expect(block.text, printed, desk)
            elif block.remark != "not run" or block.lang == "yaml":
                printed = TRIES[block.lang](block, desk)
        except Exception as error:
            error.add_note(f"at {block}")
            raise


def lacks(block: Block) -> bool:
    """Whether a block needs a package that isn't installed here."""
    return block.remark == "needs" and importlib.util.find_spec(block.said) is None


def expect(expected: str, printed: str, desk: Desk) -> None:
    """What a page shows is what was printed; `…` stands for anything."""
    pieces = (re.escape(piece) for piece in desk.placed(_trimmed(expected)).split("…"))
    pattern = ".*?".join(pieces)
    assert re.fullmatch(pattern, _trimmed(printed), re.DOTALL), f"the page shows:\n{expected}\n--- printed:\n{printed}"


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def sh(block: Block, desk: Desk) -> str:
    command = serving(block.text)
    return desk.serve(command) if command else desk.shell(block.text, lenient=block.remark == "answers an error")


def python(block: Block, desk: Desk) -> str:
    return desk.python(block.text)


def yaml_(block: Block, desk: Desk) -> str:
    text = desk.placed(block.text)
    match block.remark:
        case "not run":
            yaml.safe_load(text)
        case "fragment":
            configurations.fragment(text, str(block), desk.home)
        case "lab":
            configurations.lab(desk.write(block.said, text))
        case "file":
            desk.write(block.said, text)
            configurations.whole(text, str(block), desk.home)
        case _:
            configurations.whole(text, str(block), desk.home)
    return ""


def json_(block: Block, desk: Desk) -> str:
    json.loads(block.text)
    return ""


def cedar(block: Block, desk: Desk) -> str:
    """Policies that hold with the schema."""
    _, wrong = rules_of([Source(name=str(block), text=block.text)], PolicySettings().tiers)
    assert not wrong
    if block.remark == "file":
        desk.write(block.said, block.text)
    return ""


def ini(block: Block, desk: Desk) -> str:
    """A systemd unit whose command we would take."""
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.read_string(block.text)
    assert unit.sections() == ["Unit", "Service", "Install"]
    parser().parse_args(shlex.split(unit["Service"]["ExecStart"])[1:])
    return ""


def toml(block: Block, desk: Desk) -> str:
    assert tomllib.loads(block.text)
    return ""


TRIES: dict[str, Callable[[Block, Desk], str]] = {
    "sh": sh,
    "python": python,
    "yaml": yaml_,
    "json": json_,
    "cedar": cedar,
    "ini": ini,
    "toml": toml,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_are_of_kinds_that_are_tried(page: Page) -> None:
    assert [str(block) for block in page.blocks if block.remark not in REMARKS.get(block.lang, set())] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_as_output_follows_what_prints_it(page: Page) -> None:
    before = [None, *page.blocks]
    lost = [
        str(block)
        for last, block in zip(before, page.blocks, strict=False)
        if block.lang == "text" and (last is None or last.lang not in ("sh", "python") or last.remark == "not run")
    ]
    assert lost == []


def test_blocks_that_are_not_run_say_why_and_are_few() -> None:
    left = [block for page in PAGES for block in page.blocks if block.remark == "not run"]
    assert [str(block) for block in left if len(block.said) < 10] == []
    assert len(left) <= MOST_NOT_RUN


def test_make_serve_is_the_command_that_stands_for_it_here() -> None:
    assert f"\t$(BIN)/{MAKE_SERVE} $(ARGS)\n" in (ROOT / "Makefile").read_text()
