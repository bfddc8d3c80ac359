"""The policies in force, asked about requests."""

from collections.abc import Hashable, Mapping, Sequence

from antiphon.core.data_class import DataClass, highest
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import ACTIONS, Action, Context, OtherAction, Resource
from antiphon.policy.combine import REQUEST_FAILED, Found
from antiphon.policy.engine import ready
from antiphon.policy.entities import resource_attributes, resource_entity
from antiphon.policy.fleet import Fleet, fleet
from antiphon.policy.judge import CLEARANCE, Terms, below, confined, judged
from antiphon.policy.lru import Lru
from antiphon.policy.part import Part, part
from antiphon.policy.reads import seen
from antiphon.policy.rule import Rule
from antiphon.policy.strict import strictest
from antiphon.policy.verdict import KEY_MODELS

MOST_FLEETS = 8
"""Sets of deployments whose groups are kept."""
MOST_SAME = 4096
"""Different verdicts that are kept as one value each, so that whoever asks can tell them apart by identity."""

_STRANGE = (TypeError, KeyError, ValueError)
"""What values of another type, of no known class, or that are no Unicode come to before the engine sees them."""


class Policies:
    """Never changed, only replaced; for one thread. `compile` makes them."""

    def __init__(self, rules: Sequence[Rule], terms: Terms, version: str) -> None:
        self.version = version
        """16 hexadecimal digits of all that verdicts depend on; empty where there are no policies."""
        self.rules = tuple(rules)
        self.terms = terms
        self.kept: Lru[Verdict] = Lru(terms.cache_entries)
        self._parts: dict[Action, Part] = {action: part(action, rules, terms.default) for action in ACTIONS}
        self._calls = self._parts["call_model"]
        self._fleets: dict[int, Fleet] = {}
        self._numbers = 0
        self._same: dict[Verdict, Verdict] = {}

    def verdict(self, principal: Principal, context: Context, deployments: Mapping[str, Deployment]) -> Verdict:
        """Whether a principal may call a model, and which of the deployments are left out.

        Verdicts that say the same are the same object while they are kept. What names no model, such as a list of files, is
        held to no list of models.

        Args:
            deployments: All that there are, by name; the same mapping for the same revision, and never changed.
        """
        if context.model and not principal.may_ask(context.model):
            return Verdict(allowed=False, reasons=(KEY_MODELS,), data_class=context.data_class, policy=self.version)
        known, mine = self._fleets.get(id(deployments)) or self._fleet(deployments), self._calls
        try:
            key = (known.number, mine.lot(principal, context) if mine.shares else 0, mine.lens.key(principal, context))
            return self.kept.get(key) or self._keep(key, self._judge(principal, context, known))
        except _STRANGE:
            return self._failed()

    def reads(self, name: str) -> bool:
        """Whether policies of calls read this of a request's circumstances."""
        readings = self._calls.readings
        return ("context", name) in readings or ("context", "*") in readings

    def may(self, principal: Principal, action: OtherAction, resource: Resource, context: Context) -> Verdict:
        """Whether a principal may do something else. A collection's class counts as that of the request, if higher."""
        mine = self._parts[action]
        try:
            attributes, data_class = resource_attributes(resource), highest(context.data_class, resource.data_class)
            of = (action, resource.kind, data_class, *seen(attributes, resource.name, mine.readings))
            key = (of, mine.lot(principal, context), mine.lens.key(principal, context))
            kept = self.kept.get(key)
            if kept is not None:
                return kept
            entity = resource_entity(resource.kind, resource.name, attributes)
            one = (
                Found(allowed=False, reasons=(CLEARANCE,))
                if below(principal, data_class)
                else mine.alone(principal, ready((entity,)), context)
            )
            return self._keep(key, self._told(one, data_class))
        except _STRANGE:
            return self._failed()

    def _judge(self, principal: Principal, context: Context, known: Fleet) -> Verdict:
        data_class = context.data_class
        if below(principal, data_class):
            return self._told(Found(allowed=False, reasons=(CLEARANCE,)), data_class)
        each = self._calls.decide(principal, known.resources, known.turns, context)
        return judged(known, each, data_class, self.terms, self.version)

    def _told(self, one: Found, data_class: DataClass) -> Verdict:
        return Verdict(
            allowed=one.allowed,
            reasons=one.reasons,
            data_class=data_class,
            private=confined(data_class, self.terms),
            obligations=strictest((rule.obligations for rule in one.rules), self.terms.tiers),
            shadow=one.shadow,
            policy=self.version,
        )

    def _failed(self) -> Verdict:
        return Verdict(allowed=False, reasons=REQUEST_FAILED, policy=self.version)

    def _keep(self, key: Hashable, verdict: Verdict) -> Verdict:
        """Keep a verdict, unless an evaluation failed: that may be over the next time."""
        if any(one.startswith("error:") for one in (*verdict.reasons, *verdict.why)):
            return verdict
        if len(self._same) >= MOST_SAME:
            self._same.clear()
        same = self._same.setdefault(verdict, verdict)
        self.kept.put(key, same)
        return same

    def _fleet(self, deployments: Mapping[str, Deployment]) -> Fleet:
        """The groups of a set of deployments. It holds the mapping, so that no other gets its identity meanwhile."""
        if len(self._fleets) >= MOST_FLEETS:
            self._fleets.pop(next(iter(self._fleets)))
        self._numbers += 1
        made = fleet(self._numbers, deployments, self.terms.tiers, self._calls.readings, self._calls.engines)
        self._fleets[id(deployments)] = made
        return made
