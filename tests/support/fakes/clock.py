from antiphon.core.clock import Clock


class StoppedClock(Clock):
    """Shows the same time until it is told another."""

    def __init__(self, now_ns: int = 0) -> None:
        self.at_ns = now_ns

    def now_ns(self) -> int:
        return self.at_ns

    def steady_s(self) -> float:
        return self.at_ns / 1e9
