"""`antiphon audit verify`: a log, its checkpoints and its proofs, checked from files alone, or on the store."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import to_builtins

from antiphon.app.auditing import place_of
from antiphon.app.proof import log_of
from antiphon.cli import text
from antiphon.cli.configured import configured
from antiphon.cli.data import stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import clean, document, put, say
from antiphon.control import audit_proofs
from antiphon.control.audit_verify import Fault, Verified, verify
from antiphon.control.checkpoints import tenant_of
from antiphon.core.audit_store import AuditStore
from antiphon.core.error import BadRequest, StoreError
from antiphon.store.database import Reader
from antiphon.store.notes_place import NotesPlace
from antiphon.vault.signing import Key, parse

PAGE = 1000
EVERY = 1_000_000
Notes = dict[str, Iterable[bytes]]


def check(arguments: Namespace) -> int:
    """Check what is named."""
    try:
        keys = [parse(one) for one in arguments.keys or ()]
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if arguments.proof is not None:
        return _proof(arguments, keys)
    if arguments.log is not None:
        if not keys:
            raise BadRequest("--log needs --trust: the key that you were given, not one that lies beside the log")
        notes = _notes(NotesPlace(arguments.checkpoints), keys) if arguments.checkpoints else {}
        return _told(arguments, verify(_lines(Path(arguments.log)), notes, keys, tenants=arguments.tenants or ()))
    return _told(arguments, _of_store(arguments, keys))


def _proof(arguments: Namespace, keys: Sequence[Key]) -> int:
    if not keys:
        raise BadRequest("--proof needs --trust: the key that you were given")
    try:
        proof = audit_proofs.decoder.decode(Path(arguments.proof).read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise BadRequest(f"{arguments.proof} holds no proof: {error}") from error
    wrong = audit_proofs.wrong(proof, keys)
    if arguments.json:
        document({"ok": not wrong, "wrong": wrong})
    else:
        put(f"the proof does not hold: {wrong}" if wrong else f"the proof holds: {clean(proof.origin)}")
    return Exit.FAILED if wrong else Exit.OK


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")
    except OSError as error:
        raise StoreError(f"{path} can't be read: {error.strerror}") from error


def _notes(place: NotesPlace, keys: Sequence[Key]) -> Notes:
    """Checkpoints by tenant, as the names of the keys have it."""
    out: Notes = {}
    for origin in place.origins():
        tenant = next((one for key in keys if (one := tenant_of(key.name, origin)) is not None), None)
        if tenant is not None:
            out[tenant] = place.all(origin)
    return out


def _of_store(arguments: Namespace, keys: Sequence[Key]) -> Verified:
    settings = configured(arguments).settings
    stores = stores_of(settings)
    store, reader = stores.audit(), stores.reader()
    try:
        keys = keys or [parse(one) for one in log_of(settings, store).public_keys()]
        wanted = arguments.tenants or [one.tenant for one in store.heads()]
        notes: Notes = {tenant: [one.note for one in store.checkpoints(tenant, EVERY)] for tenant in wanted}
        place = NotesPlace(arguments.checkpoints) if arguments.checkpoints else place_of(settings.audit)
        outside: Mapping[str, Iterable[bytes]] = {} if place is None else _notes(place, keys)
        for tenant, some in outside.items():
            if tenant in wanted or not arguments.tenants:
                notes[tenant] = [*notes.get(tenant, ()), *some]
        out = verify(_chained(store, wanted), notes, keys)
        if arguments.receipts:
            out.faults.extend(_receipts(store, reader, wanted))
        return out
    finally:
        store.close()
        reader.close()


def _chained(store: AuditStore, tenants: Sequence[str]) -> Iterator[bytes]:
    for tenant in tenants:
        first = 0
        while some := store.links(tenant, first, PAGE):
            yield from (one.body for one in some)
            first = some[-1].seq + 1


class _Detail(msgspec.Struct):
    digest: str = ""


class _Told(msgspec.Struct):
    seq: int
    kind: str
    about: str
    detail: _Detail


def _receipts(store: AuditStore, reader: Reader, tenants: Sequence[str]) -> Iterator[Fault]:
    """Receipts that are others than their events say. Those that retention dropped are passed over."""
    for tenant in tenants:
        for line in _chained(store, [tenant]):
            told = msgspec.json.decode(line, type=_Told)
            if told.kind != "receipt" or not told.detail.digest:
                continue
            body = reader.receipt(told.about)
            if body is not None and sha256(body).hexdigest() != told.detail.digest:
                found = f"the receipt {told.about} is another one than its event says"
                yield Fault(what="receipt", tenant=tenant, seq=told.seq, found=found)


def _told(arguments: Namespace, found: Verified) -> int:
    sizes = {tenant: chain.size for tenant, chain in found.chains.items()}
    unstated = sum(size - found.stated.get(tenant, 0) for tenant, size in sizes.items())
    if arguments.json:
        document(
            {
                "ok": not found.faults,
                "chains": sizes,
                "checkpoints": found.checkpoints,
                "unstated": unstated,
                "faults": [to_builtins(one) for one in found.faults],
            }
        )
        return Exit.FAILED if found.faults else Exit.OK
    put(
        f"{text.counted(sum(sizes.values()), 'event')} of {text.counted(len(sizes), 'chain')}, "
        f"{text.counted(found.checkpoints, 'checkpoint')} that agree"
    )
    if unstated:
        put(
            f"no checkpoint states the last {text.counted(unstated, 'event')}: who owns the log could have made them anew; "
            "`antiphon audit checkpoint` states them"
        )
    for one in found.faults:
        where = "" if one.seq is None else f" {one.seq}"
        put(clean(f"{one.what}: {one.tenant or '(the gateway)'}{where}: {one.found}"))
    say(f"{text.counted(len(found.faults), 'thing')} wrong" if found.faults else "nothing is wrong")
    return Exit.FAILED if found.faults else Exit.OK
