"""Wires what routes decide by: programs, recipes with their seats, and whoever works out facts."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.calls.caller import Caller
from antiphon.calls.fleet import Fleet
from antiphon.calls.fold import standings
from antiphon.calls.prepared import Policy
from antiphon.calls.sessions import Sessions
from antiphon.calls.settings import RouteSettings
from antiphon.config.resolve import labs, losses
from antiphon.config.settings import Settings
from antiphon.core.deployment import Deployment
from antiphon.core.embedding import Embedder
from antiphon.core.error import AntiphonError
from antiphon.core.sandbox import Sandbox
from antiphon.core.view import Quality, View, Views
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Target
from antiphon.recipes.outside import Outside, Questioned, Selecting
from antiphon.recipes.seats import Recipe
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.weigh import Ruled, Weigher
from antiphon.routing.environment import environment
from antiphon.routing.gain import Gain
from antiphon.routing.gain_file import read as read_gain
from antiphon.routing.objective import Guard
from antiphon.routing.program import Program, program
from antiphon.routing.roster import Roster
from antiphon.routing.route import Route
from antiphon.routing.selector import Selector
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tiers import Tiers
from antiphon.signals.catalogue import environment as facts_of
from antiphon.signals.extractor import Extractor

TIER = "tier/"


class Plans(Struct, frozen=True, kw_only=True):
    """What a revision decides by."""

    ruled: Mapping[str, Ruled]
    always: frozenset[str]
    """Routes that look at every request; the others only at those that ask for an objective."""
    recipes: Mapping[str, Recipe]
    deployments: Mapping[str, Deployment]
    weigher: Weigher
    sandbox: Sandbox


def embedders_of(settings: Settings) -> set[str]:
    """Embedders that signals and selectors use."""
    signals = settings.signals
    selectors = {one.embedder or "" for one in settings.selectors.values()}
    return ({one.embedder or signals.embedder for one in signals.examples.values()} | selectors) - {""}


class Planning:
    """What a worker holds for its plans, whatever the revision."""

    def __init__(self) -> None:
        self.views = Views()
        self.sessions = Sessions()
        self.qualities: Mapping[tuple[str, str], tuple[Quality, ...]] = {}
        """As the store has them."""
        self._learning: set[asyncio.Task[None]] = set()
        self._sandbox: tuple[SandboxSettings, Tiers] | None = None
        self._extractor: Extractor | None = None
        self._retired: list[Tiers] = []
        """Of earlier revisions, whose requests may still run."""

    @property
    def sandbox(self) -> Sandbox | None:
        """Where code runs under the revision that was made last; None: none was made."""
        return None if self._sandbox is None else self._sandbox[1]

    def know(self, qualities: Mapping[tuple[str, str], tuple[Quality, ...]]) -> None:
        """Take in how good deployments are; the next View has it."""
        self.qualities = qualities

    def fold(self, fleet: Fleet, now_s: float, at_ns: int) -> None:
        """Put the View of this moment in the place of the one before."""
        self.views.view = View(at_ns=at_ns, standings=standings(fleet, now_s), qualities=self.qualities)

    def make(
        self,
        settings: Settings,
        routes: Mapping[str, Route],
        targets: Mapping[str, Target],
        caller: Caller,
        embedders: Mapping[str, Embedder],
    ) -> Plans:
        """What a revision decides by. Its configuration was checked. Raises: ExpressionError, ValueError."""
        if self._sandbox is None or self._sandbox[0] != settings.sandbox:
            self._retired += [] if self._sandbox is None else [self._sandbox[1]]
            self._sandbox = settings.sandbox, Tiers(settings.sandbox)
        found = _plans(settings, routes, targets, caller, embedders, self, self._sandbox[1])
        extractor = found.weigher.extractor
        if self._extractor is not None:  # requests of the revision before may still call its functions
            asyncio.get_running_loop().call_later(settings.calls.deadline.max_s, self._extractor.close)
        self._extractor = extractor
        for name in set(extractor.likeness.embedders.values()) & embedders.keys():
            # In the background: until then facts of likeness are unknown.
            task = asyncio.get_running_loop().create_task(_examples(extractor, name, embedders[name]))
            self._learning.add(task)
            task.add_done_callback(self._learning.discard)
        return found

    async def close(self) -> None:
        """End what runs code, and functions of the operator's."""
        if self._extractor is not None:
            self._extractor.close()
        for one in (*self._retired, *([] if self._sandbox is None else [self._sandbox[1]])):
            await one.close()


async def _examples(extractor: Extractor, name: str, embedder: Embedder) -> None:
    """Have the operator's examples embedded."""
    with suppress(AntiphonError):  # the facts say that there are no vectors
        extractor.likeness.learn(name, await embedder.embed(list(extractor.likeness.texts(name))))


def _plans(
    settings: Settings,
    routes: Mapping[str, Route],
    targets: Mapping[str, Target],
    caller: Caller,
    embedders: Mapping[str, Embedder],
    planning: Planning,
    sandbox: Sandbox,
) -> Plans:
    deployments = {name: one.deployment for name, one in targets.items()}
    roster = Roster(deployments=deployments, lost=losses(settings, PROFILES), lab=labs(settings))
    env = environment(facts_of(settings.signals), settings.models, settings.scores)
    selectors = {
        name: _selecting(name, settings) for name in {one.selector for one in settings.routes.values()} if name
    }
    programs = {
        name: program(routes[name], one, roster=roster, env=env, guard=_guard(settings, selectors, one.selector))
        for name, one in settings.routes.items()
        if name in routes
    }
    extractor = Extractor(settings.signals)
    extractor.prepare(frozenset(name for one in programs.values() for name in one.asks))
    outside = _outside(settings, routes, targets, caller, embedders, extractor, selectors)
    return Plans(
        ruled={name: _ruled(settings, settings.routes[name], one, extractor) for name, one in programs.items()},
        always=frozenset(name for name in programs if _looks(settings.routes[name])),
        recipes={
            name: Recipe(
                name=name,
                settings=one,
                seats={it: seat(it, routes, deployments) for it in one.seats()},
                gain=_gain(name, one),
                version=sha256(msgspec.json.encode(one)).hexdigest()[:16],
            )
            for name, one in settings.recipes.items()
        },
        deployments=deployments,
        sandbox=sandbox,
        weigher=Weigher(extractor, caller, planning.views, planning.sessions, outside.supply, outside.foresee),
    )


def _ruled(settings: Settings, route: RouteSettings, one: Program, extractor: Extractor) -> Ruled:
    """How a route looks at the request."""
    chosen = route.selector
    return Ruled(
        program=one,
        window_tokens=_window(one),
        outside=frozenset(name for name in one.asks if extractor.needs(name)),
        selector=chosen or "",
        explore=0.0 if chosen is None else settings.selectors[chosen].explore,
    )


def _outside(
    settings: Settings,
    routes: Mapping[str, Route],
    targets: Mapping[str, Target],
    caller: Caller,
    embedders: Mapping[str, Embedder],
    extractor: Extractor,
    selectors: Mapping[str, Selecting],
) -> Outside:
    """What works out facts that take more than the request."""
    deployments = {name: one.deployment for name, one in targets.items()}
    return Outside(
        extractor,
        caller,
        embedders=embedders,
        models={
            name: Questioned(route=seat(one.model, routes, deployments), timeout_s=one.timeout_s)
            for name, one in settings.signals.models.items()
        },
        selectors=selectors,
        policy=Policy("", RouteSettings(), settings.calls),
        targets=targets,
        max_s=settings.calls.deadline.max_s,
        now=caller.now,
    )


def _gain(name: str, recipe: RecipeSettings) -> Gain | None:
    """The model of expected gain that a recipe names. Raises: ConfigError."""
    auto = recipe.auto
    return read_gain(Path(auto.file), f"recipes.{name}.auto.file") if auto is not None and auto.file else None


def _selecting(name: str, settings: Settings) -> Selecting:
    """Raises: ConfigError."""
    one = settings.selectors[name]
    found = Selector.load(Path(one.file), f"selectors.{name}.file")
    return Selecting(selector=found, embedder=one.embedder or "", names=one.names)


def _guard(settings: Settings, selectors: Mapping[str, Selecting], name: str | None) -> Guard | None:
    """What keeps a route's selector from leaving the best single model for a gain that may be chance."""
    if name is None:
        return None
    one, stated = selectors[name], settings.selectors[name]
    best = one.selector.best_single
    return Guard(
        best=one.names.get(best, best),
        margin=one.selector.margin if stated.margin is None else stated.margin,
        tolerance=one.selector.tolerance if stated.tolerance is None else stated.tolerance,
    )


def _looks(route: RouteSettings) -> bool:
    """Whether a route's program may lead anywhere but to its own candidates as they stand."""
    return bool(
        route.rules
        or route.recipe
        or route.objective
        or route.selector
        or route.escalate
        or route.switch
        or route.split
        or route.shadow
    )


def _window(one: Program) -> int | None:
    windows = [it.context_tokens for it in one.deployments if it.context_tokens is not None]
    return min(windows, default=None)


def seat(name: str, routes: Mapping[str, Route], deployments: Mapping[str, Deployment]) -> Route:
    """Where a seat leads: a deployment, `tier/NAME`, or a route with its fallbacks."""
    if name in deployments:
        return Route(name=name, deployments=(deployments[name],))
    if name.startswith(TIER):
        tier = name.removeprefix(TIER)
        return Route(name=name, deployments=tuple(one for one in deployments.values() if one.tier == tier))
    found = routes.get(name)
    return Route(name=name, deployments=()) if found is None else replace(found, prompt=None)
