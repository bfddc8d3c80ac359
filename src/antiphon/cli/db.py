"""`antiphon db migrate|check|backup|restore`."""

import os
import shutil
import time
from argparse import Namespace
from pathlib import Path

from msgspec import to_builtins

from antiphon.app.places import KEY_FILE, Places, own
from antiphon.app.stores import Stores
from antiphon.cli import text
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.settings import Settings
from antiphon.core.error import StoreError
from antiphon.metering.audit import faults
from antiphon.metering.journal import SUFFIX
from antiphon.metering.shipping import writer_of
from antiphon.store.upkeep import Upkeep


def run(arguments: Namespace) -> int:
    """Run the verb."""
    settings = configured(arguments).settings
    verbs = {"migrate": _migrate, "check": _check, "backup": _backup, "restore": _restore}
    return verbs[arguments.verb](arguments, settings)


def _migrate(arguments: Namespace, settings: Settings) -> int:
    lock = own(places_of(settings).data)
    try:
        upkeep = stores_of(settings).upkeep()
        found, version = upkeep.migrate(arguments.to)
    finally:
        os.close(lock)
    if arguments.json:
        document({"from": found, "to": version, "newest": upkeep.newest})
    elif found == version:
        put(f"the tables have version {version} already")
    else:
        put(f"the tables went from version {found} to {version}")
    return Exit.OK


def _check(arguments: Namespace, settings: Settings) -> int:
    stores = stores_of(settings)
    upkeep = stores.upkeep()
    version = newest(upkeep)
    audit = upkeep.audit()
    found = list(faults(audit, whole=not settings.storage.retention.ledger_days))
    waiting = _waiting(places_of(settings), stores, audit.holders)
    if arguments.json:
        document(
            {
                "ok": not found,
                "version": version,
                "newest": upkeep.newest,
                "entries": audit.entries,
                "accounts": len(audit.accounts),
                "faults": [to_builtins(one) for one in found],
                "waiting": [{"holder": holder, "home": home} for holder, home in waiting],
            }
        )
    else:
        put(
            f"version {version}, {text.counted(len(audit.accounts), 'account')}, entries in the ledger: {audit.entries}"
        )
        for holder, _ in waiting:
            put(f"note: {holder} has ended with leases; a gateway frees them when it starts here")
        for one in found:
            put(f"{one.what}: {one.about}: {one.found}")
        say(f"{text.counted(len(found), 'thing')} wrong" if found else "nothing is wrong")
    return Exit.FAILED if found else Exit.OK


def newest(upkeep: Upkeep) -> int:
    """The tables' version. Raises: StoreError, when they have another one than this code."""
    version = upkeep.version()
    if version != upkeep.newest:
        raise StoreError(f"the tables have version {version}, this Antiphon knows {upkeep.newest}; antiphon db migrate")
    return version


def _waiting(places: Places, stores: Stores, holders: dict[str, str]) -> list[tuple[str, str]]:
    """Holders of this gateway that have no journal any more."""
    writers = {writer_of(path.name) for path in places.journal.glob(f"*{SUFFIX}")}
    return [(holder, home) for holder, home in holders.items() if home == stores.home and holder not in writers]


def _backup(arguments: Namespace, settings: Settings) -> int:
    places, target = places_of(settings), Path(arguments.directory)
    upkeep = stores_of(settings).upkeep()
    newest(upkeep)
    journal = target / places.journal.name
    try:
        target.mkdir(mode=0o700, parents=True)
        journal.mkdir(mode=0o700)
    except FileExistsError:
        raise StoreError(f"{target} is there already; name a directory to be made") from None
    # The journal first: what is shipped meanwhile is then in both, and the copy's header says how far it was.
    segments = 0
    for path in sorted(places.journal.glob(f"*{SUFFIX}")):
        try:
            shutil.copyfile(path, journal / path.name)
            segments += 1
        except FileNotFoundError:
            (journal / path.name).unlink(missing_ok=True)  # shipped meanwhile: the database has it
    made = upkeep.copy(target)
    for path in (made, *journal.iterdir()):
        path.chmod(0o600)
    if arguments.json:
        document({"directory": str(target), "database": made.name, "segments": segments})
    else:
        put(f"copied to {target}: {made.name} and {text.counted(segments, 'segment')} of the journal")
        say(f"keep {places.key.name} too, elsewhere: without it sealed content can't be opened")
        say(f"and {KEY_FILE}, where there is one: without it the next start makes another first admin key")
    return Exit.OK


def _restore(arguments: Namespace, settings: Settings) -> int:
    places, source = places_of(settings), Path(arguments.directory)
    if not (source / places.journal.name).is_dir():
        raise StoreError(f"{source} is no copy: it has no {places.journal.name}; name what `antiphon db backup` made")
    lock = own(places.data)
    try:
        replaced = _set_aside(places, stores_of(settings))
        try:
            stores_of(settings).upkeep().restore(source)
            shutil.copytree(source / places.journal.name, places.journal)
        except BaseException:
            _put_back(places, replaced)
            raise
    finally:
        os.close(lock)
    if arguments.json:
        document({"directory": str(source), "replaced": str(replaced) if replaced else None})
    else:
        put(f"restored from {source}")
        if replaced:
            say(f"what was there lies in {replaced}")
    return Exit.OK


def _set_aside(places: Places, stores: Stores) -> Path | None:
    """Move what a copy takes the place of. Returns: where it lies; None: there was nothing."""
    there = [path for path in (*stores.files, places.journal) if path.exists()]
    if not there:
        return None
    aside = places.data / f"replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    return aside


def _put_back(places: Places, replaced: Path | None) -> None:
    """Undo a restore that failed: what was there before is there again."""
    shutil.rmtree(places.journal, ignore_errors=True)
    if replaced is not None:
        for path in replaced.iterdir():
            path.replace(places.data / path.name)
        replaced.rmdir()
