"""Vectors of texts: bounded by group, by tenant and as a whole; the nearest that agrees is found."""

from array import array

from antiphon.calls.cache_guard import worded
from antiphon.calls.cache_index import CacheIndex, Near, nearest


def near(key: str, text: str = "hello", vector: tuple[float, float] = (1.0, 0.0), at_ns: int = 1) -> Near:
    return Near(key.encode(), 2**62, at_ns, "told@1", worded(text), array("f", vector))


def held(index: CacheIndex, tenant: str, group: bytes) -> list[bytes]:
    return list(index.group(tenant, group).texts)


def test_a_group_keeps_its_newest() -> None:
    index = CacheIndex(of_group=2)
    for key in "abc":
        index.add("acme", b"g", [near(key)])

    assert (held(index, "acme", b"g"), len(index)) == ([b"b", b"c"], 2)


def test_a_text_that_is_there_is_replaced() -> None:
    index = CacheIndex()
    index.add("acme", b"g", [near("a"), near("b"), near("a")])

    assert (held(index, "acme", b"g"), len(index)) == ([b"b", b"a"], 2)


def test_a_tenant_that_has_its_share_loses_the_group_it_used_least() -> None:
    index = CacheIndex(of_tenant=2)
    index.add("globex", b"other", [near("x")])
    index.add("acme", b"old", [near("a")])
    index.add("acme", b"used", [near("b")])
    index.group("acme", b"old")

    index.add("acme", b"new", [near("c")])

    assert [held(index, "acme", group) for group in (b"old", b"used", b"new")] == [[b"a"], [], [b"c"]]
    assert held(index, "globex", b"other") == [b"x"]


def test_as_a_whole_it_loses_the_group_that_was_used_least() -> None:
    index = CacheIndex(most=2)
    for tenant in ("acme", "globex", "initech"):
        index.add(tenant, tenant.encode(), [near(tenant)])

    assert len(index) == 2
    assert held(index, "acme", b"acme") == []


def test_groups_without_a_text_are_bounded_too() -> None:
    index = CacheIndex(most=4)
    for number in range(100):
        index.group("acme", b"%d" % number)

    assert len(index._groups) == 4


def test_a_text_whose_answer_is_gone_is_forgotten() -> None:
    index = CacheIndex()
    index.add("acme", b"g", [near("a")])

    index.drop(b"g", b"a")
    index.drop(b"g", b"a")
    index.drop(b"unknown", b"a")

    assert len(index) == 0


def test_the_nearest_that_agrees_wins() -> None:
    texts = [near("far", vector=(0.6, 0.8)), near("near", vector=(0.96, 0.28)), near("nearest", "hello 2", (1.0, 0.0))]

    found = nearest(array("f", (1.0, 0.0)), worded("hello"), texts, 0.5)

    assert found is not None
    assert found[1].key == b"near"
    assert abs(found[0] - 0.96) < 1e-6


def test_what_is_not_near_enough_is_not_found() -> None:
    assert nearest(array("f", (1.0, 0.0)), worded("hello"), [near("far", vector=(0.6, 0.8))], 0.9) is None
    assert nearest(array("f", (1.0, 0.0)), worded("hello"), [], 0.9) is None


def test_all_of_a_tenant_is_let_go_of_and_nothing_of_anothers() -> None:
    index = CacheIndex()
    index.add("acme", b"g", [near("a"), near("b")])
    index.add("globex", b"h", [near("c")])

    index.forget("acme")

    assert (held(index, "acme", b"g"), held(index, "globex", b"h"), len(index)) == ([], [b"c"], 1)
