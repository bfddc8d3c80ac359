"""A public name made ready for planning."""

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.deployment import Deployment
from antiphon.core.plan import Candidate, FallbackKind
from antiphon.routing.settings import LastResortSettings, OnCut


class Prompt(Struct, frozen=True, kw_only=True):
    """A system prompt; `version` is the first 12 hexadecimal digits of its text's SHA-256."""

    id: str
    version: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"


class Pool(Struct, frozen=True, kw_only=True):
    """Deployments that take over together."""

    on: FallbackKind
    deployments: tuple[Deployment, ...]


class Route(Struct, frozen=True, kw_only=True):
    """Where a public name leads."""

    name: str
    deployments: tuple[Deployment, ...]
    lost: tuple[Candidate, ...] = ()
    """Deployments that the configuration itself left out, and why."""
    prompt: Prompt | None = None
    description: str = ""
    fallbacks: tuple[Pool, ...] = ()
    """In the order in which they are tried, each kind for itself."""
    attempts: int = 4
    """Most of one request, over all deployments."""
    seconds: float = 600.0
    """Most that a request may take."""
    bounds_time: bool = False
    """`seconds` is the route's own; else it is the server's."""
    on_cut: OnCut = "fail"
    last_resort: LastResortSettings = LastResortSettings()
    tenant: str = ""
    """Whose it is; empty: everybody's. To all others it is not there."""

    def shown_to(self, tenant: str) -> bool:
        return self.tenant in ("", tenant)


def of_tier(route: Route, tier: str, why: str) -> Route:
    """The route with those of its deployments, and of its fallbacks', that are of a tier; `why` the others are not."""
    return replace(
        route,
        deployments=tuple(one for one in route.deployments if one.tier == tier),
        lost=(
            *route.lost,
            *(Candidate(deployment=one.name, lost=why) for one in route.deployments if one.tier != tier),
        ),
        fallbacks=tuple(
            replace(pool, deployments=able)
            for pool in route.fallbacks
            if (able := tuple(one for one in pool.deployments if one.tier == tier))
        ),
    )
