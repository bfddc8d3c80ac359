"""`antiphon explain`."""

import asyncio
import sys
from argparse import Namespace
from pathlib import Path
from urllib.parse import quote

import msgspec

from antiphon.cli import plan_page, text
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import bold, document, put
from antiphon.control.explain import Explanation
from antiphon.core.error import BadRequest, UpstreamMalformed


def run(arguments: Namespace) -> int:
    """Show the plan of a request, without running it."""
    body = _body(arguments)
    where = address(arguments)
    headers = {"Content-Type": "application/json"}
    if arguments.objective:
        headers["x-antiphon-objective"] = arguments.objective
    if arguments.impact:
        headers["x-antiphon-impact"] = arguments.impact
    said = asyncio.run(_explained(where, body, headers, arguments.dialect, arguments.model))
    try:
        found = msgspec.json.decode(said, type=Explanation)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} gave no plan ({error}); check --url") from error
    if arguments.json:
        document(msgspec.json.decode(said))
    else:
        put("\n".join(page(found)))
    return Exit.OK


def _body(arguments: Namespace) -> bytes:
    """The request: a prompt, or a whole body. Raises: BadRequest."""
    if arguments.body is not None:
        try:
            return sys.stdin.buffer.read() if arguments.body == "-" else Path(arguments.body).read_bytes()
        except OSError as error:
            raise BadRequest(f"--body: {arguments.body} can't be read: {error.strerror}") from error
    prompt = arguments.prompt if arguments.prompt is not None else sys.stdin.read()
    messages = [{"role": "system", "content": arguments.system}] if arguments.system else []
    messages.append({"role": "user", "content": prompt})
    return msgspec.json.encode({"model": arguments.model, "messages": messages})


async def _explained(where: Address, body: bytes, headers: dict[str, str], dialect: str, model: str) -> bytes:
    async with connected(where) as gateway:
        path = f"/v1/explain?dialect={quote(dialect)}&model={quote(model, safe='')}"
        return await gateway.ask("POST", path, body, headers)


def page(found: Explanation) -> list[str]:
    """Everything that an explanation says, in the order in which it was decided."""
    plan = found.plan
    named = f" {plan.named}" if plan.named else ""
    head = [
        ("asked", found.model),
        ("plan", f"{plan.recipe}{named} on route {plan.route}, hash {found.plan_hash}"),
        ("rule", plan.rule or "the route's default"),
        ("branch", plan.branch),
        ("objective", found.objective),
        ("escalated", found.escalated),
        ("shadow", ", ".join(found.shadow)),
        ("class", found.data_class or ""),
        ("verdict", _verdict(found)),
        ("obliged to", plan_page.obligations(found.verdict)),
        ("expected", _expected(found)),
        ("held before", "unknown" if found.held_nano_usd is None else text.dollars(found.held_nano_usd)),
        ("envelope", plan_page.envelope_line(plan.envelope or plan.steps[0].envelope)),
        ("decided", f"under revision {found.revision}, in {found.took_us} us"),
    ]
    lines = [bold(f"Plan of a request for {found.model}"), *text.pairs(head)]
    lines += _section("Findings", plan_page.finding_lines(found.findings))
    lines += _section("Facts", plan_page.fact_lines(found.facts))
    if found.facts or found.tried:
        lines += _section("Rules", plan_page.tried_lines(found.tried, plan.rule))
    lines += _section("Candidates", plan_page.candidate_lines(plan, found.predicted))
    lines += _section("Steps", plan_page.step_lines(plan))
    lines += _section("The most that calls may use", _bounds(found))
    return lines + _section("Seen", plan_page.seen_lines(found.seen))


def _verdict(found: Explanation) -> str:
    verdict = found.verdict
    if verdict is None:
        return ""
    out = [f"{name} ({why})" for name, why in zip(verdict.excluded, verdict.why, strict=False)]
    return f"by {', '.join(verdict.reasons) or 'no rule'}" + (f"; not to {', '.join(out)}" if out else "")


def _expected(found: Explanation) -> str:
    one = found.expected
    known = [f"cost {plan_page.cost(one)}" if one.cost_nano_usd is not None else ""]
    known += [f"quality {plan_page.quality(one)}" if one.quality is not None else ""]
    known += [f"total {text.seconds(one.total_s)}" if one.total_s is not None else ""]
    return ", ".join(part for part in known if part) or "unknown"


def _bounds(found: Explanation) -> list[str]:
    return text.table(
        (
            one.step,
            f"{one.calls} x" if one.calls > 1 else "",
            "unknown" if one.money_nano_usd is None else text.dollars(one.money_nano_usd),
            "" if one.tokens is None else text.counted(one.tokens, "token"),
        )
        for one in found.bounds
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", bold(title), *text.indented(lines)] if lines else []
