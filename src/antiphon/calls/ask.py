"""What a request asks of its call: its time, its lane, what it sticks by."""

from collections.abc import Mapping

from msgspec import Struct

from antiphon.calls.deadline import Deadline
from antiphon.calls.part import Part
from antiphon.calls.prepared import Policy
from antiphon.calls.sticky import prefix_key, session_key
from antiphon.core.error import BadRequest
from antiphon.core.principal import LANES, Lane, Principal
from antiphon.core.receipt import Bounded, Loss
from antiphon.core.request import Request
from antiphon.providers.target import PLAINLY, How
from antiphon.wire.codecs import CODECS
from antiphon.wire.prefix import prefix

PRIORITY = b"x-antiphon-priority"


class Ask(Struct, frozen=True, gc=False, kw_only=True):
    """What a call is asked to do."""

    request: Request
    deadline: Deadline
    how: How = PLAINLY
    lane: Lane = "normal"
    seed: int = 0
    key: int | None = None
    """What the request sticks by; None: nothing."""
    forced: bool = False
    """A probe of ours: the deployment is asked whatever its breaker says."""
    losses: tuple[Loss, ...] = ()
    """What of the request was lost before anybody was asked."""
    part: Part | None = None
    """Its place in a recipe; None: the plan has one call only."""


def lane(headers: Mapping[bytes, bytes], most: Lane) -> Lane:
    """The lane that a request asks for, or its key's where that is lower. Raises: BadRequest, naming the header."""
    said = headers.get(PRIORITY)
    if said is None:
        return most
    asked: Lane | None = next((one for one in LANES if one.encode() == said.strip().lower()), None)
    if asked is None:
        shown = said[:32].decode("latin-1")
        raise BadRequest(
            f"x-antiphon-priority is {shown!r}; write one of {', '.join(LANES)}", param="x-antiphon-priority"
        )
    return asked if LANES.index(asked) > LANES.index(most) else most


def sticky_key(request: Request, principal: Principal, policy: Policy) -> int | None:
    """What a request sticks by; None: it belongs to nothing."""
    sticky = policy.sticky
    if sticky is None:
        return None
    if sticky.by == "session":
        return session_key(principal.tenant, request.lineage.session) if request.lineage.session else None
    return prefix_key(
        principal.tenant,
        prefix(request, sticky.prefix_bytes, CODECS[request.head.dialect].opening),
        sticky.prefix_bytes,
    )


def bounded(limit: Deadline) -> Bounded | None:
    """What a receipt says of a deadline; None where only the server's cap holds, as it does for everyone."""
    if limit.bound == "server" and limit.capped_from_s is None:
        return None
    return Bounded(allowed_s=limit.allowed_s, by=limit.bound, header=limit.header, asked_s=limit.capped_from_s)
