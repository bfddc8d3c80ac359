"""Attempts that are calls of tools: a ticket held before, a record opened before, both closed behind."""

from collections.abc import Callable
from itertools import islice

from msgspec import structs

from antiphon.calls.admission import Admission
from antiphon.calls.attempt import Try
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.deadline import Deadline
from antiphon.calls.errands import Errands, Settler
from antiphon.calls.live import Live
from antiphon.calls.member import Member
from antiphon.calls.retry_budget import RetryBudget
from antiphon.calls.settings import CallsSettings
from antiphon.calls.work import Work
from antiphon.core.deployment import Deployment, Price, Timeouts
from antiphon.core.error import AntiphonError
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Origin
from antiphon.core.principal import Lane
from antiphon.core.ticket import Bound, Whose
from antiphon.core.tool import Tool
from antiphon.core.usage import Usage
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Target

PICO_PER_NANO = 1000
MOST_MEMBERS = 4096
NOWHERE = Origin(host="", port=0)
FREE = Price(input=0, output=0, source="configured")


class ToolAttempts:
    """Makes such attempts; one per worker."""

    def __init__(self, errands: Errands, settler: Settler, settings: Callable[[], CallsSettings]) -> None:
        """`settings`: those in force."""
        self._errands = errands
        self._settler = settler
        self._settings = settings
        self._members: dict[str, Member] = {}

    async def begin(
        self, work: Work, tool: Tool, limit: Deadline, *, lane: Lane = "normal", size_bytes: int = 0, whose: Whose
    ) -> Try:
        """Take everything that a call needs, and write it down.

        Raises: OverLimit, BudgetExceeded, DeadlineExceeded, Unavailable, StoreError; and then it never was.
        """
        bound = Bound(money_nano_usd=NanoUsd(tool.cost_nano_usd), tokens=0, likely_nano_usd=tool.cost_nano_usd)
        begun = await self._errands.begin(
            work,
            self._member(tool),
            _target(tool),
            limit,
            lane=lane,
            size_bytes=size_bytes,
            total_s=tool.timeout_s,
            bound=bound,
            whose=whose,
        )
        return begun.attempt

    def came(self, attempt: Try) -> None:
        """It was done, and costs what it costs."""
        attempt.answered = True
        attempt.first_token(self._settler.now())
        self._settler.settle(attempt, Usage())

    def waits(self, attempt: Try) -> None:
        """It stands still until somebody answers, and costs nothing so far."""
        attempt.answered = True
        deployment = structs.replace(attempt.target.deployment, price=FREE)
        attempt.target = structs.replace(attempt.target, deployment=deployment)
        self._settler.settle(attempt, Usage())

    def failed(self, attempt: Try, error: AntiphonError, *, unknown: bool) -> None:
        """It was not done, or (`unknown`) nobody knows: then it is taken for done, and costs what it costs."""
        if unknown and not attempt.settled:
            attempt.error = error
            self._settler.settle(attempt, Usage())
            return
        self._errands.broke(attempt, error)

    def _member(self, tool: Tool) -> Member:
        name = deployment_name(tool)
        found = self._members.get(name)
        if found is None:
            for old in [*islice(self._members, max(0, len(self._members) - MOST_MEMBERS + 1))]:
                del self._members[old]
            settings, now_s = self._settings(), self._settler.now()
            gate = Admission(settings.admission, {name: None}).gate(name)
            breaker = Breaker(name, settings.breaker, MemoryBreakers(), lambda: 0.0)
            live, budget = Live(settings.live, now_s), RetryBudget(settings.retry_budget)
            found = self._members[name] = Member(name, live, gate, breaker, budget, None)
        return found


def deployment_name(tool: Tool) -> str:
    """What receipts and metrics call a tool among deployments."""
    return f"tool/{tool.name}"


def _target(tool: Tool) -> Target:
    """A tool, as attempts know deployments."""
    price = Price(input=0, output=0, call=tool.cost_nano_usd * PICO_PER_NANO, source="configured")
    stands = Deployment(
        name=deployment_name(tool),
        provider=tool.source,
        model=tool.name,
        price=price,
        timeouts=Timeouts(total_s=tool.timeout_s),
    )
    profile = next(iter(PROFILES.values()))
    return Target(deployment=stands, profile=profile, origin=NOWHERE, ways={}, account=tool.source)
