"""What the path works with: the parts of one revision, and those that outlive it."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from antiphon.calls.cache import ResponseCache
from antiphon.calls.caller import Caller
from antiphon.calls.counting import Counting
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import CallsSettings
from antiphon.core.clock import Clock
from antiphon.core.deployment import Deployment
from antiphon.core.ids import Ids, Random
from antiphon.core.ports import Journal, Sealer
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.core.sandbox import Sandbox
from antiphon.governance.govern import Governor
from antiphon.providers.target import Target
from antiphon.recipes.seats import Recipe
from antiphon.recipes.weigh import Ruled, Weigher
from antiphon.routing.route import Route
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.trace import Tracer


class Process(Struct, frozen=True, kw_only=True):
    """Parts of a worker that live as long as it does."""

    worker: int
    clock: Clock
    ids: Ids
    random: Random
    journal: Journal
    caller: Caller
    metrics: Metrics
    sealer: Sealer
    cutting: Callable[[], bool]
    """Whether it ends now, and cuts off whoever still waits."""
    counting: Counting | None = None
    """Counts by budgets and limits; None: there can't be any."""
    cache: ResponseCache | None = None
    """None: no answer is given again."""
    shadows: Callable[[Request, Principal, tuple[str, ...], str], None] | None = None
    """Asks deployments beside an answer, in the background, for the request with this receipt."""


class Revision(Struct, frozen=True, kw_only=True):
    """Parts that a configuration makes; a request keeps those that it began with."""

    id: str
    routes: Mapping[str, Route]
    targets: Mapping[str, Target]
    policies: Mapping[str, Policy] = {}
    """How the calls of each route are made; those of one that isn't here by default."""
    calls: CallsSettings = CallsSettings()
    capture_most_bytes: int = 0
    """0: content is not captured."""
    ruled: Mapping[str, Ruled] = {}
    """How routes look at the request itself, by public name."""
    always: frozenset[str] = frozenset()
    """Routes that look at every request; the others only at those that ask for an objective."""
    weigher: Weigher | None = None
    """Works out what they ask for; None: there are none."""
    recipes: Mapping[str, Recipe] = {}
    deployments: Mapping[str, Deployment] = {}
    sandbox: Sandbox | None = None
    """Where code of answers runs; None: nowhere."""
    governor: Governor | None = None
    """Knows policies, data classes and guards; None: there are none."""
    log_requests: str = "errors"
    tracer: Tracer | None = None
