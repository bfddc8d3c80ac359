"""What tickets cost: CPU of reserving and settling one attempt, by how many budgets it falls under.

python bench/tickets.py
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Sequence

from antiphon.core.bank import Bank, Grant, Want
from antiphon.core.budget import Account, Budget, Scope, Window
from antiphon.core.clock import SystemClock
from antiphon.core.deployment import Deployment
from antiphon.core.ledger import Balance
from antiphon.core.money import NanoUsd
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.ticket import Bound, Short, Whose
from antiphon.core.usage import Usage
from antiphon.metering.escrow import Escrow
from antiphon.metering.settings import MeteringSettings
from antiphon.metering.tickets import EscrowTickets

STANDING: tuple[Scope, ...] = ("tenant", "team", "user", "key", "model", "provider")
PASSING: tuple[Scope, ...] = ("tenant", "team", "key", "end_user", "session", "run")
TARGET_US = 6.0
"""Of six scopes; rate limits have as much again."""
MOST = 10**18


class OpenBank(Bank):
    """Grants everything."""

    def grant(self, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        return [Grant(granted=max(want.like, MOST // 2), spent=0, held=0, scarce=False) for want in wants]

    def balances(self, keys: object, now_ns: int) -> list[Balance]:
        return []

    def accounts(self, budget: str, after: str, most: int) -> list[str]:
        return []

    def announce(self, account: Account, mark: float, now_ns: int) -> bool:
        return False

    def close(self) -> None:
        pass


def tickets_on(scopes: Sequence[Scope]) -> EscrowTickets:
    budgets = [
        Budget(name=f"by-{scope}", measure="money", limit=MOST, window=Window(period="month"), scopes=(scope,))
        for scope in scopes
    ]
    escrow = Escrow(OpenBank(), "bench", SystemClock(), MeteringSettings())
    tickets = EscrowTickets("bench", escrow, budgets)
    while True:
        try:
            tickets.settle(tickets.reserve(tickets.open(WHOSE), DEPLOYMENT, BOUND), USAGE, 900)
        except Short:
            asked = escrow.wallet.ask(escrow.now_ns(), escrow.now_s())
            grants = escrow.wallet.answered(
                asked, OpenBank().grant("bench", [want for _, want in asked], 0), escrow.now_ns(), escrow.now_s()
            )
            assert not grants
        else:
            return tickets


PRINCIPAL = Principal(tenant="acme", key="web", user="ann", team="support", tags=("prod",))
WHOSE = Whose(
    principal=PRINCIPAL,
    model="fast",
    route="fast",
    end_user="customer-7",
    lineage=Lineage(session="s-1", run="refunds/4711/draft"),
)
DEPLOYMENT = Deployment(name="gpt-4o-mini", provider="openai", model="gpt-4o-mini", tier="fast")
BOUND = Bound(money_nano_usd=NanoUsd(1_000_000), tokens=2_000, likely_nano_usd=400_000)
USAGE = Usage(input_tokens=300, output_tokens=200)


def us_per_request(tickets: EscrowTickets, calls: int, rounds: int) -> float:
    """The least of many rounds: one tab, one ticket taken and settled."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(calls):
            tab = tickets.open(WHOSE)
            ticket = tickets.reserve(tab, DEPLOYMENT, BOUND)
            tickets.settle(ticket, USAGE, 900_000)
        best = min(best, (time.process_time_ns() - began) / calls / 1000)
    return best


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=5_000)
    options.add_argument("--rounds", type=int, default=40)
    chosen = options.parse_args()
    gc.freeze()
    for title, scopes in (
        ("no budgets", ()),
        ("1 scope", STANDING[:1]),
        ("6 scopes", STANDING),
        ("6 scopes, of which 3 come with the request (8 accounts, as the run is three deep)", PASSING),
    ):
        us = us_per_request(tickets_on(scopes), chosen.calls, chosen.rounds)
        print(f"{us:6.2f} us a request: {title}")
    print(f"{TARGET_US:6.2f} us is the target for 6 scopes")


if __name__ == "__main__":
    main()
