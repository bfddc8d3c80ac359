"""What a lost gateway held is booked whole: on each account what was leased of it, in all no more than the largest."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from antiphon.metering.releasing import layers
from antiphon.store.upkeep import Lease


def lease(number: int, held: int) -> Lease:
    return Lease(
        holder="w", key=f"b|acme|{number}", start_ns=0, tenant="acme", measure="money", rolling_ns=0, held=held
    )


@given(st.lists(st.integers(-5, 50), max_size=12))
def test_each_account_gets_what_was_held_and_all_entries_come_to_the_largest(amounts: list[int]) -> None:
    leases = [lease(number, held) for number, held in enumerate(amounts)]

    found = list(layers(leases))

    booked: Counter[str] = Counter()
    for some, amount in found:
        assert amount > 0
        booked.update({one.key: amount for one in some})
    assert booked == {one.key: one.held for one in leases if one.held > 0}
    assert sum(amount for _, amount in found) == max([*amounts, 0])
