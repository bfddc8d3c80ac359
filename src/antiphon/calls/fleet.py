"""Every deployment that one worker may call, across revisions."""

import random
from collections.abc import Iterable, Mapping, Sequence
from math import inf

from antiphon.calls.admission import Admission
from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers, SharedBreaker
from antiphon.calls.keypool import KeyPool
from antiphon.calls.live import Live
from antiphon.calls.member import Member
from antiphon.calls.retry_budget import RetryBudget
from antiphon.calls.settings import CallsSettings
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.target import Target

MOST_LEFT = 1024
"""Deployments that reloads took away and that are still known; the oldest go first."""


class Fleet:
    """Members by name. A new revision arranges them anew: what was measured, and what runs, goes on."""

    def __init__(self, shared: SharedBreaker | None = None, seed: int | None = None) -> None:
        """`shared`: what workers tell each other of breakers. Default: nothing."""
        self.settings = CallsSettings()
        self._shared = shared or MemoryBreakers()
        self._fraction = random.Random(seed).random  # noqa: S311 - spreads probes in time, guards nothing
        self._members: dict[str, Member] = {}
        self._left: dict[str, Member] = {}
        """Of earlier revisions, whose requests may still run."""
        self._pools: dict[str, KeyPool] = {}
        self._admission: Admission | None = None

    def __getitem__(self, name: str) -> Member:
        """One of the last revision, or one that a request of an earlier one still names."""
        return self._members.get(name) or self._left[name]

    @property
    def pools(self) -> Mapping[str, KeyPool]:
        """The keys of every account that has any."""
        return self._pools

    def members(self) -> Iterable[Member]:
        """All of the last revision, in its order."""
        return self._members.values()

    def arrange(
        self,
        settings: CallsSettings,
        targets: Mapping[str, Target],
        keys: Mapping[str, Sequence[ProviderKeySettings]],
        now_s: float,
    ) -> None:
        """Take over a revision.

        Args:
            targets: Deployments by name.
            keys: Credentials by account; an account without any is left out.
        """
        same_breakers, same_budgets = (
            settings.breaker == self.settings.breaker,
            settings.retry_budget == self.settings.retry_budget,
        )
        first = self._admission is None
        self.settings = settings
        upstreams = {name: one.deployment.concurrency for name, one in targets.items()}
        if self._admission is None:
            self._admission = Admission(settings.admission, upstreams)
        else:
            self._admission.arrange(settings.admission, upstreams)
        self._pools = {account: KeyPool(each, self._pools.get(account)) for account, each in keys.items()}
        before, self._members = self._members, {}
        for name, target in targets.items():
            member = before.get(name) or self._member(name, now_s)
            if first:
                member.live.warm_at_s = now_s  # who starts together has nobody to be spared by
            member.gate = self._admission.gate(name)
            member.pool = self._pools.get(target.account)
            member.refused_keys = {}
            if member.cooling_why in ("auth", "quota"):
                member.cooling_until_s = -inf
            if not same_breakers:
                member.breaker = self._breaker(name)
            if not same_budgets:
                member.budget = RetryBudget(settings.retry_budget)
            deployment = target.deployment
            limits = deployment.requests_per_minute, deployment.tokens_per_minute
            member.live.configure(settings.live, now_s, requests_per_minute=limits[0], tokens_per_minute=limits[1])
            member.rated = limits != (None, None)
            self._members[name] = member
        self._left |= {name: member for name, member in before.items() if name not in self._members}
        while len(self._left) > MOST_LEFT:
            del self._left[next(iter(self._left))]

    def _member(self, name: str, now_s: float) -> Member:
        if self._admission is None:
            raise ValueError("a fleet is arranged before it has members")
        settings = self.settings
        return Member(
            name,
            Live(settings.live, now_s),
            self._admission.gate(name),
            self._breaker(name),
            RetryBudget(settings.retry_budget),
            None,
        )

    def _breaker(self, name: str) -> Breaker:
        return Breaker(name, self.settings.breaker, self._shared, self._fraction)
