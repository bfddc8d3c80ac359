"""The house keeps its shape: short files, short functions, no cycles, a small path."""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "antiphon"
FILES = sorted([*SOURCE.rglob("*.py"), *(ROOT / "bench").rglob("*.py")])
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_GATEWAY_LINES = 1000
EXCEPTIONS: dict[str, int] = {}
"""Files or functions that are longer, with the length that they may have: may only shrink."""
MAX_EXCEPTIONS = 0


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= EXCEPTIONS.get(name(path), MAX_FILE_LINES)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_its_functions_are_short(path: Path) -> None:
    long = {one: lines for one, lines in functions(path) if lines > EXCEPTIONS.get(one, MAX_FUNCTION_LINES)}
    assert not long


def test_the_list_of_exceptions_only_shrinks() -> None:
    assert len(EXCEPTIONS) <= MAX_EXCEPTIONS
    known = {name(path) for path in FILES} | {one for path in FILES for one, _ in functions(path)}
    assert EXCEPTIONS.keys() <= known


def test_the_path_is_small() -> None:
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in (SOURCE / "gateway").rglob("*.py"))
    assert lines < MAX_GATEWAY_LINES


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("antiphon")
    cycles = {
        module
        for module in graph.modules
        if any(
            graph.find_shortest_chain(imported, module) for imported in graph.find_modules_directly_imported_by(module)
        )
    }
    assert not cycles


def test_only_config_reads_the_environment() -> None:
    readers = {
        path.relative_to(SOURCE).parts[0]
        for path in SOURCE.rglob("*.py")
        if any(
            isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    }
    assert readers <= {"config"}
