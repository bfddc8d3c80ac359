"""The objects of the admin API as one process knows them."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from antiphon.control import keys, limits
from antiphon.control.budgets import of_key
from antiphon.control.identity import NOBODY, Table
from antiphon.control.keys import KeySpec, Known
from antiphon.core.budget import Budget
from antiphon.core.error import StoreError
from antiphon.core.limit import Limit
from antiphon.core.objects import Object, ObjectKind, Update
from antiphon.metering.definitions import budget
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings, limits_of

Rule = Budget | Limit
_budget = msgspec.json.Decoder(BudgetSettings)
_limit = msgspec.json.Decoder(RateLimitSettings)


class Owned:
    """Takes over what changed in the store; what it hands out is never changed, only replaced."""

    def __init__(self) -> None:
        self.version = 0
        """Of the newest change that it knows."""
        self.keys: Table = NOBODY
        self.budgets: tuple[Budget, ...] = ()
        """Those that come with keys too."""
        self.limits: tuple[Limit, ...] = ()
        """The same."""
        self._texts: Mapping[str, tuple[Known, ...]] = {}
        self._rules: Mapping[tuple[ObjectKind, str], tuple[Rule, ...]] = {}

    @property
    def names(self) -> frozenset[tuple[ObjectKind, str]]:
        """What it knows, by kind and name."""
        return frozenset((*(("key", name) for name in self._texts), *self._rules))

    def take(self, update: Update) -> None:
        """Know what changed. Raises: StoreError, where an object can't be read; then all is as it was."""
        read = [(one, _texts(one), _rules(one)) for one in update.objects]
        table, texts, rules = ({}, {}, {}) if update.whole else (dict(self.keys), dict(self._texts), dict(self._rules))
        spots: list[tuple[ObjectKind, str]] = [*update.gone, *((one.kind, one.name) for one in update.objects)]
        for spot in spots:
            rules.pop(spot, None)
            for known in texts.pop(spot[1], ()) if spot[0] == "key" else ():
                table.pop(known.digest, None)
        for one, its_texts, its_rules in read:
            if its_texts:
                texts[one.name] = its_texts
                table.update((known.digest, known) for known in its_texts)
            if its_rules:
                rules[one.kind, one.name] = its_rules
        self.keys, self._texts, self._rules = table, texts, rules
        found = [rule for its_rules in rules.values() for rule in its_rules]
        self.budgets = tuple(rule for rule in found if isinstance(rule, Budget))
        self.limits = tuple(rule for rule in found if isinstance(rule, Limit))
        self.version = update.version


def _texts(one: Object) -> tuple[Known, ...]:
    """The texts of a key; of other objects none. Raises: StoreError."""
    return tuple(keys.known(keys.read(one))) if one.kind == "key" else ()


def _rules(one: Object) -> tuple[Rule, ...]:
    """What an object holds requests to. Raises: StoreError."""
    try:
        match one.kind:
            case "key":
                return tuple(_of_key(keys.read(one)))
            case "budget":
                return (replace(budget(_budget.decode(one.spec)), owner="api"),)
            case "limit":
                return tuple(replace(each, owner="api") for each in limits_of(_limit.decode(one.spec)))
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise StoreError(f"the {one.kind} {one.name} in the store can't be read ({error}); upgrade this one") from error


def _of_key(spec: KeySpec) -> Iterator[Rule]:
    """What comes with a key, and goes when it is revoked."""
    if spec.revoked_ns:
        return
    own = of_key(spec.form, "api")
    if own is not None:
        yield own
    yield from limits.of_key(spec.form, "api")
