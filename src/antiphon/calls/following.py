"""Where a call goes on after an attempt that failed: the table's places, and what stands in the way of each."""

from msgspec import Struct

from antiphon.calls.ask import Ask
from antiphon.calls.attempt import Spot
from antiphon.calls.chance import mixed
from antiphon.calls.exhausted import unfit
from antiphon.calls.keypool import Key
from antiphon.calls.member import Member
from antiphon.calls.pick import pick
from antiphon.calls.prepared import Prepared
from antiphon.calls.retry import TABLE, Meaning, Place, backoff_s, failure_of
from antiphon.calls.work import Work
from antiphon.core.error import AntiphonError, DeadlineExceeded

JITTER = 0x1177
"""Salt of the draw that spreads retries in time."""
REPEATS = 2
"""Attempts at one deployment before a fallback is asked, where there is one."""


class Following(Struct, kw_only=True):
    """One decision of a call: who is asked next. Made for each failure."""

    prepared: Prepared
    ask: Ask
    work: Work
    ends: list[tuple[AntiphonError, Spot]]
    """How the attempts so far ended, and where they went; the last of each deployment counts."""
    tried: dict[str, str]
    """Deployments that are asked no more but by way of repetition, and why; those whose budget is spent are added."""
    retries: int
    """Further attempts so far."""
    made: int
    """Attempts that were begun."""
    begun: bool
    """The caller has the start of the answer already, so only who can go on with it is asked."""
    denied: str
    """Why a retry that could have been was not made."""
    now_s: float

    def find(self, error: AntiphonError) -> Spot | str:
        """Where to go on after an attempt that failed. Returns: a spot, or why there is none."""
        spot = next(spot for end, spot in self.ends if end is error)
        failure = failure_of(error)
        meaning = TABLE[failure]
        most = self.prepared.step.envelope.attempts
        if isinstance(error, DeadlineExceeded):
            return "the deadline has passed"
        if not meaning.next:
            return f"{failure} is not tried again"
        if self.made >= most:
            return f"{self.made} of {most} attempts were made"
        if self.ask.deadline.at_s <= self.now_s:
            return "the deadline has passed"
        for again in (False, True):
            for place in meaning.next:
                found = self._at(place, spot, error, meaning, again=again)
                if found is not None:
                    found.reason = f"{place}: {failure}"
                    found.fresh = found.fresh or failure == "stale"
                    return found
        why = f": {unfit(self.prepared, self.tried, self.now_s)}" if "other_deployment" in meaning.next else ""
        return self.denied or f"nobody is left who could be asked{why}"

    def _times(self, name: str) -> int:
        """How often attempts at a deployment ended."""
        return sum(spot.member.name == name for _, spot in self.ends)

    def _at(self, place: Place, spot: Spot, error: AntiphonError, meaning: Meaning, *, again: bool) -> Spot | None:
        """A spot at one of the table's places; None: there is none."""
        match place:
            case "same_key":
                return self._same(spot, error, meaning, again=again)
            case "other_key":
                return None if again else self._other_key(spot, meaning)
            case "other_deployment":
                if again:
                    return self._once_more(spot)
                return self._elsewhere(spot.rank, spot.rank + 1, None, meaning)
            case "fallback:any":
                return None if again else self._elsewhere(1, len(self.prepared.ranks), "any", meaning)
            case "fallback:context_window":
                return None if again else self._elsewhere(1, len(self.prepared.ranks), "context_window", meaning)
            case "fallback:content_policy":
                return None if again else self._elsewhere(1, len(self.prepared.ranks), "content_policy", meaning)

    def _same(self, spot: Spot, error: AntiphonError, meaning: Meaning, *, again: bool) -> Spot | None:
        """The same deployment with the same key, after a wait where that helps."""
        member = spot.member
        if self.begun and not spot.target.deployment.continues:
            return None
        if self._times(member.name) >= REPEATS and not again:
            return None
        wait_s = self._wait_s(error, meaning)
        if wait_s is None:
            return None
        alone = len(self.prepared.ranks) == 1 and len(self.prepared.ranks[0].members) == 1
        if not (member.breaker.allows(self.now_s) or alone) or not self._granted(spot, meaning):
            return None
        return Spot(member, spot.target, spot.rank, key=self._key_of(spot), forced=spot.forced or alone, wait_s=wait_s)

    def _key_of(self, spot: Spot) -> Key | None:
        """The key that an attempt went out with."""
        return next((one.key for one in reversed(self.work.attempts) if one.spot is spot), None)

    def _used_keys(self, name: str) -> set[str]:
        """Keys that attempts at a deployment went out with."""
        return {one.key.name for one in self.work.attempts if one.name == name and one.key is not None}

    def _other_key(self, spot: Spot, meaning: Meaning) -> Spot | None:
        member = spot.member
        if member.pool is None or (self.begun and not spot.target.deployment.continues):
            return None
        key = member.key(self.now_s, self.ask.seed, without=self._used_keys(member.name))
        if not isinstance(key, Key) or not self._granted(spot, meaning):
            return None
        return Spot(member, spot.target, spot.rank, key=key, forced=spot.forced)

    def _elsewhere(self, first: int, end: int, on: str | None, meaning: Meaning) -> Spot | None:
        """A deployment that was not tried yet, in the ranks from `first` up to `end` (of one kind of fallback)."""
        prepared = self.prepared
        for place in range(first, end):
            if on is not None and prepared.ranks[place].on != on:
                continue
            while spot := pick(
                prepared, place, seed=self.ask.seed, now_s=self.now_s, tried=self.tried, key=self.ask.key
            ):
                if self._granted(spot, meaning):
                    return spot
                self.tried[spot.member.name] = self.denied
        return None

    def _once_more(self, spot: Spot) -> Spot | None:
        """One that failed before in a way that may pass, after the wait that its own failure asks for.

        Of several the one that was asked the least.
        """
        last = {before.member.name: (end, before) for end, before in self.ends}
        passing = [
            (end, before)
            for end, before in last.values()
            if before.member is not spot.member
            and TABLE[failure_of(end)].repeats
            and before.member.ready(self.now_s)
            and (before.target.deployment.continues or not self.begun)
        ]
        best = min(passing, key=lambda one: self._times(one[1].member.name), default=None)
        if best is None:
            return None
        error, before = best
        failure = failure_of(error)
        meaning = TABLE[failure]
        wait_s = self._wait_s(error, meaning)
        if wait_s is None or not self._granted(before, meaning):
            return None
        return Spot(before.member, before.target, before.rank, fresh=failure == "stale", wait_s=wait_s)

    def _granted(self, spot: Spot, meaning: Meaning) -> bool:
        """Whether the retry budget of who gets the attempt allows it.

        One that takes over from another, and is sound itself, needs no leave: it is no retry to it, and its own
        admission guards it. A standby has no first attempts that a budget could be a share of.
        """
        member = spot.member
        if not meaning.budgeted:
            return True
        if self._times(member.name) == 0 and self._sound(member):
            member.budget.first(self.now_s)
            return True
        if member.budget.retry(self.now_s):
            return True
        self.denied = f"the retry budget of {member.name} is spent"
        return False

    def _sound(self, member: Member) -> bool:
        """Whether it fails no more often than a retry budget lets retries be."""
        state = member.breaker.state(self.now_s)
        return state.state == "closed" and state.failure_fraction <= self.prepared.policy.calls.retry_budget.fraction

    def _wait_s(self, error: AntiphonError, meaning: Meaning) -> float | None:
        """How long to wait before the same is asked again; None: too long."""
        retry = self.prepared.policy.calls.retry
        asked_s = error.retry_after_s
        if asked_s is not None and asked_s > retry.patience_s:
            self.denied = f"it asks for {asked_s:g} s, and none waits over {retry.patience_s:g} s"
            return None
        if not meaning.waits:
            return 0.0
        # Where nothing had to be drawn there is no seed; when it came tells a request from others too.
        seed = self.ask.seed or int(self.work.started_s * 1e6)
        fraction = mixed(seed, JITTER + self.made)
        wait_s = backoff_s(self.retries, fraction, base_s=retry.base_s, cap_s=retry.cap_s, retry_after_s=asked_s)
        if self.now_s + wait_s >= self.ask.deadline.at_s:
            self.denied = "the deadline comes before the wait is over"
            return None
        return wait_s
