"""`antiphon whoami`."""

from argparse import Namespace

from antiphon.cli import text
from antiphon.cli.admin import Json, office, path_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say

HEAD = ("ROLE", "TENANT", "TEAM", "MAY")


def run(arguments: Namespace) -> int:
    """Show what whoever asks is called, and what they may where."""
    told = office(arguments).ask("GET", path_of("whoami"))
    if arguments.json:
        document(told)
        return Exit.OK
    about = (f"{name} {told[name]}" for name in ("tenant", "team", "user", "employment") if told[name])
    say(", ".join((told["by"], *about)))
    put("\n".join(text.table(map(_row, told["grants"]), HEAD)))
    return Exit.OK


def _row(grant: Json) -> tuple[str, ...]:
    return grant["role"], grant["tenant"] or "all", grant["team"] or "all", ", ".join(grant["may"])
