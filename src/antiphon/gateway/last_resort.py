"""What is done for a request that nobody could answer."""

import logging

from antiphon.core.error import AntiphonError, DeadlineExceeded, OverLimit, UpstreamError, UpstreamRefused
from antiphon.gateway.decide import Decision
from antiphon.gateway.story import Story
from antiphon.routing.settings import LastResortSettings

log = logging.getLogger("antiphon.gateway")
NO_RESORT = LastResortSettings()
_NOBODY = (UpstreamError, OverLimit, DeadlineExceeded)


def resort(story: Story, error: AntiphonError, decision: Decision | None) -> LastResortSettings:
    """The route's last resort, where an error means that nobody could answer; an empty one else."""
    theirs = isinstance(error, UpstreamRefused)  # the caller's own to mend
    if decision is None or story.begun or story.leads or theirs or not isinstance(error, _NOBODY):
        return NO_RESORT
    return decision.route.last_resort


def lines(story: Story, last: LastResortSettings) -> bytes:
    """Header lines that say what was done."""
    told = story.header_lines()
    if last.respond:
        told += b"x-antiphon-last-resort: respond\r\n"
    if last.hand_off:
        told += b"x-antiphon-hand-off: %b\r\n" % last.hand_off.encode("ascii", "replace")
    return told


def hand_off(story: Story, error: AntiphonError, last: LastResortSettings) -> None:
    """Tell operators that somebody has to take a request over; its receipt says the same."""
    told = {
        "receipt": story.arrival.id,
        "to": last.hand_off,
        "error": error.said_code,
        "tenant": story.principal.tenant,
    }
    log.warning("request.handed_off", extra=told)
