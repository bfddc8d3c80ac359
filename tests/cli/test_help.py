"""Every command and option explains itself, in help and in the reference, and help comes at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from antiphon.cli.commands import parser
from antiphon.cli.exits import Exit
from antiphon.cli.parser import Parser
from antiphon.cli.reference import reference, told

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
MOST_CPU_S = 0.15


def tree(one: Parser) -> Iterator[Parser]:
    yield one
    for inner in one.commands.values():
        yield from tree(inner)


TREE = list(tree(parser()))
ENDS = [one for one in TREE if not one.commands]


@pytest.mark.parametrize("one", TREE, ids=lambda one: one.prog)
def test_a_command_has_help_and_so_has_each_of_its_arguments(one):
    assert one.description
    assert all(action.help and told(action) and "%(" not in told(action) for action in one.takes)


@pytest.mark.parametrize("one", ENDS, ids=lambda one: one.prog)
def test_a_command_is_run_by_a_module(one):
    module = one.get_default("module")
    assert (Path(__file__).parents[2] / "src" / "antiphon" / "cli" / f"{module}.py").is_file()
    assert one.get_default("parser") is one


@pytest.mark.parametrize("one", ENDS, ids=lambda one: one.prog)
def test_what_prints_json_says_in_which_shape(one):
    if any(action.dest == "json" for action in one.takes):
        assert one.epilog.startswith("With --json: ")


@pytest.mark.parametrize("code", Exit)
def test_an_exit_code_is_documented(code):
    assert code.meaning
    assert f"{code.value} {code.meaning}" in parser().epilog
    assert f"| {code.value} | {code.meaning} |" in PAGE.read_text("utf-8")


def test_the_reference_is_current():
    assert PAGE.read_text("utf-8") == reference(), "run `python -m antiphon.cli.reference > docs/reference/cli.md`"


@pytest.mark.parametrize("one", TREE, ids=lambda one: one.prog)
def test_the_reference_has_a_heading_for_everything(one):
    headings = {line.lstrip("# ") for line in reference().splitlines() if line.startswith("##")}
    assert f"`{one.prog}`" in headings
    for action in one.takes:
        name = action.option_strings[0] if action.option_strings else (action.metavar or action.dest).upper()
        assert action.dest == "help" or any(said.startswith(f"{one.prog} `{name}") for said in headings)


@pytest.mark.processes
@pytest.mark.parametrize("one", TREE, ids=lambda one: one.prog)
def test_help_is_on_stdout(antiphon, one):
    ran = antiphon(*one.prog.split()[1:], "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: {one.prog}")


@pytest.mark.processes
@pytest.mark.parametrize(
    "arguments",
    [(), ("nothing",), ("chat", "--nothing"), ("config",), ("serve", "--port", "70000"), ("chat", "--max", "3")],
)
def test_wrong_arguments_are_told_on_stderr_with_what_to_do(antiphon, arguments):
    ran = antiphon(*arguments)
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "--help`" in ran.err


@pytest.mark.processes
def test_help_takes_little_time():
    def cpu_s() -> float:
        process = subprocess.Popen([sys.executable, "-m", "antiphon", "--help"], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return used.ru_utime + used.ru_stime

    assert min(cpu_s() for _ in range(5)) < MOST_CPU_S


@pytest.mark.processes
def test_help_loads_none_of_the_rooms():
    script = "import sys, antiphon.cli.main, antiphon.cli.commands as c; c.parser().format_help(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("antiphon.")}
    assert rooms == {"cli", "core"}
    assert not {"asyncio", "msgspec", "yaml", "ssl", "json"} & set(loaded)
