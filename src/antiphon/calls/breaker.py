"""A circuit breaker: leaves a deployment alone that fails or is slow, and asks it now and then whether it is back.

    closed ── too many failures, or slow answers ──> open ── its time is over ──> half_open
      ^                                               ^                              │
      │                                               └── the probe fails or lapses ─┤
      └────────────────────── the probe succeeds ────────────────────────────────────┘

Source: M. Nygard, "Release It!", 2007, ch. 5; slow calls and the window of time buckets as in resilience4j 2
(slidingWindowType TIME_BASED); consecutive failures as in Envoy (`outlier_detection.consecutive_5xx`, 5).
"""

from collections.abc import Callable
from math import inf
from typing import Literal

from msgspec import Struct

from antiphon.calls.breaker_shared import SharedBreaker, Word
from antiphon.calls.breaker_window import Window
from antiphon.calls.settings_failure import BreakerSettings

State = Literal["closed", "open", "half_open"]

REFUSED = 0
"""What `admit` gives instead of a pass. The only one that is false."""
_NONE = -1
"""No pass is this one."""
LOOK_S = 0.25
"""How often a closed breaker looks what other workers say: a few times a second, as all that is shared."""
PROBE_WINDOW_S = 60.0


class BreakerState(Struct, frozen=True, kw_only=True):
    """A breaker at one moment, for metrics, the API, receipts and ejection."""

    name: str
    state: State
    since_s: float
    """Steady seconds of the last change between closed and not closed; 0: there was none."""
    volume: int
    """Answers in the window; while it isn't closed: in the one that it opened on."""
    failure_fraction: float
    slow_fraction: float
    retry_at_s: float | None = None
    """Steady seconds when it may be probed; None while closed."""
    probing: bool = False
    openings: int = 0
    """How often it has opened since the worker started."""
    reason: str = ""
    """Why it opened; empty while closed."""


class Breaker:
    """One deployment's circuit breaker in one worker.

    An attempt takes a pass with `admit` and hands it back once, with `succeeded`, `failed` or `dropped`: so an
    answer that comes late, from before the breaker opened, is known as such and changes nothing. All times are
    seconds on a steady clock.
    """

    __slots__ = (
        "_fraction",
        "_in_a_row",
        "_last_pass",
        "_opening",
        "_openings",
        "_probe",
        "_probe_ends_s",
        "_probes_s",
        "_reason",
        "_retry_at_s",
        "_settings",
        "_shared",
        "_since_s",
        "_slow_after_s",
        "_streak",
        "_window",
        "_word",
        "calm_until_s",
        "name",
        "usual",
    )

    def __init__(
        self, name: str, settings: BreakerSettings, shared: SharedBreaker, fraction: Callable[[], float]
    ) -> None:
        """A closed breaker; `fraction` gives numbers evenly spread in [0, 1), for the jitter."""
        self.name = name
        self._settings = settings
        self._shared = shared
        self._fraction = fraction
        self._slow_after_s = inf if settings.slow_after_s is None else settings.slow_after_s
        self._window = Window(settings.window_s)
        self._in_a_row = 0
        self._last_pass = 1
        self.usual = 1
        """The pass of ordinary attempts while closed, which `admit` gives until `calm_until_s`; else `_NONE`."""
        self._opening = 0
        """Its negative is the pass of attempts that were forced since it opened last."""
        self.calm_until_s = -inf
        """Until then it is closed for sure. Never while it isn't."""
        self._since_s = 0.0
        self._reason = ""
        self._openings = 0
        self._streak = 0
        """Openings without a window's worth of peace between them."""
        self._retry_at_s = 0.0
        self._probe = _NONE
        self._probe_ends_s = 0.0
        self._probes_s = [-inf] * settings.probes_per_minute
        """When the latest probes began, oldest first."""
        self._word: Word | None = None

    @property
    def closed(self) -> bool:
        """Whether attempts go through as usual, as far as this worker last looked."""
        return self.usual > 0

    def allows(self, now_s: float) -> bool:
        """Whether `admit` would give a pass now, but for other workers' probes. Takes nothing."""
        if now_s < self.calm_until_s:
            return True
        self._look(now_s)
        return self.usual > 0 or (self._probe == _NONE and now_s >= self._retry_at_s)

    def admit(self, now_s: float) -> int:
        """Take a pass for an attempt, or `REFUSED`. After an opening it is the one probe's."""
        if now_s < self.calm_until_s:
            return self.usual
        self._look(now_s)
        if self.usual > 0:
            return self.usual
        if self._probe > 0 or now_s < self._retry_at_s:
            return REFUSED
        ends_s = now_s + self._settings.probe_timeout_s
        if not self._shared.claim(self.name, now_s, ends_s):
            return REFUSED
        del self._probes_s[0]
        self._probes_s.append(now_s)
        self._probe = self._next_pass()
        self._probe_ends_s = ends_s
        return self._probe

    def force(self, now_s: float) -> int:
        """Take a pass whatever the state: for a pool that would be empty otherwise. Its success closes too."""
        return self.admit(now_s) or -self._opening

    def succeeded(self, pass_: int, now_s: float, took_s: float) -> None:
        """Hand back a pass: an answer came, from a sound upstream.

        Args:
            took_s: Seconds to the first content.
        """
        if pass_ == self.usual and took_s < self._slow_after_s:
            self._in_a_row = 0
            window = self._window
            if now_s < window.turns_at_s:
                window.calls += 1
            else:
                window.add(now_s)
            return
        self._succeeded(pass_, now_s, took_s)

    def failed(self, pass_: int, now_s: float, reason: str) -> None:
        """Hand back a pass: the attempt failed, by `reason`, in a way that speaks against the upstream."""
        self._look(now_s)
        if pass_ == self.usual:
            self._window.add(now_s, failed=True)
            self._in_a_row += 1
            if why := self._too_bad():
                self._open(now_s, f"{why}; the last: {reason}")
        elif pass_ == self._probe:
            self._open(now_s, f"its probe failed: {reason}")

    def dropped(self, pass_: int, now_s: float) -> None:
        """Hand back a pass: the attempt says nothing of the upstream (cancelled, rate limited, refused key)."""
        self._look(now_s)
        if pass_ == self._probe:
            self._probe = _NONE
            self._retry_at_s = max(self._retry_at_s, self._probes_s[0] + PROBE_WINDOW_S)
            self._shared.release(self.name)

    def state(self, now_s: float) -> BreakerState:
        """What it is now, and why."""
        self._look(now_s)
        closed = self.usual > 0
        if closed:
            self._window.turn(now_s)
        volume, failures, slow = self._window.counts()
        return BreakerState(
            name=self.name,
            state="closed" if closed else "open" if now_s < self._retry_at_s else "half_open",
            since_s=self._since_s,
            volume=volume,
            failure_fraction=failures / volume if volume else 0.0,
            slow_fraction=slow / volume if volume else 0.0,
            retry_at_s=None if closed else self._retry_at_s,
            probing=self._probe > 0,
            openings=self._openings,
            reason=self._reason,
        )

    def _look(self, now_s: float) -> None:
        """Take in what time and other workers changed."""
        word = self._shared.heard(self.name)
        if word is not None and word != self._word:
            self._word = word
            if word.open:
                self._leave_alone(now_s, min(word.until_s, now_s + self._settings.max_open_s), word.reason)
            elif self.usual == _NONE:
                self._close(now_s)
        if self._probe > 0 and now_s >= self._probe_ends_s:
            self._open(self._probe_ends_s, f"its probe had no answer within {self._settings.probe_timeout_s:g} s")
        if self.usual > 0:
            self.calm_until_s = now_s + LOOK_S

    def _succeeded(self, pass_: int, now_s: float, took_s: float) -> None:
        """The rest of `succeeded`: slow answers, probes and forced passes, and passes from before."""
        self._look(now_s)
        slow = took_s >= self._slow_after_s
        if pass_ == self.usual:
            self._in_a_row = 0
            self._window.add(now_s, slow=slow)
            if slow and (why := self._too_bad()):
                self._open(now_s, why)
        elif self.usual > 0 or pass_ not in {self._probe, -self._opening}:
            return
        elif not slow:
            self._close(now_s)
            self._say(Word(open=False))
        elif pass_ == self._probe:
            self._open(now_s, f"its probe took {took_s:.1f} s")

    def _too_bad(self) -> str:
        """Why it has to open, or nothing."""
        settings = self._settings
        if self._in_a_row >= settings.consecutive_failures:
            return f"{self._in_a_row} failures in a row"
        volume, failures, slow = self._window.counts()
        if volume < settings.min_volume:
            return ""
        if failures >= settings.failure_fraction * volume:
            return f"{failures} of {volume} failed within {settings.window_s:g} s"
        if slow >= settings.slow_fraction * volume:
            return f"{slow} of {volume} took {self._slow_after_s:g} s or longer within {settings.window_s:g} s"
        return ""

    def _open(self, now_s: float, reason: str) -> None:
        """Open, or open again: each time for twice as long, up to the cap, less a jitter of up to half."""
        settings = self._settings
        peace = self.usual > 0 and now_s - self._since_s >= settings.window_s
        self._streak = 1 if peace else min(self._streak + 1, 64)
        lasts_s = min(settings.max_open_s, settings.open_s * 2.0 ** (self._streak - 1))
        until_s = now_s + lasts_s * (1 - self._fraction() / 2)
        # The budget of probes. It is a minute, no longer than the cap may be.
        until_s = max(until_s, self._probes_s[0] + PROBE_WINDOW_S)
        self._probe = _NONE
        self._leave_alone(now_s, until_s, reason)
        self._say(Word(open=True, until_s=until_s, reason=reason))

    def _leave_alone(self, now_s: float, until_s: float, reason: str) -> None:
        if self.usual > 0:
            self._since_s = now_s
            self._openings += 1
            self._opening = self._next_pass()
        self.usual = _NONE
        self.calm_until_s = -inf
        self._retry_at_s = until_s
        self._reason = reason

    def _close(self, now_s: float) -> None:
        self.usual = self._next_pass()
        self._probe = _NONE
        self._in_a_row = 0
        self._window.clear(now_s)
        self._since_s = now_s
        self._reason = ""

    def _say(self, word: Word) -> None:
        self._word = word
        self._shared.tell(self.name, word)

    def _next_pass(self) -> int:
        self._last_pass += 1
        return self._last_pass
