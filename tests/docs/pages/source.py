"""What stands in the source: found by reading its syntax, so that nothing is forgotten."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pages.page import ROOT

SOURCE = ROOT / "src" / "antiphon"


@cache
def modules(*, without: tuple[str, ...] = ()) -> dict[str, ast.Module]:
    """Every module by its path below `src/antiphon`, but for those in some folders."""
    files = {str(path.relative_to(SOURCE)): path for path in sorted(SOURCE.rglob("*.py"))}
    return {name: ast.parse(path.read_text("utf-8")) for name, path in files.items() if not name.startswith(without)}


def module(name: str) -> ast.Module:
    return ast.parse((SOURCE / name).read_text("utf-8"))


def texts(node: ast.AST) -> Iterator[str]:
    """Every text constant in a piece of syntax."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def byte_texts(node: ast.AST) -> Iterator[str]:
    """Every bytes constant, as text."""
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, bytes):
            yield one.value.decode("latin-1")


def keywords(node: ast.AST, name: str) -> Iterator[str]:
    """Texts that calls are given by a keyword; through a name, what that name was assigned in the module."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            for keyword in call.keywords:
                if keyword.arg == name:
                    yield from texts(keyword.value)


def assigned(node: ast.AST, name: str) -> ast.expr | None:
    """What a name is assigned, the first time."""
    for one in ast.walk(node):
        if isinstance(one, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in one.targets):
            return one.value
    return None


def attributes(node: ast.AST, of: str) -> set[str]:
    """Names that are read from a module that was imported by its own name."""
    return {
        one.attr
        for one in ast.walk(node)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == of
    }


__all__ = ["Path", "assigned", "attributes", "byte_texts", "keywords", "module", "modules", "texts"]
