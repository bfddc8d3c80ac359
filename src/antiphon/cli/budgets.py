"""`antiphon budgets accounts|raise`."""

from argparse import Namespace

from antiphon.cli import text
from antiphon.cli.admin import Json, Office, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say

HEAD = ("ACCOUNT", "TENANT", "SPENT", "HELD", "WINDOW BEGAN")
AMOUNTS = ("usd", "tokens", "requests")


def run(arguments: Namespace) -> int:
    """Run the verb."""
    there = office(arguments)
    return {"accounts": _accounts, "raise": _raise}[arguments.verb](there, arguments)


def _accounts(there: Office, arguments: Namespace) -> int:
    found = list(there.pages(path_of("budgets", arguments.name, "accounts")))
    if arguments.json:
        document({"data": found})
    elif found:
        put("\n".join(text.table(map(_row, found), HEAD)))
    else:
        say(f"Nobody used {arguments.name} in the window that runs now.")
    return Exit.OK


def _row(one: Json) -> tuple[str, ...]:
    return (
        ", ".join(one["values"]) or "-",
        one["tenant"] or "-",
        one["spent"],
        one["held"],
        one["window_start"] or "-",
    )


def _raise(there: Office, arguments: Namespace) -> int:
    fields: Json = {name: value for name in AMOUNTS if (value := getattr(arguments, name)) is not None}
    fields["until"] = arguments.until
    if arguments.note is not None:
        fields["note"] = arguments.note
    answer = there.ask("POST", path_of("budgets", arguments.name, "raises"), fields)
    if arguments.json:
        document(answer)
    else:
        say(f"{arguments.name} is raised until {arguments.until}.")
    there.told(answer)
    return Exit.OK
