"""The process that carries journals into the database."""

import logging
import os
import signal
import threading
import time
from functools import partial
from types import FrameType

from antiphon.app.places import Places
from antiphon.core.error import StoreError
from antiphon.metering.shipping import BATCH_BYTES, Shipper
from antiphon.store.sqlite import Database
from antiphon.telemetry import log as telemetry_log
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots

log = logging.getLogger("antiphon.shipping")
RETRY_S = 1.0
PURGE_S = 60.0
"""How often what is kept no more is dropped from the database; nobody is shown it before that either."""


def run(places: Places, interval_s: float, log_level: str) -> None:
    """Ship until SIGTERM, then ship the rest. The body of a process of its own."""
    telemetry_log.start(log_level)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, partial(_told, stop))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    metrics = Metrics(Slots(places.metrics, "shipper"))
    database = Database(places.data)
    shipper = Shipper(places.journal, database)
    parent = os.getppid()
    purged_s = -PURGE_S
    while not stop.wait(ship(shipper, metrics, interval_s)) and os.getppid() == parent:
        if time.monotonic() - purged_s >= PURGE_S:
            purged_s = time.monotonic()
            purge(database, time.time_ns())
    while shipper.step():
        pass
    database.close()


def _told(stop: threading.Event, _number: int, _frame: FrameType | None) -> None:
    stop.set()


def purge(database: Database, now_ns: int) -> None:
    """Drop what was kept for as long as it was to be."""
    try:
        dropped = database.purge(now_ns)
    except StoreError as error:
        log.error("kept.not_purged", extra={"reason": str(error)})
    else:
        if dropped:
            log.info("kept.purged", extra={"entries": dropped})


def ship(shipper: Shipper, metrics: Metrics, interval_s: float) -> float:
    """Ship once. Returns: seconds to wait before the next time."""
    try:
        shipper.step()
        behind_bytes = shipper.behind_bytes
        metrics.journal_bytes.set(behind_bytes)
    except (StoreError, OSError) as error:
        log.error("journal.not_shipped", extra={"reason": str(error)})
        return RETRY_S
    return 0.0 if behind_bytes > BATCH_BYTES // 2 else interval_s
