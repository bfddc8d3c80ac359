"""`antiphon policy bundle …`."""

from argparse import Namespace
from typing import cast

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.policy_files import files
from antiphon.cli.terminal import document, put, say

SECTION = "policies"


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    verbs = {"list": _list, "show": _show, "versions": _versions, "draft": _draft, "delete": _delete}
    return verbs.get(arguments.verb, _posted)(there, arguments)


def _list(there: Office, arguments: Namespace) -> int:
    found = list(there.pages(path_of(SECTION)))
    if arguments.json:
        document({"data": found})
    elif found:
        head = ("NAME", "TENANT", "IN FORCE", "MODE", "SHARE", "DRAFT", "BY")
        put("\n".join(text.table(map(_row, found), head)))
    else:
        say("There are no bundles; `antiphon policy bundle draft NAME FILE` writes one.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    live, draft = cast("Json | None", one["live"]), cast("Json | None", one["draft"])
    return (
        one["name"],
        one["tenant"] or "all",
        "-" if live is None else str(live["number"]),
        "-" if live is None else live["mode"],
        "-" if live is None else f"{live['share']:g}",
        "-" if draft is None else draft["hash"][:12],
        one["by"],
    )


def _show(there: Office, arguments: Namespace) -> int:
    document(there.ask("GET", path_of(SECTION, arguments.name)))
    return Exit.OK


def _versions(there: Office, arguments: Namespace) -> int:
    answer = there.ask("GET", path_of(SECTION, arguments.name, "versions"))
    if arguments.json:
        document(answer)
        return Exit.OK
    rows = [
        (str(one["number"]), one["hash"][:12], one["author"], one["published_by"], one["at"], one["note"])
        for one in answer["data"]
    ]
    put("\n".join(text.table(rows, ("NUMBER", "HASH", "AUTHOR", "PUBLISHED BY", "AT", "NOTE"))))
    return Exit.OK


def _draft(there: Office, arguments: Namespace) -> int:
    texts = [one.read_text("utf-8") for one in files(arguments.files)]
    fields: Json = {"text": "\n".join(texts), "note": arguments.note, "tenant": arguments.tenant}
    return _done(there, there.ask("PUT", path_of(SECTION, arguments.name), fields), arguments)


def _posted(there: Office, arguments: Namespace) -> int:
    names = {"rollback": ("number",), "withdraw": ()}.get(arguments.verb, ("mode", "share", "note"))
    fields: Json = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    return _done(there, there.ask("POST", path_of(SECTION, arguments.name, arguments.verb), fields), arguments)


def _delete(there: Office, arguments: Namespace) -> int:
    answer = there.ask("DELETE", path_of(SECTION, arguments.name))
    if arguments.json:
        document(answer)
    else:
        say(f"{arguments.name} is deleted.")
    there.told(answer)
    return Exit.OK


def _done(there: Office, answer: Json, arguments: Namespace) -> int:
    if arguments.json:
        document(answer)
    else:
        live, draft = cast("Json | None", answer["live"]), cast("Json | None", answer["draft"])
        said = "nothing is in force" if live is None else f"version {live['number']} is in force"
        if live is not None and (live["mode"] != "enforce" or live["share"] < 1):
            said += f" ({live['mode']}, share {live['share']:g})"
        drafted = "" if draft is None else f"; a draft waits ({draft['hash'][:12]})"
        say(f"{arguments.name}: {said}{drafted}.")
    there.told(answer)
    return Exit.OK
