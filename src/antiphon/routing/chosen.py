"""What was decided on a request's route."""

from collections.abc import Hashable

from msgspec import Struct

from antiphon.core.plan import Candidate, Predicted, Tried
from antiphon.core.signal import Fact
from antiphon.routing.settings_rules import Constraint, Goal
from antiphon.routing.switching import Stay


class Applied(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An objective as it was applied."""

    goal: Goal
    asked: bool = False
    """The caller asked for this goal."""
    relaxed: tuple[Constraint, ...] = ()
    """Bounds that were given up, since no candidate that is ready keeps all; in order."""
    guarded: str = ""
    """What the margin guard did; empty: nothing."""

    @property
    def told(self) -> str:
        """In a line."""
        asked = f"{self.goal}, as the request asks" if self.asked else self.goal
        relaxed = f"nobody keeps {', '.join(self.relaxed)}" if self.relaxed else ""
        return "; ".join(part for part in (asked, relaxed, self.guarded) if part)


class Chosen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided."""

    rule: str = ""
    """The rule that held; empty: the route's default."""
    recipe: str = ""
    """Its name in the configuration; empty: one call."""
    branch: str = ""
    """The part of split traffic that the request is in; empty: the main one."""
    ordered: bool = False
    """Candidates stand in order of preference; else those that did not lose stand equal."""
    equal: int = 1
    """So many at the head stand equal: `balance` picks among them."""
    candidates: tuple[Candidate, ...] = ()
    """Those that may be asked, in order, then those that lost."""
    predicted: tuple[Predicted, ...] = ()
    """What is expected of each candidate, in the order of the configuration; empty: nothing asked for it."""
    tried: tuple[Tried, ...] = ()
    """Rules before the one that held; only when traced."""
    objective: Applied | None = None
    escalated: str = ""
    """Why the request went, or was to go, to other candidates or another recipe; empty: it was routine."""
    stay: Stay | None = None
    """What was decided on the session's deployment."""
    shadow: tuple[str, ...] = ()
    """Deployments to be asked beside the answer."""
    propensity: float | None = None
    """Chance that this candidate was put first, where chance had a say."""
    facts: tuple[Fact, ...] = ()
    """Routing's own facts that were asked for."""

    @property
    def order(self) -> tuple[str, ...]:
        """Deployments that may be asked."""
        return tuple(one.deployment for one in self.candidates if not one.lost)

    @property
    def key(self) -> Hashable:
        """Two choices of one key lead to the same plan, for requests of the same kind under one revision."""
        return (self.rule, self.recipe, self.branch, self.ordered, self.equal, self.candidates)
