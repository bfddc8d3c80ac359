"""What workers hold requests to: budgets and limits of the configuration file, and those of the admin API."""

from collections.abc import Sequence

from msgspec import Struct

from antiphon.control import budgets as short_budgets
from antiphon.control import limits as short_limits
from antiphon.control.owned import Owned
from antiphon.control.settings import KeyForm
from antiphon.core.budget import Budget
from antiphon.core.limit import Limit
from antiphon.metering.definitions import budgets as defined
from antiphon.metering.settings import BudgetSettings
from antiphon.metering.settings_limits import RateLimitSettings
from antiphon.metering.settings_limits import limits as limited


class Definitions(Struct, frozen=True, kw_only=True):
    """All of them; each name is there once, but for limits of several kinds."""

    budgets: tuple[Budget, ...]
    limits: tuple[Limit, ...]


def merged(
    keys: Sequence[KeyForm], budgets: Sequence[BudgetSettings], limits: Sequence[RateLimitSettings], owned: Owned
) -> Definitions:
    """The file's, those that come with its keys, and the API's.

    No name has two owners when a configuration is taken. Should the store get a doubled one later, from a gateway with
    another file, the file's own stands.
    """
    written = (*defined(budgets), *short_budgets.of_keys(keys))
    bounds = (*limited(limits), *short_limits.of_keys(keys))
    names, bound = {one.name for one in written}, {one.name for one in bounds}
    return Definitions(
        budgets=(*written, *(one for one in owned.budgets if one.name not in names)),
        limits=(*bounds, *(one for one in owned.limits if one.name not in bound)),
    )
