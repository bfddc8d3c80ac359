"""Budget held for one attempt."""

from msgspec import Struct

from antiphon.core.ledger import Holds
from antiphon.core.money import NanoUsd
from antiphon.core.principal import Principal
from antiphon.core.request import NO_LINEAGE, Lineage


class Ticket(Struct, frozen=True, gc=False, kw_only=True):
    """Taken before an attempt, settled exactly once after it."""

    id: str
    tenant: str
    deployment: str
    bound_nano_usd: NanoUsd | None = None
    """The most that the attempt may cost; None: unknown."""
    holds: Holds | None = None
    """The accounts that it holds on; None: on none."""
    held_nano_usd: int = 0
    """Held of money: the bound where one of the budgets is hard, else what is likely."""
    held_tokens: int = 0
    hard: bool = False
    """One of its budgets is hard, in money or in tokens: only proof settles it."""
    requests: int = 0
    """1 for the first ticket of a request, else 0."""


class Whose(Struct, frozen=True, gc=False, kw_only=True):
    """Whose use a request is, as far as budgets and limits count it."""

    principal: Principal
    model: str
    """Public name that was asked for."""
    route: str
    end_user: str = ""
    """The caller's own customer, as its body or header says."""
    lineage: Lineage = NO_LINEAGE


class Bound(Struct, frozen=True, gc=False, kw_only=True):
    """The most that an attempt may use, and what it likely will."""

    money_nano_usd: NanoUsd | None
    """Proven; None: unknown, since the deployment is unpriced or nothing bounds its answer."""
    tokens: int | None
    """Proven, of input and output together; None: unknown."""
    likely_nano_usd: int = 0
    likely_input_tokens: int = 0
    likely_output_tokens: int = 0


class Tab(Struct, kw_only=True):
    """The tickets of one request, retries and hedges included."""

    whose: Whose
    taken: int = 0
    """Tickets that were taken."""
    notes: list[str] = []
    """What the receipt should tell: what a shadow budget would have refused, say."""
    paced: bool = False
    """It has its turn under the budgets that throttle."""
    patience_s: float | None = None
    """Until when it waits for budget, on the steady clock; None: it never had to."""
    unbacked: bool = False
    """The store is away, and the operator lets requests through that no lease covers."""


class Short(Exception):
    """A lease is too short, or there is none yet: wait for the escrow, then reserve again. No answer to a caller."""

    def __init__(self, tab: Tab, purse: object, amount: int) -> None:
        super().__init__("a lease is too short")
        self.tab = tab
        self.purse = purse
        self.amount = amount
