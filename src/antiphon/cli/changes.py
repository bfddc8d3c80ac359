"""`antiphon changes`: the record of who changed what."""

from argparse import Namespace
from collections.abc import Iterator
from itertools import islice
from typing import cast
from urllib.parse import urlencode

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say

HEAD = ("VERSION", "AT", "BY", "WHAT", "CHANGED")
PAGE = 1000


def run(arguments: Namespace) -> int:
    """Show changes, the newest first."""
    query = {name: value for name in ("kind", "name") if (value := getattr(arguments, name)) is not None}
    found = list(islice(_all(office(arguments), query, min(arguments.most, PAGE)), arguments.most))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), HEAD)))
    else:
        say("Nothing was changed.")
    return Exit.OK


def _all(there: Office, query: dict[str, str], limit: int) -> Iterator[Json]:
    before: dict[str, int] = {}
    while True:
        page = there.ask("GET", f"{path_of('changes')}?{urlencode({**query, **before, 'limit': limit})}")
        yield from page["data"]
        if page["next"] is None:
            return
        before = {"before": page["next"]}


def _row(one: Json) -> tuple[str, ...]:
    return str(one["version"]), one["at"], one["by"], f"{one['action']} {one['kind']} {one['name']}", _changed(one)


def _changed(one: Json) -> str:
    """Names of the fields that were made other ones."""
    before, after = cast("Json | None", one["before"]), cast("Json | None", one["after"])
    if before is None or after is None:
        return ""
    return ", ".join(name for name in sorted({*before, *after}) if before.get(name) != after.get(name))
