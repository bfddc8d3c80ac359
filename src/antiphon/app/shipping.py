"""The process that carries journals into the database."""

import logging
import os
import signal
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from types import FrameType

from msgspec.structs import replace

from antiphon.app import exported
from antiphon.app.auditing import Auditing
from antiphon.app.places import Places
from antiphon.app.stores import Stores
from antiphon.control.settings_audit import AuditSettings
from antiphon.core.error import StoreError
from antiphon.core.score import Forgetting
from antiphon.core.vault_store import VaultStore
from antiphon.metering.batching import NO_FORGETTING
from antiphon.metering.shipping import BATCH_BYTES, Shipper
from antiphon.store.database import Database, Lapsed
from antiphon.store.settings import StorageSettings
from antiphon.telemetry import log as telemetry_log
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots

log = logging.getLogger("antiphon.shipping")
RETRY_S = 1.0
MOST_RETRY_S = 8.0
"""After each failure in a row it waits twice as long, up to this."""
PURGE_S = 60.0
"""How often what is kept no more is dropped from the database; nobody is shown it before that either."""
ROWS_AT_ONCE = 10_000
"""Of each table that are looked at for their age at a time."""
DAY_NS = 86_400_000_000_000


def run(
    places: Places,
    storage: StorageSettings,
    log_level: str,
    forgetting: Forgetting = NO_FORGETTING,
    audit: AuditSettings = AuditSettings(),  # noqa: B008 - it is frozen
) -> None:
    """Ship until SIGTERM, then ship the rest. The body of a process of its own."""
    telemetry_log.start(log_level)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, partial(_told, stop))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    course = Course(places, storage, Metrics(Slots(places.metrics, "shipper")), forgetting, audit)
    parent = os.getppid()
    while not stop.wait(course.step(time.monotonic())) and os.getppid() == parent:
        pass
    course.finish()


def _told(stop: threading.Event, _number: int, _frame: FrameType | None) -> None:
    stop.set()


class Course:
    """Ships step by step. While the database is away the journal keeps everything, and this one comes again."""

    def __init__(
        self,
        places: Places,
        storage: StorageSettings,
        metrics: Metrics,
        forgetting: Forgetting = NO_FORGETTING,
        audit: AuditSettings = AuditSettings(),  # noqa: B008 - it is frozen
    ) -> None:
        self._audit = audit
        self._auditing: Auditing | None = None
        self._forgetting = forgetting
        self._places = places
        self._storage = storage
        self._stores = Stores.of(storage, places.data)
        self._metrics = metrics
        self._database: Database | None = None
        self._shipper: Shipper | None = None
        self._failures = 0
        self._purged_s = -PURGE_S

    def step(self, now_s: float) -> float:
        """Returns: seconds to wait before the next one."""
        try:
            shipper = self._shipper or self._begin()
        except (StoreError, OSError) as error:
            log.error("journal.not_shipped", extra={"reason": str(error)})
            return self._again_s()
        wait_s = ship(shipper, self._metrics, self._storage.ship_interval_s)
        if wait_s is None:
            return self._again_s()
        self._failures = 0
        if self._database is not None and now_s - self._purged_s >= PURGE_S:
            self._purged_s = now_s
            purge(self._database, time.time_ns())
            with closing(self._stores.vault()) as vault:
                retain(self._database, vault, self._storage, self._places.data, time.time_ns())
        if self._auditing is not None and self._auditing.step(now_s):
            return 0.0
        return wait_s

    def _begin(self) -> Shipper:
        if self._database is None:
            self._database = self._stores.database()
        self._auditing = self._auditing or Auditing(self._audit, self._stores.audit(), self._places.data)
        self._shipper = Shipper(
            self._places.journal, self._database, forgetting=self._forgetting, audited=bool(self._audit.receipts)
        )
        return self._shipper

    def _again_s(self) -> float:
        self._failures += 1
        return min(RETRY_S * 2 ** (self._failures - 1), MOST_RETRY_S)

    def finish(self) -> None:
        """Ship the rest, if that can be; else the next gateway that is started here does."""
        try:
            shipper = self._shipper or self._begin()
            while shipper.step():
                pass
        except (StoreError, OSError) as error:
            log.error("journal.not_shipped", extra={"reason": str(error)})
        if self._auditing is not None:
            self._auditing.finish()
        if self._database is not None:
            self._database.close()


def purge(database: Database, now_ns: int) -> None:
    """Drop what was kept for as long as it was to be."""
    try:
        dropped = database.purge(now_ns)
    except StoreError as error:
        log.error("kept.not_purged", extra={"reason": str(error)})
    else:
        if dropped:
            log.info("kept.purged", extra={"entries": dropped})


def retain(database: Database, vault: VaultStore, storage: StorageSettings, data: Path, now_ns: int) -> None:
    """Drop what is older than it is to be kept, and was exported where days are. What a legal hold is on stays; while there
    is any, no receipts are dropped, since partitions go whole.
    """
    retention = storage.retention
    try:
        before_ns = now_ns - round(retention.content_days * DAY_NS) if retention.content_days else 0
        dropped = vault.lapse(now_ns, before_ns, ROWS_AT_ONCE)
        if dropped:
            log.info("retention.content_dropped", extra={"receipts": dropped})
        if vault.holds():
            retention = replace(retention, receipts_days=0.0)
    except StoreError as error:
        log.error("retention.failed", extra={"reason": str(error)})
        return
    if not retention.receipts_days and not retention.ledger_days:
        return
    try:
        most_ns = now_ns if storage.export is None else exported.until_ns(data)
        receipts_ns, ledger_ns = (
            min(now_ns - round(days * DAY_NS), most_ns) if days else 0
            for days in (retention.receipts_days, retention.ledger_days)
        )
        unused_ns = now_ns - round(retention.accounts_days * DAY_NS) if retention.accounts_days else 0
        lapsed = database.retain(receipts_ns, ledger_ns, ROWS_AT_ONCE, min(unused_ns, ledger_ns))
    except (StoreError, OSError, ValueError) as error:
        log.error("retention.failed", extra={"reason": str(error)})
    else:
        if lapsed != Lapsed():
            told = {
                "receipts": lapsed.receipts,
                "entries": lapsed.entries,
                "accounts": lapsed.accounts,
                "bases": lapsed.bases,
                "holds": lapsed.holds,
            }
            log.info("retention.dropped", extra=told)


def ship(shipper: Shipper, metrics: Metrics, interval_s: float) -> float | None:
    """Ship once. Returns: seconds to wait before the next time; None: it failed."""
    failed = False
    try:
        shipper.step()
    except (StoreError, OSError) as error:
        log.error("journal.not_shipped", extra={"reason": str(error)})
        failed = True
    try:
        behind_bytes = shipper.behind_bytes
    except OSError:  # a segment went meanwhile, or the directory can't be read: the next step tells
        return None if failed else interval_s
    metrics.journal_bytes.set(behind_bytes)
    if failed:
        return None
    return 0.0 if behind_bytes > BATCH_BYTES // 2 else interval_s
