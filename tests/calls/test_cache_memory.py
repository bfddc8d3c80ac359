"""Answers in memory: bounded as a whole and for each tenant, whatever is put in and asked for."""

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from antiphon.calls.cache_memory import CacheMemory


def test_the_least_used_go_first() -> None:
    memory = CacheMemory[str](30, 30)
    for key in (b"a", b"b", b"c"):
        memory.put(key, key.decode(), "acme", 10)
    memory.get(b"a")

    memory.put(b"d", "d", "acme", 10)

    assert [memory.get(key) for key in (b"a", b"b", b"c", b"d")] == ["a", None, "c", "d"]


def test_a_tenant_that_has_its_share_makes_room_of_its_own() -> None:
    memory = CacheMemory[str](100, 20)
    memory.put(b"b", "b", "globex", 10)
    for key in (b"1", b"2", b"3"):
        memory.put(key, key.decode(), "acme", 10)

    assert [memory.get(key) for key in (b"b", b"1", b"2", b"3")] == ["b", None, "2", "3"]


def test_what_never_fits_is_not_kept_and_takes_the_old_one_with_it() -> None:
    memory = CacheMemory[str](100, 20)
    memory.put(b"a", "old", "acme", 10)

    memory.put(b"a", "new", "acme", 21)

    assert (memory.get(b"a"), memory.size_bytes) == (None, 0)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = CacheMemory[int](100, 60)
        self.sizes: dict[bytes, tuple[int, str]] = {}

    @rule(key=st.binary(min_size=1, max_size=1), tenant=st.sampled_from("abc"), size=st.integers(0, 70))
    def put(self, key: bytes, tenant: str, size: int) -> None:
        self.memory.put(key, size, tenant, size)
        self.sizes[key] = (size, tenant)
        if size <= 60:
            assert self.memory.get(key) == size

    @rule(key=st.binary(min_size=1, max_size=1))
    def drop(self, key: bytes) -> None:
        self.memory.drop(key)
        assert self.memory.get(key) is None

    @invariant()
    def it_holds_what_it_says_and_no_more_than_it_may(self) -> None:
        held = {key: self.sizes[key] for key in list(self.sizes) if self.memory.get(key) is not None}
        assert self.memory.size_bytes == sum(size for size, _ in held.values()) <= 100
        assert len(self.memory) == len(held)
        for tenant in "abc":
            assert self.memory.of(tenant) == sum(size for size, whose in held.values() if whose == tenant) <= 60


TestMachine = Machine.TestCase
TestMachine.settings = hypothesis_settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_all_of_a_tenant_is_let_go_of_and_nothing_of_anothers() -> None:
    memory = CacheMemory[str](100, 100)
    memory.put(b"1", "one", "a", 10)
    memory.put(b"2", "two", "a", 10)
    memory.put(b"3", "three", "b", 10)

    memory.forget("a")
    memory.forget("nobody")

    assert [memory.get(key) for key in (b"1", b"2", b"3")] == [None, None, "three"]
    assert (memory.of("a"), memory.size_bytes) == (0, 10)
