"""The policies that can hold for a caller, each asked as seldom as possible."""

from collections.abc import Iterable, Iterator, Sequence

from antiphon.core.principal import Principal
from antiphon.policy.asked import Action, Context
from antiphon.policy.engine import BROKEN, Cedar, Engine, Held
from antiphon.policy.entities import Entity, circumstances, principal_entities, user_id
from antiphon.policy.lru import Lru
from antiphon.policy.reads import readings
from antiphon.policy.rule import Rule

MOST_ENGINES = 64
"""Sets of policies that are kept ready; above that the one that was not asked for longest is made again."""
_EVERYBODY = ("", "")
Scope = tuple[str, str]
"""Type and id of what a policy's head wants its principal to be in; both empty: it wants nothing."""


class Engines:
    """Leaves out the policies whose head names another principal, and asks those that read no resource once for all."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._scopes: dict[Scope, list[int]] = {}
        for at, rule in enumerate(rules):
            self._scopes.setdefault(_scope(rule), []).append(at)
        self._of_resources = frozenset(
            at for at, rule in enumerate(rules) if any(variable == "resource" for variable, _ in readings((rule,)))
        )
        self._ready: Lru[Engine] = Lru(MOST_ENGINES)

    def held(
        self,
        principal: Principal,
        action: Action,
        resources: Sequence[Entity],
        context: Context,
        left_out: frozenset[int],
    ) -> list[Held]:
        """Which of the rules hold for each of the resources; never any of `left_out`.

        Places in the answer are those in the rules that it was made of.
        """
        scopes = (_EVERYBODY, *_memberships(principal))
        places = sorted(at for scope in scopes for at in self._scopes.get(scope, ()) if at not in left_out)
        every = tuple(at for at in places if at not in self._of_resources)
        each = tuple(at for at in places if at in self._of_resources)
        if not places:
            return [Held()] * len(resources)
        entities, said = principal_entities(principal), circumstances(context)
        once = self._ask(every, entities, action, resources[:1], said)[0]
        own = self._ask(each, entities, action, resources, said)
        return [_both(once, one) for one in own]

    def _ask(
        self,
        places: tuple[int, ...],
        principal: Sequence[Entity],
        action: Action,
        resources: Sequence[Entity],
        said: str,
    ) -> list[Held]:
        if not places:
            return [Held()] * len(resources)
        engine = self._ready.get(places)
        if engine is None:
            try:
                engine = Cedar([self._rules[at] for at in places])
            except ValueError:
                return [BROKEN] * len(resources)
            self._ready.put(places, engine)
        return [
            Held(
                holds=tuple(places[at] for at in one.holds),
                failed=tuple(places[at] for at in one.failed),
                broken=one.broken,
            )
            for one in engine.held(principal, action, resources, said)
        ]


def _both(one: Held, other: Held) -> Held:
    return Held(
        holds=tuple(sorted((*one.holds, *other.holds))),
        failed=tuple(sorted((*one.failed, *other.failed))),
        broken=one.broken or other.broken,
    )


def _scope(rule: Rule) -> Scope:
    head = rule.tree["principal"]
    entity = head.get("entity") or head.get("in", {}).get("entity")
    return _EVERYBODY if entity is None else (entity["type"], entity["id"])


def _memberships(principal: Principal) -> Iterator[Scope]:
    """What a principal is, and is in."""
    yield "User", user_id(principal)
    if principal.team:
        yield "Team", principal.team
    if principal.department:
        yield "Department", principal.department
    yield from _roles(principal.roles)


def _roles(roles: Iterable[str]) -> Iterator[Scope]:
    for role in dict.fromkeys(roles):
        yield "Role", role
