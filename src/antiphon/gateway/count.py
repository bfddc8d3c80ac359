"""Admit: the request's place under its limits, and what budgets at their cap make of it."""

from msgspec import structs

from antiphon.calls.counting import Counted, Counting
from antiphon.calls.story import Story
from antiphon.core.request import NO_LINEAGE, Head, Request
from antiphon.core.ticket import Whose
from antiphon.gateway.decide import Decision, Decisions


async def count(
    story: Story, request: Request, whose: Whose, decision: Decision | None, decisions: Decisions, counting: Counting
) -> Decision | None:
    """Begin to count a request.

    Args:
        decision: None: it waits for what the request is.
    Returns: the decision, or the one that a budget at its cap leads to.
    Raises: OverLimit, Unavailable, BudgetExceeded, StoreError, DeadlineExceeded, BadRequest.
    """
    head = request.head
    if head.user or request.lineage is not NO_LINEAGE:
        whose = structs.replace(whose, end_user=head.user, lineage=request.lineage)
    story.counted = counted = counting.open(whose, stream=head.stream)
    first = decision.prepared.first if decision is not None and counting.tickets.steers else ()
    seconds = decisions.route(story, head).seconds if decision is None else decision.route.seconds
    await counting.begin(counted, story.started_s + seconds, leads=story.leads, first=first)
    if decisions.narrowed(story) and decision is not None:
        decision = decisions.find(story, head)
    return _downgraded(story, head, counted, decisions) if counted.downgrade_to else decision


async def steered(story: Story, head: Head, decision: Decision, decisions: Decisions, counting: Counting) -> Decision:
    """What budgets of those whom a request goes to make of it, once it is decided who they are.

    Raises: BudgetExceeded, StoreError, DeadlineExceeded, BadRequest.
    """
    counted = story.counted
    if counted is None or not counting.tickets.steers:
        return decision
    await counting.steer(counted, story.started_s + decision.route.seconds, decision.prepared.first)
    return _downgraded(story, head, counted, decisions) if counted.downgrade_to else decision


def _downgraded(story: Story, head: Head, counted: Counted, decisions: Decisions) -> Decision:
    """The decision that a budget at its cap leads to, whatever was chosen. Raises: BudgetExceeded, BadRequest."""
    story.chosen = None
    story.lines += b"x-antiphon-downgraded: %b\r\n" % counted.downgrade_to.encode("ascii", "replace")
    story.notes = (*story.notes, f"budget: {counted.budget} is used up: downgraded to {counted.downgrade_to}")
    return decisions.find(story, head, counted.downgrade_to, counted.budget)
