"""`antiphon agent memories|forget|triggers`: what agents keep, and what began none of their runs."""

from argparse import Namespace
from urllib.parse import quote, urlencode

from antiphon.cli import text
from antiphon.cli.admin import Json, office, path_of
from antiphon.cli.agent import asked
from antiphon.cli.exits import Exit
from antiphon.cli.http import address
from antiphon.cli.terminal import document, put, say

MEMORIES = "/v1/memories"


def run(arguments: Namespace) -> int:
    """Run the verb."""
    return {"memories": _memories, "forget": _forget, "triggers": _triggers}[arguments.verb](arguments)


def _memories(arguments: Namespace) -> int:
    answer = asked(address(arguments), "GET", f"{MEMORIES}?{_query(arguments)}")
    if arguments.json:
        document(answer)
    elif answer["data"]:
        rows = [(one["id"], one["scope"], one["created"], _state(one), one["text"][:60]) for one in answer["data"]]
        put("\n".join(text.table(rows, ("MEMORY", "SCOPE", "MADE", "STATE", "TEXT"))))
    else:
        say(f"{arguments.name} remembers nothing that is yours.")
    return Exit.OK


def _forget(arguments: Namespace) -> int:
    path = f"{MEMORIES}/{quote(arguments.memory, safe='')}?{_query(arguments)}"
    answer = asked(address(arguments), "DELETE", path)
    if arguments.json:
        document(answer)
    else:
        say(f"The memory {answer['id']} is erased.")
    return Exit.OK


def _query(arguments: Namespace) -> str:
    said = {"agent": arguments.name, "session": arguments.session}
    return urlencode({name: value for name, value in said.items() if value})


def _state(one: Json) -> str:
    return "waits for approval" if one.get("waits") else f"approved by {by}" if (by := one.get("approved_by")) else ""


def _triggers(arguments: Namespace) -> int:
    if (arguments.revive or arguments.forget) and not arguments.name:
        arguments.parser.error("say of which trigger")
    there, name = office(arguments), arguments.name or ""
    event = arguments.revive or arguments.forget
    if event:
        path = f"{path_of('triggers', name, 'letters')}/{quote(event, safe='')}"
        done = there.ask("POST", f"{path}/revive", {}) if arguments.revive else there.ask("DELETE", path)
        if arguments.json:
            document(done)
        else:
            say(f"The letter {event} of {name} {'is tried again' if arguments.revive else 'is dropped'}.")
        return Exit.OK
    answer = there.ask("GET", path_of("triggers", name, "letters" if name else ""))
    if arguments.json:
        document(answer)
    elif not answer["data"]:
        say(f"{name} has no dead letters." if name else "There are no triggers; write documents of kind Trigger.")
    elif name:
        rows = [(one["event"], one["at"], str(one["tries"]), one["code"], one["reason"][:60]) for one in answer["data"]]
        put("\n".join(text.table(rows, ("EVENT", "CAME", "TRIES", "CODE", "REASON"))))
    else:
        put("\n".join(text.table(map(_row, answer["data"]), ("TRIGGER", "KIND", "AGENT", "ON", "WAITING", "DEAD"))))
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    on = "yes" if one["enabled"] else "no"
    return one["name"], one["kind"], one["agent"], on, str(one["waiting"]), str(one["dead"])
