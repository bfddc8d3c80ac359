"""Plans, and what they rest on, as lines of text."""

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from antiphon.cli import text
from antiphon.core.finding import Finding
from antiphon.core.plan import Envelope, Plan, Predicted, Tried
from antiphon.core.receipt import Noted, Rated
from antiphon.core.signal import Fact
from antiphon.core.verdict import Verdict
from antiphon.core.view import Slice

FOUND = {"false": "does not hold", "unknown": "unknown", "error": "failed"}


def fact_lines(facts: Iterable[Fact]) -> list[str]:
    """Facts that were asked for: what they say, how sure that is, what they took, and why they are unknown."""
    return text.table((one.name, _value(one), f"{one.confidence:.0%}", f"{one.took_us} us", one.why) for one in facts)


def _value(one: Fact) -> str:
    if one.value is None:
        return "unknown"
    if isinstance(one.value, float):
        return f"{one.value:.6g}"
    return ", ".join(one.value) if isinstance(one.value, tuple) else str(one.value)


def tried_lines(tried: Iterable[Tried], rule: str) -> list[str]:
    """Rules in the order in which they were looked at, to the one that held."""
    rows = [(one.rule, FOUND[one.found] + (f": {one.why}" if one.why else "")) for one in tried]
    return text.table([*rows, (rule, "holds") if rule else ("the route's default", "no rule holds")])


def candidate_lines(plan: Plan, predicted: Iterable[Predicted]) -> list[str]:
    """Candidates, why each lost, and what is expected of each; behind them those that come after the first, in order."""
    known = {one.deployment: one for one in predicted}
    rows = {one.deployment: one.lost or "may answer" for one in plan.candidates}
    behind = (name for step in plan.steps for one in step.fallbacks for name in one.deployments)
    for name in behind:
        if name in known:
            rows.setdefault(name, "stands in")
    return text.table(
        ((name, said, *_expected(known.get(name, Predicted()))) for name, said in rows.items()),
        ("", "", "cost", "quality", "first token", "total"),
    )


def _expected(one: Predicted) -> tuple[str, str, str, str]:
    return cost(one), quality(one), _s(one.first_token_s, one.first_token_p95_s), _s(one.total_s, one.total_p95_s)


def cost(one: Predicted) -> str:
    """`$0.0012 ($0.0003 to $0.0048)`."""
    if one.cost_nano_usd is None:
        return "unknown"
    if one.cost_low_nano_usd is None or one.cost_high_nano_usd is None:
        return text.dollars(one.cost_nano_usd)
    return f"{text.dollars(one.cost_nano_usd)} ({text.dollars(one.cost_low_nano_usd)} to {text.dollars(one.cost_high_nano_usd)})"


def quality(one: Predicted) -> str:
    if one.quality is None:
        return "unknown"
    between = (
        ""
        if one.quality_low is None or one.quality_high is None
        else f" ({one.quality_low:.2f} to {one.quality_high:.2f})"
    )
    return f"{one.quality:.2f}{between}"


def _s(median: float | None, p95: float | None) -> str:
    if median is None:
        return "unknown"
    return text.seconds(median) + (f", p95 {text.seconds(p95)}" if p95 is not None else "")


def step_lines(plan: Plan) -> list[str]:
    """The recipe's tree: each step behind those that it waits for."""
    depth: dict[str, int] = {}
    lines: list[str] = []
    for step in plan.steps:
        depth[step.name] = max((depth.get(name, 0) + 1 for name in step.after), default=0)
        calls = f", up to {step.envelope.calls} calls" if step.envelope.calls > 1 else ""
        role = f" ({step.role})" if step.role else ""
        who = " or ".join(step.deployments) or "nobody"
        stands = "".join(f"; then {', '.join(one.deployments)} ({one.on})" for one in step.fallbacks)
        after = f", after {', '.join(step.after)}" if step.after else ""
        only = f", only if {step.only_if}" if step.only_if else ""
        lines.append(f"{'  ' * depth[step.name]}{step.name}{role}: {who}{stands}{calls}{after}{only}")
    return lines


def envelope_line(one: Envelope) -> str:
    """`4 calls, 8 at once, 60 s, $0.05, 2000 output tokens`."""
    parts = [
        text.counted(one.calls, "call"),
        f"{one.concurrency} at once",
        f"{one.attempts} attempts each",
        f"{one.seconds:g} s",
        text.dollars(one.money_nano_usd) if one.money_nano_usd is not None else "",
        f"{one.output_tokens} output tokens" if one.output_tokens is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def noted_lines(steps: Iterable[Noted]) -> list[str]:
    """What a recipe decided, in order."""
    return text.table(
        (text.micros(one.at_us), one.step, one.what, "" if one.score is None else f"{one.score:.2f}", one.why)
        for one in steps
    )


def rated_lines(rated: Iterable[Rated]) -> list[str]:
    """How good answers of a recipe's steps were found to be."""
    return text.table(
        (text.micros(one.at_us), one.step, one.deployment, f"{one.score:.2f}", f"by {one.source}") for one in rated
    )


def seen_lines(seen: Slice) -> list[str]:
    """How deployments stood when the plan was made."""
    rows = [
        (
            one.deployment,
            "ready" if one.ready else one.trouble,
            _s(one.first_token_p50_s, one.first_token_p95_s),
            _s(one.total_p50_s, one.total_p95_s),
            "" if one.errors is None else f"{one.errors:.0%} errors",
        )
        for one in seen.standings
    ]
    lines = text.table(rows, ("", "", "first token", "total", "")) if rows else []
    lines += [
        f"{one.deployment} on {one.route}{f', {one.task}' if one.task else ''}: quality {one.mean:.2f} "
        f"({one.low:.2f} to {one.high:.2f}), {one.count:.0f} scores"
        for one in seen.qualities
    ]
    return lines + [f"budget {name}: {share:.0%} used" for name, share in seen.budgets]


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """What guards found: where, what, and what was done."""
    return text.table(
        (
            one.side,
            one.where,
            f"{one.start}-{one.end}",
            one.kind,
            f"by {one.guard} ({one.rule}{'' if one.score == 1 else f', {one.score:.2f}'})",
            f"would {one.action}" if one.shadow else one.action,
        )
        for one in findings
    )


def obligations(verdict: Verdict | None) -> str:
    """What a verdict obliges to; empty: nothing."""
    said: dict[str, Any] = {} if verdict is None else msgspec.to_builtins(verdict.obligations)
    return "; ".join(f"{name} {_said(value)}" for name, value in said.items())


def _said(value: object) -> str:
    return ", ".join(map(str, cast("list[object]", value))) if isinstance(value, list | tuple) else str(value)
