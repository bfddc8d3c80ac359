"""tau2's retail tasks through our tool layer, loop and gate: the expected actions, made by a scripted model.

python -m venv tau2 && tau2/bin/pip install -e . pydantic pyyaml && tau2/bin/pip install --no-deps inspect-evals==0.28.0
tau2/bin/python bench/agents_tau2.py
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field, to_builtins

BENCH = Path(__file__).parent
sys.path[:0] = [str(BENCH), str(BENCH.parent / "src"), str(BENCH.parent / "tests" / "support")]

from antiphon.agents.documents.document import SafetySpec  # noqa: E402
from antiphon.agents.hands import ToolFailed  # noqa: E402
from lib.machine import machine, versions  # noqa: E402 - found by the line above
from suites import tau2  # noqa: E402
from suites.planners import plan  # noqa: E402
from suites.scripted import FunctionHand, Made, Script, play  # noqa: E402

METHOD = """\
Each task is a run of the loop. The model is a script that plays the expected actions as native tool calls through the tool layer; \
what the suite's simulated user would tell in several turns stands in the goal. A task is right when the database then has the hash \
that it has after the same actions were made on it directly, which is the suite's own measure, and each call came to the same \
end. The gate is the default, with labels inferred from signatures and docstrings. It was measured here before anything was \
mended on it: of the first five tasks two went without an approval, since ids of items are as long as account numbers; since then long digits in \
an argument that takes an id, and no account, choose among what there is. A person grants what is asked for."""


class Figures(Struct):
    """What came of all tasks."""

    tasks: int = 0
    right: int = 0
    free: int = 0
    clean: int = 0
    """Tasks whose expected actions all go well."""
    calls: int = 0
    failed: int = 0
    asked: int = 0
    wrong: list[str] = field(default_factory=list[str])
    reasons: dict[str, int] = field(default_factory=dict[str, int])


async def task(one: tau2.Task, kind: Any, start: Any, about: dict[str, str], figures: Figures) -> bool:
    ours, theirs = tau2.fresh(kind, start), tau2.fresh(kind, start)
    wanted = [_directly(tau2.work(tau2.methods(theirs)[step.name]), step.arguments) for step in one.steps]
    methods = tau2.methods(ours)
    tools = {name: tau2.tool_of(name, method, about) for name, method in methods.items()}
    made = Made()
    got: list[str] = []
    hands = [FunctionHand(tool, _noting(tau2.work(methods[name]), got), made) for name, tool in tools.items()]
    planned = plan("ground", one.said, tools, [step.name for step in one.steps] or [min(tools)])
    await play(Script(goal=one.said, steps=one.steps, plan=planned), hands, SafetySpec(), made)
    failed = sum(said.startswith("failed: ") for said in wanted)
    figures.calls, figures.failed = figures.calls + len(wanted), figures.failed + failed
    figures.asked, figures.free = figures.asked + len(made.asked), figures.free + (not made.asked)
    figures.clean += not failed
    for told in made.asked:
        reason = f"{told.partition(':')[0]} {told.rpartition(' ')[2]}"
        figures.reasons[reason] = figures.reasons.get(reason, 0) + 1
    return ours.db.get_hash() == theirs.db.get_hash() and got == wanted


def _directly(work: Any, arguments: dict[str, Any]) -> str:
    try:
        return work(arguments).text
    except ToolFailed as error:
        return f"failed: {error.say}"


def _noting(work: Any, got: list[str]) -> Any:
    def done(arguments: dict[str, Any]) -> Any:
        got.append(_directly_kept(work, arguments, kept := []))
        if isinstance(kept[0], ToolFailed):
            raise kept[0]
        return kept[0]

    return done


def _directly_kept(work: Any, arguments: dict[str, Any], kept: list[Any]) -> str:
    try:
        kept.append(work(arguments))
    except ToolFailed as error:
        kept.append(error)
        return f"failed: {error.say}"
    return kept[0].text


async def measure(most: int) -> Figures:
    kind = tau2.load()
    start, about, figures = tau2.beginning(kind), tau2.described(), Figures()
    for place, one in enumerate(tau2.tasks()):
        if place == most:
            break
        figures.tasks += 1
        if await task(one, kind, start, about, figures):
            figures.right += 1
        else:
            figures.wrong.append(one.id)
    return figures


def page(day: str, figures: Figures, took_s: float) -> str:
    box, software = machine(), versions()
    verdict = "**met**" if figures.right == figures.tasks == 114 else "**missed**"
    reasons = (
        ", ".join(f"{name} {count}" for name, count in sorted(figures.reasons.items(), key=lambda one: -one[1]))
        or "none"
    )
    return "\n".join(
        [
            f"# Retail tasks replayed: tau2, {day}",
            "",
            f"Command: `python bench/agents_tau2.py`, {took_s:.0f} s. {METHOD}",
            "",
            f"Versions: inspect-evals {importlib.metadata.version('inspect-evals')} (data of tau2), antiphon {software['antiphon']}, python {software['python']}. Machine: {box['cpu']}, {box['cores']} cores.",
            "",
            "| what | value | target |",
            "| --- | --- | --- |",
            f"| tasks with the expected database and results | {figures.right} of {figures.tasks} | 114 of 114: {verdict} |",
            f"| calls; of them refused by the suite's own tools, both ways | {figures.calls}; {figures.failed} | none |",
            f"| tasks whose expected actions all go well | {figures.clean} | none |",
            f"| tasks without an approval | {figures.free} ({figures.free / figures.tasks:.1%}) | none |",
            f"| calls put before a person | {figures.asked} ({figures.asked / max(1, figures.calls):.1%}) | none |",
            "",
            f"Why calls were put before a person, last reason each: {reasons}.",
            *(["", f"Not right: {', '.join(figures.wrong)}."] if figures.wrong else []),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=-1, help="tasks; default: all 114")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    began_s = time.monotonic()
    figures = asyncio.run(measure(asked.most))
    day = datetime.now(UTC).date().isoformat()
    text = page(day, figures, time.monotonic() - began_s)
    print(text)
    if asked.out is not None:
        stem = asked.out / f"{day}-agents-tau2"
        told = {"date": day, "figures": to_builtins(figures), "versions": versions(), "machine": machine()}
        stem.with_suffix(".md").write_text(text)
        stem.with_suffix(".json").write_text(json.dumps(told, indent=2, default=str) + "\n")
    return 0 if figures.right == figures.tasks else 1


if __name__ == "__main__":
    sys.exit(main())
