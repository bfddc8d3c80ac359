"""What is done for a request that nobody could answer."""

from antiphon.core.error import AntiphonError, DeadlineExceeded, OverLimit, UpstreamError, UpstreamRefused
from antiphon.routing.settings import LastResortSettings

NO_RESORT = LastResortSettings()
_NOBODY = (UpstreamError, OverLimit, DeadlineExceeded)


def resort(last: LastResortSettings, error: AntiphonError) -> LastResortSettings:
    """A route's last resort, where an error means that nobody could answer; an empty one else."""
    theirs = isinstance(error, UpstreamRefused)  # the caller's own to mend
    return NO_RESORT if theirs or not isinstance(error, _NOBODY) else last


def lines(last: LastResortSettings) -> bytes:
    """Header lines that say what was done."""
    told = b"x-antiphon-last-resort: respond\r\n" if last.respond else b""
    if last.hand_off:
        told += b"x-antiphon-hand-off: %b\r\n" % last.hand_off.encode("ascii", "replace")
    return told
