"""One call from its first attempt to its answer, or to the error that the caller is told.

The one place that retries. After each failure the table (`retry.TABLE`) says where the next attempt may go; the
envelope bounds how many there are over keys, retries, fallbacks and hedges together, and the deadline how long.
"""

import asyncio
from typing import Literal, Protocol

from msgspec import Struct, structs

from antiphon.calls.answer import Started, Whole
from antiphon.calls.ask import Ask
from antiphon.calls.attempt import Spot, Try
from antiphon.calls.exhausted import back_s, nobody, unfit
from antiphon.calls.following import Following
from antiphon.calls.hedge import Hedge, Hedging, race
from antiphon.calls.pick import pick, usable
from antiphon.calls.prepared import Prepared
from antiphon.calls.retry import failure_of, most_telling
from antiphon.calls.work import Work
from antiphon.core.error import (
    AntiphonError,
    DeadlineExceeded,
    LeftAlone,
    UpstreamRefused,
)
from antiphon.providers.target import How


class Answered(Struct, frozen=True, gc=False):
    """A call that has its answer, or its stream's first content."""

    attempt: Try
    answer: Whole | Started
    course: "Course"


class Maker(Protocol):
    """Makes the attempts of a course."""

    def now(self) -> float:
        """Seconds on the steady clock."""
        ...

    async def attempt(self, course: "Course", spot: Spot) -> Answered:
        """Make one attempt. Raises: what went wrong; the attempt has then ended, and everything is given back."""
        ...

    def lose(self, answered: Answered) -> None:
        """Give up an answer that came too late: another attempt had won."""
        ...

    def counted(self, what: Literal["hedge", "hedge_denied"], course: "Course") -> None:
        """Count a decision."""
        ...


class Course(Struct):
    """One call while it runs."""

    _maker: Maker
    work: Work
    prepared: Prepared
    ask: Ask
    made: int = 0
    """Attempts that were begun."""
    begun: bool = False
    """The caller has the start of the answer already."""
    won: Try | None = None
    """The attempt that showed content first: who still runs beside it has lost."""
    so_far: str = ""
    """That start, where another deployment goes on from it."""
    shortened: int = 0
    """How often its limit of output tokens was lowered."""
    denied: str = ""
    """Why a retry that could have been was not made."""
    _tried: dict[str, str] = {}
    _ends: list[tuple[AntiphonError, Spot]] = []
    _retries: int = 0
    _over: int = 0
    """So many ends no longer matter to the caller: an answer has begun after them."""

    async def go_on(self, error: AntiphonError, attempt: Try, so_far: str) -> Answered:
        """Have another deployment go on with an answer that broke off.

        Raises: the most telling error from `error` on, when none can: `error` itself where nobody was asked.
        """
        self.begun, self.so_far, self.won = True, so_far, None
        self._over = len(self._ends)
        self.failed(attempt.spot, error)
        for rank in self.prepared.ranks:
            for name, target in rank.targets.items():
                if not target.deployment.continues:
                    self._tried.setdefault(name, "can't go on with an answer")
        return await self.run(self._next(error))

    async def run(self, spot: Spot | None = None) -> Answered:
        """Make attempts until there is an answer. Raises: the most telling of their errors, StoreError.

        Args:
            spot: Where to begin; None: at the first.
        """
        hedging = self.prepared.policy.hedging
        if spot is None:
            spot = self._first()
        while True:
            if spot.wait_s:
                await asyncio.sleep(spot.wait_s)
            try:
                if hedging is None or self.begun:
                    return await self._maker.attempt(self, spot)
                return await self._race(spot, hedging)
            except AntiphonError as error:
                if not self._ends or all(end is not error for end, _ in self._ends):
                    raise  # it is no attempt's end
                spot = self._next(error)

    def failed(self, spot: Spot, error: AntiphonError) -> None:
        """Note how an attempt ended."""
        self._ends.append((error, spot))
        self._tried[spot.member.name] = f"failed: {failure_of(error)}"

    def how(self) -> How:
        """How an attempt puts a request whose answer is gone on with."""
        return structs.replace(self.ask.how, so_far=self.so_far)

    # --- the first attempt

    def _first(self) -> Spot:
        prepared, ask, now_s = self.prepared, self.ask, self._maker.now()
        sole = prepared.sole
        if sole is not None and not ask.forced and sole.member.ready(now_s):
            sole.member.budget.first(now_s)
            return sole
        seed = ask.seed
        if prepared.policy.balance.strategy == "round_robin":
            seed = prepared.policy.turn
            prepared.policy.turn += 1
        spot = pick(prepared, 0, seed=seed, now_s=now_s, key=ask.key, strict=not ask.forced)
        if spot is None:
            spot = self._stand_in(seed, now_s)
        if spot.forced:
            self.work.notes = (*self.work.notes, f"{spot.member.name}: asked although it rests: nobody better was left")
        spot.forced = spot.forced or ask.forced
        spot.member.budget.first(now_s)
        if prepared.policy.hedging is not None:
            prepared.policy.hedging.asked(now_s)
        return spot

    def _stand_in(self, seed: int, now_s: float) -> Spot:
        """Nobody of the step's own is fit: a fallback, or who is the least unfit. Raises: OverLimit."""
        key = self.ask.key
        for strict in (True, False):
            for place, rank in enumerate(self.prepared.ranks):
                if rank.on in (None, "any") and (place or not strict):
                    reason = f"fallback:any: {unfit(self.prepared, self._tried, now_s)}" if place else ""
                    spot = pick(self.prepared, place, seed=seed, now_s=now_s, key=key, strict=strict, reason=reason)
                    if spot is not None:
                        return spot
        raise nobody(self.prepared, now_s)

    # --- after a failure

    def _next(self, error: AntiphonError) -> Spot:
        """Where to go on after an attempt that failed. Raises: the most telling error, when nowhere."""
        following = Following(
            prepared=self.prepared,
            ask=self.ask,
            work=self.work,
            ends=self._ends,
            tried=self._tried,
            retries=self._retries,
            made=self.made,
            begun=self.begun,
            denied=self.denied,
            now_s=self._maker.now(),
        )
        found = following.find(error)
        self.denied = following.denied
        if isinstance(found, str):
            raise self._told(found)
        self._retries += 1
        return found

    def _told(self, why: str) -> AntiphonError:
        """The error that the caller gets, now that nothing more is tried."""
        ends = self._ends[self._over :]
        ends = [end for end in ends if not isinstance(end[0], LeftAlone)] or ends
        errors = [error for error, _ in ends]
        asked = next((place for place, (_, spot) in enumerate(ends) if spot.rank), len(errors))
        telling = most_telling(errors, asked=asked or None)
        error = telling.error
        if len(errors) > 1:
            error.retry_after_s = telling.retry_after_s
        self.work.stopped = why
        error.spent = error.spent or self.made > 1
        if error.retry_after_s is None and error.retryable and not error.spent:
            error.retry_after_s = back_s(self.prepared, self._maker.now())
        if self.made > 1 and not isinstance(error, UpstreamRefused | DeadlineExceeded):
            error.message = f"{error.message} ({self.made} attempts were made)"
        return error

    # --- hedging

    async def _race(self, spot: Spot, hedging: Hedging) -> Answered:
        hedge = self._hedge(spot, hedging)
        delay_s = hedge.delay_s
        if delay_s is None:
            return await self._maker.attempt(self, spot)
        second: list[Spot] = []

        def permit() -> bool:
            why = self._second(spot, second, hedging, f"hedge: no content within {delay_s:.3g} s ({hedge.why})")
            if why:
                self.work.notes = (*self.work.notes, f"hedge: due, and not sent: {why}")
            self._maker.counted("hedge_denied" if why else "hedge", self)
            return not why

        def lost(_: object, end: object) -> None:
            if isinstance(end, Answered):
                self._maker.lose(end)

        return await race(
            lambda: self._maker.attempt(self, spot),
            lambda: self._maker.attempt(self, second[0]),
            delay_s=delay_s,
            permit=permit,
            lost=lost,
        )

    def _hedge(self, spot: Spot, hedging: Hedging) -> Hedge:
        now_s = self._maker.now()
        tried = {**self._tried, spot.member.name: "runs"}
        others = sum(
            usable(self.prepared, place, now_s=now_s, tried=tried)
            for place, rank in enumerate(self.prepared.ranks)
            if rank.on in (None, "any")
        )
        stream, q = self.ask.request.head.stream, hedging.quantile
        rank = self.prepared.ranks[spot.rank]
        measured = [
            taken
            for member in (spot.member, *rank.members.values())
            if (taken := (member.live.quantile_s if stream else member.live.whole_s)(q, now_s)) is not None
        ]
        return hedging.decide(min(measured, default=None), left_s=self.ask.deadline.at_s - now_s, others=others)

    def _second(self, spot: Spot, second: list[Spot], hedging: Hedging, reason: str) -> str:
        """Find who runs beside a slow attempt. Returns: why nobody does; empty: one was found."""
        now_s = self._maker.now()
        most = self.prepared.step.envelope.attempts
        # The first may wait for its turn yet, and be made after the second.
        made = self.made + all(one.spot is not spot for one in self.work.attempts)
        if made >= most:
            return f"{made} of {most} attempts were made"
        tried = {**self._tried, spot.member.name: "runs"}
        for place, rank in enumerate(self.prepared.ranks):
            if rank.on in (None, "any"):
                found = pick(
                    self.prepared,
                    place,
                    seed=self.ask.seed,
                    now_s=now_s,
                    tried=tried,
                    key=self.ask.key,
                    reason=reason,
                )
                if found is not None:
                    why = hedging.permit(now_s)
                    if not why:
                        second.append(found)
                    return why
        return "no other deployment is ready"
