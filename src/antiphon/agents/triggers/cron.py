"""When a cron expression comes, in a time zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterError

_S_NS = 1_000_000_000
FIELDS = 5


class Schedule:
    """Five fields: minute, hour, day of month, month, day of week; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.

    A time that the clocks leave out comes with the first moment behind it. One that they show twice comes with the first;
    with both, where the expression names every hour.
    """

    def __init__(self, text: str, zone: str = "UTC") -> None:
        """Raises: ValueError, with what is wrong."""
        named = text.startswith("@")
        if not named and len(text.split()) != FIELDS:
            raise ValueError(f"{text!r} has {len(text.split())} fields, not {FIELDS}")
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone!r}; write one such as Europe/Zurich") from None
        try:
            croniter(text, datetime(2026, 1, 1, tzinfo=UTC)).get_next(datetime)
        except (CroniterError, ValueError, KeyError) as error:
            raise ValueError(f"{text!r} never comes: {error}") from None
        self._text = text
        self._hourly = (named and text == "@hourly") or (not named and text.split()[1].startswith("*"))

    def last(self, now_ns: int) -> int:
        """The last time that was not after this one; ns since the epoch."""
        at = datetime.fromtimestamp(now_ns // _S_NS + 1, self._zone)
        return self._walk(at, back=True)

    def next(self, now_ns: int) -> int:
        """The first time after this one; ns since the epoch."""
        at = datetime.fromtimestamp(now_ns // _S_NS, self._zone)
        return self._walk(at, back=False)

    def _walk(self, at: datetime, *, back: bool) -> int:
        times = croniter(self._text, at)
        while True:
            found: datetime = times.get_prev(datetime) if back else times.get_next(datetime)
            if self._hourly or not _again(found):
                return round(found.timestamp()) * _S_NS


def _again(at: datetime) -> bool:
    """Whether the clocks showed the same an hour before."""
    offset = at.utcoffset()
    before = at.astimezone(UTC) - timedelta(hours=1)
    earlier = before.astimezone(at.tzinfo)
    return earlier.utcoffset() != offset and earlier.replace(tzinfo=None) == at.replace(tzinfo=None)
