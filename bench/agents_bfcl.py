"""BFCL's multi-turn scenarios through our tool layer, loop and gate: the true calls, made by a scripted model.

python -m venv bfcl && bfcl/bin/pip install -e . mpmath && bfcl/bin/pip install --no-deps bfcl-eval==2026.3.23
bfcl/bin/python bench/agents_bfcl.py
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
from antiphon.core.tool import Tool  # noqa: E402
from lib.machine import machine, versions  # noqa: E402 - found by the line above
from suites import bfcl  # noqa: E402
from suites.planners import plan  # noqa: E402
from suites.scripted import FunctionHand, Made, Script, play  # noqa: E402

METHOD = """\
Each turn of a conversation is a run of the loop; the classes of the suite keep their state between them. The model is a script that \
plays the true calls as native tool calls; the tool layer checks them against the suite's schemas (with its types in the words of \
JSON Schema), mends what is plainly meant and makes them. A scenario is right when after each turn the public attributes of every \
instance, and the results of the calls, equal those of instances on which the true calls were made directly. The gate is the \
default, with inferred labels. Nothing was tuned on this suite, though its file tools have the names of Unix commands, which the word lists know; the approvals tell how often it asks \
without cause; a person grants them all. One schema is widened: scenario 173 calls `close_ticket` with the text `ticket_001`, where \
the suite's own schema says integer. With that schema as it is, the tool layer refuses this call and 199 of 200 are right."""


class Figures(Struct):
    """What came of all scenarios."""

    scenarios: int = 0
    right: int = 0
    turns: int = 0
    turns_free: int = 0
    """Turns without an approval."""
    calls: int = 0
    calls_asked: int = 0
    calls_mended: int = 0
    tools: int = 0
    wrong: list[str] = field(default_factory=list[str])
    reasons: dict[str, int] = field(default_factory=dict[str, int])


async def scenario(one: bfcl.Scenario, figures: Figures) -> bool:
    ours, theirs = bfcl.instances(one), bfcl.instances(one)
    tools = {tool.name: tool for name in one.classes for tool in bfcl.tools(name)}
    right = True
    for said, written in one.turns:
        steps = [bfcl.step(call, theirs) for call in written]
        expected = [bfcl.work(bfcl.method_of(step.name, theirs)) for step in steps]
        wanted: list[Any] = []
        for step, direct in zip(steps, expected, strict=True):
            try:
                wanted.append(direct(step.arguments).data)
            except Exception as error:  # noqa: BLE001 - the suite's own errors are compared too
                wanted.append(str(error))
        made = Made()
        hands = [FunctionHand(tool, bfcl.work(bfcl.method_of(tool.name, ours)), made) for tool in tools.values()]
        script = Script(goal=said, steps=steps, plan=_plan(said, tools, [step.name for step in steps]))
        await play(script, hands, SafetySpec(), made)
        _count(figures, made, steps)
        got = [result.data for _, result in made.calls]
        right = right and bfcl.same(ours, theirs) and got == wanted
    return right


def _plan(said: str, tools: dict[str, Tool], names: list[str]) -> Any:
    return plan("ground", said, tools, names or [min(tools)])


def _count(figures: Figures, made: Made, steps: list[Any]) -> None:
    figures.turns += 1
    figures.turns_free += not made.asked
    figures.calls += len(made.calls)
    figures.calls_asked += len(made.asked)
    figures.calls_mended += sum(
        done.arguments != step.arguments for (done, _), step in zip(made.calls, steps, strict=False)
    )
    for told in made.asked:
        reason = told.rpartition(" ")[2].partition(":")[0]
        figures.reasons[reason] = figures.reasons.get(reason, 0) + 1


async def measure(most: int) -> Figures:
    figures = Figures(tools=sum(len(bfcl.tools(name)) for name in _classes()))
    for place, one in enumerate(bfcl.scenarios()):
        if place == most:
            break
        figures.scenarios += 1
        if await scenario(one, figures):
            figures.right += 1
        else:
            figures.wrong.append(one.id)
    return figures


def _classes() -> set[str]:
    return {name for one in bfcl.scenarios() for name in one.classes}


def page(day: str, figures: Figures, took_s: float) -> str:
    box, software = machine(), versions()
    verdict = "**met**" if figures.right == figures.scenarios == 200 else "**missed**"
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(figures.reasons.items())) or "none"
    return "\n".join(
        [
            f"# Tools over several turns: BFCL multi_turn_base, {day}",
            "",
            f"Command: `python bench/agents_bfcl.py`, {took_s:.0f} s. {METHOD}",
            "",
            f"Versions: bfcl-eval {importlib.metadata.version('bfcl-eval')}, antiphon {software['antiphon']}, python {software['python']}. Machine: {box['cpu']}, {box['cores']} cores.",
            "",
            "| what | value | target |",
            "| --- | --- | --- |",
            f"| scenarios with the true state and results after every turn | {figures.right} of {figures.scenarios} | 200 of 200: {verdict} |",
            f"| calls made through the tool layer, of {figures.tools} tools | {figures.calls:,} | none |",
            f"| of them with arguments that were mended | {figures.calls_mended} | none |",
            f"| turns without an approval | {figures.turns_free} of {figures.turns} ({figures.turns_free / figures.turns:.1%}) | none |",
            f"| calls put before a person | {figures.calls_asked} of {figures.calls} ({figures.calls_asked / max(1, figures.calls):.1%}) | none |",
            "",
            f"Why calls were put before a person, first reason each: {reasons}.",
            *(["", f"Not right: {', '.join(figures.wrong)}."] if figures.wrong else []),
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=-1, help="scenarios; default: all 200")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    began_s = time.monotonic()
    figures = asyncio.run(measure(asked.most))
    day = datetime.now(UTC).date().isoformat()
    text = page(day, figures, time.monotonic() - began_s)
    print(text)
    if asked.out is not None:
        stem = asked.out / f"{day}-agents-bfcl"
        told = {"date": day, "figures": to_builtins(figures), "versions": versions(), "machine": machine()}
        stem.with_suffix(".md").write_text(text)
        stem.with_suffix(".json").write_text(json.dumps(told, indent=2, default=str) + "\n")
    return 0 if figures.right == figures.scenarios else 1


if __name__ == "__main__":
    sys.exit(main())
