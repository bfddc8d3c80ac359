"""The process that carries journals into the database."""

import logging
import os
import signal
import threading
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
    while not stop.wait(ship(shipper, metrics, interval_s)) and os.getppid() == parent:
        pass
    while shipper.step():
        pass
    database.close()


def _told(stop: threading.Event, _number: int, _frame: FrameType | None) -> None:
    stop.set()


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
