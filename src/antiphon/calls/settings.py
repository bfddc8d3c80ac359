"""How calls are made safe: the section `calls`, and what each route says of its own calls."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.calls.settings_balance import BalanceSettings, LiveSettings, StickySettings
from antiphon.calls.settings_cache import CacheSettings, CachesSettings
from antiphon.calls.settings_context import ContextSettings
from antiphon.calls.settings_failure import BreakerSettings, EjectionSettings, RetryBudgetSettings, RetrySettings
from antiphon.calls.settings_flow import (
    AdmissionSettings,
    CoalesceSettings,
    DeadlineSettings,
    HedgeSettings,
    Mistake,
    ProbeSettings,
)
from antiphon.routing import settings as routing


class CallsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds for the calls of every route. Counts and states are each worker's own."""

    deadline: Annotated[DeadlineSettings, Meta(description="The longest that a request may take.")] = DeadlineSettings()
    retry: Annotated[RetrySettings, Meta(description="Waits between attempts, and rests of keys.")] = RetrySettings()
    retry_budget: Annotated[
        RetryBudgetSettings, Meta(description="How many retries a deployment gets beside its first attempts.")
    ] = RetryBudgetSettings()
    breaker: Annotated[BreakerSettings, Meta(description="When a deployment is left alone, and for how long.")] = (
        BreakerSettings()
    )
    ejection: Annotated[EjectionSettings, Meta(description="How much of a route may be left alone at once.")] = (
        EjectionSettings()
    )
    live: Annotated[LiveSettings, Meta(description="What is measured of each deployment.")] = LiveSettings()
    admission: Annotated[
        AdmissionSettings, Meta(description="How many requests run on a deployment at once, and who waits.")
    ] = AdmissionSettings()
    cache: Annotated[
        CachesSettings, Meta(description="Where answers are kept that routes give again, and how much of them.")
    ] = CachesSettings()
    probes: Annotated[
        ProbeSettings, Meta(description="Small requests of the gateway's own to deployments that are left alone.")
    ] = ProbeSettings()

    def check(self) -> Iterator[Mistake]:
        """Mistakes that only show across fields."""
        parts = {"retry": self.retry, "breaker": self.breaker, "admission": self.admission}
        for name, part in parts.items():
            for path, wrong, remedy in part.check():
                yield f"{name}.{path}", wrong, remedy


Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class RouteTimeoutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines of each attempt of a route's calls, in seconds, where they are shorter than a deployment's own."""

    connect_s: Annotated[
        Seconds | None, Meta(description="To a connection: above 0, up to 86400. Default null: the deployment's.")
    ] = None
    first_byte_s: Annotated[
        Seconds | None,
        Meta(
            description="From sending to the answer's first byte: above 0, up to 86400. Default null: the deployment's."
        ),
    ] = None
    between_bytes_s: Annotated[
        Seconds | None,
        Meta(description="Between two reads of the answer: above 0, up to 86400. Default null: the deployment's."),
    ] = None
    total_s: Annotated[
        Seconds | None,
        Meta(
            description="From sending to the answer's last byte: above 0, up to 86400. Default null: the deployment's."
        ),
    ] = None


class RouteSettings(routing.RouteSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public model name: where it leads, and how its calls are made."""

    balance: Annotated[
        BalanceSettings, Meta(description="How one deployment is chosen among those that can answer.")
    ] = BalanceSettings()
    timeouts: Annotated[RouteTimeoutSettings, Meta(description="Deadlines of each attempt.")] = RouteTimeoutSettings()
    sticky: Annotated[
        StickySettings | None,
        Meta(description="Send what belongs together to the same deployment. Default: nothing sticks."),
    ] = None
    hedge: Annotated[HedgeSettings, Meta(description="When a second attempt runs beside a slow first one.")] = (
        HedgeSettings()
    )
    coalesce: Annotated[
        CoalesceSettings, Meta(description="When identical requests of one tenant share a call that is in flight.")
    ] = CoalesceSettings()
    context: Annotated[ContextSettings, Meta(description="How much input its requests may have.")] = ContextSettings()
    lower_max_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Where what is left of a hard budget can't cover the longest answer, lower the request's limit of output tokens to what it can, down to this many; the caller is told in `x-antiphon-losses`. Default null: such a request is refused.",
        ),
    ] = None
    cache: Annotated[
        CacheSettings, Meta(description="When an answer is given again to the same request of the same tenant.")
    ] = CacheSettings()

    def check(self) -> Iterator[Mistake]:
        """Mistakes that only show across fields."""
        for path, wrong, remedy in self.hedge.check():
            yield f"hedge.{path}", wrong, remedy
