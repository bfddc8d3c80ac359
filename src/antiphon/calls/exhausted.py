"""What is said when nobody is left who could answer."""

from collections.abc import Iterator, Mapping
from math import inf

from antiphon.calls.member import Member
from antiphon.calls.prepared import Prepared
from antiphon.core.error import AntiphonError, OverLimit, UpstreamAuth, UpstreamQuota

MOST_REASON = 400
"""Characters of a reason that names others."""


def _members(prepared: Prepared) -> Iterator[Member]:
    """Those that may take a request's first attempt: the route's own, and who stands in for them."""
    for rank in prepared.ranks:
        if rank.on in (None, "any"):
            yield from rank.members.values()


def unfit(prepared: Prepared, tried: Mapping[str, str], now_s: float) -> str:
    """Why those who could have been asked can't be. `tried`: what is known of some already."""
    told: dict[str, str] = {}
    for member in _members(prepared):
        state = member.breaker.state(now_s)
        alone = "" if state.state == "closed" else f"left alone: {state.reason}"
        why = tried.get(member.name) or alone or member.trouble(now_s)
        if why:
            told.setdefault(member.name, why)
    return "; ".join(f"{name}: {why}" for name, why in told.items())[:MOST_REASON]


def nobody(prepared: Prepared, now_s: float) -> AntiphonError:
    """The error where nobody could even be asked: all keys are dead, or resting or at their limits."""
    members = list(_members(prepared))
    dead = [why for one in members if (why := one.dead(now_s))]
    soonest_s = min((one.back_at_s(now_s) for one in members), default=inf)
    wait_s = None if soonest_s == inf else max(1.0, soonest_s - now_s)
    error: AntiphonError
    if len(dead) < len(members):
        said = "no deployment behind this model can be asked now: their keys are resting or at their limits"
        error = OverLimit(said, retry_after_s=wait_s)
    elif "quota" in dead:
        error = UpstreamQuota("every key for this model is out of quota or credit", retry_after_s=wait_s)
    else:
        error = UpstreamAuth("every key for this model was refused; the operator has to set others")
    error.noted = "; ".join(f"{one.name}: {one.trouble(now_s)}" for one in members)
    return error


def back_s(prepared: Prepared, now_s: float) -> float | None:
    """Seconds until the first of those that are left alone may be probed; None: not all are left alone."""
    backs = [one.breaker.state(now_s).retry_at_s for one in _members(prepared)]
    known = [at_s for at_s in backs if at_s is not None]
    return max(1.0, min(known) - now_s) if known and len(known) == len(backs) else None
