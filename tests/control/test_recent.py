import pytest
from receipts import receipt

from antiphon.control import recent
from antiphon.control.recent import Asked, listed
from antiphon.control.sight import FIRST
from antiphon.core.error import BadRequest
from antiphon.core.ids import first_id
from antiphon.core.receipt import Receipt

NOW_NS = 1_796_000_000 * 10**9
SECOND_NS = 10**9


def at(number: int, **fields: object) -> Receipt:
    """So many seconds before now."""
    at_ns = NOW_NS - number * SECOND_NS
    return receipt(1, **{"id": f"{first_id(at_ns)}-7000-8000-{number:012x}", "at_ns": at_ns, **fields})


class Kept:
    """Receipts in memory, read as `Records.between` reads them."""

    def __init__(self, receipts: list[Receipt]) -> None:
        self.receipts = sorted(receipts, key=lambda one: one.id, reverse=True)
        self.reads = 0

    def __call__(self, since: str, before: str, most: int, tenant: str | None, outcome: str | None) -> list[Receipt]:
        self.reads += 1
        fit = [
            one
            for one in self.receipts
            if since <= one.id < before and tenant in {None, one.principal.tenant if one.principal else ""}
        ]
        return [one for one in fit if outcome in {None, one.outcome}][:most]


@pytest.mark.parametrize("rare", [1, 3, 7, 50, 400])
@pytest.mark.parametrize("page", [1, 10, 60])
def test_pages_have_every_receipt_that_fits_once_whatever_lies_between(rare: int, page: int) -> None:
    kept = Kept([at(number, asked="rare" if number % rare == 0 else "other") for number in range(1, 1500)])
    seen: list[str] = []
    before = ""
    while True:
        found = listed(kept, Asked(model="rare", before=before), FIRST, NOW_NS, page)
        assert len(found.lines) <= page
        seen += [one.id for one in found.lines]
        if not found.next:
            break
        before = found.next

    assert seen == [one.id for one in kept.receipts if one.asked == "rare"]


def test_a_page_that_few_fit_ends_after_so_many_reads_and_goes_on_from_there() -> None:
    kept = Kept([at(number) for number in range(1, recent.MOST_LOOKED_AT + 500)])
    found = listed(kept, Asked(model="nobody"), FIRST, NOW_NS, 50)

    assert found.lines == ()
    assert recent.MOST_LOOKED_AT <= found.looked_at < recent.MOST_LOOKED_AT + 200
    assert found.next
    last = listed(kept, Asked(model="nobody", before=found.next), FIRST, NOW_NS, 50)
    assert last.next == ""


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (Asked(since="yesterday"), "since"),
        (Asked(until="soon"), "until"),
        (Asked(since="1h", until="2h"), "until"),
        (Asked(since="2020-01-01"), "since"),
        (Asked(outcome="odd"), "outcome"),
    ],
)
def test_what_can_t_be_meant_is_refused_with_its_name(asked: Asked, param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        listed(Kept([]), asked, FIRST, NOW_NS, 10)
    assert raised.value.param == param


def test_an_end_leaves_out_what_came_at_it_or_later() -> None:
    kept = Kept([at(number) for number in range(1, 10)])
    found = listed(kept, Asked(until="2026-11-30T00:53:15Z"), FIRST, NOW_NS, 50)

    assert [(NOW_NS - one.at_ns) // SECOND_NS for one in found.lines] == [6, 7, 8, 9]
