"""`antiphon keys create|list|show|rotate|revoke|delete`."""

from argparse import Namespace
from typing import Any

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say

HEAD = ("KEY", "OWNER", "STATE", "TENANT", "TEAM", "USER", "EXPIRES", "MODELS")
FIELDS = ("tenant", "team", "department", "user", "tags", "models", "passthrough", "priority", "expires")


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    verbs = {"create": _create, "list": _list, "show": _show, "rotate": _rotate, "revoke": _revoke, "delete": _delete}
    return verbs[arguments.verb](there, arguments)


def _create(there: Office, arguments: Namespace) -> int:
    fields: Json = {name: value for name in FIELDS if (value := getattr(arguments, name)) is not None}
    if arguments.admin:
        fields["admin"] = True
    if arguments.usd is not None:
        fields["budget"] = {"usd": arguments.usd, "window": arguments.window}
    answer = there.ask("PUT", path_of("keys", arguments.name), fields, {"If-None-Match": "*"})
    code = _told_once(there, answer, arguments, "made")
    if there.opens and _count(there) == 1:
        say("It is the first key: callers without one are refused from now on.")
    return code


def _rotate(there: Office, arguments: Namespace) -> int:
    answer = there.ask("POST", path_of("keys", arguments.name, "rotate"), {"overlap": arguments.overlap})
    return _told_once(there, answer, arguments, f"rotated, the text before is taken for {arguments.overlap} more")


def _told_once(there: Office, answer: Json, arguments: Namespace, what: str) -> int:
    """The key's text alone on stdout, so that it can be piped into a store of secrets."""
    if arguments.json:
        document(answer)
    else:
        put(answer["key"])
        say(f"Key {answer['name']} {what}. Its text is shown this once.")
    there.told(answer)
    return Exit.OK


def _list(there: Office, arguments: Namespace) -> int:
    found = list(there.pages(path_of("keys")))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), HEAD)))
    else:
        say("There are no keys; make one with `antiphon keys create NAME`.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    spec, status = one["spec"], one.get("status") or {"state": "active"}
    names = ("team", "user", "expires")
    models: list[Any] = spec.get("models", ["*"])
    return (
        one["name"],
        one["owner"],
        status["state"],
        spec.get("tenant", "default"),
        *(str(spec.get(name) or "-") for name in names),
        ", ".join(models),
    )


def _show(there: Office, arguments: Namespace) -> int:
    document(there.ask("GET", path_of("keys", arguments.name)))
    return Exit.OK


def _revoke(there: Office, arguments: Namespace) -> int:
    answer = there.ask("POST", path_of("keys", arguments.name, "revoke"))
    return _done(there, answer, arguments, f"Key {arguments.name} revoked: it is refused from now on.")


def _delete(there: Office, arguments: Namespace) -> int:
    answer = there.ask("DELETE", path_of("keys", arguments.name))
    code = _done(there, answer, arguments, f"Key {arguments.name} deleted.")
    if there.opens and not _count(there):
        say("It was the last key: callers without one are let in again, with the rights of an admin.")
    return code


def _count(there: Office) -> int:
    """How many keys there are; 2: or more."""
    return len(there.ask("GET", f"{path_of('keys')}?limit=2")["data"])


def _done(there: Office, answer: Json, arguments: Namespace, what: str) -> int:
    if arguments.json:
        document(answer)
    else:
        say(what)
    there.told(answer)
    return Exit.OK
