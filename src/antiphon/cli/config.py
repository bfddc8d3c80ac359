"""`antiphon config check|show|diff|schema`."""

import json
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

from msgspec import to_builtins

from antiphon.cli import drift, summary, text
from antiphon.cli.checks.models import models
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.failure import problems
from antiphon.cli.terminal import document, put, say
from antiphon.config.check_budgets import past_raises
from antiphon.config.check_objectives import REMEDY as PRICED
from antiphon.config.check_objectives import shut_out
from antiphon.config.check_unpriced import REMEDY, refused, said
from antiphon.config.diff import Change, diff
from antiphon.config.diff_documents import diff_documents, digests
from antiphon.config.load import environment, load
from antiphon.config.schema import schema
from antiphon.config.show import show, shown
from antiphon.core.error import ConfigError
from antiphon.providers.profiles import PROFILES


def run(arguments: Namespace) -> int:
    """Run the verb."""
    return {"check": _check, "show": _show, "diff": _diff, "schema": _schema}[arguments.verb](arguments)


def _check(arguments: Namespace) -> int:
    try:
        loaded = configured(arguments)
    except ConfigError as error:
        say("\n".join([error.message, text.counted(len(error.problems), "mistake")]))
        if arguments.json:
            document({"valid": False, "problems": problems(error.problems)})
        return Exit.CONFIG
    if arguments.json:
        document({"valid": True, "problems": [], **summary.document_of(loaded)})
    else:
        put("\n".join(summary.page(loaded)))
    found = models(loaded.settings)
    if found.state == "wrong":
        say(f"warning: {found.found}; {found.remedy}")
    for one in past_raises(loaded.settings.budgets, time.time_ns()):
        say(f"warning: {one}; take it out")
    for budget, names in refused(loaded.settings, PROFILES, datetime.now(UTC).date()).items():
        say(f"warning: the budget {budget} {said(names)}; {REMEDY}")
    for one in shut_out(loaded.settings, datetime.now(UTC).date()):
        say(f"warning: {one}; {PRICED}")
    return Exit.OK


def _show(arguments: Namespace) -> int:
    loaded = configured(arguments)
    if arguments.json:
        document(shown(loaded))
    else:
        put(show(loaded))
    return Exit.OK


def _diff(arguments: Namespace) -> int:
    if arguments.old is None:
        return drift.run(arguments)
    if arguments.new is None:
        arguments.parser.error("give two files, or none to see what the admin API owns")
    environ = environment()
    old, new = load(Path(str(arguments.old)), environ), load(Path(str(arguments.new)), environ)
    changes = diff(old.settings, new.settings)
    documents = diff_documents(digests(old.shelf), digests(new.shelf))
    if arguments.json:
        said = {"changes": to_builtins(changes), "documents": to_builtins(documents)}
        document({"old": old.revision.id, "new": new.revision.id, **said})
        return Exit.OK
    lines = [*map(_line, changes), *map(drift.line, documents)]
    if lines:
        put("\n".join(lines))
    fixed = sum(change.needs_restart for change in changes)
    restart = f", {fixed} of them only by a restart" if fixed else ""
    also = f", {text.counted(len(documents), 'document')}" if documents else ""
    say(f"{text.counted(len(changes), 'change')}{restart}{also}: {old.revision.id} -> {new.revision.id}")
    return Exit.OK


def _line(change: Change) -> str:
    """`+` what comes, `-` what goes, `~` what becomes something else."""
    old, new = (json.dumps(value, ensure_ascii=False) for value in (change.old, change.new))
    restart = "  (needs a restart)" if change.needs_restart else ""
    if change.old is None:
        return f"+ {change.path}: {new}{restart}"
    if change.new is None:
        return f"- {change.path}: {old}{restart}"
    return f"~ {change.path}: {old} -> {new}{restart}"


def _schema(arguments: Namespace) -> int:
    if not arguments.kind:
        document(schema())
        return Exit.OK
    from antiphon.agents.documents.catalogue import KINDS
    from antiphon.config.documents import schema_of

    if arguments.kind not in KINDS:
        arguments.parser.error(f"there is no kind {arguments.kind!r}: {', '.join(KINDS)}")
    document(schema_of(arguments.kind))
    return Exit.OK
