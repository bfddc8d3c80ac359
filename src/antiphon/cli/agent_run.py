"""`antiphon agent run|attach|logs`: runs as they go."""

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from antiphon.cli import agent
from antiphon.cli.agent import Json, asked, run_path
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import aside, document, put, say
from antiphon.core.error import BadRequest, UpstreamBroken
from antiphon.core.money import NanoUsd, as_usd

MOST_LINE = 160


def run(arguments: Namespace) -> int:
    """Run the verb."""
    where = replace(address(arguments), timeout_s=arguments.timeout)
    if arguments.verb == "logs":
        return _logs(where, arguments)
    run_id = arguments.run if arguments.verb == "attach" else _begin(where, arguments)
    if arguments.verb == "run" and arguments.detach:
        put(run_id)
        return Exit.OK
    return asyncio.run(_attached(where, run_id, arguments))


def _begin(where: Address, arguments: Namespace) -> str:
    """Raises: AntiphonError."""
    fields: Json = {"agent": arguments.name, "input": _input(arguments)}
    for name, value in (("version", arguments.agent_version), ("session", arguments.session)):
        if value:
            fields[name] = value
    if arguments.priority != 5:
        fields["priority"] = arguments.priority
    return asked(where, "POST", agent.RUNS, fields, arguments.once or "")["id"]


def _input(arguments: Namespace) -> Any:
    """Raises: BadRequest, OSError."""
    if arguments.input:
        try:
            return msgspec.json.decode(Path(arguments.input).read_bytes())
        except msgspec.DecodeError as error:
            raise BadRequest(f"{arguments.input} holds no JSON: {error}") from error
    goal = arguments.goal if arguments.goal is not None else sys.stdin.read()
    if not goal.strip():
        arguments.parser.error("say what it is to do, or name a file with --input")
    return goal


async def _attached(where: Address, run_id: str, arguments: Namespace) -> int:
    last: Json = {}
    async for event in _events(where, run_id, follow=False):
        if "object" in event:
            last = event
        elif not arguments.json:
            aside(line(event))
    if arguments.json:
        document(last)
    elif last.get("status") == "done":
        put(agent.result_text(last))
    elif last.get("wait"):
        say("\n".join([f"The run {run_id} stands still.", *agent.waiting(last)]))
    else:
        say(
            f"The run {run_id} is {last.get('status', 'unknown')}: {last.get('stop', '')} {last.get('why', '')}".rstrip()
        )
    return Exit.OK if last.get("status") == "done" else Exit.FAILED


async def _events(where: Address, run_id: str, *, follow: bool, after: int = 0) -> AsyncGenerator[Json]:
    """What happens, and the run itself at the end."""
    path = f"{run_path(run_id, 'events')}?stream=true&after={after}{'&follow=true' if follow else ''}"
    async with connected(where) as gateway:
        async for data in gateway.events(await gateway.stream(path)):
            event = msgspec.json.decode(data, type=Json)
            if "error" in event:
                raise UpstreamBroken(f"{where.url} cut the run's events off: {event['error'].get('message', '')}")
            yield event


def _logs(where: Address, arguments: Namespace) -> int:
    if arguments.follow:
        return asyncio.run(_followed(where, arguments))
    page = asked(where, "GET", f"{run_path(arguments.run, 'events')}?after={arguments.after}")
    if arguments.json:
        document(page)
        return Exit.OK
    for event in page["data"]:
        put(line(event))
    return Exit.OK


async def _followed(where: Address, arguments: Namespace) -> int:
    found: list[Json] = []
    async for event in _events(where, arguments.run, follow=True, after=arguments.after):
        if "object" in event:
            continue
        if arguments.json:
            found.append(event)
        else:
            put(line(event))
            sys.stdout.flush()
    if arguments.json:
        document({"data": found})
    return Exit.OK


def line(event: Json) -> str:
    """One line for an event."""
    said = f"{event['at'][11:19]}  {event['seq']:>4}  {event['kind']:<10} {_about(event.get('body'))}"
    return said.rstrip()


def _about(body: object) -> str:
    if not isinstance(body, dict):
        return "" if body is None else _short(body)
    parts: list[str] = []
    for name, value in msgspec.convert(body, dict[str, Any]).items():
        if value in (None, "", [], {}):
            continue
        if name == "cost_nano_usd" and isinstance(value, int):
            parts.append(f"${as_usd(NanoUsd(value)).rstrip('0').rstrip('.')}")
        else:
            parts.append(f"{name}={_short(value)}")
    return " ".join(parts)[:MOST_LINE]


def _short(value: object) -> str:
    said = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    said = said.replace("\n", " ")
    return said if len(said) <= 80 else f"{said[:79]}…"
