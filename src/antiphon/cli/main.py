"""The `antiphon` command: reads the arguments, then loads only what the chosen command needs.

Data goes to stdout, with `--json` as one JSON document; everything for people goes to stderr.
"""

import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module

from antiphon.cli.commands import parser
from antiphon.cli.exits import Exit
from antiphon.core.error import AntiphonError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns: its exit code, see `cli.exits.Exit`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    parsed = parser().parse_args(arguments)
    try:
        code = _run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has enough; what is still held must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return code


def _run(parsed: Namespace) -> int:
    """Run what was parsed; errors are told here. Raises: KeyboardInterrupt, BrokenPipeError."""
    try:
        return int(import_module(f"antiphon.cli.{parsed.module}").run(parsed))
    except BrokenPipeError:
        raise
    except (AntiphonError, OSError) as error:
        return int(import_module("antiphon.cli.failure").failed(error, as_json=getattr(parsed, "json", False)))
