"""The objects of the admin API as one process knows them."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from antiphon.control import keys, limits
from antiphon.control.budgets import of_key
from antiphon.control.identity import NOBODY, Table
from antiphon.control.keys import AccountSpec, KeySpec, Known
from antiphon.control.policy_bundle import read_bundle, source_of
from antiphon.control.settings_identity import BindingForm
from antiphon.control.stored_document import Stored, read_document
from antiphon.core.budget import Budget
from antiphon.core.error import StoreError
from antiphon.core.limit import Limit
from antiphon.core.objects import Object, ObjectKind, Update
from antiphon.metering.definitions import budget
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings, limits_of
from antiphon.policy.source import Source

Rule = Budget | Limit
_budget = msgspec.json.Decoder(BudgetSettings)
_limit = msgspec.json.Decoder(RateLimitSettings)
_binding = msgspec.json.Decoder(BindingForm)
Spot = tuple[ObjectKind, str]
"""Kind and name."""


class _Read(Struct, frozen=True):
    """An object, as far as a process works by it."""

    texts: tuple[Known, ...] = ()
    rules: tuple[Rule, ...] = ()
    account: AccountSpec | None = None
    binding: BindingForm | None = None
    bundle: Source | None = None
    document: Stored | None = None
    version: int = 0


_NOTHING = _Read()


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
        self.accounts: tuple[AccountSpec, ...] = ()
        self.bindings: tuple[BindingForm, ...] = ()
        self.bundles: tuple[Source, ...] = ()
        """Policies that are in force, in order of names; the same object while they are the same."""
        self.documents: tuple[Mapping[str, Any], ...] = ()
        """Documents of agents as they were published; the same object while they are the same."""
        self._read: Mapping[Spot, _Read] = {}

    @property
    def names(self) -> frozenset[Spot]:
        """What it knows, by kind and name."""
        return frozenset(self._read)

    def take(self, update: Update) -> None:
        """Know what changed. Raises: StoreError, where an object can't be read; then all is as it was."""
        fresh: dict[Spot, _Read] = {(one.kind, one.name): _read(one) for one in update.objects}
        table: dict[bytes, Known] = {} if update.whole else dict(self.keys)
        found: dict[Spot, _Read] = {} if update.whole else dict(self._read)
        spots: list[Spot] = [*update.gone, *fresh]
        for spot in spots:
            for known in found.pop(spot, _NOTHING).texts:
                table.pop(known.digest, None)
        found.update(fresh)
        table.update((known.digest, known) for one in fresh.values() for known in one.texts)
        self.keys, self._read = table, found
        rules = [rule for one in found.values() for rule in one.rules]
        self.budgets = tuple(rule for rule in rules if isinstance(rule, Budget))
        self.limits = tuple(rule for rule in rules if isinstance(rule, Limit))
        self.accounts = tuple(one.account for one in found.values() if one.account is not None)
        self.bindings = tuple(one.binding for one in found.values() if one.binding is not None)
        bundles = tuple(one.bundle for _, one in sorted(found.items()) if one.bundle is not None)
        self.bundles = self.bundles if bundles == self.bundles else bundles
        documents = tuple(
            one.document.document for _, one in sorted(found.items(), key=_published) if one.document is not None
        )
        self.documents = self.documents if documents == self.documents else documents
        self.version = update.version


def _read(one: Object) -> _Read:
    """What an object comes to. Raises: StoreError."""
    match one.kind:
        case "key":
            return _Read(tuple(keys.known(keys.read(one))), _rules(one))
        case "account":
            account = keys.read_account(one)
            return _Read(tuple(keys.known(account)), account=account)
        case "binding":
            try:
                return _Read(binding=_binding.decode(one.spec))
            except msgspec.MsgspecError as error:
                raise StoreError(
                    f"the binding {one.name} in the store can't be read ({error}); upgrade this one"
                ) from error
        case "document":
            return _Read(document=read_document(one), version=one.version)
        case "policy":
            return _Read(bundle=source_of(one.name, read_bundle(one)))
        case _:
            return _Read(rules=_rules(one))


def _published(found: tuple[Spot, _Read]) -> int:
    return found[1].version


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
            case _:
                return ()
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
