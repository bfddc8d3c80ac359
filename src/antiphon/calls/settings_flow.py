"""How long a call may take, how many may run, when a second is sent and when one is shared."""

from typing import Annotated

from msgspec import Meta, Struct, field

Mistake = tuple[str, str, str]
"""Path below the section, what is wrong, what to write."""


class DeadlineSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The longest that a request may take."""

    max_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="Seconds that any request may take, whatever it or its route asks for: above 0, up to 86400. Default 600.",
        ),
    ] = 600.0


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many requests run at once on one upstream, per worker: found by trying."""

    start: Annotated[
        int, Meta(ge=1, le=100_000, description="Requests allowed before anything is known, 1 to 100000. Default 1000.")
    ] = 1000
    min: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Requests always allowed, however slow it gets, 1 to 100000. Default 1."),
    ] = 1
    max: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Most requests ever allowed, 1 to 100000; a deployment's `concurrency` goes before it. Default 1000.",
        ),
    ] = 1000
    window_s: Annotated[
        float,
        Meta(gt=0, le=600, description="Seconds between two changes of the limit: above 0, up to 600. Default 1."),
    ] = 1.0
    tolerance: Annotated[
        float,
        Meta(
            ge=1,
            le=10,
            description="How many times its usual latency an upstream may take before the limit falls, 1 to 10. Default 2.",
        ),
    ] = 2.0
    cut: Annotated[
        float,
        Meta(
            ge=0.1,
            lt=1,
            description="Fraction of the limit that is left after a 429, a 503 or a timeout: 0.1, below 1. Default 0.75.",
        ),
    ] = 0.75

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields."""
        if self.min <= self.start <= self.max:
            return []
        wrong = f"start {self.start} is not between min {self.min} and max {self.max}"
        return [("start", wrong, "write min <= start <= max")]


class AdmissionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who waits for a full upstream, how long, and in which order."""

    limit: Annotated[LimitSettings, Meta(description="The limit that adapts.")] = LimitSettings()
    room: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Most requests that wait for one upstream, per worker, 0 to 10000; 0: none waits. Default 200.",
        ),
    ] = 200
    max_wait_s: Annotated[
        float,
        Meta(gt=0, le=3600, description="Seconds that a request waits at most: above 0, up to 3600. Default 30."),
    ] = 30.0
    high: Annotated[
        int, Meta(ge=1, le=1000, description="Turns of the lane `high` in a full round, 1 to 1000. Default 16.")
    ] = 16
    normal: Annotated[
        int, Meta(ge=1, le=1000, description="Turns of the lane `normal` in a full round, 1 to 1000. Default 4.")
    ] = 4
    low: Annotated[
        int, Meta(ge=1, le=1000, description="Turns of the lane `low` in a full round, 1 to 1000. Default 1.")
    ] = 1
    tenant_share: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Most of one upstream's limit that a single tenant may hold, a fraction above 0, up to 1. Default 1: all, while no other waits.",
        ),
    ] = 1.0
    weights: Annotated[
        dict[str, Annotated[float, Meta(gt=0, le=1000)]],
        Meta(description="Tenant to its weight, above 0, up to 1000: its part of a full upstream. Default: 1 each."),
    ] = field(default_factory=dict[str, float])
    max_in_flight: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Most requests in flight of one worker, 1 to 1000000. Default 4000."),
    ] = 4000
    reserved: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Fraction of `max_in_flight` that is set apart in equal parts, one for each upstream, 0 to 1. Default 0.5.",
        ),
    ] = 0.5

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields."""
        found = [(f"limit.{path}", wrong, remedy) for path, wrong, remedy in self.limit.check()]
        if not self.low <= self.normal <= self.high:
            wrong = f"high {self.high}, normal {self.normal} and low {self.low} turn the lanes around"
            found.append(("high", wrong, "write low <= normal <= high"))
        return found


class ProbeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Small requests of the gateway's own that find out whether a deployment is back, in place of a caller's."""

    enabled: Annotated[
        bool,
        Meta(
            description="Probe deployments that are left alone, and let no caller's request do it. Each probe asks for one token and has a receipt, of the tenant `antiphon`. Default false."
        ),
    ] = False
    interval_s: Annotated[
        float, Meta(ge=1, le=3600, description="Seconds between two looks at who may be probed, 1 to 3600. Default 5.")
    ] = 5.0
    timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Seconds that a probe may take: above 0, up to 600. Default 10.")
    ] = 10.0
    prompt: Annotated[
        str, Meta(min_length=1, max_length=200, description="What is asked, up to 200 characters. Default `ping`.")
    ] = "ping"


class HedgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a second attempt is sent beside a slow first one."""

    enabled: Annotated[bool, Meta(description="Send second attempts. Default false.")] = False
    percentile: Annotated[
        float,
        Meta(
            ge=50,
            lt=100,
            description="Percentile to wait for of measured first-token latency, of the deployment that is fastest by it; 50 to below 100. Default 95.",
        ),
    ] = 95.0
    min_delay_s: Annotated[
        float, Meta(gt=0, le=600, description="Seconds waited at least: above 0, up to 600. Default 0.2.")
    ] = 0.2
    max_delay_s: Annotated[
        float,
        Meta(
            gt=0,
            le=600,
            description="Seconds waited at most, and where too little is measured: above 0, up to 600. Default 30.",
        ),
    ] = 30.0
    budget: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Most second attempts, as a fraction of the requests in `window_s`, 0 to 1. Default 0.05.",
        ),
    ] = 0.05
    floor_per_s: Annotated[
        float,
        Meta(
            ge=0,
            le=1000,
            description="Second attempts a second that are allowed beside the budget, 0 to 1000, so that quiet hours are not left out. Default 0.1.",
        ),
    ] = 0.1
    window_s: Annotated[
        float, Meta(ge=1, le=60, description="Seconds that the budget looks back, 1 to 60. Default 10.")
    ] = 10.0

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields."""
        found: list[Mistake] = []
        if self.min_delay_s > self.max_delay_s:
            wrong = f"min_delay_s {self.min_delay_s:g} is above max_delay_s {self.max_delay_s:g}"
            found.append(("min_delay_s", wrong, "write min_delay_s <= max_delay_s"))
        if self.enabled and not self.budget:
            found.append(("budget", "hedging is on without a budget", "set `budget` above 0, or `enabled: false`"))
        return found


class CoalesceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When identical requests of one tenant share a call that is in flight."""

    enabled: Annotated[bool, Meta(description="Share calls. Default false.")] = False
    max_followers: Annotated[
        int,
        Meta(
            ge=1, le=10_000, description="Most requests that share one call beside its leader, 1 to 10000. Default 100."
        ),
    ] = 100
    max_calls: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Most shared calls in flight of the route in one worker, 1 to 100000; each keeps up to twice `max_buffer_bytes`. Default 200.",
        ),
    ] = 200
    max_buffer_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="Most bytes of an answer kept for those who join or read late, 1024 to 67108864. Default 1048576.",
        ),
    ] = 1_048_576
    headers: Annotated[
        list[str],
        Meta(description="Request headers that must be equal too, beside tenant, route and body. Default: none."),
    ] = field(default_factory=list[str])
