"""What a worker knows of a deployment right now."""

from collections.abc import Callable, Mapping
from math import exp

from antiphon.calls.minute import Minute
from antiphon.calls.quantiles import Quantiles
from antiphon.calls.quota import (
    ANTHROPIC_REQUESTS,
    ANTHROPIC_TOKENS,
    OPENAI_REQUESTS,
    OPENAI_TOKENS,
    Quota,
    learn,
)
from antiphon.calls.settings_balance import LiveSettings

UNKNOWN_LOAD = 1e9
"""Load of a deployment that has requests and has never answered: one probe, then others first."""


class Live:
    """Live counters of one deployment; one per worker, outliving revisions.

    It records and is asked; it never calls back. Every time is `now_s`, steady seconds that never go back.
    """

    __slots__ = (
        "_cost_s",
        "_decay_s",
        "_first",
        "_floor",
        "_requests",
        "_requests_limit",
        "_requests_used",
        "_stamp_s",
        "_tokens",
        "_tokens_limit",
        "_tokens_used",
        "_warmup_s",
        "_whole",
        "counts_tokens",
        "in_flight",
        "sent",
        "warm_at_s",
    )

    def __init__(
        self,
        settings: LiveSettings,
        now_s: float,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        self.in_flight = 0
        self.sent = 0
        """Requests that ever began."""
        self._cost_s = 0.0
        self._stamp_s = now_s
        self._requests: Quota | None = None
        self._tokens: Quota | None = None
        self._requests_used = Minute()
        self._tokens_used = Minute()
        self._first = Quantiles(settings.window_s, settings.min_volume, now_s)
        self._whole = Quantiles(settings.window_s, settings.min_volume, now_s)
        self.configure(settings, now_s, requests_per_minute=requests_per_minute, tokens_per_minute=tokens_per_minute)
        self.warm_at_s = now_s + settings.warmup_s
        """From then on it has its whole share."""

    def configure(
        self,
        settings: LiveSettings,
        now_s: float,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        """Go on under a new revision's settings; what was measured stays, as far as the new window can hold it.

        The two limits are stated ones: what the operator says that the upstream takes from this worker.
        """
        if not self._first.fits(settings.window_s, settings.min_volume):
            self._first = Quantiles(settings.window_s, settings.min_volume, now_s)
            self._whole = Quantiles(settings.window_s, settings.min_volume, now_s)
        self._requests_limit = requests_per_minute
        self._tokens_limit = tokens_per_minute
        self.counts_tokens = tokens_per_minute is not None
        """Tokens are held against a stated limit."""
        self._decay_s = settings.decay_s
        self._warmup_s = settings.warmup_s
        self._floor = settings.warmup_floor

    def began(self, now_s: float) -> None:
        """A request is sent to it."""
        self.in_flight += 1
        self.sent += 1
        if self._requests_limit is not None:
            self._requests_used.add(1, now_s)

    def first_token(self, latency_s: float, now_s: float) -> None:
        """A stream's first token came, `latency_s` after its request began."""
        self._first.add(latency_s, now_s)

    def ended(self, latency_s: float | None, now_s: float, tokens: int = 0) -> None:
        """A request is over, however it ended.

        Args:
            latency_s: What it took in all; None where that says nothing of its speed: cancelled, or refused at once.
            tokens: Input and output tokens that it used, cached ones included.
        Raises: ValueError, when none had begun.
        """
        if self.in_flight < 1:
            raise ValueError("a request ended that never began")
        self.in_flight -= 1
        if latency_s is not None:
            cost_s = self._cost_s
            if latency_s >= cost_s:
                self._cost_s = latency_s
            else:
                self._cost_s = latency_s + (cost_s - latency_s) * exp((self._stamp_s - now_s) / self._decay_s)
            self._stamp_s = now_s
        if tokens and self._tokens_limit is not None:
            self._tokens_used.add(tokens, now_s)

    def load(self, now_s: float) -> float:
        """Seconds of latency times requests, with one request more: what `peak_ewma` compares.

        A peak counts at once and decays by and by, also while nothing is sent.
        Source: Finagle, `loadbalancer/PeakEwma.scala`, commit 1e8497e: cost * (pending + 1), a large penalty while
        there is no history; linkerd uses the same.
        """
        if self._cost_s:
            return self._cost_s * exp((self._stamp_s - now_s) / self._decay_s) * (self.in_flight + 1)
        return UNKNOWN_LOAD * self.in_flight

    def whole(self, latency_s: float, now_s: float) -> None:
        """A whole answer came, `latency_s` after its request began."""
        self._whole.add(latency_s, now_s)

    def quantile_s(self, q: float, now_s: float) -> float | None:
        """The q-quantile of first-token latency in the window; None below its minimum volume."""
        return self._first.read(q, now_s)

    def whole_s(self, q: float, now_s: float) -> float | None:
        """The same of whole answers, which come at once."""
        return self._whole.read(q, now_s)

    def returned(self, now_s: float) -> None:
        """It came back after it could not be used: its share grows anew."""
        self.warm_at_s = now_s + self._warmup_s

    def warmth(self, now_s: float) -> float:
        """The fraction of its share that it takes, growing evenly to 1.

        Source: Envoy, "Slow start mode", aggression 1: max(minimum, time since start / window).
        """
        if now_s >= self.warm_at_s:
            return 1.0
        return max(self._floor, 1.0 - (self.warm_at_s - now_s) / self._warmup_s)

    def learn(self, headers: Mapping[bytes, bytes], now: Callable[[], float], wall: Callable[[], float]) -> None:
        """Take rate limits from an answer's headers; what can't be read is ignored.

        Args:
            now: Steady seconds. Both clocks are read only where there are such headers.
            wall: UTC seconds since the epoch.
        """
        if b"x-ratelimit-remaining-requests" in headers:
            self._requests = learn(headers, OPENAI_REQUESTS, self._requests, self.sent, now(), wall())
        elif b"anthropic-ratelimit-requests-remaining" in headers:
            self._requests = learn(headers, ANTHROPIC_REQUESTS, self._requests, self.sent, now(), wall())
        if b"x-ratelimit-remaining-tokens" in headers:
            self._tokens = learn(headers, OPENAI_TOKENS, self._tokens, self.sent, now(), wall())
        elif b"anthropic-ratelimit-tokens-remaining" in headers:
            self._tokens = learn(headers, ANTHROPIC_TOKENS, self._tokens, self.sent, now(), wall())

    def resets_in_s(self, now_s: float) -> float | None:
        """Seconds until a learnt limit that is used up is whole again; None: none is known to be used up."""
        quotas = (self._requests, self._tokens)
        waits = [one.resets_s - now_s for one in quotas if one is not None and not one.remaining]
        return max(waits, default=0.0) if any(wait_s > 0 for wait_s in waits) else None

    def headroom(self, now_s: float) -> float:
        """What is left of its rate limits, from 0 to 1: of the tightest, learnt or stated; 1 where none is known."""
        left = 1.0
        if self._requests is not None:
            left = self._requests.fraction(self.sent - self._requests.sent, now_s)
        if self._tokens is not None:
            left = min(left, self._tokens.fraction(0, now_s))
        if self._requests_limit is not None:
            left = min(left, 1.0 - self._requests_used.used(now_s) / self._requests_limit)
        if self._tokens_limit is not None:
            left = min(left, 1.0 - self._tokens_used.used(now_s) / self._tokens_limit)
        return max(left, 0.0)
