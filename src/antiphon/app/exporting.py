"""The process that exports each day once it is over. There is none where `storage.export` is not set."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from antiphon.app import exported
from antiphon.app.child import Child, fork
from antiphon.app.reporting import exporter_of
from antiphon.config.settings import Settings
from antiphon.control.export import Exporter
from antiphon.core.error import AntiphonError
from antiphon.telemetry import log as telemetry_log

log = logging.getLogger("antiphon.exporting")
LOOK_S = 60.0
"""Between two looks at what is due; the first comes as long after the start."""
RETRY_S = 600.0
WATCH_S = 1.0
NICENESS = 10
"""It can wait: workers go first."""


class Stopped(BaseException):
    """SIGTERM came. What is being written is dropped; the day is exported after the next start."""


def start(settings: Settings, closing: Iterable[socket.socket]) -> Child | None:
    """Start the process, if it has something to do."""
    return None if settings.storage.export is None else fork(lambda: run(settings), closing=closing)


def run(settings: Settings) -> None:
    """Export until SIGTERM. The body of a process of its own."""
    export = settings.storage.export
    if export is None:
        return
    telemetry_log.start(settings.telemetry.log_level)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    os.nice(NICENESS)
    exporter, wait_s = exporter_of(settings, export), LOOK_S
    data = Path(settings.storage.dir)
    signal.signal(signal.SIGTERM, _stop)
    try:
        while True:
            time.sleep(wait_s)
            wait_s = export_due(exporter, time.time_ns(), data)
    except Stopped:
        pass


def export_due(exporter: Exporter, now_ns: int, data: Path) -> float:
    """Export what is due, and note in the data directory how far that is. Returns: seconds until the next look."""
    try:
        for day in exporter.due(now_ns):
            exported.note(data, day)
            done = exporter.export(day, now_ns)
            entries, receipts = (written.rows for written in done.files)
            told = {"day": day.isoformat(), "receipts": receipts, "entries": entries, "running": done.running}
            log.info("day.exported", extra=told)
        exported.note(data, exporter.today(now_ns))
    except (AntiphonError, OSError) as error:
        log.error("day.not_exported", extra={"reason": str(error)})
        return RETRY_S
    return LOOK_S


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _end_with(parent: int) -> None:
    """End this process when its parent has ended without a word: it holds the data directory's lock too."""
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(0)
