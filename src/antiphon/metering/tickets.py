"""Tickets: what an attempt may use at most is held on every budget that it falls under, and settled to what it did use."""

from collections.abc import Iterable

from antiphon.core.budget import Budget
from antiphon.core.deployment import Deployment
from antiphon.core.money import NanoUsd
from antiphon.core.ticket import Bound, Short, Tab, Ticket, Whose
from antiphon.core.usage import Usage
from antiphon.metering.covers import Cover, Covers, Group, Held
from antiphon.metering.escrow import Escrow
from antiphon.metering.exceeded import exceeded, unbounded
from antiphon.metering.holding import Holding
from antiphon.metering.matching import Rule
from antiphon.metering.purse import Purse
from antiphon.metering.soft import Capped, capped, soften
from antiphon.metering.windows import Calendar

ON_NOTHING = Group(())
NOTHING: Held = (0, 0, 0, 0, 0)


class EscrowTickets:
    """One per worker. Holds come from purses; with no budgets at all nothing is looked up."""

    def __init__(self, prefix: str, escrow: Escrow, budgets: Iterable[Budget] = ()) -> None:
        """Args:
        prefix: What the ids of tickets begin with: one of a kind among all workers there ever were.
        """
        self._prefix = prefix
        self._escrow = escrow
        self._now_ns = escrow.now_ns
        self._thin = escrow.wallet.thin
        self._calendar = Calendar()
        self._covers = Covers()
        self._rules: tuple[Rule, ...] = ()
        self._soft_rules: tuple[Rule, ...] = ()
        self.softens = False
        """Some budgets are soft, so that `state` has something to tell."""
        self.steers = False
        """Some of those lead elsewhere by who is asked, so that `state` is asked of deployments too."""
        self._open: dict[str, tuple[Group, Held]] = {}
        self.taken = 0
        self.settled = 0
        self.spent = NanoUsd(0)
        self.arrange(budgets)

    @property
    def outstanding(self) -> int:
        """Tickets that are not settled yet."""
        return len(self._open)

    @property
    def counting(self) -> bool:
        """There are budgets, so that bounds are worth working out."""
        return bool(self._rules)

    def arrange(self, budgets: Iterable[Budget]) -> None:
        """Take other definitions. Purses whose budgets remain are kept; open tickets settle where they were taken."""
        self._rules = tuple(Rule(budget) for budget in budgets)
        self._soft_rules = tuple(rule for rule in self._rules if not rule.budget.hard)
        self.softens = bool(self._soft_rules)
        self.steers = any(rule.of_attempts and rule.budget.at_cap == "downgrade" for rule in self._soft_rules)
        self._covers.clear()
        self._escrow.wallet.arrange([rule.budget for rule in self._rules], self._now_ns())

    def open(self, whose: Whose) -> Tab:
        """Begin a request's tickets."""
        return Tab(whose=whose)

    def reserve(self, tab: Tab, deployment: Deployment, bound: Bound) -> Ticket:
        """Hold what an attempt may use, on all budgets or on none.

        Raises: Short, when a lease is too short: `refill`, then reserve again. BudgetExceeded (`budget_unbounded`), when
            a hard budget is asked to hold what nothing bounds. OverLimit (`budget_throttled`), when a budget at its cap
            says so. BadRequest, when the request falls under too many accounts.
        """
        if not self._rules:
            return self._uncounted(tab, deployment, bound)
        group = self._group(tab.whose, deployment)
        money, tokens = bound.money_nano_usd, bound.tokens
        if (money is None and group.strict) or (tokens is None and group.counts_tokens):
            budget = group.strict if money is None and group.strict else group.counts_tokens
            raise unbounded(budget, bound, deployment.name)
        likely_nano_usd, requests = bound.likely_nano_usd, 0 if tab.taken else 1
        likely_tokens = bound.likely_input_tokens + bound.likely_output_tokens
        held = (money or 0, likely_nano_usd, tokens or 0, likely_tokens, requests)
        lines = group.lines
        for purse, at in lines:
            if purse.left < held[at] and not self._overdraws(tab, purse):
                if not purse.gone:
                    raise self._short(tab, group, held)
                group.until_ns = 0
                return self.reserve(tab, deployment, bound)
        if group.soft:
            soften(tab, group, held, self._now_ns(), self._escrow.now_s())
        for purse, at in lines:
            amount = held[at]
            purse.tickets += 1
            purse.open += amount
            left = purse.left = purse.left - amount
            if left < purse.low:
                self._thin(purse, amount)
        tab.taken += 1
        self.taken += 1
        ticket = Ticket(
            id=f"{self._prefix}-{self.taken}",
            tenant=tab.whose.principal.tenant,
            deployment=deployment.name,
            bound_nano_usd=money,
            holds=group.holds,
            held_nano_usd=held[0] if group.hard_money else likely_nano_usd,
            held_tokens=held[2] if group.counts_tokens else likely_tokens,
            hard=group.hard_money or bool(group.counts_tokens),
            requests=requests,
        )
        self._open[ticket.id] = group, held
        return ticket

    def settle(self, ticket: Ticket, usage: Usage | None, cost_nano_usd: int | None) -> None:
        """Count what was used instead of what was held, exactly once. Raises: ValueError when it is not open.

        Args:
            usage: None: nothing is known; it counts as none.
            cost_nano_usd: None: unknown; it counts as 0.
        """
        taken = self._open.pop(ticket.id, None)
        if taken is None:
            raise ValueError(f"ticket {ticket.id} is not open: it was settled before, or never taken")
        self.settled += 1
        cost = cost_nano_usd or 0
        self.spent = NanoUsd(self.spent + cost)
        group, held = taken
        lines = group.lines
        if not lines:
            return
        tokens = usage.input_tokens + usage.output_tokens if usage is not None else 0
        used = (cost, cost, tokens, tokens, held[4])
        for purse, at in lines:
            amount = held[at]
            purse.tickets -= 1
            purse.open -= amount
            purse.left += amount - used[at]
            if purse.waiting:
                self._escrow.wake(purse)

    def forfeit(self, ticket: Ticket) -> None:
        """Count all that a ticket held as used: nobody can say what was. Raises: ValueError when it is not open."""
        taken = self._open.pop(ticket.id, None)
        if taken is None:
            raise ValueError(f"ticket {ticket.id} is not open: it was settled before, or never taken")
        self.settled += 1
        self.spent = NanoUsd(self.spent + ticket.held_nano_usd)
        group, held = taken
        money, tokens = ticket.held_nano_usd, ticket.held_tokens
        used = (money, money, tokens, tokens, held[4])
        for purse, at in group.lines:
            purse.tickets -= 1
            purse.open -= held[at]
            purse.left += held[at] - used[at]
            if purse.waiting:
                self._escrow.wake(purse)

    def give_back(self, tab: Tab, ticket: Ticket) -> None:
        """Undo a ticket that nothing was sent under: it counts as no request. Raises: ValueError when it is not open."""
        taken = self._open.pop(ticket.id, None)
        if taken is None:
            raise ValueError(f"ticket {ticket.id} is not open: it was settled before, or never taken")
        if ticket.requests:
            tab.taken = 0  # the next one counts the request
        group, held = taken
        for purse, at in group.lines:
            purse.tickets -= 1
            purse.open -= held[at]
            purse.left += held[at]
            if purse.waiting:
                self._escrow.wake(purse)

    def hold(self, tab: Tab, bound: Bound) -> Holding:
        """Hold the bound of several attempts on the hard budgets that count whoever answers, on all of them or on none.

        Raises: Short, BudgetExceeded, as `reserve`.
        """
        group = self._group(tab.whose, None) if self._rules else ON_NOTHING
        money, tokens = bound.money_nano_usd, bound.tokens
        if (money is None and group.strict) or (tokens is None and group.counts_tokens):
            raise unbounded(
                group.strict if money is None and group.strict else group.counts_tokens, bound, "the recipe"
            )
        held = (money or 0, 0, tokens or 0, 0, 0)
        hard = [(purse, at) for purse, at in group.lines if purse.budget.hard]
        for purse, at in hard:
            if purse.left < held[at] and not self._overdraws(tab, purse):
                if not purse.gone:
                    raise self._short(tab, group, held)
                group.until_ns = 0
                return self.hold(tab, bound)
        return Holding(hard, bound, self._escrow.wake)

    async def refill(self, short: Short, until_s: float) -> None:
        """Wait until it is worth reserving again, no longer than until then, and `wait_s` for all of a tab's waits.

        Raises: BudgetExceeded, StoreError (the store is away), OverLimit (too many wait).
        """
        purse = short.purse
        assert isinstance(purse, Purse)
        if not await self._escrow.wait(short.tab, purse, short.amount, until_s):
            raise exceeded(purse, short.amount, self._now_ns())

    def shares(self, tab: Tab) -> tuple[tuple[str, float], ...]:
        """The part of each budget's limit that is used, by its name, of the budgets that count whoever answers.

        An account that the bank hasn't told of yet is left out.
        """
        if not self._rules:
            return ()
        now_ns = self._now_ns()
        lines = self._group(tab.whose, None).lines
        return tuple(
            (purse.budget.name, purse.fraction(purse.budget.limit_at(now_ns))) for purse, _ in lines if purse.known
        )

    def state(self, tab: Tab, deployment: Deployment | None = None) -> tuple[Capped, ...]:
        """Soft budgets at their cap, and what they want.

        Args:
            deployment: None: budgets that count by tier, provider or deployment are left out.
        Raises: Short, when it is not known yet how one stands: `refill`, then ask again.
        """
        if not self._soft_rules:
            return ()
        now_ns, now_s = self._now_ns(), self._escrow.now_s()
        group = self._group(tab.whose, deployment)
        if any(purse.gone for purse, _ in group.lines):
            group.until_ns = 0
            group = self._group(tab.whose, deployment)
        soft = [purse for purse, _ in group.lines if not purse.budget.hard]
        for purse in soft:
            if not purse.known and not self._escrow.away:
                raise Short(tab, purse, 1)
            self._escrow.wallet.refresh(purse, now_s)
        return capped(soft, now_ns)

    # --- what it holds on

    def _uncounted(self, tab: Tab, deployment: Deployment, bound: Bound) -> Ticket:
        tab.taken += 1
        self.taken += 1
        ticket = Ticket(
            id=f"{self._prefix}-{self.taken}",
            tenant=tab.whose.principal.tenant,
            deployment=deployment.name,
            bound_nano_usd=bound.money_nano_usd,
            held_nano_usd=bound.likely_nano_usd,
            requests=1 if tab.taken == 1 else 0,
        )
        self._open[ticket.id] = ON_NOTHING, NOTHING
        return ticket

    def _group(self, whose: Whose, deployment: Deployment | None) -> Group:
        """The purses that a use falls under, as the windows stand."""
        principal = whose.principal
        name = deployment.name if deployment is not None else ""
        cover = self._covers.found.get((principal.tenant, principal.key, whose.model, whose.route, name))
        if cover is None or not (
            (cover.principal is principal and cover.deployment is deployment)
            or (cover.principal == principal and cover.deployment == deployment)
        ):
            cover = Cover(self._rules, whose, deployment)
            self._covers.keep(whose, deployment, cover)
        if cover.passing:
            return self._single(cover, whose)
        group = cover.group
        if group is None or group.until_ns <= self._now_ns():
            group = cover.group = cover.gather(whose, self._find)
        return group

    def _single(self, cover: Cover, whose: Whose) -> Group:
        lineage = whose.lineage
        key = (cover, whose.end_user, lineage.session, lineage.run, lineage.step, lineage.parent)
        group = self._covers.groups.get(key)
        if group is None or group.until_ns <= self._now_ns():
            group = cover.gather(whose, self._find)
            self._covers.keep_group(key, group)
        return group

    def _find(self, budget: Budget, key: str, tenant: str) -> Purse:
        span = self._calendar.span(budget.window, self._now_ns())
        return self._escrow.wallet.purse(budget, key, tenant, span, self._escrow.now_s())

    def _overdraws(self, tab: Tab, purse: Purse) -> bool:
        """Whether a ticket may take more than is left."""
        if purse.gone:
            return False
        if not purse.budget.hard and (purse.known or self._escrow.away):
            return True
        if tab.unbacked:
            note = f"budget_unbacked: {purse.budget.name} could not be asked, as the store is away"
            if note not in tab.notes:
                tab.notes.append(note)
        return tab.unbacked

    def _short(self, tab: Tab, group: Group, held: Held) -> Short:
        """The bank is asked for all that is short, so that one answer helps."""
        short = [
            (purse, held[at])
            for purse, at in group.lines
            if purse.left < held[at] and not (purse.gone or self._overdraws(tab, purse))
        ]
        for purse, amount in short:
            self._thin(purse, amount)
        return Short(tab, *short[0])
