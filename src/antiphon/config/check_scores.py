"""Mistakes among scores and in expressions."""

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError
from typing import cast

from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.core.signal import Declared
from antiphon.expr.error import ExpressionError
from antiphon.expr.expression import Expression
from antiphon.expr.expression import compile as compiled
from antiphon.expr.kinds import Gives
from antiphon.routing.environment import Environment
from antiphon.routing.scores import in_order, needs
from antiphon.routing.settings_rules import BandSettings, ScoreSettings, TermSettings
from antiphon.wire.yaml_node import Path

SAYABLE = re.compile(r"[A-Za-z0-9_./-]+")
"""Names that an expression can write, if need be in backticks."""


def check_scores(scores: Mapping[str, ScoreSettings], written: Written, env: Environment) -> Iterator[Problem]:
    """Terms that say nothing or two things, expressions that can't be compiled, bands out of order, scores in a loop."""
    graph: dict[str, frozenset[str]] = {}
    for name, score in scores.items():
        path: Path = ("scores", name)
        if not SAYABLE.fullmatch(name):
            yield written.problem(
                path, "no expression can write this name", "use letters, digits, `_`, `-`, `.` and `/`"
            )
        found: list[str] = []
        for at, term in zip(written.kept((*path, "add")), score.add, strict=True):
            yield from _term(term, (*path, "add", at), written, env, found)
        graph[name] = needs(found)
        if score.bands:
            yield from _bands(score.bands, (*path, "bands"), written)
    yield from _loop(graph, written)


def expression(
    text: str, path: Path, written: Written, env: Mapping[str, Declared], gives: Gives = "bool"
) -> Expression | Problem:
    """An expression, or what is wrong with it."""
    try:
        return compiled(text, env, gives)
    except ExpressionError as error:
        line = f"line {error.line}, " if "\n" in text else ""
        token = f" at `{error.token}`" if error.token else ""
        return written.problem(path, f"{line}column {error.column}{token}: {error.wrong}", error.remedy)


def _term(term: TermSettings, path: Path, written: Written, env: Environment, names: list[str]) -> Iterator[Problem]:
    """`names` is told which facts it asks for."""
    if not written.sound((*path, "when"), (*path, "of")):
        return
    if (term.when is None) == (term.of is None):
        wrong = "has neither `when` nor `of`" if term.when is None else "has `when` and `of`, and only one is possible"
        yield written.problem(path, wrong, "write `when:` and a condition, or `of:` and a number")
        return
    for key in ("per", "most"):
        if term.when is not None and written.has((*path, key)):
            yield written.problem((*path, key), "has no effect beside `when`", "leave it out, or write `of:`")
    key, text, gives = ("of", term.of, "number") if term.of is not None else ("when", term.when, "bool")
    found = expression(text or "", (*path, key), written, env, cast("Gives", gives))
    if isinstance(found, Problem):
        if written.sound(("signals",)):
            yield found
    else:
        names.extend(found.names)


def _bands(bands: list[BandSettings], path: Path, written: Written) -> Iterator[Problem]:
    seen: set[str] = set()
    before: float | None = None
    kept = written.kept(path)
    for at, band in zip(kept, bands, strict=True):
        where = (*path, at)
        if band.name in seen:
            yield written.problem((*where, "name"), f"another band is called {band.name}", "give each its own name")
        seen.add(band.name)
        last = band is bands[-1]
        if last and band.below is not None:
            yield written.problem(
                (*where, "below"), "a score may be above the last band", "leave `below` of the last one out"
            )
        elif not last and band.below is None and written.sound((*where, "below")):
            yield written.problem(where, "has no end, so no band after it is reached", "write `below:`")
        elif band.below is not None and before is not None and band.below <= before:
            wrong = f"{band.below:g} is not above the {before:g} of the band before"
            yield written.problem((*where, "below"), wrong, "write bands from the lowest to the highest")
        before = band.below if band.below is not None else before


def _loop(graph: Mapping[str, frozenset[str]], written: Written) -> Iterator[Problem]:
    try:
        in_order(graph)
    except CycleError as error:
        loop = cast("list[str]", error.args[1])
        # graphlib names what is needed before what needs it.
        wrong = f"scores need each other: {' -> '.join(reversed(loop))}"
        yield written.problem(("scores", loop[-1]), wrong, "let one of them do without the next")
