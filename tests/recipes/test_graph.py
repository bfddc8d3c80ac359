from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_calls import Says, ScriptedCalls, play, question

from antiphon.recipes.graph import Node, ancestors, circle, waits, wrong
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_workflow import FinalStep, WorkflowSettings, WorkStep


@st.composite
def graphs(draw):
    """Steps with the time that each takes; each waits for some of those before it."""
    count = draw(st.integers(1, 10))
    return [
        (f"s{place}", draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set(), draw(st.integers(1, 9)))
        for place in range(count)
    ]


@given(graph=graphs(), final_s=st.integers(1, 5))
@settings(deadline=None)
def test_a_workflow_takes_as_long_as_its_longest_way(graph, final_s):
    steps = [WorkStep(name=name, seat=name, after=[f"s{place}" for place in sorted(after)]) for name, after, _ in graph]
    made = RecipeSettings(workflow=WorkflowSettings(listed=steps, final=FinalStep(seat="writer"), most_parallel=32))
    scripts = {name: Says(text=name, after_s=float(takes_s)) for name, _, takes_s in graph}
    calls = ScriptedCalls(scripts | {"writer": Says(text="done", after_s=float(final_s))})
    ends: list[int] = []
    for _, after, takes_s in graph:
        ends.append(max((ends[place] for place in after), default=0) + takes_s)

    concurrent = RecipeSettings(workflow=made.workflow, envelope=type(made.envelope)(concurrency=256))
    play(run(concurrent, question(), calls))

    assert calls.made[-1].ended_s == max(ends) + final_s
    for made_call, end_s in zip(sorted(calls.made[:-1], key=lambda one: int(one.asked.step[1:])), ends, strict=True):
        assert made_call.ended_s == end_s


def nodes(**after):
    return [Node(name=name, after=tuple(names.split())) for name, names in after.items()]


def test_who_comes_after_a_verified_step_comes_after_its_verifier() -> None:
    graph = [
        Node(name="facts"),
        Node(name="patch", after=("facts",)),
        Node(name="style", after=("patch",)),
        Node(name="verify", after=("style",), verifies="patch"),
        Node(name="docs", after=("patch",)),
    ]

    after = waits(graph)

    assert after["docs"] == {"patch", "verify"}
    assert after["style"] == {"patch"}  # the verifier itself rests on it
    assert after["verify"] == {"style", "patch"}
    assert ancestors("docs", after) == {"facts", "patch", "style", "verify"}
    assert circle(after) == ()


def test_steps_that_wait_for_each_other_are_found() -> None:
    assert circle({"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")}) == ("b", "c")
    assert [name for name, _ in wrong(nodes(a="b", b="a"))] == ["a"]
    assert list(wrong(nodes(a="", b="a", c="a b"))) == []


@given(graph=graphs())
def test_a_graph_without_a_circle_has_none(graph) -> None:
    made = [Node(name=name, after=tuple(f"s{place}" for place in after)) for name, after, _ in graph]

    assert list(wrong(made)) == []
