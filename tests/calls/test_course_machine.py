import asyncio
import random
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import inf
from typing import Any, get_args

from fakes.fleets import Visit, Worker, post
from fakes.loop import VirtualLoop
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from antiphon.calls.attempt import Try
from antiphon.calls.breaker import PROBE_WINDOW_S
from antiphon.calls.deadline import Deadline
from antiphon.calls.retry import TABLE, TELLING_ORDER, failure_of
from antiphon.calls.retry_budget import RetryBudget
from antiphon.calls.settings import CallsSettings, RouteSettings
from antiphon.calls.settings_balance import BalanceSettings, LiveSettings, StickySettings, Strategy
from antiphon.calls.settings_failure import BreakerSettings, EjectionSettings, RetryBudgetSettings, RetrySettings
from antiphon.calls.settings_flow import AdmissionSettings, HedgeSettings, LimitSettings, ProbeSettings
from antiphon.core.deployment import Deployment
from antiphon.core.plan import FallbackKind
from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, Spread

MARGIN_S = 1e-6
REQUESTS = 1200
"""Of the long stories: hours of them at ten or sixty in a minute."""
KINDS: tuple[Fault, ...] = get_args(Fault)
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
BUDGETED = {str(failure) for failure, meaning in TABLE.items() if meaning.budgeted}
CALLERS = ("refused", "context_window", "content_policy")

# What is generated. Each first choice is the plain one, which a failing example shrinks to.

FAULTS = st.builds(
    FaultSettings,
    kind=st.sampled_from(KINDS),
    percent=st.sampled_from([100.0, 50.0, 5.0]),
    requests=st.none() | st.lists(st.integers(1, 40), min_size=1, max_size=8),
    retry_after_s=st.sampled_from([1.0, 0.0, 0.2, 5.0, 60.0]),
)
SOUND = LabModel(first_token=Spread(p50_ms=50, p99_ms=200), answer_tokens=3)
MODELS = st.builds(
    LabModel,
    first_token=st.sampled_from([Spread(p50_ms=100, p99_ms=400), Spread(p50_ms=300, p99_ms=8000)]),
    answer_tokens=st.sampled_from([3, 20]),
    faults=st.lists(FAULTS, min_size=1, max_size=3),
)
AMPLE = AdmissionSettings()
CALLS = st.builds(
    CallsSettings,
    retry=st.builds(
        RetrySettings,
        patience_s=st.sampled_from([10.0, 0.0, 2.0]),
        dead_key_s=st.sampled_from([300.0, 30.0, None]),
        cooling_s=st.sampled_from([5.0, 0.0]),
    ),
    retry_budget=st.builds(
        RetryBudgetSettings, fraction=st.sampled_from([0.2, 0.0, 1.0]), min_per_s=st.sampled_from([1.0, 0.0, 1000.0])
    ),
    breaker=st.builds(
        BreakerSettings,
        consecutive_failures=st.sampled_from([5, 2]),
        probes_per_minute=st.sampled_from([5, 1]),
        probe_timeout_s=st.sampled_from([30.0, 1.0]),
    ),
    ejection=st.builds(EjectionSettings, max_ejected_fraction=st.sampled_from([0.75, 0.0, 1.0])),
    live=st.builds(LiveSettings, min_volume=st.sampled_from([1, 20]), warmup_s=st.sampled_from([0.0, 30.0])),
    admission=st.sampled_from([AMPLE, AMPLE])
    | st.builds(
        AdmissionSettings,
        limit=st.sampled_from([LimitSettings(), LimitSettings(start=2, max=3)]),
        room=st.sampled_from([200, 2, 0]),
        max_wait_s=st.sampled_from([30.0, 1.0]),
        tenant_share=st.sampled_from([1.0, 0.5]),
        max_in_flight=st.sampled_from([4000, 3]),
    ),
    probes=st.builds(ProbeSettings, enabled=st.sampled_from([False, False, True])),
)
ROUTES = st.builds(
    RouteSettings,
    balance=st.builds(BalanceSettings, strategy=st.sampled_from(STRATEGIES)),
    sticky=st.sampled_from([None, StickySettings(by="session")]),
    hedge=st.builds(
        HedgeSettings,
        enabled=st.booleans(),
        percentile=st.sampled_from([95.0, 50.0]),
        min_delay_s=st.just(0.05),
        budget=st.sampled_from([0.05, 1.0]),
        floor_per_s=st.sampled_from([0.1, 10.0]),
    ),
)


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Any]:
    """What a worker is made of, and which of its deployments are sound."""
    count = draw(st.integers(1, 6))
    sound = draw(st.sets(st.integers(0, count - 1), max_size=2))
    posts: list[Deployment] = []
    accounts: dict[str, str] = {}
    for place in range(count):
        name = f"d{place}"
        limits: dict[str, Any] = {}
        if place not in sound:
            accounts[name] = draw(st.sampled_from([name, "shared"]))
            limits["concurrency"] = draw(st.sampled_from([None, None, 1, 3]))
            limits["requests_per_minute"] = draw(st.sampled_from([None, None, None, 5]))
        posts.append(post(name, continues=draw(st.booleans()), priority=draw(st.sampled_from([0, 0, 1])), **limits))
    own = draw(st.integers(1, count))
    fallbacks: list[tuple[FallbackKind, tuple[str, ...]]] = []
    for place in range(own, count):
        kind: FallbackKind = draw(st.sampled_from(("any", "any", "context_window", "content_policy")))
        fallbacks.append((kind, (f"d{place}",)))
    return {
        "sound": {f"d{place}" for place in sound},
        "posts": posts,
        "accounts": accounts,
        "keys": {name: draw(st.integers(0, 3)) for name in sorted({*accounts.values()})},
        "fallbacks": fallbacks,
        "calls": draw(CALLS),
        "route": draw(ROUTES),
        "attempts": draw(st.integers(1, 6) | st.just(20)),
    }


HOWS = st.fixed_dictionaries(
    {
        "stream": st.booleans(),
        "tenant": st.sampled_from(["acme", "bolt", "core"]),
        "lane": st.sampled_from(["normal", "high", "low"]),
        "key": st.none() | st.integers(0, 3),
        "deadline_s": st.sampled_from([3600.0, 3600.0, 20.0, 2.0, 0.1]),
        "head_s": st.sampled_from([None, None, 0.02]),
        "silence_s": st.sampled_from([None, None, 0.003]),
        "goes_on": st.booleans(),
    }
)


class WatchedBudget(RetryBudget):
    """Notes when it was asked."""

    def __init__(self, chosen: RetryBudgetSettings) -> None:
        super().__init__(chosen)
        self.chosen = chosen
        self.firsts_s: list[float] = []
        self.grants_s: list[float] = []
        self.denials_s: list[float] = []

    def first(self, now_s: float) -> None:
        self.firsts_s.append(now_s)
        super().first(now_s)

    def retry(self, now_s: float) -> bool:
        granted = super().retry(now_s)
        (self.grants_s if granted else self.denials_s).append(now_s)
        return granted

    def check(self) -> None:
        window_s = self.chosen.window_s
        for place, at_s in enumerate(self.grants_s, 1):
            granted = place - bisect_right(self.grants_s, at_s - window_s)
            firsts = bisect_right(self.firsts_s, at_s) - bisect_left(self.firsts_s, at_s - window_s)
            assert granted <= self.chosen.fraction * firsts + self.chosen.min_per_s * window_s + MARGIN_S


class Weathered:
    """A worker under the weather, its callers, and what must hold of them."""

    def __init__(self, *, sound: set[str], **made: Any) -> None:
        self.loop = VirtualLoop()
        self.sound = sound
        self.worker = Worker(**made, loop=self.loop)
        self.tasks: dict[asyncio.Task[None], Visit] = {}
        self.reloads_s: list[float] = []
        self.budgets: list[tuple[str, WatchedBudget]] = []
        self.seeds = 0
        self.poor = False
        """The tickets ran out at times."""
        for name in sound:
            self.worker.weather.models[name] = SOUND
        self.watch()

    def watch(self) -> None:
        """Look over the shoulders of the budgets."""
        for member in self.worker.fleet.members():
            if not isinstance(member.budget, WatchedBudget):
                member.budget = budget = WatchedBudget(self.worker.calls.retry_budget)
                self.budgets.append((member.name, budget))
        hedging, chosen = self.worker.prepared.policy.hedging, self.worker.route.hedge
        if hedging is not None:
            budget = WatchedBudget(
                RetryBudgetSettings(fraction=chosen.budget, window_s=chosen.window_s, min_per_s=chosen.floor_per_s)
            )
            hedging._budget = budget  # pyright: ignore[reportPrivateUsage]
            self.budgets.append(("hedge", budget))

    def ask(self, how: dict[str, Any]) -> None:
        now_s, how = self.loop.time(), dict(how)
        allowed_s, head_s, silence_s = how.pop("deadline_s"), how.pop("head_s"), how.pop("silence_s")
        goes_on = how.pop("goes_on")
        stream = how["stream"]
        limit = Deadline(
            at_s=now_s + allowed_s,
            bound="request",
            allowed_s=allowed_s,
            header="x-antiphon-timeout",
            head_at_s=now_s + head_s if stream and head_s is not None and head_s < allowed_s else None,
            silence_s=silence_s if stream else None,
        )
        self.seeds = (self.seeds * 1103515245 + 12345) % 2**31
        visit = self.worker.visit(deadline=limit, seed=self.seeds * 2, **how)
        self.tasks[self.loop.create_task(self.worker.serve(visit, goes_on=goes_on))] = visit

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.gather()

    def gather(self) -> None:
        """Look at those that have ended."""
        for task in [task for task in self.tasks if task.done()]:
            visit = self.tasks.pop(task)
            if not task.cancelled():
                task.result()
            self.check(visit)

    def end(self) -> None:
        """Let everyone come to an end; then nothing is left."""
        while self.tasks:
            self.wait(600.0)
        self.worker.check_rest()
        assert not asyncio.all_tasks(self.loop)
        self.check_probes()
        self.check_dead_keys()
        self.check_budgets()

    def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    # --- what must hold of one request

    def check(self, visit: Visit) -> None:
        limit = visit.ask.deadline
        sent = self.worker.weather.by_visit[visit.number]
        most = visit.prepared.step.envelope.attempts
        assert len(sent) <= most, "more was sent than the envelope allows"
        assert len(visit.attempts) == len(sent), "an attempt is what was sent"
        assert all(one.settled for one in visit.attempts)
        assert all(one.at_s < limit.at_s for one in sent), "an attempt began after the deadline"
        assert visit.ended_s is None or visit.ended_s <= limit.at_s + MARGIN_S, "it took longer than its deadline"
        self.check_begun(visit)
        if visit.gone or visit.ended_s is None:
            return
        assert visit.answered or visit.error is not None
        if visit.error is not None and not visit.answered:
            self.check_told(visit)
            self.check_reach(visit)

    def check_begun(self, visit: Visit) -> None:
        """Once an answer has begun, only who can go on with it is asked."""
        begun = False
        for one in visit.attempts:
            assert not begun or one.target.deployment.continues or one.spot.reason.startswith("hedge"), (
                "an answer was begun anew"
            )
            begun = begun or (one.answered and not one.lost and one.error is not None)

    def check_told(self, visit: Visit) -> None:
        """What the caller is told is the most telling of what went wrong, with the soonest time to come back."""
        error = visit.error
        assert error is not None
        told = failure_of(error)
        ends = [one for one in visit.attempts if one.error is not None]
        if told in CALLERS:
            return
        order = {failure: place for place, failure in enumerate(TELLING_ORDER)}
        for one in ends:
            assert one.error is not None
            failure = failure_of(one.error)
            assert order[told] <= order[failure], f"{told} was told, though {failure} tells more"
        asked_s = [one.error.retry_after_s for one in ends if one.error and one.error.retry_after_s is not None]
        if told != "ours" and asked_s:
            assert error.retry_after_s is not None
            assert error.retry_after_s <= min(asked_s)

    def check_reach(self, visit: Visit) -> None:
        """Whoever could have reached a sound deployment has an answer.

        Could have: it is of the route or of a fallback for any failure, the envelope has an attempt for it after
        every other deployment has had one with each of its keys and one more, nothing of ours is full, its caller
        is patient, and its retry budget (which is what protects it) was not spent.
        """
        worker = self.worker
        if self.poor or self.reloads_s or worker.calls.admission != AMPLE or visit.ask.deadline.allowed_s < 3600:
            return
        if visit.ask.deadline.head_at_s is not None or visit.ask.deadline.silence_s is not None:
            return
        ranks = [rank for rank in visit.prepared.ranks if rank.on in (None, "any")]
        names = [name for rank in ranks for name in rank.members]
        tries = sum(1 + max(1, worker.keys.get(worker.accounts.get(name, ""), 0)) for name in names)
        if visit.prepared.step.envelope.attempts < tries:
            return
        came_s, ended_s = visit.asked.started_s, visit.ended_s or inf
        for name in self.sound & set(names):
            denied = any(
                came_s <= at_s <= ended_s for one, budget in self.budgets if one == name for at_s in budget.denials_s
            )
            assert denied, f"{name} is sound and was in reach: {visit.path} {visit.failures} {visit.asked.stopped}"

    # --- what must hold of all of them

    def check_sound(self) -> None:
        """Who never fails is never left alone, whatever its callers do; but for who is often overtaken by a hedge."""
        for name in () if self.worker.route.hedge.enabled else self.sound:
            state = self.worker.member(name).breaker.state(self.loop.time())
            assert state.state == "closed", f"{name} is sound: {state.reason}"

    def attempts(self) -> Iterator[tuple[Visit, Try]]:
        for visit in self.worker.visits:
            for one in visit.attempts:
                yield visit, one

    def check_probes(self) -> None:
        """A deployment that is left alone is probed as seldom as is set; but for who was forced."""
        forced = {one.ticket.id for _, one in self.attempts() if one.spot.forced}
        probes: dict[str, list[float]] = {}
        for ticket, taken in self.worker.tickets.taken.items():
            if not taken.closed and ticket not in forced:
                probes.setdefault(taken.deployment, []).append(taken.at_s)
        most = self.worker.calls.breaker.probes_per_minute
        for name, times_s in probes.items():
            for place, at_s in enumerate(times_s):
                recent = place - bisect_right(times_s, at_s - PROBE_WINDOW_S + MARGIN_S) + 1
                assert recent <= most, f"{name} was probed {recent} times in a minute"

    def check_dead_keys(self) -> None:
        """A key that was refused rests: everywhere, or (403) where it was refused."""
        rest_s = self.worker.calls.retry.dead_key_s
        ends: list[tuple[float, float, str, str]] = []
        for _, one in self.attempts():
            if one.failure in ("auth", "quota") and one.key is not None and one.error is not None:
                took_us = one.record().timings.last_byte_us
                assert took_us is not None
                at_s = one.began_s + took_us / 1e6
                until_s = min((again_s for again_s in self.reloads_s if again_s >= at_s), default=inf)
                until_s = min(until_s, inf if rest_s is None else at_s + rest_s)
                ends.append((at_s, until_s, self.worker.accounts[one.name], one.key.name))
        for _, one in self.attempts():
            if one.key is None:
                continue
            for at_s, until_s, account, key in ends:
                if (account, key) == (self.worker.accounts[one.name], one.key.name):
                    assert not at_s + 1e-5 < one.began_s < until_s - 1e-5, f"{key} of {account} was dead"

    def check_budgets(self) -> None:
        retries: Counter[str] = Counter()
        last: dict[tuple[int, str], str | None] = {}
        for visit, one in self.attempts():
            before = last.get((id(visit), one.name))
            last[id(visit), one.name] = one.failure
            if one.spot.reason.startswith("hedge"):
                retries["hedge"] += 1
            elif before in BUDGETED:
                # Its own failure counts, not that of who was asked in between: a stale connection carried nothing,
                # so what it should have carried is no second request. One that takes over, and is sound, needs no leave.
                retries[one.name] += 1
        granted: Counter[str] = Counter()
        for name, budget in self.budgets:
            budget.check()
            granted[name] += len(budget.grants_s)
        for name, count in retries.items():
            assert count <= granted[name], f"{name} got more retries than were granted"


class Hours(RuleBasedStateMachine):
    """Callers come and go, upstreams fail and recover, the configuration is read again; hours pass."""

    @initialize(made=fleets(), data=st.data())
    def begin(self, made: dict[str, Any], data: st.DataObject) -> None:
        self.weathered = Weathered(**made)
        models = self.weathered.worker.weather.models
        for one in self.weathered.worker.posts:
            if one.name not in models:
                models[one.name] = data.draw(MODELS)

    @rule(how=HOWS, count=st.integers(1, 6), gap_s=st.sampled_from([0.0, 0.05, 1.0]))
    def ask(self, how: dict[str, Any], count: int, gap_s: float) -> None:
        for _ in range(count):
            self.weathered.ask(how)
            if gap_s:
                self.weathered.wait(gap_s)

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 6.0, 70.0, 4000.0]) | st.floats(0, 10))
    def wait(self, seconds: float) -> None:
        self.weathered.wait(seconds)

    @precondition(lambda self: self.weathered.tasks)
    @rule(which=st.integers(0, 100))
    def leave(self, which: int) -> None:
        tasks = list(self.weathered.tasks)
        tasks[which % len(tasks)].cancel()

    @rule(which=st.integers(0, 5), model=MODELS)
    def turn(self, which: int, model: LabModel) -> None:
        """The weather turns over one deployment."""
        worker = self.weathered.worker
        name = worker.posts[which % len(worker.posts)].name
        if name not in self.weathered.sound:
            worker.weather.models[name] = model

    @rule(every=st.sampled_from([0, 2, 7]))
    def stale(self, every: int) -> None:
        self.weathered.worker.weather.stale_every = every

    @rule(spent=st.booleans())
    def spend(self, spent: bool) -> None:
        """No ticket can be had, or there are some again."""
        self.weathered.worker.tickets.refusal = "the budget is spent" if spent else ""
        self.weathered.poor = True

    @rule()
    def reload(self) -> None:
        weathered = self.weathered
        weathered.worker.arrange()
        weathered.watch()
        weathered.reloads_s.append(weathered.loop.time())

    @invariant()
    def who_is_sound_is_never_left_alone(self) -> None:
        if hasattr(self, "weathered"):
            self.weathered.check_sound()

    def teardown(self) -> None:
        if hasattr(self, "weathered"):
            try:
                self.weathered.end()
            finally:
                self.weathered.close()


Hours.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestHours = Hours.TestCase


REFUSES = LabModel(answer_tokens=3, faults=[FaultSettings(kind="refuse", percent=100.0)])
PATIENT: Mapping[str, Any] = {
    "stream": False,
    "tenant": "acme",
    "lane": "normal",
    "key": None,
    "deadline_s": 3600.0,
    "head_s": None,
    "silence_s": None,
    "goes_on": False,
}


def test_who_is_asked_once_more_needs_leave_by_its_own_failure() -> None:
    """All refuse, and every other connection is stale: who is asked after another may have been stale itself before."""
    weathered = Weathered(
        sound=set(),
        posts=[post("d0"), post("d1", concurrency=1), post("d2")],
        accounts={"d1": "shared", "d2": "shared"},
        fallbacks=[("any", ("d2",))],
        calls=CallsSettings(live=LiveSettings(min_volume=1, warmup_s=0.0)),
        attempts=20,
    )
    worker = weathered.worker
    worker.weather.stale_every = 2
    worker.weather.models = dict.fromkeys(("d0", "d1", "d2"), REFUSES)
    try:
        weathered.ask(dict(PATIENT))
        weathered.ask(dict(PATIENT))
        weathered.end()
        own = [
            (one.spot.reason, one.spot.fresh)
            for visit in worker.visits
            for before, one in pairwise([one for one in visit.attempts if one.name == "d1"])
            if before.failure == "stale"
        ]
        assert ("other_deployment: unreachable", True) in own, "the case that this is about"
        assert all(fresh for _, fresh in own), "whose connection was stale gets a fresh one"
    finally:
        weathered.close()


@settings(
    max_examples=10,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # what is so long takes too long to make shorter
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    made=fleets(),
    models=st.lists(MODELS, min_size=4, max_size=8),
    hows=st.lists(HOWS, min_size=3, max_size=6),
    seed=st.integers(0, 2**32),
    a_minute=st.sampled_from([10.0, 60.0]),
)
def test_whole_days_of_it_go_well(
    made: dict[str, Any], models: list[LabModel], hows: list[dict[str, Any]], seed: int, a_minute: float
) -> None:
    chance, weathered = random.Random(seed), Weathered(**made)
    worker, turns_s = weathered.worker, 0.0
    try:
        for _ in range(REQUESTS):
            if weathered.loop.time() >= turns_s:
                turns_s = weathered.loop.time() + chance.expovariate(1 / 120)
                name = chance.choice(worker.posts).name
                if name not in weathered.sound:
                    worker.weather.models[name] = chance.choice([*models, SOUND])
            weathered.ask(chance.choice(hows))
            if chance.random() < 0.05:
                weathered.loop.call_later(chance.random() * 2, chance.choice(list(weathered.tasks)).cancel)
            weathered.wait(chance.expovariate(a_minute / 60))
            weathered.check_sound()
        weathered.end()
    finally:
        weathered.close()
