"""`antiphon version`."""

import platform
import sqlite3
import ssl
from argparse import Namespace
from importlib.metadata import version

from antiphon import __version__
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put
from antiphon.cli.text import pairs


def run(arguments: Namespace) -> int:
    """Print what runs here."""
    found = versions()
    if arguments.json:
        document(found)
    else:
        put("\n".join(pairs(found.items())))
    return Exit.OK


def versions() -> dict[str, str]:
    """Antiphon, and what decides how it behaves and how fast it is."""
    return {
        "antiphon": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("uvloop", "httptools", "msgspec")},
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
    }
