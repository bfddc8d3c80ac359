"""Where a window stands at a time: calendar pieces in their time zone, rolling windows, all time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from antiphon.core.budget import NO_END_NS, Span, Window

NS = 1_000_000_000
_SECONDS = {"minute": 60, "hour": 3600}
ALWAYS = Span(start_ns=0)


def span_at(window: Window, now_ns: int) -> Span:
    """The span that a time lies in.

    Minutes and hours are pieces of the time since the epoch: of an hour that the clocks show twice, each is one. Days,
    weeks and months run from midnight to midnight in the window's zone, and are an hour shorter or longer where the
    clocks change. Where midnight is left out, the day begins with the first moment after it.
    """
    match window.period:
        case "total":
            return ALWAYS
        case "rolling":
            return Span(start_ns=0, rolling_ns=window.rolling_s * NS)
        case "minute" | "hour":
            return _even(_SECONDS[window.period], window.timezone, now_ns)
        case "day" | "week" | "month":
            return _dated(window, now_ns)


def _even(length_s: int, timezone: str, now_ns: int) -> Span:
    """Hours begin where the zone's do: India's half past those of UTC."""
    now_s = now_ns // NS
    offset = datetime.fromtimestamp(now_s, ZoneInfo(timezone)).utcoffset() or timedelta()
    shift_s = int(offset.total_seconds()) % length_s
    start_s = (now_s + shift_s) // length_s * length_s - shift_s
    return Span(start_ns=start_s * NS, end_ns=(start_s + length_s) * NS)


def _dated(window: Window, now_ns: int) -> Span:
    zone = ZoneInfo(window.timezone)
    now = datetime.fromtimestamp(now_ns // NS, zone).replace(tzinfo=None)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if window.period == "month":
        start = start.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    elif window.period == "week":
        start -= timedelta(days=start.weekday())
        end = start + timedelta(days=7)
    else:
        end = start + timedelta(days=1)
    return Span(start_ns=_at(start, zone) * NS, end_ns=_at(end, zone) * NS)


def _at(wall: datetime, zone: ZoneInfo) -> int:
    """Seconds since the epoch at which a zone's clocks first show a time, or have just passed it over."""
    at = wall.replace(tzinfo=zone)
    seconds = int(at.timestamp())
    shown = datetime.fromtimestamp(seconds, zone).replace(tzinfo=None)
    if shown == wall:
        return seconds
    # Passed over: the clocks went from before it to behind it at one moment, which lies between the two readings.
    low, high = sorted((seconds, int(at.replace(fold=1).timestamp())))
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).replace(tzinfo=None) < wall:
            low = middle
        else:
            high = middle
    return high


class Calendar:
    """Spans of windows, worked out once for as long as they last."""

    def __init__(self) -> None:
        self._spans: dict[Window, Span] = {}

    def span(self, window: Window, now_ns: int) -> Span:
        known = self._spans.get(window)
        if known is None or not known.start_ns <= now_ns < known.end_ns:
            known = self._spans[window] = span_at(window, now_ns)
        return known


def as_time(at_ns: int) -> str:
    """A time for people: `2026-12-01T00:00:00Z`; `never` for the end of what has none."""
    if at_ns >= NO_END_NS:
        return "never"
    return datetime.fromtimestamp(at_ns // NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
