"""`antiphon lab serve`."""

import asyncio
import signal
from argparse import Namespace
from pathlib import Path

import uvloop

from antiphon.cli.exits import Exit
from antiphon.cli.terminal import say
from antiphon.config.convert import convert
from antiphon.config.interpolate import interpolate
from antiphon.config.load import environment
from antiphon.core.error import ConfigError, Problem
from antiphon.providers.lab.run import Running, default_settings, serve
from antiphon.providers.lab.settings import LabSettings
from antiphon.server.settings import LOOPBACK
from antiphon.wire.yaml import compose


def run(arguments: Namespace) -> int:
    """Serve lab models until SIGINT or SIGTERM."""
    file = Path(arguments.models) if arguments.models else None
    settings = read(file) if file is not None else default_settings()
    base = file.absolute().parent if file is not None else None
    try:
        uvloop.run(_serve(settings, arguments.host, arguments.port, base))
    except OSError as error:
        where = f"{arguments.host}:{arguments.port}"
        say(f"can't listen on {where}: {error.strerror or error}; free the port, or choose another by --port")
        return Exit.FAILED
    return Exit.OK


def read(file: Path) -> LabSettings:
    """Lab models of a YAML file: what stands under `lab` in a configuration. Raises: ConfigError."""
    name = str(file)
    tree, wrong = compose(_text(file), name)
    if tree is None and wrong:
        raise ConfigError(wrong)
    filled, missing = interpolate(tree, environment(), file.absolute().parent, name)
    converted = convert(filled, LabSettings, name)
    found = [*wrong, *missing, *converted.problems]
    if found or converted.value is None:
        raise ConfigError(sorted(found, key=lambda problem: (problem.line, problem.path)))
    return converted.value


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        wrong = f"can't be read: {error.strerror}"
    except UnicodeDecodeError:
        wrong = "this is not UTF-8 text"
    remedy = "name a YAML file of lab models"
    raise ConfigError([Problem(file=str(file), line=1, path="(file)", wrong=wrong, remedy=remedy)])


async def _serve(settings: LabSettings, host: str, port: int, base: Path | None) -> None:
    serving = asyncio.ensure_future(serve(settings, host, port, base=base, on_ready=lambda lab: _greet(settings, lab)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return


def _greet(settings: LabSettings, lab: Running) -> None:
    """Tell a person what to do first."""
    model = next(iter(settings.models))
    say(
        f"Lab models listen on {lab.url}/v1: {', '.join(settings.models)}.\n"
        f"A first call:\n\n"
        f"curl {lab.url}/v1/chat/completions -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}\'\n\n'
        f"What it received: curl {lab.url}/lab/requests"
    )
    if lab.host not in LOOPBACK:
        say(f"Whoever reaches {lab.host} may use it: a lab asks for no key.")
