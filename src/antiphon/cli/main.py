"""The `antiphon` command: reads the arguments, then loads only what the chosen command needs.

Data goes to stdout, with `--json` as one JSON document; everything for people goes to stderr.
"""

import io
import os
import sys
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
    command = import_module(f"antiphon.cli.{parsed.module}")
    try:
        code = int(command.run(parsed))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read stdout has enough; what is still held must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except (AntiphonError, OSError) as error:
        return import_module("antiphon.cli.failure").failed(error, as_json=getattr(parsed, "json", False))
    return code
