"""`antiphon export`."""

import time
from argparse import Namespace
from datetime import date

from msgspec import to_builtins
from msgspec.structs import replace

from antiphon.app.reporting import exporter_of
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.cli.text import counted
from antiphon.config.settings import Settings
from antiphon.control.export import Exported
from antiphon.store.settings_export import ExportSettings


def run(arguments: Namespace) -> int:
    """Export one day, or all that are due."""
    if arguments.focus and arguments.day is None:
        arguments.parser.error("--focus needs --day")
    if arguments.format == "csv" and not arguments.focus:
        arguments.parser.error("--format csv goes with --focus")
    settings = configured(arguments).settings
    exporter, now_ns = exporter_of(settings, _wanted(arguments, settings)), time.time_ns()
    days: list[date] = exporter.due(now_ns) if arguments.day is None else [arguments.day]
    done: list[Exported] = []
    for day in days:
        one = (
            exporter.focus(day, now_ns, arguments.format)
            if arguments.focus
            else exporter.export(day, now_ns, force=arguments.force)
        )
        done.append(one)
        _tell(one, as_json=arguments.json)
    if arguments.json:
        document({"days": to_builtins(done)})
    elif not done:
        say("nothing is due: every day that is over is there")
    return Exit.OK


def _wanted(arguments: Namespace, settings: Settings) -> ExportSettings:
    export = settings.storage.export
    if arguments.to is None and export is None:
        arguments.parser.error("--to PLACE is needed, or `storage.export` in the configuration")
    if arguments.to is None:
        return export or ExportSettings(to="")
    return ExportSettings(to=arguments.to) if export is None else replace(export, to=arguments.to)


def _tell(one: Exported, *, as_json: bool) -> None:
    if not as_json:
        put("\n".join(f"{one.day}  {written.rows:>9}  {written.path}" for written in one.files))
    if one.running:
        say(f"{one.day}: {counted(one.running, 'request')} had not ended and were left out; export it again later")
    if one.unpriced:
        say(f"{one.day}: {counted(one.unpriced, 'attempt')} of unknown cost were left out; see `antiphon spend`")
