"""`antiphon doctor`."""

import asyncio
from argparse import Namespace

from msgspec import to_builtins

from antiphon.cli import profiles, text
from antiphon.cli.checks import machine
from antiphon.cli.checks.finding import Finding, ok, wrong
from antiphon.cli.checks.models import models
from antiphon.cli.checks.packages import packages
from antiphon.cli.checks.port import port
from antiphon.cli.checks.providers import reachable
from antiphon.cli.checks.sandbox import sandbox
from antiphon.cli.checks.storage import storage
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, records_of, stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.load import Loaded
from antiphon.core.error import ConfigError, StoreError

CHECK = "`antiphon config check` tells each with its remedy"


def run(arguments: Namespace) -> int:
    """Look at everything, and say what to do."""
    if arguments.profiles:
        return profiles.run(arguments)
    findings = [machine.python(), *packages()]
    try:
        loaded = configured(arguments)
    except ConfigError as error:
        first = error.problems[0]
        count = text.counted(len(error.problems), "mistake")
        findings.append(wrong("configuration", f"{count}, first in {first.file}:{first.line}: {first.path}", CHECK))
    else:
        findings.append(ok("configuration", f"{loaded.file}, revision {loaded.revision.id}"))
        findings += _of(loaded)
    bad = [one for one in findings if one.state == "wrong"]
    if arguments.json:
        document({"ok": not bad, "findings": [to_builtins(one) for one in findings]})
    else:
        put("\n".join(text.table(row for one in findings for row in _rows(one))))
        say(f"{text.counted(len(bad), 'thing')} wrong" if bad else "nothing is wrong")
    return Exit.FAILED if bad else Exit.OK


def _of(loaded: Loaded) -> list[Finding]:
    settings = loaded.settings
    places = places_of(settings)
    try:
        newest = records_of(settings).last() if places.data.is_dir() else None
    except (StoreError, OSError):
        newest = None

    async def ask() -> list[Finding]:
        return [await port(settings.server, places), *await reachable(settings), *await sandbox(settings)]

    return [
        models(settings),
        machine.clock(newest.at_ns if newest is not None else None),
        machine.descriptors(settings),
        *storage(places, stores_of(settings)),
        *asyncio.run(ask()),
    ]


def _rows(one: Finding) -> list[tuple[str, str, str]]:
    """The finding, and beneath it what to do."""
    remedy = [("", "", f"-> {one.remedy}")] if one.remedy else []
    return [(one.state, one.about, one.found), *remedy]
