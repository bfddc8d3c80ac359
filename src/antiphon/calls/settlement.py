"""The end of an attempt: its ticket, its counts and its clock, and what it teaches of who was asked."""

from collections.abc import Callable
from math import inf

from antiphon.calls import answer, deadline
from antiphon.calls.attempt import Try
from antiphon.calls.counting import Counting
from antiphon.calls.course import Answered
from antiphon.calls.fleet import Fleet
from antiphon.calls.keypool import Key
from antiphon.calls.limit import Sign
from antiphon.calls.retry import TABLE, Failure, failure_of, rests_s
from antiphon.calls.running import UNCOUNTED
from antiphon.core.error import (
    AntiphonError,
    StaleConnection,
    UpstreamBroken,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.core.money import NanoUsd
from antiphon.core.ports import Tickets
from antiphon.core.usage import Usage
from antiphon.pricing.cost import cost

SLOWER = "another attempt was faster"
HTTP_FORBIDDEN = 403
HTTP_REFUSED = 400
"""From this status on an upstream did nothing that it bills."""
OVERLOADS = frozenset({"rate_limited", "overloaded", "timeout"})
"""Failures that tell the adaptive limit to fall."""


class Settlement:
    """Closes attempts, each once; one per worker."""

    __slots__ = ("_counting", "_fleet", "_now", "_tickets")

    def __init__(
        self, tickets: Tickets, fleet: Fleet, now: Callable[[], float], counting: Counting | None = None
    ) -> None:
        """`now`: seconds on the steady clock."""
        self._tickets = tickets
        self._counting = counting
        self._fleet = fleet
        self._now = now

    def failed(
        self,
        attempt: Try,
        error: AntiphonError,
        usage: Usage | None = None,
        *,
        output_tokens: int = 0,
        cut: bool = False,
    ) -> None:
        """Close an attempt that ended with an error, which then names the deployment. `settle` has the arguments."""
        if attempt.settled:
            return
        name = attempt.name
        error.noted = _of(name, error.noted)
        if isinstance(error, UpstreamError) and not isinstance(error, UpstreamRefused):
            error.message = _of(name, error.message)  # a refusal speaks in the upstream's own words
        attempt.error = error
        attempt.blameless = attempt.blameless or self._hurried(attempt, error)
        attempt.failure = "timeout" if attempt.blameless else failure_of(error)
        self.settle(attempt, usage, output_tokens=output_tokens, cut=cut)

    def judged(self, attempt: Try, error: AntiphonError) -> AntiphonError:
        """What an attempt's failure is: its request's time that is over, where that is what ended it."""
        limit = attempt.deadline
        attempt.blameless = self._hurried(attempt, error)
        if not attempt.blameless:
            return error
        return deadline.exceeded(limit, error, over=limit.over(self._now()))

    def _hurried(self, attempt: Try, error: AntiphonError) -> bool:
        """Whether an attempt ran out of its request's own time, while its deployment's was not over."""
        if not isinstance(error, UpstreamTimeout) or error.upstream_status is not None:
            return False
        timeouts, now_s = attempt.target.deployment.timeouts, self._now()
        return deadline.hurried(
            attempt.deadline, timeouts, now_s=now_s, ran_s=now_s - attempt.began_s, head=attempt.inbound is not None
        )

    def settle(self, attempt: Try, usage: Usage | None, *, output_tokens: int = 0, cut: bool = False) -> None:
        """Close an attempt, once: its ticket, its counts and its clock.

        Args:
            output_tokens: How many were seen of an answer whose usage the upstream never told.
            cut: It was a stream that did not come to its end: what was told of its usage is that of its start, and
                proves nothing of the rest.
        """
        if attempt.settled:
            return
        now_s = self._now()
        attempt.end(now_s)
        if attempt.target.runner is not None:
            usage = UNCOUNTED
        price = attempt.target.deployment.price
        if cut and usage is not None and attempt.ticket.hard and not _is_beyond(attempt, usage):
            usage = None
        attempt.usage = usage
        if usage is not None:
            if price is not None:
                attempt.cost_nano_usd = cost(price, usage, attempt.service)
        elif attempt.ticket.hard and _is_unknown(attempt):
            self._forfeit(attempt)
        elif price is not None and (attempt.answered or attempt.error is None):
            # It was cut short: what it had read by then, and said, is paid for.
            read = Usage(input_tokens=attempt.spot.member.tokens_of(attempt.size_bytes), output_tokens=output_tokens)
            attempt.cost_nano_usd, attempt.assumed = cost(price, read), True
        counted, counting = attempt.counted, self._counting
        if counted is None or counting is None:
            self._tickets.settle(attempt.ticket, usage, attempt.cost_nano_usd)
        else:
            counting.settle(counted, attempt, usage)
        if attempt.drawn is not None:
            attempt.drawn.settle(attempt.cost_nano_usd or 0, output_tokens if usage is None else usage.output_tokens)
        self._learn(attempt, usage, now_s)

    @staticmethod
    def _forfeit(attempt: Try) -> None:
        """Book what its ticket held, also where it has no price: tokens are held too, and so is what an operator wrote."""
        ticket = attempt.ticket
        if ticket.held_nano_usd or attempt.target.deployment.price is not None:
            attempt.cost_nano_usd = NanoUsd(ticket.held_nano_usd)
        attempt.assumed = attempt.forfeit = bool(ticket.held_nano_usd or ticket.held_tokens)

    def _learn(self, attempt: Try, usage: Usage | None, now_s: float) -> None:
        """Give back what it held, and take in what its end says of the deployment."""
        member, took_s = attempt.spot.member, now_s - attempt.began_s
        first_s = None if attempt.first_token_us is None else attempt.first_token_us / 1e6
        sign = self._sign(attempt, first_s, now_s)
        used = usage.input_tokens + usage.output_tokens if usage is not None else 0
        well, live, key = sign == "ok", member.live, attempt.key
        measured = attempt.measured if well else attempt.overtaken
        if measured and usage is not None and attempt.wordy:
            member.counted(attempt.size_bytes, usage)
        if measured or live.counts_tokens or not well:
            live.ended(took_s if measured else None, now_s, used)
        else:
            live.in_flight -= 1
        if key is not None and key.limited:
            key.ended(now_s, used - attempt.tokens if used else 0)
        elif key is not None:
            key.in_flight -= 1
        if member.running is not None:
            member.running.add(-1)
        gate = member.gate
        if measured or not well:
            gate.learn(sign, first_s, now_s=now_s)
        gate.leave(attempt.tenant, took_s if well else None)
        attempt.pass_ = 0

    def _sign(self, attempt: Try, first_s: float | None, now_s: float) -> Sign:
        """Tell the breaker how an attempt ended. Returns: what that says of the upstream's load."""
        breaker, failure = attempt.spot.member.breaker, attempt.failure
        if failure is None and attempt.answered:
            if attempt.pass_:
                breaker.succeeded(attempt.pass_, now_s, first_s or 0.0 if attempt.streamed else 0.0)
            return "ok"
        if attempt.overtaken:
            # It had a start and was overtaken: for one that hangs that is all there is to tell, since none of its
            # attempts is waited for.
            breaker.failed(attempt.pass_, now_s, SLOWER)
        elif failure is None or attempt.blameless:
            breaker.dropped(attempt.pass_, now_s)
        else:
            return self._mark(attempt, failure, now_s)
        return "none"

    def _mark(self, attempt: Try, failure: Failure, now_s: float) -> Sign:
        """Take in a failure: the breaker's part, and rests of the key or the deployment."""
        member, error = attempt.spot.member, attempt.error
        meaning = TABLE[failure]
        match meaning.health:
            case "bad":
                member.breaker.failed(attempt.pass_, now_s, failure)
            case "good":
                member.breaker.succeeded(attempt.pass_, now_s, 0.0)
            case "unknown":
                member.breaker.dropped(attempt.pass_, now_s)
        said_s = error.retry_after_s if error is not None else None
        rest_s = rests_s(meaning, said_s, self._fleet.settings.retry)
        until_s = inf if rest_s is None else now_s + rest_s
        if (meaning.mark == "deployment_cooling" and said_s) or (
            meaning.mark in ("key_cooling", "key_dead") and attempt.key is None
        ):
            member.cool(until_s, failure)
        elif attempt.key is not None:
            self._mark_key(attempt, attempt.key, failure, now_s, until_s)
        return "overload" if failure in OVERLOADS else "none"

    def _mark_key(self, attempt: Try, key: Key, failure: Failure, now_s: float, until_s: float) -> None:
        """Let a key rest. One that a reload has taken away meanwhile is marked too, and that is all."""
        member, error, mark = attempt.spot.member, attempt.error, TABLE[failure].mark
        refused = isinstance(error, UpstreamError) and error.upstream_status == HTTP_FORBIDDEN
        if mark == "key_dead" and refused:
            if member.pool is not None and any(key is one for one in member.pool.keys):
                member.refused_keys[key.name] = until_s
        elif mark == "key_dead":
            key.mark("dead", failure, now_s, until_s)
        elif mark == "key_cooling":
            key.mark("cooling", failure, now_s, until_s)

    def lose(self, answered: Answered) -> None:
        """Give up an answer that came too late: another attempt had won."""
        attempt, got = answered.attempt, answered.answer
        attempt.lost = True
        if attempt.inbound is not None:
            attempt.inbound.close()
        if isinstance(got, answer.Whole):
            self.settle(attempt, got.facts.usage)
        else:
            self.settle(attempt, got.relay.usage, output_tokens=got.relay.events, cut=not got.relay.done)


def _is_beyond(attempt: Try, usage: Usage) -> bool:
    """Whether more was used than the ticket's bound already."""
    price, most = attempt.target.deployment.price, attempt.ticket.bound_nano_usd
    return price is not None and most is not None and cost(price, usage, attempt.service) > most


def _is_unknown(attempt: Try) -> bool:
    """Whether an upstream that never told may bill for an attempt.

    An estimate is no proof, so a hard budget then books what it held.
    """
    error = attempt.error
    refused = attempt.status is not None and attempt.status >= HTTP_REFUSED
    if attempt.unsent or refused or isinstance(error, StaleConnection):
        return False
    if attempt.answered or error is None or isinstance(error, UpstreamBroken | UpstreamMalformed):
        return True
    return isinstance(error, UpstreamTimeout) and error.connected and error.upstream_status is None


def _of(name: str, message: str) -> str:
    return message if message.startswith(name) else f"{name}: {message}"
