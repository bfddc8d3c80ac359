from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.usage import Usage

USAGES = st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, st.integers(0, 10**9)))


@given(st.lists(USAGES, max_size=4))
def test_a_sum_adds_every_field(usages: list[Usage]) -> None:
    total = reduce(add, usages, Usage())

    for name in Usage.__struct_fields__:
        assert getattr(total, name) == sum(getattr(usage, name) for usage in usages)


def test_fresh_input_is_what_no_cache_held() -> None:
    usage = Usage(input_tokens=100, cached_tokens=30, cache_write_tokens=20)

    assert usage.fresh_input_tokens == 50
