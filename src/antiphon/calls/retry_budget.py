"""A retry budget: retries of an upstream stay a share of its first attempts, so that they never make a storm."""

from msgspec import Struct

from antiphon.calls.settings_failure import RetryBudgetSettings

BUCKETS = 10


class Spending(Struct, frozen=True, kw_only=True):
    """A budget at one moment, for metrics and receipts. Counts of the last window."""

    firsts: int
    retries: int
    left: int
    """Retries that could be made now."""


class RetryBudget:
    """Counts the first attempts and the retries that one upstream gets from one worker.

    Whenever a retry is granted, the retries of the window that ends there are no more than
    `fraction` x its first attempts + `min_per_s` x `window_s`. Time is cut into buckets: of retries one bucket
    more is counted than fits the window, of first attempts what surely lies within it, so the bound is exact and
    the budget at most a tenth of a window late in giving back.

    The floor is what a quiet upstream lives on. Finagle's is 10 a second, for calls of milliseconds; a model's
    call takes seconds and costs money, and 1 a second is a window's worth of 10 at once: twice as many as the
    failures that it takes a circuit breaker to open.

    Charged is the upstream that a retry is sent to, as in Finagle and Envoy: the budget protects the receiver.

    Source: Finagle `RetryBudget` (ttl 10 s, 20 % + 10/s; finagle.github.io/blog/2016/02/08/retry-budgets);
    Envoy `circuit_breakers.retry_budget` (20 %, at least 3 at once; v1.39 API).
    """

    __slots__ = ("_bucket", "_bucket_s", "_firsts", "_floor", "_fraction", "_of_firsts", "_of_retries", "_retries")

    def __init__(self, settings: RetryBudgetSettings) -> None:
        self._fraction = settings.fraction
        self._floor = settings.min_per_s * settings.window_s
        self._bucket_s = settings.window_s / BUCKETS
        self._bucket = 0
        # One bucket more than the window has; the oldest counts for retries only.
        self._of_firsts = [0] * (BUCKETS + 1)
        self._of_retries = [0] * (BUCKETS + 1)
        self._firsts = 0
        self._retries = 0

    def first(self, now_s: float) -> None:
        """Count a first attempt.

        Args:
            now_s: Seconds on a steady clock. An earlier time than the last one counts as the last one.
        """
        bucket = int(now_s / self._bucket_s)
        if bucket > self._bucket:
            self._turn(bucket)
        self._of_firsts[self._bucket % (BUCKETS + 1)] += 1
        self._firsts += 1

    def retry(self, now_s: float) -> bool:
        """Take leave for a retry; False: the budget is spent, so the failure stands."""
        bucket = int(now_s / self._bucket_s)
        if bucket > self._bucket:
            self._turn(bucket)
        if self._retries + 1 > self._fraction * self._firsts + self._floor:
            return False
        self._of_retries[self._bucket % (BUCKETS + 1)] += 1
        self._retries += 1
        return True

    def spending(self, now_s: float) -> Spending:
        """What was spent, and what is left."""
        if (bucket := int(now_s / self._bucket_s)) > self._bucket:
            self._turn(bucket)
        most = int(self._fraction * self._firsts + self._floor)
        return Spending(firsts=self._firsts, retries=self._retries, left=max(most - self._retries, 0))

    def _turn(self, bucket: int) -> None:
        """Go on to a later bucket: at most eleven steps, however late."""
        for passed in range(max(self._bucket + 1, bucket - BUCKETS), bucket + 1):
            place = passed % (BUCKETS + 1)
            self._retries -= self._of_retries[place]
            self._of_retries[place] = 0
            # First attempts leave a bucket earlier than retries do.
            leaves = (passed - BUCKETS) % (BUCKETS + 1)
            self._firsts -= self._of_firsts[leaves]
            self._of_firsts[leaves] = 0
        self._bucket = bucket
