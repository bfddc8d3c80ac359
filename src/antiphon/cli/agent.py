"""`antiphon agent list|ps|show|inbox|answer|approve|reject|say|cancel|kill|pause|resume|take-over|give-back|fork`."""

import asyncio
import json
from argparse import Namespace
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec

from antiphon.cli import text
from antiphon.cli.admin import office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import document, put, say
from antiphon.core.error import BadRequest, UpstreamMalformed

Json = dict[str, Any]
RUNS = "/v1/runs"


def run(arguments: Namespace) -> int:
    """Run the verb."""
    where = address(arguments)
    verbs: dict[str, Callable[[Address, Namespace], int]] = {
        "list": _list,
        "ps": _ps,
        "show": _show,
        "inbox": _inbox,
        "approve": _settle,
        "reject": _settle,
    }
    return verbs.get(arguments.verb, _tell)(where, arguments)


def asked(where: Address, method: str, path: str, fields: Json | None = None, once: str = "") -> Json:
    """A gateway's answer. Raises: AntiphonError."""

    async def ask() -> bytes:
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": once} if once else {})
        body = b"" if fields is None else msgspec.json.encode(fields)
        async with connected(where) as gateway:
            return await gateway.ask(method, path, body, headers if fields is not None else {})

    said = asyncio.run(ask())
    try:
        return msgspec.json.decode(said, type=Json)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} answered no JSON object ({error}); check --url") from error


def run_path(run_id: str, verb: str = "") -> str:
    """A run's path."""
    return f"{RUNS}/{quote(run_id, safe='')}{f'/{verb}' if verb else ''}"


def page(one: Json) -> list[str]:
    """A run for people."""
    used = one["used"]
    lines = [
        f"{one['id']}  {one['status']}{_stopped(one)}",
        f"agent      {one['agent']} {one['version']}, for {one['by']}",
        f"begun      {one['created']}" + (f", ended {one['ended']}" if one.get("ended") else ""),
        f"used       {used['steps']} steps, {used['calls']} calls of models, {used['tool_calls']} of tools",
        f"           {used['tokens']} tokens, ${used['usd']}, {used['seconds']:g} s",
    ]
    if one.get("taken_by"):
        lines.append(f"taken over by {one['taken_by']}")
    if one.get("forked_from"):
        lines.append(f"forked     from {one['forked_from']}")
    if one.get("why"):
        lines.append(f"because    {one['why']}")
    lines += ["", "input", *text.indented(_block(one.get("input")))]
    if one.get("wait"):
        lines += ["", *waiting(one)]
    if one.get("result") is not None:
        lines += ["", "answer", *text.indented(_block(one["result"]))]
    return lines


def waiting(one: Json) -> list[str]:
    """What a run waits for, and how to answer it."""
    wait = one["wait"]
    until = f", until {wait['until']}" if wait.get("until") else ""
    to = f" of the role {wait['to']}" if wait.get("to") else ""
    lines = [f"It waits: {wait['kind']}{to}{until}", *text.indented(_block(wait.get("shown")))]
    if wait["kind"] == "approval":
        lines.append(f"Answer with `antiphon agent approve {one['id']}` or `antiphon agent reject {one['id']}`.")
    elif wait["kind"] in ("question", "review", "hand_off"):
        lines.append(f"Answer with `antiphon agent answer {one['id']} ANSWER`.")
    return lines


def result_text(one: Json) -> str:
    """A run's answer as text."""
    return "\n".join(_block(one.get("result")))


def _block(value: object) -> list[str]:
    said = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return said.splitlines() or [""]


def _stopped(one: Json) -> str:
    return f" ({one['stop']})" if one.get("stop") not in (None, "", "finished") else ""


def _list(where: Address, arguments: Namespace) -> int:
    answer = asked(where, "GET", "/v1/agents")
    if arguments.json:
        document(answer)
    elif answer["data"]:
        rows = [(one["name"], one["version"], one["pattern"], one["description"]) for one in answer["data"]]
        put("\n".join(text.table(rows, ("AGENT", "VERSION", "PATTERN", "ABOUT"))))
    else:
        say(f"{where.url} has no agent for this key; see `agents.documents` of its configuration")
    return Exit.OK


def _ps(where: Address, arguments: Namespace) -> int:
    said = {"limit": str(arguments.limit), "agent": arguments.agent, "status": ",".join(arguments.status or ())}
    answer = asked(where, "GET", f"{RUNS}?{urlencode({name: value for name, value in said.items() if value})}")
    return _listed(answer, arguments, "There are no such runs; `antiphon agent run NAME GOAL` begins one.")


def _inbox(where: Address, arguments: Namespace) -> int:
    return _listed(asked(where, "GET", "/v1/inbox"), arguments, "No run waits for you.")


def _listed(answer: Json, arguments: Namespace, nothing: str) -> int:
    if arguments.json:
        document(answer)
    elif answer["data"]:
        put(
            "\n".join(
                text.table(map(_row, answer["data"]), ("RUN", "AGENT", "STATUS", "BEGUN", "STEPS", "USD", "WHAT"))
            )
        )
    else:
        say(nothing)
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    wait: Json = one.get("wait") or {}
    status = f"{one['status']}: {wait['kind']}" if wait else f"{one['status']}{_stopped(one)}"
    usd = text.dollars(round(float(one["used"]["usd"]) * 1e9))
    said = _goal(one.get("input"))
    return one["id"], one["agent"], status, one["created"], str(one["used"]["steps"]), usd, said[:60]


def _goal(given: Any) -> str:
    """What a run was asked, of its input."""
    goal = cast("Json", given).get("goal", given) if isinstance(given, dict) else given
    return goal if isinstance(goal, str) else json.dumps(goal)


def _show(where: Address, arguments: Namespace) -> int:
    return _done(asked(where, "GET", run_path(arguments.run)), arguments)


def _done(one: Json, arguments: Namespace) -> int:
    if arguments.json:
        document(one)
    else:
        put("\n".join(page(one)))
    return Exit.OK


def _tell(where: Address, arguments: Namespace) -> int:
    verb: str = arguments.verb
    one = asked(where, "POST", run_path(arguments.run, verb), _fields(arguments))
    if arguments.json:
        document(one)
    elif verb == "fork":
        say(f"The run {one['id']} goes on from there; `antiphon agent attach {one['id']}` follows it.")
    else:
        say(f"Said to the run {one['id']}: {verb}.")
    return Exit.OK


def _fields(arguments: Namespace) -> Json:
    match arguments.verb:
        case "answer":
            return {"key": arguments.wait, "body": _value(arguments.body)}
        case "say":
            return {"message": arguments.message}
        case "give-back":
            return {"done": _value(arguments.done)}
        case "fork":
            return {"step": arguments.step}
        case "cancel" | "kill" | "pause":
            return {"why": arguments.why}
        case _:
            return {}


def _value(said: str) -> Any:
    """JSON where it is that, else the text."""
    try:
        return msgspec.json.decode(said)
    except msgspec.DecodeError:
        return said


def _stands(one: Json) -> str:
    """Where a run stands that waits for no approval, and what to do about it."""
    wait: Json = one.get("wait") or {}
    if one["status"] in ("done", "failed", "cancelled"):
        return f"has ended: {one['status']}{_stopped(one)}"
    if wait.get("kind") in ("question", "review", "hand_off"):
        return f"waits for an answer ({wait['kind']}): give it with `antiphon agent answer {one['id']} ANSWER`"
    if wait:
        return f"waits for no person ({wait['kind']}), and goes on by itself"
    return f"is {one['status']} and waits for no approval"


def _settle(where: Address, arguments: Namespace) -> int:
    """Settle the approval that a run waits for, at the admin API. Raises: BadRequest."""
    one = asked(where, "GET", run_path(arguments.run))
    wait: Json = one.get("wait") or {}
    if wait.get("kind") != "approval" or not wait.get("approval"):
        raise BadRequest(f"the run {one['id']} {_stands(one)}; nothing there is to {arguments.verb}")
    there = office(Namespace(url=arguments.admin_url, key=arguments.admin_key, config=arguments.config))
    fields: Json = {} if arguments.note is None else {"note": arguments.note}
    settled = there.ask("POST", path_of("approvals", wait["approval"], arguments.verb), fields)
    if arguments.json:
        document(settled)
    elif settled["state"] == "waiting":
        say(f"The approval {settled['id']} waits for more people: {settled['needed']} have to approve.")
    else:
        say(f"The approval {settled['id']} is {settled['state']}; the run {one['id']} goes on.")
    return Exit.OK
