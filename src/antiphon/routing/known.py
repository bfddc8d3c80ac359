"""What is known of one request: its facts, and what routing itself knows of budgets, deployments and scores."""

from collections.abc import Mapping

from antiphon.core.signal import Fact, Facts, Value
from antiphon.core.view import Quality, Slice, Standing
from antiphon.routing.scores import SCORE, Score

TASK = "task.name"


class Known:
    """What is known of one request. Each of routing's own facts is worked out once."""

    __slots__ = ("_facts", "_own", "_qualities", "_scores", "_standings", "_worked", "route", "slice")

    def __init__(
        self, route: str, own: frozenset[str], scores: Mapping[str, Score], facts: Facts, slice: Slice
    ) -> None:
        """`own`: names of routing's own facts that may be asked for."""
        self.route = route
        self.slice = slice
        self._facts = facts
        self._own = own
        self._scores = scores
        self._worked: dict[str, Value] = {}
        self._standings: dict[str, Standing] | None = None
        self._qualities: dict[tuple[str, str], Quality] | None = None

    def value(self, name: str) -> Value:
        """What a fact says; None: unknown. Raises: KeyError, when none of this name is declared."""
        if name not in self._own:
            return self._facts.value(name)
        if name not in self._worked:
            self._worked[name] = self._work_out(name)
        return self._worked[name]

    def told(self) -> tuple[Fact, ...]:
        """Routing's own facts that were asked for, in the order in which they were known."""
        return tuple(
            Fact(name=name, value=value, confidence=1.0 if value is not None else 0.0)
            for name, value in self._worked.items()
        )

    def standing(self, deployment: str) -> Standing | None:
        if self._standings is None:
            self._standings = {one.deployment: one for one in self.slice.standings}
        return self._standings.get(deployment)

    def quality(self, deployment: str, task: str) -> Quality | None:
        """On this route, of a task class, else of all tasks; None: nothing was scored."""
        if self._qualities is None:
            of_route = [one for one in self.slice.qualities if one.route == self.route]
            self._qualities = {(one.deployment, one.task): one for one in of_route}
        return self._qualities.get((deployment, task)) or self._qualities.get((deployment, ""))

    def task(self) -> str:
        """The class of the request's task; empty: unknown."""
        found = self._facts.value(TASK)
        return found if isinstance(found, str) else ""

    def _work_out(self, name: str) -> Value:
        family, _, rest = name.partition(".")
        match f"{family}.":
            case "health.":
                standing = self.standing(rest)
                return None if standing is None else standing.ready
            case "quality.":
                quality = self.quality(rest, self.task())
                return None if quality is None else quality.mean
            case "score.":
                return self._scores[rest].value(self.value)
            case "band.":
                score = self.value(f"{SCORE}{rest}")
                return self._scores[rest].band(score if isinstance(score, float) else None)
            case _:
                return max((share for _, share in self.slice.budgets), default=0.0)
