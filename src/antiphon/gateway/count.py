"""Admit: the request's place under its limits, and what budgets at their cap make of it."""

from msgspec import structs

from antiphon.calls.counting import Counting
from antiphon.calls.story import Story
from antiphon.core.request import NO_LINEAGE, Request
from antiphon.gateway.decide import Decision, Decisions


async def count(
    story: Story, request: Request, decision: Decision, decisions: Decisions, counting: Counting
) -> Decision:
    """Begin to count a request. Returns: the decision, or the one that a budget at its cap leads to.

    Raises: OverLimit, Unavailable, BudgetExceeded, StoreError, DeadlineExceeded, BadRequest.
    """
    head, whose = request.head, decision.whose
    if head.user or request.lineage is not NO_LINEAGE:
        whose = structs.replace(whose, end_user=head.user, lineage=request.lineage)
    story.counted = counted = counting.open(whose, stream=head.stream)
    first = decision.prepared.first if counting.tickets.steers else ()
    await counting.begin(counted, story.started_s + decision.route.seconds, leads=story.leads, first=first)
    if not counted.downgrade_to:
        return decision
    story.lines += b"x-antiphon-downgraded: %b\r\n" % counted.downgrade_to.encode("ascii", "replace")
    story.notes = (*story.notes, f"budget: {counted.budget} is used up: downgraded to {counted.downgrade_to}")
    return decisions.find(story, head, counted.downgrade_to, counted.budget)
