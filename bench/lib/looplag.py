"""The row about a gateway's event loop while a 20 MB body passes."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass, field

from .load import LoadSpec
from .processes import get
from .rig import Rig, Subject
from .row import Plan, Row, Target

MAX_GAUGE = "antiphon_loop_lag_max_seconds"
LAG = "antiphon_loop_lag_seconds"
BODIES = 5
MS = 1000


@dataclass
class Probe:
    """Asks a small question over and over on one connection and keeps the longest wait.

    A view of the loop from outside: it holds for any gateway, but includes what the machine adds.
    """

    port: int
    path: str
    waits_s: list[float] = field(default_factory=list[float])
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                connection.request("GET", self.path)
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()  # opened anew by the next request
            self.waits_s.append(time.monotonic() - began)
            self._stopped.wait(0.001)
        connection.close()

    def stop(self) -> None:
        self._stopped.set()


@dataclass(frozen=True)
class LagReading:
    """What /metrics says of the loop's lag, in seconds; None and empty where it says nothing."""

    maximum: float | None
    gauge: float | None
    buckets: dict[float, float]  # upper bound -> observations at or below it

    @classmethod
    def parse(cls, text: str) -> LagReading:
        buckets: dict[float, float] = {}
        for bound, count in re.findall(rf'^{LAG}_bucket{{[^}}]*le="([^"]+)"[^}}]*}} (\S+)', text, re.MULTILINE):
            buckets[float(bound)] = buckets.get(float(bound), 0) + float(count)
        return cls(_largest(text, MAX_GAUGE), _largest(text, LAG), buckets)


def _largest(text: str, name: str) -> float | None:
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)", text, re.MULTILINE)
    return max(map(float, found), default=None)


def lag_between(before: LagReading, after: LagReading) -> tuple[float | None, str]:
    """The largest lag between two readings in seconds, and how it is known."""
    if after.maximum is not None and after.maximum != before.maximum:
        return after.maximum, MAX_GAUGE
    seen = {bound: count - before.buckets.get(bound, 0) for bound, count in sorted(after.buckets.items())}
    if any(seen.values()):
        total = max(seen.values())
        bound = next(bound for bound, count in seen.items() if count == total)
        return bound, f"{LAG}, upper bound of the highest bucket used"
    if after.maximum is not None:
        return after.maximum, f"{MAX_GAUGE}, which may be older than the bodies"
    if after.gauge is not None:
        return after.gauge, f"{LAG}, one reading just after"
    return None, "no metric of the loop's lag"


def _read_metrics(rig: Rig) -> LagReading:
    try:
        status, text = get(rig.settings.port, rig.settings.metrics_path, key="sk-bench-7d1f0c52a9e64b38")
    except (OSError, http.client.HTTPException):
        return LagReading(None, None, {})
    return LagReading.parse(text if status == 200 else "")


def _pass_bodies(rig: Rig, subject: Subject) -> tuple[list[str], float]:
    """Send 20 MB bodies one after another. Returns: faults and the probe's longest wait."""
    spec = LoadSpec(
        path=subject.chat_path,
        body="chat-20m.json",
        connections=1,
        seconds=0,
        warmup=0,
        requests=BODIES,
    )
    probe = Probe(subject.port, rig.settings.ready_path)
    thread = threading.Thread(target=probe.run)
    thread.start()
    try:
        result = rig.load(subject.port, spec, lambda _: None)
    finally:
        probe.stop()
        thread.join()
    return [f"{subject.name}: {fault}" for fault in result.faults()], max(probe.waits_s, default=0)


def loop_lag(rig: Rig, plan: Plan) -> Row:
    """The longest time the gateway's loop was not free while 20 MB bodies passed."""
    del plan
    gateway, nginx = rig.gateway(), rig.nginx()
    before = _read_metrics(rig)
    faults, wait_s = _pass_bodies(rig, gateway)
    time.sleep(0.5)  # let the gateway's own sampling see the last body
    lag_s, source = lag_between(before, _read_metrics(rig))
    nginx_faults, nginx_wait_s = _pass_bodies(rig, nginx)
    figures = {"probe_max_ms": wait_s * MS}
    if lag_s is not None:
        figures["lag_max_ms"] = lag_s * MS
    return Row(
        name="loop-lag",
        title=f"loop lag, {BODIES} bodies of 20 MB",
        figures={gateway.name: figures, "nginx": {"probe_max_ms": nginx_wait_s * MS}},
        measure="largest lag, ms",
        value=None if lag_s is None else lag_s * MS,
        target=Target("at most", 5),
        faults=faults + nginx_faults,
        notes=[f"known from: {source}"],
    )
