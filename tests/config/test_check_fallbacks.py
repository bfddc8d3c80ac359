from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
providers:
  openai: {key: sk-0123456789}
  sim: {profile: lab, lab: {models: {sim: {}, sim-2: {}}}}
models:
  one: {provider: openai}
  two: {provider: openai, tier: big}
  three: {provider: openai, tier: big}
  sim: {provider: sim}
  sim-2: {provider: sim}
routes:
  small:
    models: [one]
    fallbacks:
      any: [two, large]
      context_window: [large]
  large:
    tiers: [big]
    fallbacks:
      any: [spare]
      content_policy: [spare]
  spare:
    models: [one, two]
    fallbacks:
      context_window: [small]
  same: {models: [one]}
  labs: {models: [sim], fallbacks: {any: [sim-2, three]}}
"""
ANY, CONTEXT = "routes.small.fallbacks.any", "routes.small.fallbacks.context_window"
LARGE, POLICY = "routes.large.fallbacks.any", "routes.large.fallbacks.content_policy"
SPARE = "routes.spare.fallbacks"


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    # names
    ("any: [two, large]", "any: [two, larg]", 14, f"{ANY}[1]", "no model or route is called larg", "did you mean `large`?"),
    ("any: [two, large]", "any: [xyz]", 14, f"{ANY}[0]", "no model or route is called xyz", "write one of labs, large, one"),
    ("context_window: [large]", "context_window: [large, twoo]", 15, f"{CONTEXT}[1]", "called twoo", "did you mean `two`?"),
    ("content_policy: [spare]", "content_policy: [spar]", 20, f"{POLICY}[0]", "called spar", "did you mean `spare`?"),
    ("any: [two, large]", "any: [two, large, two]", 14, f"{ANY}[2]", "two stands in this list twice", "leave one of them out"),
    # loops
    ("any: [two, large]", "any: [two, small]", 14, f"{ANY}[1]", "leads in a loop: small -> small", "name a model in its place"),
    ("any: [spare]", "any: [one, small]", 19, f"{LARGE}[1]", "leads in a loop: small -> large -> small", "name a model in its place"),
    ("context_window: [small]", "any: [small]", 24, f"{SPARE}.any[0]", "loop: small -> large -> spare -> small", "leave this name out"),
    ("context_window: [small]", "any: [large]", 24, f"{SPARE}.any[0]", "leads in a loop: large -> spare -> large", "leave this name out"),
    ("context_window: [small]", "content_policy: [three, large]", 24, f"{SPARE}.content_policy[1]", "loop: large -> spare -> large", "leave this name out"),
    # no effect
    ("any: [two, large]", "any: [two, one]", 14, f"{ANY}[1]", "one adds no deployment that the route doesn't have", "name another one"),
    ("any: [spare]", "any: [three, spare]", 19, f"{LARGE}[0]", "three adds no deployment", "or leave it out"),
    ("context_window: [large]", "context_window: [large]\n      content_policy: [same]", 16, "routes.small.fallbacks.content_policy[0]", "same adds no deployment", "or leave it out"),
    ("any: [two, large]", "any: [two, sim]", 14, f"{ANY}[1]", "sim adds lab deployments only", "name a real one"),
    ("context_window: [large]", "context_window: [large, labs]", 15, f"{CONTEXT}[1]", "labs adds lab deployments only", "or leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "wrong", "remedy"), CASES, ids=[f"{c[3]}: {c[4]}" for c in CASES]
)
def test_one_mistake_is_one_problem(
    mistakes: Mistakes, old: str, new: str, line: int, path: str, wrong: str, remedy: str
) -> None:
    assert GOOD.count(old) == 1
    (found,) = mistakes(GOOD.replace(old, new))
    assert (found.file, found.line, found.path) == ("antiphon.yaml", line, path)
    assert wrong in found.wrong
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("any: [two, large]", "any: [labs]"),  # its own fallback is real
        ("models: [sim], fallbacks: {any: [sim-2, three]}", "models: [sim, one], fallbacks: {any: [sim-2]}"),
        ("two: {provider: openai", "two: {provider: openai, weight: 0"),  # it is out for a while
    ],
)
def test_what_could_take_over_is_no_mistake(loaded: Load, old: str, new: str) -> None:
    assert GOOD.count(old) == 1
    loaded(GOOD.replace(old, new))


@pytest.mark.parametrize("key", ["", "sk-0123456789"])
def test_no_mistake_comes_or_goes_with_a_key(loaded: Load, key: str) -> None:
    text = """\
providers:
  openai: {key: "${env:KEY:-}"}
  sim: {profile: lab, lab: {models: {sim: {}, sim-2: {}}}}
models: {one: {provider: openai}, two: {provider: openai}, sim: {provider: sim}, sim-2: {provider: sim}}
routes: {r: {models: [one, sim], fallbacks: {any: [two, sim-2]}}}
"""
    loaded(text, {"KEY": key})


BASE = """\
providers: {openai: {key: sk-0123456789}}
models: {one: {provider: openai}, two: {provider: openai}}
"""


@pytest.mark.parametrize(
    "broken",
    [
        "routes: {r: {models: [one], fallbacks: 5}}",
        "routes: {r: {models: [one], fallbacks: {any: 5}}}",
        "routes: {r: {models: [one], fallbacks: {any: [5, two]}}}",
        "routes: {r: {models: [one], fallbacks: {anny: [two]}}}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: 5}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: {models: [one, gone]}}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: {models: [one], fallbacks: {any: [gone]}}}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: {models: [one], tiers: [gone]}}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: {}}",
        "routes: {r: {models: [one], fallbacks: {any: [s]}}, s: {models: [one], fallbacks: {any: [r]}}}",
        "routes: {r: {models: [gone], fallbacks: {any: [one]}}}",
    ],
)
def test_a_mistake_does_not_make_others_up(mistakes: Mistakes, broken: str) -> None:
    assert len(mistakes(BASE + broken)) == 1


def test_an_item_that_could_not_be_read_moves_no_other(mistakes: Mistakes) -> None:
    problems = mistakes(f"{BASE}routes: {{r: {{models: [one], fallbacks: {{any: [5, gone]}}}}}}")
    assert [one.path for one in problems] == ["routes.r.fallbacks.any[0]", "routes.r.fallbacks.any[1]"]


def test_every_loop_is_reported_and_hides_no_other_mistake(mistakes: Mistakes) -> None:
    text = """\
routes:
  a: {models: [one], fallbacks: {any: [b], context_window: [b]}}
  b: {models: [two], fallbacks: {any: [a], context_window: [a, gone]}}
  c: {models: [one], fallbacks: {any: [c]}}
  d: {models: [one], fallbacks: {any: [one]}}
"""
    assert [(one.line, one.path) for one in mistakes(BASE + text)] == [
        (5, "routes.b.fallbacks.any[0]"),
        (5, "routes.b.fallbacks.context_window[0]"),
        (5, "routes.b.fallbacks.context_window[1]"),
        (6, "routes.c.fallbacks.any[0]"),
        (7, "routes.d.fallbacks.any[0]"),
    ]


def test_different_kinds_may_lead_back_and_forth(loaded: Load) -> None:
    text = """\
routes:
  small: {models: [one], fallbacks: {context_window: [large]}}
  large: {models: [two], fallbacks: {any: [small]}}
"""
    loaded(BASE + text)


def test_a_list_is_of_a_bounded_length(mistakes: Mistakes) -> None:
    names = ", ".join(["two"] * 33)
    (found,) = mistakes(f"{BASE}routes: {{r: {{models: [one], fallbacks: {{any: [{names}]}}}}}}")
    assert (found.wrong, found.remedy) == ("has 33 items", "write a list of at most 32 items")
