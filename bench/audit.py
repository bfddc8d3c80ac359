"""What proof costs: an event chained, content sealed and opened, a checkpoint signed, a proof made and checked.

    python bench/audit.py > bench/results/DATE-audit.md

Nothing is tuned on anything. Each figure is CPU of this process, the best of `ROUNDS` rounds: waits for the disk are not in it.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec

from antiphon.control import audit_proofs
from antiphon.control.audit_chain import chained
from antiphon.control.audit_events import canonical
from antiphon.control.audit_verify import verify
from antiphon.control.checkpoints import signed
from antiphon.core.audit import Event
from antiphon.core.audit_store import Stored
from antiphon.core.vault_store import Content
from antiphon.store.audit import noted
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.database import Batch, Row
from antiphon.store.sqlite import SqliteDatabase
from antiphon.store.vault_sqlite import SqliteVault
from antiphon.vault import make
from antiphon.vault.envelope import Envelope, Ports
from antiphon.vault.local import LocalSealer
from antiphon.vault.settings import VaultSettings
from antiphon.vault.signing import make as made_signer

ROUNDS = 5
EVENTS = 20_000
SEALED_BYTES = 2048


def best_us(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU of one call, in the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - begun) / times)
    return best * 1e6


def receipt(number: int) -> bytes:
    """About as long as a receipt is."""
    text = {"id": str(number), "at_ns": number, "outcome": "ok", "status": 200, "asked": "auto", "served": "small"}
    more = {"revision": "r", "principal": {"tenant": "acme", "key": "app"}, "filler": "x" * 1200}
    return msgspec.json.encode({**text, **more})


def event(number: int) -> Event:
    detail = {"digest": sha256(b"x").hexdigest(), "outcome": "ok", "status": 200, "asked": "auto", "served": "small"}
    return Event(tenant="acme", kind="receipt", by="key/app", at_ns=number, about=str(number), detail=detail)


def shipped(directory: Path, *, audited: bool) -> float:
    """Microseconds of CPU a receipt of writing `EVENTS` of them as a shipper does, and of chaining them."""
    database, store = SqliteDatabase(directory), SqliteAudit(directory)
    rows = [Row(id=f"{n:036x}", tenant="acme", at_ns=n, outcome="ok", body=receipt(n)) for n in range(EVENTS)]
    begun = time.process_time()
    for start in range(0, EVENTS, 2000):
        some = rows[start : start + 2000]
        notes = [("acme", "receipt", row.id, None) for row in some] if audited else []
        database.write(Batch(rows=some, notes=notes))
        while audited and store.grow(chained, 2000) == 2000:
            pass
    database.close()
    return (time.process_time() - begun) / EVENTS * 1e6


def envelope(directory: Path) -> Envelope:
    vault, local = SqliteVault(directory), directory / "local.key"
    ports = Ports(
        store=vault,
        wrappers=make.wrappers(VaultSettings(), local),
        local=LocalSealer(local),
        now_ns=time.time_ns,
        now_s=time.monotonic,
        keep=lambda key: vault.add_keys([key]),
        waiting=lambda _: None,
    )
    return Envelope(ports, VaultSettings())


def sealing(directory: Path) -> list[tuple[str, float]]:
    one, plain = envelope(directory), os.urandom(SEALED_BYTES)
    sealed = one.seal(plain, "acme/1", tenant="acme", subject="user/alice")
    local = LocalSealer(directory / "local.key")
    names = iter(range(10**9))
    return [
        (
            "seal 2 KB by a data key in memory",
            best_us(lambda: one.seal(plain, "acme/1", tenant="acme", subject="user/alice"), 5000),
        ),
        ("seal 2 KB by the local key itself", best_us(lambda: local.seal(plain, "acme/1"), 5000)),
        ("open 2 KB", best_us(lambda: one.unseal(sealed, "acme/1"), 5000)),
        (
            "a subject's first content: a data key made, wrapped, written to SQLite",
            best_us(lambda: one.seal(plain, "c", tenant="acme", subject=str(next(names))), 50),
        ),
        (
            "open content of a process that knows no key: two keys read and unwrapped",
            best_us(lambda: envelope(directory).unseal(sealed, "acme/1"), 50),
        ),
    ]


def chaining(directory: Path) -> list[tuple[str, float]]:
    one, signer = event(7), made_signer("antiphon")
    body, stored = receipt(1), Stored(id="1", tenant="acme", body=receipt(1))
    store, database = SqliteAudit(directory), SqliteDatabase(directory)
    database.write(
        Batch(notes=[noted(event(number)) for number in range(EVENTS)], contents=[Content("1", "acme", body)])
    )
    while store.grow(chained, 2000):
        pass
    (head,) = store.heads()
    store.put_checkpoint(signed(head, "antiphon", [signer], 1))
    (link,) = store.links("acme", 777, 1)
    proof = audit_proofs.inclusion(store, "antiphon", link)
    bodies = [each.body for each in store.links("acme", 0, EVENTS)]
    return [
        ("an event written in canonical form", best_us(lambda: canonical(one, 7, bytes(32)), 5000)),
        (
            "an event of a receipt chained in memory, with its digest, link and leaf",
            best_us(lambda: chained([stored] * 1000, {}), 5) / 1000,
        ),
        ("an event noted in SQLite, durably", best_us(lambda: store.note(one), 50)),
        ("a checkpoint signed", best_us(lambda: signed(head, "antiphon", [signer], 1), 500)),
        (
            f"a proof of inclusion made, among {EVENTS:,}",
            best_us(lambda: audit_proofs.inclusion(store, "antiphon", link), 20),
        ),
        ("that proof checked", best_us(lambda: audit_proofs.wrong(proof, [signer.key]), 200)),
        ("an event verified, of a whole log", best_us(lambda: verify(bodies, {}, []), 1) / EVENTS),
    ]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as two,
        tempfile.TemporaryDirectory() as three,
    ):
        rows = [*chaining(Path(one)), *sealing(Path(one))]
        plain, proved = shipped(Path(two), audited=False), shipped(Path(three), audited=True)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("antiphon", "cryptography", "msgspec"))
    print(f"# What proof costs, {datetime.now(UTC):%Y-%m-%d}\n")
    print(f"Python {platform.python_version()}, {libraries}; {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}.")
    print(f"Command: `python {' '.join(sys.argv)}`. Best of {ROUNDS} rounds; nothing was tuned.\n")
    print("| what | µs of CPU |\n| --- | --- |")
    for name, cost in rows:
        print(f"| {name} | {cost:,.1f} |")
    print(f"| a receipt written to SQLite in batches of 2,000, not chained (one round) | {plain:,.1f} |")
    print(f"| the same, chained behind each batch (one round) | {proved:,.1f} |")


if __name__ == "__main__":
    main()
