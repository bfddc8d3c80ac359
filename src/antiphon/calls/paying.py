"""What is done where a budget can't cover a request as it came: a shorter answer, where the route allows that."""

from msgspec import structs

from antiphon.calls.attempt import Spot
from antiphon.calls.bound import affordable
from antiphon.calls.course import Course
from antiphon.core.error import BudgetExceeded, CannotCarry
from antiphon.core.receipt import Loss
from antiphon.providers.target import say
from antiphon.wire.lowered import lowered, lowers

TIMES = 2
"""How often a request's limit is lowered at most: what is left may have gone to another meanwhile."""


def shorten(course: Course, spot: Spot, error: BudgetExceeded) -> bool:
    """Lower a request's limit of output tokens to what is left, and tell it as a loss.

    Returns: whether that was done; False: the route doesn't allow it, or what is left is less than it asks for.
    """
    least, ask = course.prepared.policy.lower_max_tokens, course.ask
    request, left = ask.request, error.left_nano_usd
    if least is None or left is None or course.shortened >= TIMES or not lowers(request.head.dialect):
        return False
    try:
        said = say(request, spot.target, course.how() if course.so_far else ask.how)
    except CannotCarry:
        return False
    tokens = affordable(request, spot.target, said, left)
    asked = request.head.output_tokens or spot.target.deployment.output_tokens
    if tokens is None or tokens < least or (asked is not None and tokens >= asked):
        return False
    course.shortened += 1
    loss = Loss(
        field="max_tokens",
        why=f"the budget {error.budget} has too little left",
        effect=f"lowered {'' if asked is None else f'from {asked} '}to {tokens}",
    )
    losses = (*(one for one in ask.losses if one.field != loss.field), loss)
    course.ask = structs.replace(ask, request=lowered(request, tokens), losses=losses)
    return True
