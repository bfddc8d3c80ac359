import random
import re
from uuid import UUID

from fakes.clock import StoppedClock
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.ids import SystemRandom, Uuid7

FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NS = st.integers(0, 2**48 * 1_000_000 - 1)
BITS = st.integers(0, 2**80 - 1)


@given(NS, BITS)
def test_an_id_has_the_form_that_rfc_9562_gives_version_7(now_ns: int, bits: int) -> None:
    text = Uuid7(StoppedClock(now_ns), lambda count: bits).new()

    assert FORM.fullmatch(text)
    number = UUID(text)
    assert (number.version, number.variant) == (7, "specified in RFC 4122")
    assert number.int >> 80 == now_ns // 1_000_000


@given(NS, BITS)
def test_all_but_version_and_variant_is_chance(now_ns: int, bits: int) -> None:
    number = UUID(Uuid7(StoppedClock(now_ns), lambda count: bits).new()).int

    assert number >> 64 & 0xFFF == bits >> 64 & 0xFFF
    assert number & (1 << 62) - 1 == bits & (1 << 62) - 1


def test_the_example_of_rfc_9562_comes_out() -> None:
    """Appendix A.6: 2022-02-22 19:22:22 UTC, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F."""
    clock = StoppedClock(0x017F22E279B0 * 1_000_000)
    bits = 0xCC3 << 64 | 0x18C4DC0C0C07398F

    assert Uuid7(clock, lambda count: bits).new() == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(NS, NS, BITS, BITS)
def test_ids_sort_by_the_millisecond_they_were_made_in(one_ns: int, other_ns: int, one: int, other: int) -> None:
    first, second = sorted((one_ns, other_ns))

    before = Uuid7(StoppedClock(first), lambda count: one).new()
    after = Uuid7(StoppedClock(second), lambda count: other).new()

    assert before < after or first // 1_000_000 == second // 1_000_000


def test_ids_of_one_instant_differ() -> None:
    ids = Uuid7(StoppedClock(1), random.Random(0).getrandbits)

    assert len({ids.new() for _ in range(10_000)}) == 10_000


def test_two_sources_seeded_by_the_system_differ() -> None:
    one, other = Uuid7(StoppedClock(1)), Uuid7(StoppedClock(1))

    assert not {one.new() for _ in range(100)} & {other.new() for _ in range(100)}


def test_seeds_fit_32_bits_and_repeat_with_their_source() -> None:
    one, other = SystemRandom(random.Random(7)), SystemRandom(random.Random(7))

    seeds = [one.seed() for _ in range(1000)]

    assert seeds == [other.seed() for _ in range(1000)]
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert len(set(seeds)) > 990
