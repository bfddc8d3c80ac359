"""How many requests may run at once on one upstream: found by trying.

Upstreams answer overload in two ways. Hosted ones refuse (429, 503) while latency stays flat, so the limit must follow
refusals: additive increase, multiplicative decrease. A model server of one's own queues inside, and the time to the
first token grows long before anything fails, so the limit must follow latency: the gradient. This limit does both:

- a refusal or a timeout leaves `cut` of the limit, at most once a window, since what was in flight at the time of the
  cut says the same thing again;
- until the first sign of overload every answer raises the limit by one (slow start), after it each window applies

      gradient = clamp(tolerance * usual / recent, 0.5, 1)
      limit    = 0.8 * limit + 0.2 * (gradient * limit + sqrt(limit))

  where `recent` is the window's mean time to the first token and `usual` its exponential mean over about 600 windows.

It grows only while at least half of it is used, and never leaves `min` to `max`.

Sources: Netflix concurrency-limits, `Gradient2Limit` (smoothing 0.2, gradient from 0.5, long window 600, decay of the
usual latency by 0.9 when it is over twice the recent one, growth only above half), `AIMDLimit`; slow start and one cut
per round trip: RFC 5681. Known weakness, shared with its source: overload that lasts longer than the long window
becomes usual; `max` bounds what that can do.
"""

from math import sqrt
from typing import Literal

from antiphon.calls.settings_flow import LimitSettings

Sign = Literal["ok", "overload", "none"]
"""What an answer says of the upstream's load: served; refused for load (429, 503, 529) or timed out; nothing (4xx)."""

_SMOOTHING = 0.2
_STEEPEST = 0.5
_LONG = 2 / (600 + 1)
_WARM_UP = 10
"""Windows over which the usual latency is a plain mean."""
_DECAY = 0.9


class Limit:
    """The limit of one upstream. `value` is what may run now."""

    __slots__ = (
        "_cut_at_s",
        "_exact",
        "_growing",
        "_peak",
        "_seen",
        "_since_s",
        "_sum_s",
        "_usual_s",
        "_windows",
        "most",
        "settings",
        "value",
    )

    def __init__(self, settings: LimitSettings, *, most: int | None = None) -> None:
        """`most` is the deployment's own `concurrency`, which goes before the settings' `max`."""
        self.most = settings.max if most is None else most
        self.settings = settings
        self._exact = float(min(settings.start, self.most))
        self.value = int(self._exact)
        self._growing = True
        self._cut_at_s = float("-inf")
        self._since_s = float("-inf")
        self._usual_s = 0.0
        self._windows = 0
        self._clear()

    def learn(self, sign: Sign, first_token_s: float | None, *, running: int, now_s: float) -> None:
        """Take one answer in.

        Args:
            first_token_s: Seconds from sending to the first content; None: there was none.
            running: How many were in flight with it.
        """
        self._peak = max(self._peak, running)
        if sign == "overload":
            self._overload(now_s)
        elif sign == "ok" and first_token_s is not None:
            self._seen += 1
            self._sum_s += first_token_s
            if self._growing and running * 2 >= self.value:
                self._set(self._exact + 1)
        if now_s - self._since_s >= self.settings.window_s:
            self._fold(now_s)

    def _overload(self, now_s: float) -> None:
        self._growing = False
        if now_s - self._cut_at_s < self.settings.window_s:
            return
        self._cut_at_s = now_s
        self._set(min(self._exact * self.settings.cut, self.value - 1))
        self._clear()
        self._since_s = now_s

    def _fold(self, now_s: float) -> None:
        """Close a window."""
        started = self._since_s > float("-inf")
        self._since_s = now_s
        if not self._seen or not started:
            return
        recent_s, used = self._sum_s / self._seen, self._peak * 2 >= self.value
        self._windows += 1
        weight = 1 / self._windows if self._windows <= _WARM_UP else _LONG
        self._usual_s += (recent_s - self._usual_s) * weight
        if self._usual_s > 2 * recent_s:
            self._usual_s *= _DECAY
        gradient = 1.0
        if recent_s > 0:
            gradient = max(_STEEPEST, min(1.0, self.settings.tolerance * self._usual_s / recent_s))
        if gradient < 1:
            self._growing = False
        if used and not self._growing:
            wanted = gradient * self._exact + sqrt(self._exact)
            self._set(self._exact + (wanted - self._exact) * _SMOOTHING)
        self._clear()

    def _set(self, exact: float) -> None:
        least = min(self.settings.min, self.most)
        self._exact = max(float(least), min(float(self.most), exact))
        self.value = int(self._exact)

    def _clear(self) -> None:
        self._seen = 0
        self._sum_s = 0.0
        self._peak = 0
