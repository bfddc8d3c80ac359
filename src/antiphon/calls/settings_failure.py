"""What a call does about failures: retries, their budget, circuit breakers, ejection from a pool."""

from typing import Annotated

from msgspec import Meta, Struct


class RetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long to wait between attempts, and how long a key rests. How many attempts: the envelope says.

    The first two are openai-python 3.52.0's own (`_constants.py`).
    """

    base_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds: the most to wait before the first retry. Default 0.5.")
    ] = 0.5
    cap_s: Annotated[
        float,
        Meta(gt=0, le=600, description="Seconds: the most to wait before any retry, `Retry-After` aside. Default 8."),
    ] = 8.0
    patience_s: Annotated[
        float,
        Meta(
            ge=0,
            le=600,
            description="Seconds: the longest `Retry-After` that is waited for; a deployment that asks for more is not asked again by the same request. Default 10.",
        ),
    ] = 10.0
    cooling_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds that a key rests after 429 when the upstream doesn't say how long. Default 5.",
        ),
    ] = 5.0
    dead_key_s: Annotated[
        Annotated[float, Meta(ge=1, le=604_800)] | None,
        Meta(
            description="Seconds until a key that was refused, or is out of quota, is tried again; null: when the configuration is read again. Default 300.",
        ),
    ] = 300.0

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below this section, what is wrong, what to write)."""
        if self.base_s <= self.cap_s:
            return []
        return [("base_s", f"{self.base_s:g} is more than cap_s {self.cap_s:g}", "lower base_s, or raise cap_s")]


class RetryBudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many retries an upstream may get beside its first attempts. Counted in each worker."""

    fraction: Annotated[
        float, Meta(ge=0, le=1, description="Retries for each first attempt of the window, as a fraction. Default 0.2.")
    ] = 0.2
    window_s: Annotated[float, Meta(ge=1, le=60, description="Seconds that attempts count for. Default 10.")] = 10.0
    min_per_s: Annotated[
        float,
        Meta(
            ge=0,
            le=1000,
            description="Retries a second, averaged over the window, that are allowed whatever the traffic. Default 1.",
        ),
    ] = 1.0


class BreakerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a deployment is left alone, and for how long. Counted in each worker."""

    window_s: Annotated[float, Meta(ge=1, le=600, description="Seconds that answers count for. Default 30.")] = 30.0
    min_volume: Annotated[
        int, Meta(ge=1, le=100_000, description="Answers in the window before fractions are looked at. Default 10.")
    ] = 10
    failure_fraction: Annotated[
        float, Meta(gt=0, le=1, description="Failures among the window's answers that open it. Default 0.5.")
    ] = 0.5
    consecutive_failures: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Failures without a success between them that open it, whatever the volume. Default 5.",
        ),
    ] = 5
    slow_after_s: Annotated[
        Annotated[float, Meta(gt=0, le=3600)] | None,
        Meta(
            description="Seconds to the first content after which an answer is slow. Default null: none is.",
        ),
    ] = None
    slow_fraction: Annotated[
        float, Meta(gt=0, le=1, description="Slow answers among the window's that open it. Default 0.8.")
    ] = 0.8
    open_s: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3600,
            description="Seconds: the most that the first opening lasts; each that follows lasts twice as long. Default 5.",
        ),
    ] = 5.0
    max_open_s: Annotated[
        float,
        Meta(
            ge=60,
            le=3600,
            description="Seconds: the most that any opening lasts, 60 to 3600: shorter ones would go beyond `probes_per_minute`, which counts over 60 seconds. Default 60.",
        ),
    ] = 60.0
    probe_timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Seconds after which a probe without an answer has failed. Default 30.")
    ] = 30.0
    probes_per_minute: Annotated[
        int, Meta(ge=1, le=60, description="The most probes in any 60 seconds. Default 5.")
    ] = 5

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below this section, what is wrong, what to write)."""
        if self.open_s <= self.max_open_s:
            return []
        wrong = f"{self.open_s:g} is more than max_open_s {self.max_open_s:g}"
        return [("open_s", wrong, "lower open_s, or raise max_open_s")]


class EjectionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of a pool may be left alone at once."""

    max_ejected_fraction: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="The most of a route's deployments that may be left out, as a fraction; one always stays. Default 0.75.",
        ),
    ] = 0.75
