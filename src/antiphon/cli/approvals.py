"""`antiphon approvals list|show|approve|modify|reject`."""

import json
from argparse import Namespace
from pathlib import Path
from urllib.parse import quote

import msgspec

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.core.error import BadRequest

HEAD = ("ID", "STATE", "AT", "BY", "WHAT", "WHY")


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    return {"list": _list, "show": _show}.get(arguments.verb, _answer)(there, arguments)


def _list(there: Office, arguments: Namespace) -> int:
    said = {"state": None if arguments.all else arguments.state, "tenant": arguments.tenant}
    query = "".join(f"&{name}={quote(value, safe='')}" for name, value in said.items() if value is not None)
    found = list(there.pages(path_of("approvals"), query))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), HEAD)))
    else:
        say("Nobody waits for an approval.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    what = f"{one['action']} {one['resource']}"
    return one["id"], one["state"], one["at"], f"{one['by']} ({one['tenant']})", what, ", ".join(one.get("reasons", []))


def _show(there: Office, arguments: Namespace) -> int:
    one = there.ask("GET", path_of("approvals", arguments.id))
    if arguments.json:
        document(one)
        return Exit.OK
    put("\n".join(_page(one)))
    return Exit.OK


def _page(one: Json) -> list[str]:
    """An approval for people: what it is for is never cut."""
    lines = [
        f"{one['id']}  {one['state']}",
        f"asked by   {one['by']} of {one['tenant']} at {one['at']}; lapses at {one['expires']}",
        f"because    {', '.join(one.get('reasons', [])) or '-'}",
        f"needs      {one['needed']} x {one['approvers']}",
    ]
    for vote in one["votes"]:
        note = f": {vote['note']}" if vote["note"] else ""
        lines.append(f"{vote['state']:10} by {vote['by']} at {vote['at']}{note}")
    lines += [f"not told   {told}" for told in one.get("untold", [])]
    lines += ["", json.dumps(one.get("shown"), indent=2, ensure_ascii=True)]
    if one.get("changes"):
        lines += ["", "Approved in its place; what differs:"]
        lines += [f"  {it['path']}: {json.dumps(it['asked'])} -> {json.dumps(it['approved'])}" for it in one["changes"]]
    return lines


def _answer(there: Office, arguments: Namespace) -> int:
    fields: Json = {} if arguments.note is None else {"note": arguments.note}
    if arguments.verb == "modify":
        fields["action"] = _action(arguments.file)
    one = there.ask("POST", path_of("approvals", arguments.id, arguments.verb), fields)
    if arguments.json:
        document(one)
    elif one["state"] == "waiting":
        say(f"{one['id']} waits for more people: {one['needed']} have to approve.")
    else:
        say(f"{one['id']} is {one['state']}.")
    return Exit.OK


def _action(name: str) -> object:
    """The action of a file. Raises: BadRequest, OSError."""
    try:
        return msgspec.json.decode(Path(name).read_bytes())
    except msgspec.DecodeError as error:
        raise BadRequest(f"{name} holds no JSON: {error}") from error
