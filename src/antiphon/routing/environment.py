"""What conditions of routes can ask for: facts of signals, and routing's own of budgets, deployments and scores."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from antiphon.core.signal import Declared, FactCost, FactKind
from antiphon.expr.names import COSTS
from antiphon.routing.scores import BAND, SCORE, Score, made
from antiphon.routing.settings_rules import ScoreSettings

BUDGET_SHARE = "budget.share"
HEALTH, QUALITY = "health.", "quality."
_COSTS: Mapping[str, FactCost] = MappingProxyType({HEALTH: "free", QUALITY: "learned"})
"""A quality is one of the request's class of tasks."""
_KINDS: Mapping[str, FactKind] = MappingProxyType({HEALTH: "bool", QUALITY: "double", SCORE: "double", BAND: "string"})
_SAYS: Mapping[str, str] = MappingProxyType(
    {
        HEALTH: "The deployment is ready; unknown until something is known of it.",
        QUALITY: "The measured quality of the deployment on this route, for this class of tasks, 0 to 1; unknown until something was scored.",
        SCORE: "The score, of the configuration's `scores`; unknown where its facts are.",
        BAND: "The band that the score is in.",
    }
)
_SHARE = Declared(
    name=BUDGET_SHARE,
    kind="double",
    cost="free",
    says="The most used share of the budgets that the request falls under, 0 to 1; 0 where it falls under none.",
)


def is_own(name: str) -> bool:
    """Whether a fact is one of routing's own."""
    return name == BUDGET_SHARE or f"{name.partition('.')[0]}." in _KINDS


class Environment(Mapping[str, Declared]):
    """Every fact that a condition of a route can ask for. A fact of a score costs what the dearest of its terms does."""

    def __init__(
        self, facts: Mapping[str, Declared], models: Iterable[str], names: Iterable[str], scores: Mapping[str, Score]
    ) -> None:
        """Conditions that ask for scores can be compiled; for costs that are right, see `environment`.

        Args:
            facts: Of signals. It may know more names than it lists.
            names: Of all scores there are.
        """
        self.scores = scores
        self._facts = facts
        self._own = {BUDGET_SHARE: _SHARE}
        for prefix, cost in _COSTS.items():
            self._declare(prefix, models, cost)
        for name in names:
            self._declare(SCORE, [name], "free")
            self._declare(BAND, [name], "free")
        for name, score in scores.items():
            cost = COSTS[max((COSTS.index(self[one].cost) for one in score.names), default=0)]
            self._declare(SCORE, [name], cost)
            self._declare(BAND, [name], cost)

    def _declare(self, prefix: str, names: Iterable[str], cost: FactCost) -> None:
        for name in names:
            whole = f"{prefix}{name}"
            self._own[whole] = Declared(name=whole, kind=_KINDS[prefix], cost=cost, says=_SAYS[prefix])

    def __getitem__(self, name: str) -> Declared:
        return self._own.get(name) or self._facts[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._facts
        yield from self._own

    def __len__(self) -> int:
        return len(self._facts) + len(self._own)


def environment(
    facts: Mapping[str, Declared], models: Iterable[str], scores: Mapping[str, ScoreSettings]
) -> Environment:
    """The environment of a configuration, its scores ready to be worked out.

    Args:
        facts: Of signals. It may know more names than it lists.
        models: Every deployment's name.
    Raises: ExpressionError; CycleError, when scores need each other.
    """
    models = tuple(models)
    return Environment(facts, models, scores, made(scores, Environment(facts, models, scores, {})))
