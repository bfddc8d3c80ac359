"""What the port `RunStore` promises of envelopes, of each adapter: nothing is held that does not fit."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from run_stores import at_once, run, run_place, run_store

from antiphon.core.error import NotFound
from antiphon.core.run import RunEnvelope, Use
from antiphon.core.run_store import RunStore
from antiphon.core.usage import Usage

__all__ = ["run_place", "run_store"]

BOUNDS = RunEnvelope(steps=10, calls=5, tool_calls=4, tokens=1000, money_nano_usd=2**40, seconds=1.5)
FULL = Use(steps=10, calls=5, tool_calls=4, tokens=1000, money_nano_usd=2**40, seconds=1.5)


def used(store: RunStore, number: int = 1) -> Use:
    found = store.one(f"{number:04}")
    assert found is not None
    return found.used


def test_what_fits_is_held_once_by_its_key(store: RunStore) -> None:
    store.begin(run(1, envelope=BOUNDS))
    most = Use(steps=1, calls=2, tokens=300, money_nano_usd=5, seconds=0.25)
    first = store.hold("0001", "0001/a", most)
    left = Use(steps=9, calls=3, tool_calls=4, tokens=700, money_nano_usd=2**40 - 5, seconds=1.25)
    assert first.ok
    assert first.left == left
    assert store.hold("0001", "0001/a", most) == first
    assert used(store) == Use()
    store.settle("0001", "0001/a", Use(steps=1, calls=1, tokens=100))
    store.settle("0001", "0001/a", Use(steps=5))
    assert used(store) == Use(steps=1, calls=1, tokens=100)
    assert store.hold("0001", "0001/a", most).left == Use(
        steps=9, calls=4, tool_calls=4, tokens=900, money_nano_usd=2**40, seconds=1.5
    )


@pytest.mark.parametrize(
    ("most", "short"),
    [
        (Use(steps=11), "steps"),
        (Use(calls=6), "calls"),
        (Use(tool_calls=5), "tool_calls"),
        (Use(tokens=1001), "tokens"),
        (Use(money_nano_usd=2**40 + 1), "money"),
        (Use(seconds=1.6), "seconds"),
        (Use(steps=1, tokens=2000, money_nano_usd=2**41), "tokens"),
    ],
)
def test_what_does_not_fit_says_which_bound_and_holds_nothing(store: RunStore, most: Use, short: str) -> None:
    store.begin(run(1, envelope=BOUNDS))
    said = store.hold("0001", "0001/a", most)
    assert (said.ok, said.short, said.left) == (False, short, FULL)
    assert store.hold("0001", "0001/a", FULL).ok, "the key is free, and so is all of the envelope"


def test_measures_without_a_bound_are_held_and_told_as_unbounded(store: RunStore) -> None:
    store.begin(run(1))
    said = store.hold("0001", "0001/a", Use(tokens=10**12, money_nano_usd=10**15))
    assert said.ok
    assert (said.left.tokens, said.left.money_nano_usd) == (-1, -1)


def test_many_at_once_hold_no_more_than_there_is(store: RunStore) -> None:
    store.begin(run(1, envelope=RunEnvelope(steps=1000, money_nano_usd=10)))

    def hold(number: int) -> int:
        return sum(store.hold("0001", f"0001/{number}.{turn}", Use(steps=1, money_nano_usd=1)).ok for turn in range(4))

    assert sum(at_once(8, hold)) == 10  # type: ignore[arg-type]


def test_many_at_once_with_one_key_hold_once(store: RunStore) -> None:
    store.begin(run(1, envelope=BOUNDS))
    assert at_once(6, lambda _: store.hold("0001", "0001/a", Use(steps=4)).ok) == [True] * 6
    assert store.hold("0001", "0001/b", Use(steps=6)).ok


def test_a_child_draws_from_the_root_and_knows_its_own_use(store: RunStore) -> None:
    store.begin(run(1, envelope=BOUNDS))
    store.begin(run(2, parent="0001", root="0001", depth=1))
    assert store.hold("0001", "0002/a", Use(tokens=900)).ok
    assert not store.hold("0001", "0001/a", Use(tokens=101)).ok
    store.settle("0001", "0002/a", Use(tokens=800))
    store.settle("0001", "0001/b", Use(tokens=100))
    assert used(store, 1) == Use(tokens=900)
    assert used(store, 2) == Use(tokens=800)


def test_tokens_are_counted_by_kind_over_the_whole_tree(store: RunStore) -> None:
    one = Use(tokens=12, input_tokens=9, output_tokens=3, cached_tokens=4, cache_write_tokens=2, reasoning_tokens=1)
    unknown = Use(tokens=50)
    store.begin(run(1, envelope=BOUNDS))
    store.begin(run(2, parent="0001", root="0001", depth=1))
    store.hold("0001", "0002/a", Use(tokens=900))
    at_once(4, lambda number: store.settle("0001", f"000{1 + number % 2}/{number}", one))
    store.settle("0001", "0002/a", unknown)
    assert used(store, 1) == one + one + one + one + unknown
    assert used(store, 2) == one + one + unknown
    usage = Usage(input_tokens=18, output_tokens=6, cached_tokens=8, cache_write_tokens=4, reasoning_tokens=2)
    assert used(store, 2).usage == usage, "what nobody told by kind is in no kind"


def test_more_used_than_held_is_counted_and_nothing_more_fits(store: RunStore) -> None:
    store.begin(run(1, envelope=BOUNDS))
    store.hold("0001", "0001/a", Use(tokens=900))
    store.settle("0001", "0001/a", Use(tokens=1100))
    said = store.hold("0001", "0001/b", Use(tokens=0))
    assert (said.ok, said.short, said.left.tokens) == (False, "tokens", 0)
    assert used(store).tokens == 1100


def test_there_is_no_envelope_of_a_run_that_is_not_there(store: RunStore) -> None:
    with pytest.raises(NotFound, match="no run 'none'"):
        store.hold("none", "none/a", Use(steps=1))


acts = some.lists(some.tuples(some.sampled_from("abcd"), some.integers(0, 12), some.booleans()), max_size=12)


@given(acts=acts)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_held_and_used_together_never_exceed_the_envelope(store: RunStore, acts: list[tuple[str, int, bool]]) -> None:
    """Whatever is held and settled in whatever order, with uses no higher than what was held."""
    at = test_held_and_used_together_never_exceed_the_envelope.__dict__
    number = at["turn"] = at.get("turn", 0) + 1
    name = f"{number:04}"
    store.begin(run(number, envelope=RunEnvelope(steps=20)), 10**6)
    held: dict[str, int] = {}
    settled: dict[str, int] = {}
    for key, amount, settles in acts:
        if settles:
            if key in held and key not in settled:
                settled[key] = min(amount, held[key])
                store.settle(name, f"{name}/{key}", Use(steps=settled[key]))
            continue
        taken = sum(settled.get(one, most) for one, most in held.items())
        fits = key in held or taken + amount <= 20
        assert store.hold(name, f"{name}/{key}", Use(steps=amount)).ok is fits
        if fits:
            held.setdefault(key, amount)
        assert sum(settled.get(one, most) for one, most in held.items()) <= 20
    assert used(store, number).steps == sum(settled.values())
