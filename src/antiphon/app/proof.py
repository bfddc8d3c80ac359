"""Wires what auditors ask for, and what opens and erases what lies sealed, for the admin API and for commands."""

import time
from collections.abc import Sequence
from pathlib import Path

from antiphon.admin.desk import Proof
from antiphon.agents.retention import RunsKeeping
from antiphon.app.auditing import key_file
from antiphon.app.places import Places
from antiphon.app.stores import Stores
from antiphon.app.vaults import envelope
from antiphon.config.settings import Settings
from antiphon.control.audit_log import AuditLog
from antiphon.control.erasing import Erasing
from antiphon.core.audit_store import AuditStore
from antiphon.core.clock import SystemClock
from antiphon.core.error import NotFound
from antiphon.core.ids import Uuid7
from antiphon.core.ports import AuditNotes
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured, opened
from antiphon.metering.kept import ReadKept
from antiphon.metering.records import Records
from antiphon.vault import make
from antiphon.vault.rotation import Rotated, rotate
from antiphon.vault.tokens import SealedTokens


def log_of(settings: Settings, store: AuditStore) -> AuditLog:
    """Chains, and the keys that state them."""
    return AuditLog(
        store=store, name=settings.audit.name, key_file=key_file(settings.audit, Path(settings.storage.dir))
    )


def proof_of(settings: Settings, notes: AuditNotes) -> Proof:
    """What needs keys. Raises: StoreError."""
    data = Path(settings.storage.dir)
    places, stores = Places.under(data, data), Stores.of(settings.storage, data)
    sealer, reader, vault = envelope(settings, places), stores.reader(), stores.vault()
    records = Records(reader, places.journal)
    tokens = SealedTokens(sealer, ReadKept(reader, places.journal), time.time_ns, settings.vault.token_days)

    def turned() -> Rotated:
        return rotate(vault, make.wrappers(settings.vault, places.key))

    def content(receipt: Receipt) -> Captured:
        sealed = records.content(receipt.id) if receipt.captured else None
        if sealed is None:
            raise NotFound(
                "there is no content of this receipt: none was captured, or its time is over", code="content_not_found"
            )
        sealer.refresh()
        tenant = receipt.principal.tenant if receipt.principal is not None else ""
        return opened(sealed, sealer, tenant, receipt.id)

    def reveal(tenant: str, some: Sequence[str]) -> dict[str, str]:
        sealer.refresh()
        return tokens.meanings(tenant, some)

    return Proof(
        erasing=Erasing(
            vault=vault,
            owners=sealer,
            records=records,
            notes=notes,
            now_ns=time.time_ns,
            ids=Uuid7(SystemClock()),
            runs=RunsKeeping(
                store=stores.runs(),
                held=vault,
                owners=sealer,
                now_ns=time.time_ns,
                keep_days=settings.agents.keep_days,
                workspaces=Path(settings.agents.workspaces or data / "workspaces"),
            ),
        ),
        rotate=turned,
        reveal=reveal,
        content=content,
        receipt=records.receipt,
    )
