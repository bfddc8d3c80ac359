"""`antiphon doctor --profiles`."""

from argparse import Namespace

from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put
from antiphon.cli.text import table
from antiphon.providers.profiles import PROFILES

HEAD = ("NAME", "BASE URL", "KEY", "SOURCE")


def run(arguments: Namespace) -> int:
    """List the providers that are known."""
    rows = PROFILES.values()
    if arguments.json:
        names = ("name", "base_url", "needs_key", "source", "as_of", "note")
        document({"profiles": [{name: getattr(row, name) for name in names} for row in rows]})
    else:
        cells = ((row.name, row.base_url or "-", "needed" if row.needs_key else "-", row.source) for row in rows)
        put("\n".join(table(cells, HEAD)))
    return Exit.OK
