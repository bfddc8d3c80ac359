"""A sliding window of answers, in time buckets."""

BUCKETS = 10


class Window:
    """Counts of the last `window_s` seconds, to a bucket: the current one and the nine before it.

    `calls` is the current bucket's count of all answers; the path of a sound answer adds to it without a call.
    """

    __slots__ = ("_bucket_s", "_buckets", "_failures", "_old", "_slow", "calls", "turns_at_s")

    def __init__(self, window_s: float) -> None:
        self._bucket_s = window_s / BUCKETS
        self._buckets = [(0, 0, 0)] * BUCKETS
        """(all, failed, slow) of the buckets before the current one, each at its number modulo ten."""
        self._old = (0, 0, 0)
        """Their sums."""
        self.calls = 0
        self._failures = 0
        self._slow = 0
        self.turns_at_s = 0.0
        """When the current bucket ends."""

    def add(self, now_s: float, *, failed: bool = False, slow: bool = False) -> None:
        """Count one answer."""
        self.turn(now_s)
        self.calls += 1
        self._failures += failed
        self._slow += slow

    def counts(self) -> tuple[int, int, int]:
        """(all, failed, slow) within the window, as of the last `add` or `turn`."""
        calls, failures, slow = self._old
        return calls + self.calls, failures + self._failures, slow + self._slow

    def clear(self, now_s: float) -> None:
        """Forget all."""
        self._buckets = [(0, 0, 0)] * BUCKETS
        self._old = (0, 0, 0)
        self.calls = self._failures = self._slow = 0
        self.turns_at_s = (int(now_s / self._bucket_s) + 1) * self._bucket_s

    def turn(self, now_s: float) -> None:
        """Go on to the bucket of this time: ten steps at most. An earlier time changes nothing."""
        if now_s < self.turns_at_s:
            return
        current = round(self.turns_at_s / self._bucket_s) - 1
        bucket = max(int(now_s / self._bucket_s), current + 1)
        if bucket - current >= BUCKETS:
            self.clear(now_s)
        else:
            self._buckets[current % BUCKETS] = (self.calls, self._failures, self._slow)
            for passed in range(current + 1, bucket + 1):
                self._buckets[passed % BUCKETS] = (0, 0, 0)
            self._old = tuple[int, int, int](map(sum, zip(*self._buckets, strict=True)))
            self.calls = self._failures = self._slow = 0
        self.turns_at_s = (bucket + 1) * self._bucket_s
