"""`antiphon keys|accounts create|list|show|rotate|revoke|delete`."""

from argparse import Namespace
from typing import Any

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say

HEAD = ("OWNER", "STATE", "TENANT", "TEAM", "USER", "ROLES", "EXPIRES", "MODELS")
FIELDS = (
    *("tenant", "team", "department", "user", "tags", "models", "passthrough", "priority", "expires"),
    *("roles", "employment", "data_class", "clearance", "issuer", "subject"),
)
WORDS = {"keys": "key", "accounts": "account"}


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    verbs = {"create": _create, "list": _list, "show": _show, "rotate": _rotate, "revoke": _revoke, "delete": _delete}
    return verbs[arguments.verb](there, arguments)


def _create(there: Office, arguments: Namespace) -> int:
    fields: Json = {name: value for name in FIELDS if (value := getattr(arguments, name, None)) is not None}
    if getattr(arguments, "admin", False):
        fields["admin"] = True
    if getattr(arguments, "usd", None) is not None:
        fields["budget"] = {"usd": arguments.usd, "window": arguments.window}
    answer = there.ask("PUT", path_of(arguments.section, arguments.name), fields, {"If-None-Match": "*"})
    code = _told_once(there, answer, arguments, "made")
    if there.opens and _count(there) == 1:
        say("It is the first key: callers without one are refused from now on.")
    return code


def _rotate(there: Office, arguments: Namespace) -> int:
    answer = there.ask("POST", path_of(arguments.section, arguments.name, "rotate"), {"overlap": arguments.overlap})
    return _told_once(there, answer, arguments, f"rotated, the text before is taken for {arguments.overlap} more")


def _told_once(there: Office, answer: Json, arguments: Namespace, what: str) -> int:
    """The text alone on stdout, so that it can be piped into a store of secrets."""
    if arguments.json:
        document(answer)
    elif "key" in answer:
        put(answer["key"])
        say(f"{_named(arguments)} {what}. Its text is shown this once.")
    else:
        say(f"{_named(arguments)} {what}. It calls by tokens of {answer['spec']['issuer']}.")
    there.told(answer)
    return Exit.OK


def _list(there: Office, arguments: Namespace) -> int:
    section = arguments.section
    found = list(there.pages(path_of(section)))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), (WORDS[section].upper(), *HEAD))))
    else:
        say(f"There are no {section}; make one with `antiphon {section} create NAME`.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    spec, status = one["spec"], one.get("status") or {"state": "active"}
    models: list[Any] = spec.get("models", ["*"])
    roles: list[Any] = ["owner of all tenants"] if spec.get("admin") else spec.get("roles", [])
    return (
        one["name"],
        one["owner"],
        status["state"],
        spec.get("tenant", "default"),
        *(str(spec.get(name) or "-") for name in ("team", "user")),
        ", ".join(roles) or "-",
        str(spec.get("expires") or "-"),
        ", ".join(models),
    )


def _show(there: Office, arguments: Namespace) -> int:
    document(there.ask("GET", path_of(arguments.section, arguments.name)))
    return Exit.OK


def _revoke(there: Office, arguments: Namespace) -> int:
    answer = there.ask("POST", path_of(arguments.section, arguments.name, "revoke"))
    return _done(there, answer, arguments, f"{_named(arguments)} revoked: it is refused from now on.")


def _delete(there: Office, arguments: Namespace) -> int:
    answer = there.ask("DELETE", path_of(arguments.section, arguments.name))
    code = _done(there, answer, arguments, f"{_named(arguments)} deleted.")
    if there.opens and not _count(there):
        say("It was the last key: callers without one are let in again, with the rights of an admin.")
    return code


def _named(arguments: Namespace) -> str:
    return f"{WORDS[arguments.section].capitalize()} {arguments.name}"


def _count(there: Office) -> int:
    """How many keys and service accounts there are; 2: or more."""
    return sum(len(there.ask("GET", f"{path_of(section)}?limit=2")["data"]) for section in WORDS)


def _done(there: Office, answer: Json, arguments: Namespace, what: str) -> int:
    if arguments.json:
        document(answer)
    else:
        say(what)
    there.told(answer)
    return Exit.OK
