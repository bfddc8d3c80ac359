"""Tickets of requests that no budget counts: each is taken once and settled once."""

from antiphon.core.money import NanoUsd
from antiphon.core.ports import Tickets
from antiphon.core.principal import Principal
from antiphon.core.ticket import Ticket
from antiphon.core.usage import Usage


class CountingTickets(Tickets):
    """Holds no budget; it proves that every attempt is ticketed and every ticket settled."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._open: dict[str, Ticket] = {}
        self.taken = 0
        self.settled = 0
        self.spent = NanoUsd(0)

    @property
    def open(self) -> int:
        return len(self._open)

    def reserve(self, principal: Principal, deployment: str, bound_nano_usd: NanoUsd | None) -> Ticket:
        self.taken += 1
        ticket = Ticket(
            id=f"{self._prefix}-{self.taken}",
            tenant=principal.tenant,
            deployment=deployment,
            bound_nano_usd=bound_nano_usd,
        )
        self._open[ticket.id] = ticket
        return ticket

    def settle(self, ticket: Ticket, usage: Usage | None, cost_nano_usd: int | None) -> None:
        if self._open.pop(ticket.id, None) is None:
            raise ValueError(f"ticket {ticket.id} is not open: it was settled before, or never taken")
        self.settled += 1
        self.spent = NanoUsd(self.spent + (cost_nano_usd or 0))
