"""What a worker knows of its deployments, folded a few times a second into values that never change."""

from collections.abc import Iterable, Mapping

from msgspec import Struct


class Standing(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How one deployment stands. None: not enough was measured."""

    deployment: str
    ready: bool = True
    trouble: str = ""
    """Why it is not ready."""
    first_token_p50_s: float | None = None
    first_token_p95_s: float | None = None
    total_p50_s: float | None = None
    total_p95_s: float | None = None
    errors: float | None = None
    """Share of its attempts that failed, 0 to 1."""
    in_flight: int = 0


class Quality(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """How good a deployment's answers are for one kind of task on one route, by feedback, contracts and judges."""

    deployment: str
    route: str
    task: str = ""
    """Task class; empty: all."""
    count: float = 0.0
    """Scores that it rests on; old ones count for less."""
    mean: float = 0.0
    """0 to 1."""
    low: float = 0.0
    """Ends of the 95 % interval."""
    high: float = 1.0


class Slice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a View that a plan was made from; a receipt keeps it."""

    at_ns: int = 0
    """When it was folded: UTC, nanoseconds since the epoch."""
    standings: tuple[Standing, ...] = ()
    qualities: tuple[Quality, ...] = ()
    budgets: tuple[tuple[str, float], ...] = ()
    """Share of each budget that is used, by its name: of the fullest account that the request falls under."""


class View(Struct, frozen=True, kw_only=True):
    """Everything that a worker knows of its deployments at one moment."""

    at_ns: int = 0
    standings: Mapping[str, Standing] = {}
    """By deployment."""
    qualities: Mapping[tuple[str, str], tuple[Quality, ...]] = {}
    """By deployment and route: all tasks first, then each class."""

    def slice(
        self, deployments: Iterable[str], route: str, task: str = "", budgets: tuple[tuple[str, float], ...] = ()
    ) -> Slice:
        """What concerns these deployments, this route and this class of tasks."""
        names = tuple(deployments)
        return Slice(
            at_ns=self.at_ns,
            standings=tuple(self.standings[name] for name in names if name in self.standings),
            qualities=tuple(
                one for name in names for one in self.qualities.get((name, route), ()) if one.task in {"", task}
            ),
            budgets=budgets,
        )


NO_VIEW = View()


class Views:
    """Where a worker's View is found: whoever folds puts another in its place, and requests read the one that is there."""

    __slots__ = ("view",)

    def __init__(self, view: View = NO_VIEW) -> None:
        self.view = view
