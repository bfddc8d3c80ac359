"""Reads what a report is asked for: dimensions and times as people write them."""

import re
from datetime import UTC, datetime

from msgspec import Struct

from antiphon.core.error import BadRequest, NotAllowed
from antiphon.core.principal import Principal
from antiphon.core.spend import BY, By, Question

UNITS_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
USUAL_SINCE = "7d"
LONGEST_S = 3660 * 86_400
MOST_BY = 6
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_HOW = "write 7d, 24h, 30m or 2w, a day such as 2026-11-20, or a time such as 2026-11-20T13:00:00Z"


class Asked(Struct, frozen=True, kw_only=True):
    """What is wanted, in the asker's words; empty: as usual."""

    by: str = ""
    """Dimensions, separated by commas. Usual: none, which gives the total alone."""
    since: str = ""
    until: str = ""
    """Usual: now."""
    tenant: str = ""
    """Usual: all that the asker may see."""
    forecast: bool = False
    anomalies: bool = False


def question(asked: Asked, principal: Principal | None, now_ns: int) -> Question:
    """What the store is asked.

    Args:
        principal: Who asks: an admin may ask for all tenants. None: whoever can read the data directory.
    Raises: BadRequest, NotAllowed.
    """
    since_ns = moment("since", asked.since or USUAL_SINCE, now_ns)
    until_ns = moment("until", asked.until, now_ns) if asked.until else now_ns
    if until_ns <= since_ns:
        raise BadRequest(
            f"`until` {asked.until or 'now'} is not after `since` {asked.since or USUAL_SINCE}; give an earlier `since`",
            param="until",
        )
    if until_ns - since_ns > LONGEST_S * 1_000_000_000:
        raise BadRequest("the time asked for is longer than ten years", param="since")
    return Question(by=dimensions(asked.by), since_ns=since_ns, until_ns=until_ns, tenant=_tenant(asked, principal))


def dimensions(text: str) -> tuple[By, ...]:
    """Raises: BadRequest."""
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    found: list[By] = [BY[BY.index(name)] for name in names if name in BY]
    if len(found) < len(names):
        strange = next(name for name in names if name not in BY)
        raise BadRequest(f"spend can't be summed by {strange[:64]!r}; known: {', '.join(BY)}", param="by")
    if len(set(found)) < len(found) or len(found) > MOST_BY:
        raise BadRequest(f"`by` names up to {MOST_BY} dimensions, each once", param="by")
    return tuple(found)


def moment(param: str, text: str, now_ns: int) -> int:
    """A time in nanoseconds since the epoch; without a zone it is in UTC. Raises: BadRequest."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        at_ns = now_ns - int(ago[1]) * UNITS_S[ago[2]] * 1_000_000_000
    else:
        try:
            at = datetime.fromisoformat(text)
            at_ns = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000
        except (ValueError, OverflowError):
            raise BadRequest(f"`{param}` {text[:64]!r} is no time; {_HOW}", param=param) from None
    if not 0 <= at_ns < 2**62:
        raise BadRequest(f"`{param}` {text[:64]!r} is out of bounds; {_HOW}", param=param)
    return at_ns


def _tenant(asked: Asked, principal: Principal | None) -> str | None:
    if principal is None or principal.admin:
        return asked.tenant or None
    if asked.tenant not in ("", principal.tenant):
        raise NotAllowed("the spend of other tenants needs an admin key; leave `tenant` out for your own")
    return principal.tenant
