"""The objects of the admin API as one process knows them."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from antiphon.control import keys, limits
from antiphon.control.budgets import of_key
from antiphon.control.identity import NOBODY, Table
from antiphon.control.keys import Known
from antiphon.core.budget import Budget
from antiphon.core.error import StoreError
from antiphon.core.limit import Limit
from antiphon.core.objects import Object, ObjectKind, Update
from antiphon.metering.definitions import budget
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings, limits_of

Part = tuple[Known, ...] | Budget | Limit
"""What a worker works by: the texts of a key, a budget, or a limit."""
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
        self._parts: Mapping[tuple[ObjectKind, str], tuple[Part, ...]] = {}

    def take(self, update: Update) -> None:
        """Know what changed. Raises: StoreError, where an object can't be read; then all is as it was."""
        parts = {} if update.whole else dict(self._parts)
        for gone in update.gone:
            parts.pop(gone, None)
        for one in update.objects:
            parts[one.kind, one.name] = tuple(_parts(one))
        found = [part for each in parts.values() for part in each]
        self.keys = {known.digest: known for part in found if isinstance(part, tuple) for known in part}
        self.budgets = tuple(part for part in found if isinstance(part, Budget))
        self.limits = tuple(part for part in found if isinstance(part, Limit))
        self._parts = parts
        self.version = update.version


def _parts(one: Object) -> Iterator[Part]:
    """What an object is to a worker. Raises: StoreError."""
    try:
        match one.kind:
            case "key":
                spec = keys.read(one)
                yield tuple(keys.known(spec))
                own = None if spec.revoked_ns else of_key(spec.form, "api")
                if own is not None:
                    yield own
                yield from () if spec.revoked_ns else limits.of_key(spec.form, "api")
            case "budget":
                yield replace(budget(_budget.decode(one.spec)), owner="api")
            case "limit":
                for each in limits_of(_limit.decode(one.spec)):
                    yield replace(each, owner="api")
    except (msgspec.MsgspecError, ValueError, IndexError) as error:
        raise StoreError(f"the {one.kind} {one.name} in the store can't be read ({error}); upgrade this one") from error
