"""`antiphon audit list|verify|export|proof|checkpoint|key|rotate`: on the store, or on files without one."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import to_builtins

from antiphon.app.auditing import Auditing, key_file, place_of
from antiphon.app.objects import prepare
from antiphon.app.proof import log_of
from antiphon.cli import text
from antiphon.cli.audit_check import check
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import document, put, say
from antiphon.config.settings import Settings
from antiphon.control.audit_log import AuditLog
from antiphon.control.checkpoints import origin_of
from antiphon.core.audit_store import AuditStore
from antiphon.core.error import BadRequest, StoreError
from antiphon.store.notes_place import NotesPlace
from antiphon.vault import signing

PAGE = 1000
"""Events that are read at a time."""
EVENTS, KEYS, CHECKPOINTS = "events.jsonl", "keys.txt", "checkpoints"
"""What an export holds."""
EVERY = 1_000_000


def run(arguments: Namespace) -> int:
    """Run the verb."""
    if arguments.verb == "verify":
        return check(arguments)
    settings = configured(arguments).settings
    prepare(settings)
    store = stores_of(settings).audit()
    verbs = {
        "list": _list,
        "export": _export,
        "proof": _proof,
        "checkpoint": _checkpoint,
        "key": _key,
        "rotate": _rotate,
    }
    try:
        return verbs[arguments.verb](arguments, settings, store)
    finally:
        store.close()


def _list(arguments: Namespace, settings: Settings, store: AuditStore) -> int:
    chains = log_of(settings, store).chains()
    if arguments.json:
        document({"data": [to_builtins(one) for one in chains]})
    elif chains:
        rows = (
            (one.tenant or "(the gateway)", str(one.size), str(one.checkpoint or "-"), "yes" if one.exported else "no")
            for one in chains
        )
        put("\n".join(text.table(rows, ("TENANT", "EVENTS", "CHECKPOINT", "OUTSIDE"))))
    else:
        say("Nothing has been chained yet.")
    return Exit.OK


def _export(arguments: Namespace, settings: Settings, store: AuditStore) -> int:
    """Write chains, checkpoints and keys to a directory that must not be there."""
    target = Path(arguments.directory)
    wanted = arguments.tenants or [one.tenant for one in store.heads()]
    try:
        target.mkdir(parents=True)
        count = 0
        with (target / EVENTS).open("wb") as file:
            for tenant in wanted:
                for body in bodies(store, tenant):
                    file.write(body + b"\n")
                    count += 1
        place = NotesPlace(str(target / CHECKPOINTS))
        for tenant in wanted:
            for one in store.checkpoints(tenant, EVERY):
                place.put(origin_of(settings.audit.name, tenant), one.size, one.note)
        (target / KEYS).write_text("".join(f"{one}\n" for one in log_of(settings, store).public_keys()), "utf-8")
    except OSError as error:
        raise StoreError(f"{target} can't be written: {error.strerror or error}") from error
    if arguments.json:
        document({"directory": str(target), "events": count, "tenants": wanted})
    else:
        put(f"{text.counted(count, 'event')} of {text.counted(len(wanted), 'chain')} in {target}")
    return Exit.OK


def bodies(store: AuditStore, tenant: str) -> Iterator[bytes]:
    """Events of a chain, in order."""
    first = 0
    while some := store.links(tenant, first, PAGE):
        yield from (one.body for one in some)
        first = some[-1].seq + 1


def _proof(arguments: Namespace, settings: Settings, store: AuditStore) -> int:
    log = log_of(settings, store)
    made = _consistency(arguments, log) if arguments.old is not None else _inclusion(arguments, log)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(made)).decode() + "\n")
    return Exit.OK


def _consistency(arguments: Namespace, log: AuditLog) -> object:
    return log.consistency(arguments.tenant or "", arguments.old, arguments.new)


def _inclusion(arguments: Namespace, log: AuditLog) -> object:
    if (arguments.receipt is None) == (arguments.seq is None):
        raise BadRequest("say what is to be proved: --receipt, --seq, or --old")
    if arguments.receipt is not None:
        return log.inclusion(log.of_receipt(arguments.receipt))
    return log.inclusion(log.event(arguments.tenant or "", arguments.seq))


def _checkpoint(arguments: Namespace, settings: Settings, store: AuditStore) -> int:
    """Chain what waits, and state it."""
    auditing = Auditing(settings.audit, store, places_of(settings).data)
    auditing.chain()
    made = auditing.state()
    if arguments.json:
        document({"data": [one.note.decode() for one in made]})
    elif made:
        put("\n".join(one.note.decode() for one in made).rstrip("\n"))
    else:
        say("No chain has grown since its last checkpoint.")
    place = place_of(settings.audit)
    say(
        "They lie in the database alone: audit.checkpoints names no place."
        if place is None
        else f"They lie in {place.url}."
    )
    return Exit.OK


def _key(arguments: Namespace, settings: Settings, store: AuditStore) -> int:
    return _keys(arguments, log_of(settings, store).public_keys())


def _rotate(arguments: Namespace, settings: Settings, _: AuditStore) -> int:
    """Have a new key sign, beside the one before it."""
    path = key_file(settings.audit, places_of(settings).data)
    return _keys(arguments, [one.key.text for one in signing.renew(path, settings.audit.name)])


def _keys(arguments: Namespace, keys: list[str]) -> int:
    if arguments.json:
        document({"keys": keys})
    else:
        put("\n".join(keys))
    return Exit.OK
