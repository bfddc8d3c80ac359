"""What happened in a run, as lines on one axis of time."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from antiphon.control.waterfall import LEAST, SCALE, TICKS
from antiphon.core.run import RunEvent

STEPS = frozenset(
    {"plan", "model", "tool", "observed", "child", "wait", "answered", "verified", "compacted", "held", "text"}
)
_json = msgspec.json.Decoder()


class Step(Struct, frozen=True, kw_only=True):
    """One line."""

    seq: int
    kind: str
    label: str
    start: int
    """Place on the axis, 0 to `SCALE`."""
    length: int
    start_us: int
    took_us: int
    state: str
    """`ok`, `failed` or `running`."""
    at_ns: int
    receipt: str = ""
    """Of the call that it was."""
    body: bytes = b""
    """JSON."""


class Steps(Struct, frozen=True, kw_only=True):
    """All of them."""

    span_us: int
    steps: tuple[Step, ...]
    ticks: tuple[tuple[int, int], ...]


def steps(events: Sequence[RunEvent], began_ns: int, now_ns: int) -> Steps:
    """Lines from the beginning to the last event, or to now while a wait goes on."""
    ends_ns = max([began_ns, *(one.at_ns for one in events)])
    last = events[-1].kind if events else ""
    if last == "wait":
        ends_ns = max(ends_ns, now_ns)
    span_us = max((ends_ns - began_ns) // 1000, 1)
    found: list[Step] = []
    before_ns = began_ns
    for at, event in enumerate(events):
        body: Any = _json.decode(event.body) if event.body else None
        fields: dict[str, Any] = cast("Any", body) if isinstance(body, dict) else {}
        if event.kind in STEPS:
            waits = event.kind == "wait"
            until_ns = (events[at + 1].at_ns if at + 1 < len(events) else ends_ns) if waits else event.at_ns
            took_us = fields.get("took_us")
            from_ns = event.at_ns if waits or event.kind == "answered" else before_ns
            if isinstance(took_us, int) and not waits:
                from_ns = max(event.at_ns - took_us * 1000, began_ns)
            running = waits and at + 1 == len(events)
            found.append(_step(event, fields, from_ns - began_ns, until_ns - from_ns, span_us, running=running))
        before_ns = event.at_ns
    ticks = tuple((SCALE * at // (TICKS - 1), span_us * at // (TICKS - 1)) for at in range(TICKS))
    return Steps(span_us=span_us, steps=tuple(found), ticks=ticks)


def _step(event: RunEvent, fields: dict[str, Any], after_ns: int, took_ns: int, span_us: int, *, running: bool) -> Step:
    start_us, took_us = max(after_ns // 1000, 0), max(took_ns // 1000, 0)
    start = min(start_us * SCALE // span_us, SCALE - LEAST)
    names = ("tool", "role", "agent", "kind", "name")
    label = next((str(fields[name]) for name in names if isinstance(fields.get(name), str) and fields[name]), "")
    return Step(
        seq=event.seq,
        kind=event.kind,
        label=label,
        start=start,
        length=min(max(took_us * SCALE // span_us, LEAST), SCALE - start),
        start_us=start_us,
        took_us=took_us,
        state="running" if running else "failed" if fields.get("failed") else "ok",
        at_ns=event.at_ns,
        receipt=str(fields.get("receipt") or ""),
        body=event.body,
    )
