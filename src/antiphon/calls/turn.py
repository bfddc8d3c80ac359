"""A request's turn at an upstream, and what it is told when its own time ends the wait."""

from collections.abc import Callable

from antiphon.calls.admission import Gate
from antiphon.calls.deadline import MIN_S, Deadline, exceeded
from antiphon.core.error import OverLimit
from antiphon.core.principal import Lane


async def take_turn(
    gate: Gate, tenant: str, lane: Lane, limit: Deadline, now: Callable[[], float], *, begun: bool = False
) -> None:
    """Wait for a slot, no longer than until the request must have an answer's head. `Gate.leave` gives it back.

    Args:
        now: Seconds on the steady clock.
        begun: The caller has an answer's head already.
    Raises: OverLimit; DeadlineExceeded, where the request's own time, and no limit of ours, ended the wait.
    """
    until_s = limit.head_by_s(begun=begun)
    try:
        await gate.enter(tenant, lane, deadline_s=until_s, now_s=now())
    except OverLimit as refused:
        now_s = now()
        if until_s - now_s >= MIN_S:
            raise
        raise exceeded(limit, refused, over=limit.over(now_s)) from refused
