import pytest
from hypothesis import given
from hypothesis import strategies as st
from receipts import ALICE

from antiphon.core.money import NanoUsd
from antiphon.core.usage import Usage
from antiphon.metering.counting_tickets import CountingTickets


@given(st.lists(st.integers(0, 5), max_size=20))
def test_every_ticket_is_settled_exactly_once(steps: list[int]) -> None:
    """0 takes a ticket; another number settles one, or tries to settle a settled one again."""
    tickets = CountingTickets("w")
    held, done = [], []
    for step in steps:
        if step == 0 or not held:
            held.append(tickets.reserve(ALICE, "d", NanoUsd(7)))
        else:
            ticket = held.pop(step % len(held))
            tickets.settle(ticket, Usage(), 3)
            done.append(ticket)
        for ticket in done:
            with pytest.raises(ValueError, match="not open"):
                tickets.settle(ticket, None, None)

    assert (tickets.taken, tickets.settled, tickets.open) == (len(held) + len(done), len(done), len(held))
    assert tickets.spent == 3 * len(done)
    assert len({ticket.id for ticket in [*held, *done]}) == tickets.taken


def test_a_ticket_says_whose_and_for_what_it_is() -> None:
    ticket = CountingTickets("w-1").reserve(ALICE, "gpt", NanoUsd(7))

    assert (ticket.tenant, ticket.deployment, ticket.bound_nano_usd) == ("acme", "gpt", 7)
    assert ticket.id.startswith("w-1-")


def test_an_unknown_cost_counts_as_nothing_spent() -> None:
    tickets = CountingTickets("w")

    tickets.settle(tickets.reserve(ALICE, "d", None), None, None)

    assert (tickets.settled, tickets.spent) == (1, 0)


def test_a_ticket_of_another_process_is_not_settled_here() -> None:
    theirs = CountingTickets("w-2").reserve(ALICE, "d", None)

    with pytest.raises(ValueError, match="w-2-1"):
        CountingTickets("w-1").settle(theirs, None, None)
