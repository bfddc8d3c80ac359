"""`antiphon serve`."""

import gc
import shutil
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

import msgspec

from antiphon.app.supervisor import Ready, Supervisor
from antiphon.cli.exits import Exit
from antiphon.cli.greeting import greeting
from antiphon.config.load import Loaded, environment, load
from antiphon.config.settings import Settings
from antiphon.core.error import ConfigError, Problem

REMEDIES = {"host": "add a key under `keys`, or listen on 127.0.0.1, or give --insecure"}
"""What mends a mistake of the command line, there."""


def run(arguments: Namespace) -> int:
    """Run the gateway until it is told to stop."""
    gc.freeze()  # modules stay: no collection walks them, nor copies their pages in processes that are forked
    loaded = load(Path(arguments.config) if arguments.config else None, environment())
    override = partial(_overridden, arguments)
    option = f" --config {arguments.config}" if arguments.config else ""
    try:
        return Supervisor(loaded, override, lambda ready: _greet(override(loaded).settings, ready, option)).run()
    except OSError as error:
        server = override(loaded).settings.server
        where = f"{server.host}:{server.port}"
        print(f"can't listen on {where}: {error.strerror}; free the port, or choose another by --port", file=sys.stderr)
        return Exit.FAILED


def _overridden(arguments: Namespace, loaded: Loaded) -> Loaded:
    """The configuration with what the command line says instead."""
    said = {
        name: getattr(arguments, name) for name in ("host", "port", "workers") if getattr(arguments, name) is not None
    }
    if arguments.insecure:
        said["insecure"] = True
    if not said:
        return loaded
    server = msgspec.structs.replace(loaded.settings.server, **said)
    settings = loaded.settings
    mistakes = server.check(bool(settings.keys) or settings.admin is not None or settings.identity.known)
    if mistakes:
        raise ConfigError(
            [
                Problem(file="command line", line=0, path=path, wrong=wrong, remedy=REMEDIES.get(path, remedy))
                for path, wrong, remedy in mistakes
            ]
        )
    return msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, server=server))


def _command() -> str:
    """How this command is called from where the person stands."""
    beside = Path(sys.executable).with_name("antiphon")
    if shutil.which("antiphon") or not beside.exists():
        return "antiphon"
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)


def _greet(settings: Settings, ready: Ready, option: str) -> None:
    """Tell a person what to do first."""
    print(greeting(settings, ready, f"{_command()} receipt show --last{option}"), file=sys.stderr, flush=True)
