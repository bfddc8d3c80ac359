"""Pages of lists, as OpenAI's clients ask for them. Source: openai-python 3.52.0, `types/responses/input_item_list_params.py`."""

from collections.abc import Sequence

from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.wire.openai_responses.state import Item, item_list

MOST = 100
USUAL = 20


class Page(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted, in which order."""

    limit: int = USUAL
    descending: bool = True
    after: str = ""
    """Id of the item before the first that is wanted, in the order that is asked for."""
    before: str = ""
    """Id of the item behind the last that is wanted."""


def listed(items: Sequence[Item], page: Page) -> bytes:
    """One page of items that come in the order of writing. Raises: BadRequest, where it begins or ends at no item."""
    ordered = list(reversed(items)) if page.descending else list(items)
    places: dict[object, int] = {item.get("id"): place for place, item in enumerate(ordered)}
    start = _place(places, "after", page.after) + 1 if page.after else 0
    end = _place(places, "before", page.before) if page.before else len(ordered)
    wanted = ordered[start:end]
    if page.before and not page.after:
        shown, more = wanted[-page.limit :], len(wanted) > page.limit
    else:
        shown, more = wanted[: page.limit], len(wanted) > page.limit
    return item_list(shown, has_more=more)


def _place(places: dict[object, int], name: str, item: str) -> int:
    place = places.get(item)
    if place is None:
        raise BadRequest(f"`{name}` names no item of this list: {item[:64]!r}", param=name)
    return place
