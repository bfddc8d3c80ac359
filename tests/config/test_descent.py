from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from antiphon.config.descent import descend

NAMES = "abcdef"
GRAPHS = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=4) for name in NAMES})


def test_a_name_comes_after_all_that_it_leads_to() -> None:
    found = descend({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []})
    assert found.order == ("d", "b", "c", "a")
    assert found.loops == ()


def test_a_loop_is_found_once_and_named_whole() -> None:
    assert descend({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}).loops == (("a", "b", "c", "a"),)


def test_a_name_that_leads_to_itself_is_a_loop() -> None:
    assert descend({"a": ["a"]}).loops == (("a", "a"),)


def test_two_loops_through_one_name_are_two() -> None:
    assert descend({"a": ["b", "c"], "b": ["a"], "c": ["a"]}).loops == (("a", "b", "a"), ("a", "c", "a"))


def test_a_chain_may_be_of_any_length() -> None:
    length = 5_000
    graph = {str(at): [str(at + 1)] if at + 1 < length else [] for at in range(length)}
    assert descend(graph).order[0] == str(length - 1)


@given(GRAPHS)
def test_without_the_steps_that_close_loops_all_that_a_name_leads_to_comes_before_it(
    graph: dict[str, list[str]],
) -> None:
    found = descend(graph)
    closing = {(loop[-2], loop[-1]) for loop in found.loops}
    place = {name: at for at, name in enumerate(found.order)}
    assert sorted(found.order) == sorted(NAMES)
    assert all(place[to] < place[name] for name, all_to in graph.items() for to in all_to if (name, to) not in closing)


@given(GRAPHS)
def test_every_loop_is_one_in_the_graph(graph: dict[str, list[str]]) -> None:
    for loop in descend(graph).loops:
        assert loop[0] == loop[-1]
        assert len(set(loop)) == len(loop) - 1
        assert all(to in graph[name] for name, to in pairwise(loop))
