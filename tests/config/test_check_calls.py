from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
calls:
  deadline: {max_s: 300}
  retry: {base_s: 1}
  admission: {limit: {start: 10}}
providers:
  openai: {key: sk-0123456789}
  mistral: {key: sk-9876543210}
models:
  one: {provider: openai}
  two: {provider: openai}
  goes-on: {provider: mistral}
routes:
  pair:
    models: [one, two]
    attempts: 2
    timeout_s: 300
    hedge: {enabled: true, max_delay_s: 20}
  helped: {models: [one], hedge: {enabled: true}, fallbacks: {any: [two]}}
  single: {models: [one], attempts: 1}
  cut: {models: [one, goes-on], on_cut: continue}
  cut-helped: {models: [one], on_cut: continue, fallbacks: {context_window: [goes-on]}}
"""


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    # calls
    ("base_s: 1", "base_s: 9", 3, "calls.retry.base_s", "9 is more than cap_s 8", "lower base_s"),
    ("retry: {base_s: 1}", "breaker: {open_s: 61}", 3, "calls.breaker.open_s", "61 is more than max_open_s 60", "raise max_open_s"),
    ("start: 10", "start: 10, min: 11", 4, "calls.admission.limit.start", "start 10 is not between min 11", "min <= start <= max"),
    ("limit: {start: 10}", "low: 5", 4, "calls.admission.high", "normal 4 and low 5 turn the lanes around", "low <= normal <= high"),
    ("retry: {base_s: 1}", "breaker: {slow_fraction: 0.5}", 3, "calls.breaker.slow_fraction", "no effect without `slow_after_s`", "write `slow_after_s`"),
    # strategies
    ("attempts: 1}", "attempts: 1, sticky: {}, balance: {strategy: headroom}}", 19, "routes.single.balance.strategy", "beside `sticky` by prefix", "`by: session`"),
    ("attempts: 1}", "attempts: 1, sticky: {}, balance: {strategy: fastest, fastest_within: 0.2}}", 19, "routes.single.balance.strategy", "beside `sticky` by prefix", "leave it out"),
    ("attempts: 1}", "attempts: 1, balance: {fastest_quantile: 0.9}}", 19, "routes.single.balance.fastest_quantile", "with the strategy weighted", "write `strategy: fastest`"),
    ("attempts: 1}", "attempts: 1, balance: {strategy: headroom, fastest_within: 0.2}}", 19, "routes.single.balance.fastest_within", "with the strategy headroom", "or leave it out"),
    # hedge
    ("max_delay_s: 20", "max_delay_s: 0.1", 17, "routes.pair.hedge.min_delay_s", "min_delay_s 0.2 is above max_delay_s 0.1", "min_delay_s <= max_delay_s"),
    ("max_delay_s: 20", "budget: 0", 17, "routes.pair.hedge.budget", "without a budget", "`enabled: false`"),
    ("models: [one, two]", "models: [one]", 17, "routes.pair.hedge.enabled", "only one deployment could answer, one,", "`fallbacks.any`"),
    ("fallbacks: {any: [two]}", "fallbacks: {context_window: [two]}", 18, "routes.helped.hedge.enabled", "only one deployment could answer, one,", "`fallbacks.any`"),
    ("max_delay_s: 20", "min_delay_s: 9}\n    timeouts: {connect_s: 5, total_s: 4", 18, "routes.pair.timeouts.connect_s", "5 is more than total_s, 4,", "raise `total_s`"),
    ("timeout_s: 300", "timeout_s: 0.2", 17, "routes.pair.hedge.min_delay_s", "waits 0.2 s at least, but timeout_s ends the request after 0.2 s", "raise `timeout_s`"),
    ("fallbacks: {any: [two]}", "fallbacks: {any: [two]}}\n  late: {models: [one, two], hedge: {enabled: true, min_delay_s: 300, max_delay_s: 600}", 19, "routes.late.hedge.min_delay_s", "but calls.deadline.max_s ends", "raise `calls.deadline.max_s`"),
    ("enabled: true, max_delay_s: 20", "max_delay_s: 20", 17, "routes.pair.hedge", "has no effect while `enabled` is not set", "write `enabled: true`"),
    # sharing
    ("attempts: 1}", "attempts: 1, coalesce: {headers: [x-user]}}", 19, "routes.single.coalesce", "has no effect while `enabled`", "or leave it out"),
    # attempts
    ("attempts: 2", "attempts: 1", 15, "routes.pair.attempts", "1 leaves no second attempt, which `hedge` would need", "write 2 or more"),
    ("attempts: 1}", "attempts: 1, fallbacks: {content_policy: [two]}}", 19, "routes.single.attempts", "which `fallbacks` would need", "leave the other out"),
    ("on_cut: continue}", "on_cut: continue, attempts: 1}", 20, "routes.cut.attempts", "which `on_cut: continue` would need", "write 2 or more"),
    ("on_cut: continue, fall", "on_cut: continue, attempts: 1, fall", 21, "routes.cut-helped.attempts", "which `fallbacks` and `on_cut: continue` would need", "write 2"),
    # deadlines
    ("timeout_s: 300", "timeout_s: 300.5", 16, "routes.pair.timeout_s", "300.5 is more than calls.deadline.max_s, 300,", "raise `calls.deadline.max_s`"),
    ("attempts: 1}", "attempts: 1, timeouts: {first_byte_s: 9, total_s: 8}}", 19, "routes.single.timeouts.first_byte_s", "9 is more than total_s, 8,", "write less"),
    ("attempts: 1}", "attempts: 1, timeouts: {between_bytes_s: 9, total_s: 8}}", 19, "routes.single.timeouts.between_bytes_s", "9 is more than total_s", "write less"),
    ("attempts: 1}", "attempts: 1, timeout_s: 7, timeouts: {connect_s: 8}}", 19, "routes.single.timeouts.connect_s", "8 is more than the route's timeout_s, 7,", "raise `timeout_s`"),
    ("attempts: 1}", "attempts: 1, timeout_s: 7, timeouts: {total_s: 7.5}}", 19, "routes.single.timeouts.total_s", "7.5 is more than the route's timeout_s", "write less"),
    # places
    ("attempts: 1}", "attempts: 1, balance: {region: eu}}", 19, "routes.single.balance.region", "no deployment of the route or its fallbacks is in the region eu", "write `region: eu` at one of their models"),
    ("attempts: 1}", "attempts: 1, balance: {zone: private}}", 19, "routes.single.balance.zone", "is in the zone private", "or leave this out"),
    # last resort
    ("attempts: 1}", "attempts: 1, last_resort: {}}", 19, "routes.single.last_resort", "has nothing in it", "write `respond` or `hand_off`"),
    # streams that are cut
    ("[one, goes-on]", "[one, two]", 20, "routes.cut.on_cut", "no deployment of the route or its fallbacks goes on", "`on_cut: fail`"),
    ("fallbacks: {context_window: [goes-on]}", "fallbacks: {any: [two]}", 21, "routes.cut-helped.on_cut", "no deployment", "`continues: true`"),
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


def test_a_deployment_may_say_whether_it_goes_on(loaded: Load, mistakes: Mistakes) -> None:
    text = GOOD.replace("[one, goes-on]", "[one, two]")
    loaded(text.replace("two: {provider: openai}", "two: {provider: openai, continues: true}"))
    no = GOOD.replace("goes-on: {provider: mistral}", "goes-on: {provider: mistral, continues: false}")
    assert {one.path for one in mistakes(no)} == {"routes.cut.on_cut", "routes.cut-helped.on_cut"}


def test_a_deployment_without_weight_helps_nobody(mistakes: Mistakes) -> None:
    text = GOOD.replace("two: {provider: openai}", "two: {provider: openai, weight: 0}")
    assert {one.path for one in mistakes(text)} == {"routes.pair.hedge.enabled", "routes.helped.hedge.enabled"}


@pytest.mark.parametrize("environ", [{}, {"A": "sk-0123456789"}, {"A": "sk-0123456789", "B": "sk-9876543210"}])
def test_no_mistake_comes_or_goes_with_a_key(loaded: Load, environ: dict[str, str]) -> None:
    text = """\
providers:
  openai: {key: "${env:A:-}"}
  mistral: {key: "${env:B:-}"}
  sim: {profile: lab, lab: {models: {sim: {}}}}
models: {one: {provider: openai}, two: {provider: mistral}, sim: {provider: sim}}
routes: {r: {models: [one, two, sim], hedge: {enabled: true}, on_cut: continue}}
"""
    loaded(text, environ)


@pytest.mark.parametrize("environ", [{}, {"A": "sk-0123456789"}])
def test_a_lab_deployment_that_a_key_would_drive_out_is_no_second_one(
    mistakes: Mistakes, environ: dict[str, str]
) -> None:
    text = """\
providers:
  openai: {key: "${env:A:-}"}
  sim: {profile: lab, lab: {models: {sim: {}}}}
models: {one: {provider: openai}, sim: {provider: sim}}
routes: {r: {models: [one, sim], hedge: {enabled: true}}}
"""
    (found,) = mistakes(text, environ)
    assert (found.path, "answer, one," in found.wrong) == ("routes.r.hedge.enabled", True)


def test_what_nobody_asks_for_is_not_judged(loaded: Load) -> None:
    loaded("calls: {deadline: {max_s: 5}}")
    text = "providers: {openai: {key: sk-0123456789}}\nmodels: {one: {provider: openai}}\n"
    loaded(f"{text}routes: {{r: {{models: [one], attempts: 1, hedge: {{enabled: false, percentile: 99}}}}}}")
    loaded(f"{text}routes: {{r: {{models: [one], attempts: 1, hedge: {{}}, coalesce: {{enabled: false}}}}}}")
    loaded(f"{text}routes: {{r: {{models: [one], timeout_s: 0.1, hedge: {{enabled: false}}}}}}")
    loaded(f"{text}routes: {{r: {{models: [one], attempts: 1, last_resort: {{respond: Later., hand_off: desk}}}}}}")


def test_what_has_an_effect_or_is_kept_for_later_is_no_mistake(loaded: Load) -> None:
    for route in (
        "sticky: {by: session}, balance: {strategy: headroom}",
        "sticky: {by: prefix}, balance: {region: eu}",
        "sticky: {by: prefix}, balance: {strategy: weighted, fastest_within: 0.1}",
        "balance: {strategy: fastest, fastest_quantile: 0.9, fastest_within: 0.2}",
    ):
        text = GOOD.replace("two: {provider: openai}", "two: {provider: openai, region: eu}")
        loaded(
            text.replace(
                "models: [one, two]\n", f"models: [one, two]\n    {route.replace('}, ', '}' + chr(10) + '    ')}\n"
            )
        )
    for breaker in ("slow_after_s: 5, slow_fraction: 0.5", "slow_after_s: null, slow_fraction: 0.5", "slow_after_s: 5"):
        loaded(GOOD.replace("retry: {base_s: 1}", f"breaker: {{{breaker}}}"))


def test_a_deadline_of_a_phase_that_is_left_out_contradicts_nothing(loaded: Load) -> None:
    loaded(GOOD.replace("attempts: 1}", "attempts: 1, timeout_s: 9, timeouts: {total_s: 9, connect_s: 9}}"))
    loaded(GOOD.replace("attempts: 1}", "attempts: 1, timeout_s: 0.01, timeouts: {total_s: 0.01}}"))


def test_a_phase_beyond_both_deadlines_is_one_mistake(mistakes: Mistakes) -> None:
    text = GOOD.replace("attempts: 1}", "attempts: 1, timeout_s: 9, timeouts: {total_s: 9, connect_s: 10}}")
    assert [one.path for one in mistakes(text)] == ["routes.single.timeouts.connect_s"]


PLACED = """\
providers: {openai: {key: sk-0123456789, networks: [0.0.0.0/0]}, sim: {profile: lab, lab: {models: {sim: {}}}}}
models:
  one: {provider: openai, region: us-1}
  off: {provider: openai, region: eu-1, zone: private, weight: 0}
  sim: {provider: sim, region: eu-1, zone: private}
  two: {provider: openai, region: eu-1, zone: private}
"""


@pytest.mark.parametrize(
    "leads", ["models: [one, off]", "models: [one, sim]", "models: [one], fallbacks: {content_policy: [two]}"]
)
def test_a_place_is_known_by_whoever_could_ever_be_there(loaded: Load, mistakes: Mistakes, leads: str) -> None:
    loaded(f"{PLACED}routes: {{r: {{{leads}, balance: {{region: eu-1, zone: private}}}}}}")
    (found,) = mistakes(f"{PLACED}routes: {{r: {{{leads}, balance: {{region: eu-2}}}}}}")
    assert (found.path, "did you mean `eu-1`?" in found.remedy) == ("routes.r.balance.region", True)


def test_an_explicit_nothing_is_no_mistake(loaded: Load) -> None:
    loaded(GOOD.replace("attempts: 1}", "attempts: 1, last_resort: {respond: ''}}"))


BASE = """\
providers: {openai: {key: sk-0123456789}}
models: {one: {provider: openai}, two: {provider: openai}}
"""


@pytest.mark.parametrize(
    "broken",
    [
        "calls: {retry: {base_s: 9, cap_s: x}}",
        "calls: {breaker: {open_s: 90, max_open_s: x}}",
        "calls: {admission: {limit: {min: 11, start: 10, max: x}}}",
        "calls: {admission: {low: 5, normal: x}}",
        "calls: {deadline: {max_s: x}}\nroutes: {r: {models: [one], timeout_s: 900}}",
        "routes: {r: {models: [one], timeout_s: x}}",
        "routes: {r: {models: [one], hedge: {min_delay_s: 50, max_delay_s: x}}}",
        "routes: {r: {models: [one, gone], hedge: {enabled: true}}}",
        "routes: {r: {models: [one], tiers: [gone], hedge: {enabled: true}}}",
        "routes: {r: {models: [one], hedge: {enabled: true}, fallbacks: {any: [gone]}}}",
        "routes: {r: {models: [one], hedge: {enabled: true}, fallbacks: {any: 5}}}",
        "routes: {r: {models: [one], hedge: {enabled: true}, fallbacks: {any: [s]}}, s: {models: [gone]}}",
        "routes: {r: {models: [one], hedge: {enabled: true}, fallbacks: {any: [r]}}}",
        "routes: {r: {models: [gone], on_cut: continue}}",
        "routes: {r: {models: [one], on_cut: continue, fallbacks: {any: [gone]}}}",
        "routes: {r: {models: [one], on_cut: stop, hedge: {enabled: false}}}",
        "routes: {r: {models: [one, two], hedge: {enable: true, budget: 0.1}}}",
        "routes: {r: {models: [one, two], hedge: {budgett: 0.1}}}",
        "routes: {r: {models: [one, two], hedge: {enabled: x, budget: 0.1}}}",
        "routes: {r: {models: [one, two], timeout_s: x, hedge: {enabled: true}}}",
        "routes: {r: {models: [one], timeouts: {connect_s: 9, total_s: x}}}",
        "routes: {r: {models: [one], timeout_s: x, timeouts: {connect_s: 9}}}",
        "routes: {r: {models: [one], last_resort: {respnd: x}}}",
        "routes: {r: {models: [one], last_resort: 5}}",
        "routes: {r: {models: [one, gone], balance: {region: eu}}}",
        "routes: {r: {models: [one], balance: {zone: privat}}}",
        "routes: {r: {models: [one, two], attempts: 0, hedge: {enabled: true}}}",
        "routes: {r: {models: [one], attempts: 1, hedge: {enabled: 5}}}",
        "routes: {r: {models: [one], attempts: 1, fallbacks: {any: [5]}}}",
    ],
)
def test_a_mistake_does_not_make_others_up(mistakes: Mistakes, broken: str) -> None:
    assert len(mistakes(BASE + broken)) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "providers: {openai: {key: 5}}\nmodels: {one: {provider: openai}}",
        "providers: {x: {profile: gone}}\nmodels: {one: {provider: x}}",
        "providers: {openai: {key: sk-0123456789}}\nmodels: {one: {provider: opena}}",
        "providers: {openai: {key: sk-0123456789}}\nmodels: {one: {provider: openai, continues: 5}}",
    ],
)
def test_a_mistake_further_up_does_not_make_others_up(mistakes: Mistakes, broken: str) -> None:
    assert len(mistakes(f"{broken}\nroutes: {{r: {{models: [one], on_cut: continue}}}}")) == 1
