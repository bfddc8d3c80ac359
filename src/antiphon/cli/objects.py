"""`antiphon budgets|limits list|show|set|delete`."""

from argparse import Namespace
from pathlib import Path
from typing import cast

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.core.error import BadRequest, ConfigError
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Items, Node, Scalar, Table


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    return {"list": _list, "show": _show, "set": _set, "delete": _delete}[arguments.verb](there, arguments)


def _list(there: Office, arguments: Namespace) -> int:
    found = list(there.pages(path_of(arguments.section)))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), ("NAME", "OWNER", "WHAT"))))
    else:
        say(f"There are no {arguments.section}; make one with `antiphon {arguments.section} set NAME FILE`.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    spec = cast("Json", one["spec"])
    said = (f"{name}={value}" for name, value in spec.items() if value not in (None, [], {}, "", False))
    return one["name"], one["owner"], " ".join(part for part in said if not part.startswith("name="))


def _show(there: Office, arguments: Namespace) -> int:
    document(there.ask("GET", path_of(arguments.section, arguments.name)))
    return Exit.OK


def _set(there: Office, arguments: Namespace) -> int:
    headers = {} if arguments.version is None else {"If-Match": f'"{arguments.version}"'}
    answer = there.ask("PUT", path_of(arguments.section, arguments.name), _fields(arguments.file), headers)
    return _done(there, answer, arguments, f"{arguments.name} is at version {answer['version']}.")


def _fields(name: str) -> Json:
    """The fields of a YAML or JSON file; they are checked by whoever is asked. Raises: BadRequest, ConfigError, OSError."""
    try:
        tree, problems = compose(Path(name).read_text("utf-8"), name)
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not UTF-8 text: {error}") from error
    if problems:
        raise ConfigError(problems)
    if not isinstance(tree, Table):
        raise BadRequest(f"{name} holds no section; write the fields as they stand under an item of the configuration")
    return cast("Json", _plain(tree))


def _plain(node: Node) -> object:
    """A node as a plain value."""
    match node:
        case Table():
            return {entry.key: _plain(entry.value) for entry in node.entries}
        case Items():
            return [_plain(one) for one in node.nodes]
        case Scalar():
            return node.value


def _delete(there: Office, arguments: Namespace) -> int:
    answer = there.ask("DELETE", path_of(arguments.section, arguments.name))
    return _done(there, answer, arguments, f"{arguments.name} is deleted.")


def _done(there: Office, answer: Json, arguments: Namespace, what: str) -> int:
    if arguments.json:
        document(answer)
    else:
        say(what)
    there.told(answer)
    return Exit.OK
