import asyncio
from collections import Counter
from collections.abc import Mapping

import pytest
from fakes.loop import VirtualLoop, run_virtually
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.calls.admission import Admission, Gate, Lane
from antiphon.calls.settings_flow import AdmissionSettings, LimitSettings
from antiphon.core.error import OverLimit

FAR_S = 1e6


def fixed(at_once: int) -> LimitSettings:
    return LimitSettings(start=at_once, min=at_once, max=at_once)


def gate_of(at_once: int = 1, **said: object) -> Gate:
    return Admission(AdmissionSettings(limit=fixed(at_once), **said), {"small": None}).gate("small")  # type: ignore[arg-type]


def entering(gate: Gate, tenant: str, lane: Lane = "normal", deadline_s: float = FAR_S) -> asyncio.Task[None]:
    loop = asyncio.get_running_loop()
    return loop.create_task(gate.enter(tenant, lane, deadline_s=deadline_s, now_s=loop.time()))


async def tick() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_request_goes_in_while_there_is_room_and_is_not_made_to_wait() -> None:
    gate = gate_of(2)

    assert [gate.try_enter("acme") for _ in range(3)] == [True, True, False]
    gate.leave("acme", 0.5)
    assert gate.try_enter("acme")
    assert gate.held == {"acme": 2}


def test_a_slot_that_is_not_held_cannot_be_left() -> None:
    with pytest.raises(KeyError):
        gate_of().leave("acme")


def test_a_slot_is_handed_to_who_waits_and_not_to_who_comes() -> None:
    async def story() -> None:
        gate = gate_of(1)
        assert gate.try_enter("acme")
        waits = entering(gate, "acme")
        await tick()
        gate.leave("acme")
        assert not gate.try_enter("acme")
        await waits
        assert (gate.in_flight, gate.waiting) == (1, 0)

    run_virtually(story())


def test_a_waiter_that_is_cancelled_leaves_no_trace() -> None:
    async def story() -> None:
        gate = gate_of(1)
        assert gate.try_enter("acme")
        waits = entering(gate, "other")
        await tick()
        waits.cancel()
        await tick()
        assert waits.cancelled()
        assert gate.waiting == 0
        gate.leave("acme")
        assert (gate.in_flight, gate.held) == (0, {})

    run_virtually(story())


def test_a_waiter_that_is_cancelled_as_its_turn_comes_gives_the_slot_on() -> None:
    async def story() -> None:
        gate = gate_of(1)
        assert gate.try_enter("acme")
        first, second = entering(gate, "acme"), entering(gate, "acme")
        await tick()
        gate.leave("acme")
        first.cancel()
        await second
        assert first.cancelled()
        assert gate.in_flight == 1

    run_virtually(story())


def test_a_waiter_that_was_cancelled_just_before_its_turn_is_passed_over() -> None:
    async def story() -> None:
        gate = gate_of(1)
        assert gate.try_enter("acme")
        first, second = entering(gate, "acme"), entering(gate, "acme")
        await tick()
        first.cancel()
        gate.leave("acme")
        await second
        assert gate.in_flight == 1

    run_virtually(story())


def test_a_request_whose_turn_would_come_after_its_deadline_is_refused_at_once() -> None:
    async def story() -> None:
        gate = gate_of(1)
        assert gate.try_enter("acme")
        gate.leave("acme", 10.0)
        assert gate.try_enter("acme")
        soon = entering(gate, "acme", deadline_s=15)
        late = entering(gate, "acme", deadline_s=15)
        await tick()
        with pytest.raises(
            OverLimit, match=r"its turn would come in about 20\.0 s, and its deadline in 15\.0 s"
        ) as refused:
            await late
        assert asyncio.get_running_loop().time() == 0
        assert refused.value.retry_after_s == 20
        gate.leave("acme")
        await soon

    run_virtually(story())


def test_a_request_waits_no_longer_than_its_deadline_and_the_most() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        gate = gate_of(1, max_wait_s=30)
        assert gate.try_enter("acme")
        with pytest.raises(OverLimit, match=r"did not come within 5\.0 s"):
            await gate.enter("acme", deadline_s=5, now_s=0)
        assert loop.time() == 5
        with pytest.raises(OverLimit, match=r"did not come within 30\.0 s"):
            await gate.enter("acme", deadline_s=FAR_S, now_s=5)
        assert loop.time() == 35
        with pytest.raises(OverLimit):
            await gate.enter("acme", deadline_s=35, now_s=35)
        assert gate.waiting == 0

    run_virtually(story())


def test_a_full_room_refuses_a_tenant_whose_own_queue_is_the_longest() -> None:
    async def story() -> None:
        gate = gate_of(1, room=3)
        assert gate.try_enter("noisy")
        waits = [entering(gate, "noisy") for _ in range(4)]
        await tick()
        with pytest.raises(OverLimit, match="3 wait already"):
            await waits[3]
        quiet = entering(gate, "quiet")
        await tick()
        with pytest.raises(OverLimit, match="this gave way"):
            await waits[2]
        for _ in range(2):
            gate.leave("noisy")
            await tick()
        await quiet
        gate.leave("quiet")
        await asyncio.gather(*waits[:2])

    run_virtually(story())


def test_a_room_of_none_lets_nobody_wait() -> None:
    async def story() -> None:
        gate = gate_of(1, room=0)
        assert gate.try_enter("acme")
        with pytest.raises(OverLimit):
            await gate.enter("acme", deadline_s=FAR_S, now_s=0)

    run_virtually(story())


def test_a_tenants_share_is_kept_free_for_others() -> None:
    async def story() -> None:
        gate = gate_of(4, tenant_share=0.75)
        assert [gate.try_enter("noisy") for _ in range(4)] == [True, True, True, False]
        waits = entering(gate, "noisy")
        await tick()
        assert gate.try_enter("quiet")
        gate.leave("quiet")
        assert not waits.done()
        gate.leave("noisy")
        await waits

    run_virtually(story())


def test_a_limit_that_grows_lets_in_who_waits() -> None:
    async def story() -> None:
        admission = Admission(AdmissionSettings(limit=LimitSettings(start=1, max=10)), {"small": None})
        gate = admission.gate("small")
        assert gate.try_enter("acme")
        waits = entering(gate, "acme")
        await tick()
        gate.learn("ok", 0.1, now_s=1.0)
        await waits
        assert gate.in_flight == 2

    run_virtually(story())


def test_a_limit_that_falls_takes_nothing_back_and_hands_nothing_on() -> None:
    async def story() -> None:
        gate = Admission(AdmissionSettings(limit=LimitSettings(start=4, cut=0.5)), {"small": None}).gate("small")
        assert all(gate.try_enter("acme") for _ in range(4))
        waits = entering(gate, "acme")
        await tick()
        gate.learn("overload", None, now_s=1.0)
        gate.leave("acme")
        gate.leave("acme")
        await tick()
        assert (gate.limit, gate.in_flight, waits.done()) == (2, 2, False)
        gate.leave("acme")
        await waits
        assert gate.in_flight == 2

    run_virtually(story())


def test_a_hung_upstream_fills_its_own_part_and_the_common_one_and_no_more() -> None:
    settings = AdmissionSettings(limit=fixed(1000), max_in_flight=100, reserved=0.5)
    admission = Admission(settings, {"hung": None, "well": None})

    assert sum(admission.gate("hung").try_enter("acme") for _ in range(200)) == 75
    assert sum(admission.gate("well").try_enter("acme") for _ in range(200)) == 25


def test_a_common_slot_that_becomes_free_goes_to_the_gates_in_turn() -> None:
    async def story() -> None:
        settings = AdmissionSettings(limit=fixed(1000), max_in_flight=4, reserved=0)
        admission = Admission(settings, {"a": None, "b": None})
        a, b = admission.gate("a"), admission.gate("b")
        assert all(a.try_enter("acme") for _ in range(4))
        waits = [entering(gate, "acme") for gate in (a, a, a, b, b)]
        await tick()
        for _ in range(4):
            a.leave("acme")
        await tick()
        assert (a.in_flight, b.in_flight) == (2, 2)
        a.leave("acme")
        await asyncio.gather(*waits)

    run_virtually(story())


def test_a_new_revision_keeps_what_runs_and_waits() -> None:
    async def story() -> None:
        settings = AdmissionSettings(limit=fixed(1), max_in_flight=10, reserved=0.5)
        admission = Admission(settings, {"a": None, "gone": None})
        a, gone = admission.gate("a"), admission.gate("gone")
        assert a.try_enter("acme")
        assert gone.try_enter("acme")
        waits = [entering(a, "acme"), entering(gone, "acme")]
        await tick()
        admission.arrange(AdmissionSettings(limit=fixed(2), max_in_flight=10, reserved=0.5), {"a": None, "new": 3})
        await tick()
        assert admission.gate("a") is a
        assert [waiter.done() for waiter in waits] == [True, False]
        gone.leave("acme")
        await waits[1]
        gone.leave("acme")
        assert admission.gate("new").limit == 2
        with pytest.raises(KeyError):
            admission.gate("gone")
        assert admission._bulkhead.free == 10 - 2 - 2

    run_virtually(story())


class Traffic:
    """Tenants that send on a timetable, against an upstream that takes a second for each."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.waits_s: dict[str, list[float]] = {}
        self.refused: Counter[str] = Counter()

    async def one(self, tenant: str, lane: Lane, took_s: float) -> None:
        loop = asyncio.get_running_loop()
        came_s = loop.time()
        try:
            await self.gate.enter(tenant, lane, deadline_s=came_s + 1000, now_s=came_s)
        except OverLimit:
            self.refused[tenant] += 1
            return
        self.waits_s.setdefault(tenant, []).append(loop.time() - came_s)
        await asyncio.sleep(took_s)
        self.gate.leave(tenant, took_s)

    async def send(self, per_s: Mapping[tuple[str, Lane], float], seconds: float, took_s: float = 1.0) -> None:
        async with asyncio.TaskGroup() as group:

            async def steadily(tenant: str, lane: Lane, rate: float) -> None:
                for _ in range(int(seconds * rate)):
                    group.create_task(self.one(tenant, lane, took_s))
                    await asyncio.sleep(1 / rate)

            for (tenant, lane), rate in per_s.items():
                group.create_task(steadily(tenant, lane, rate))


def test_a_tenant_with_a_hundred_times_the_requests_does_not_delay_the_others() -> None:
    async def story() -> None:
        traffic = Traffic(gate_of(10, room=200, max_wait_s=600))
        await traffic.send({("noisy", "normal"): 100.0, ("quiet", "normal"): 1.0, ("calm", "normal"): 1.0}, 300)

        for tenant in ("quiet", "calm"):
            assert traffic.refused[tenant] == 0
            assert len(traffic.waits_s[tenant]) == 300
            assert max(traffic.waits_s[tenant]) <= 1.0  # one slot's time: the next that frees is theirs
        assert len(traffic.waits_s["noisy"]) >= 300 * 10 - 600 - 20

    run_virtually(story())


def test_tenants_that_all_want_more_than_there_is_share_it_by_weight() -> None:
    async def story() -> None:
        traffic = Traffic(gate_of(12, room=300, max_wait_s=600, weights={"gold": 2.0}))
        await traffic.send({("gold", "normal"): 30.0, ("plain", "normal"): 30.0}, 100)
        gold, plain = len(traffic.waits_s["gold"]), len(traffic.waits_s["plain"])
        assert 1.7 < gold / plain < 2.3

    run_virtually(story())


def test_the_high_lane_goes_first_and_the_low_one_is_never_starved() -> None:
    async def story() -> None:
        traffic = Traffic(gate_of(10, room=300, max_wait_s=600))
        await traffic.send({("one", "high"): 5.0, ("one", "normal"): 40.0, ("one", "low"): 40.0}, 100)

        gate = gate_of(1, room=300)
        order: list[Lane] = []

        async def queued(lane: Lane) -> None:
            await gate.enter("one", lane, deadline_s=FAR_S, now_s=0)
            order.append(lane)
            gate.leave("one")

        assert gate.try_enter("one")
        lanes: list[Lane] = ["low"] * 10 + ["normal"] * 40 + ["high"] * 40
        waits = [asyncio.get_running_loop().create_task(queued(lane)) for lane in lanes]
        await tick()
        gate.leave("one")
        await asyncio.gather(*waits)
        assert order[:4] == ["high"] * 4
        assert Counter(order[:21]) == {"high": 16, "normal": 4, "low": 1}

    run_virtually(story())


TENANTS = ["acme", "bolt", "core"]


class Doors(RuleBasedStateMachine):
    """Two upstreams behind one bulkhead, under any order of comings, goings, cancellations and changes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.settings = AdmissionSettings(
            limit=LimitSettings(start=3, min=1, max=5, cut=0.8),
            room=4,
            max_wait_s=50,
            tenant_share=0.7,
            max_in_flight=4,
            reserved=0.5,
        )
        self.admission = Admission(self.settings, {"a": None, "b": None})
        self.gates = [self.admission.gate("a"), self.admission.gate("b")]
        self.inside: list[tuple[Gate, str]] = []
        self.waits: list[tuple[Gate, str, asyncio.Task[None]]] = []
        self.before = [0, 0]

    def settle(self) -> None:
        self.loop.settle()
        still: list[tuple[Gate, str, asyncio.Task[None]]] = []
        for gate, tenant, task in self.waits:
            if not task.done():
                still.append((gate, tenant, task))
            elif not task.cancelled():
                refused = task.exception()
                if refused is None:
                    self.inside.append((gate, tenant))
                else:
                    assert isinstance(refused, OverLimit)
                    assert refused.retry_after_s is not None
                    assert refused.retry_after_s >= 1
        self.waits = still

    @rule(which=st.integers(0, 1), tenants=st.lists(st.sampled_from(TENANTS), min_size=1, max_size=5))
    def try_to_come(self, which: int, tenants: list[str]) -> None:
        gate = self.gates[which]
        self.inside += [(gate, tenant) for tenant in tenants if gate.try_enter(tenant)]

    @rule(
        which=st.integers(0, 1),
        tenants=st.lists(st.sampled_from(TENANTS), min_size=1, max_size=5),
        lane=st.sampled_from(["high", "normal", "low"]),
        patience_s=st.sampled_from([0.0, 1.0, 1000.0, 1000.0]),
    )
    def come(self, which: int, tenants: list[str], lane: Lane, patience_s: float) -> None:
        gate, now_s = self.gates[which], self.loop.time()
        for tenant in tenants:
            task = self.loop.create_task(gate.enter(tenant, lane, deadline_s=now_s + patience_s, now_s=now_s))
            self.waits.append((gate, tenant, task))
        self.settle()

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), took_s=st.none() | st.floats(0, 20), at_once=st.integers(1, 3), cancels=st.booleans())
    def go(self, data: st.DataObject, took_s: float | None, at_once: int, cancels: bool) -> None:
        for _ in range(min(at_once, len(self.inside))):
            gate, tenant = self.inside.pop(data.draw(st.integers(0, len(self.inside) - 1)))
            gate.leave(tenant, took_s)
        if cancels and self.waits:
            self.waits[data.draw(st.integers(0, len(self.waits) - 1))][2].cancel()
        self.settle()

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        self.waits[data.draw(st.integers(0, len(self.waits) - 1))][2].cancel()
        self.settle()

    @rule(which=st.integers(0, 1), sign=st.sampled_from(["ok", "overload"]), first_token_s=st.floats(0, 10))
    def answer(self, which: int, sign: str, first_token_s: float) -> None:
        self.gates[which].learn(sign, first_token_s, now_s=self.loop.time())  # pyright: ignore[reportArgumentType]
        self.settle()

    @rule(seconds=st.floats(0, 60))
    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    @rule(share=st.floats(0.3, 1), most=st.integers(2, 10), own=st.none() | st.integers(1, 4))
    def reload(self, share: float, most: int, own: int | None) -> None:
        changed = {"tenant_share": share, "max_in_flight": most}
        fields = {name: getattr(self.settings, name) for name in self.settings.__struct_fields__}
        self.settings = AdmissionSettings(**(fields | changed))
        self.admission.arrange(self.settings, {"a": own, "b": None})
        self.settle()

    @invariant()
    def what_runs_is_what_was_let_in(self) -> None:
        for gate in self.gates:
            mine = Counter(tenant for at, tenant in self.inside if at is gate)
            assert gate.held == mine
            assert gate.in_flight == sum(mine.values())

    @invariant()
    def who_waits_is_who_has_not_been_answered(self) -> None:
        for gate in self.gates:
            assert gate.waiting == sum(at is gate for at, _, _ in self.waits) <= 4
            assert sum(gate._room.waiting.values()) == gate.waiting
            assert gate._room._tags.keys() == gate._room.waiting.keys()

    @invariant()
    def nothing_runs_beyond_a_limit(self) -> None:
        for which, gate in enumerate(self.gates):
            assert gate.in_flight <= max(gate.limit, self.before[which])
        overdrawn = max(0, -self.admission._bulkhead.free)  # by what ran already when a reload set apart more
        assert sum(gate.in_flight for gate in self.gates) <= self.settings.max_in_flight + overdrawn
        self.before = [gate.in_flight for gate in self.gates]

    @invariant()
    def the_bulkhead_counts_right(self) -> None:
        reserved = sum(gate._reserved for gate in self.gates)
        used = sum(gate.common for gate in self.gates)
        assert self.admission._bulkhead.free == self.settings.max_in_flight - reserved - used

    @invariant()
    def nobody_waits_for_a_slot_that_is_free(self) -> None:
        for gate in self.gates:
            common = gate.in_flight >= gate._reserved
            if gate.in_flight < gate.limit and not (common and self.admission._bulkhead.free <= 0):
                assert all(gate.held.get(tenant, 0) >= gate._tenant_most for tenant in gate._room.waiting)

    def teardown(self) -> None:
        try:
            while self.inside:
                gate, tenant = self.inside.pop()
                gate.leave(tenant, 1.0)
                self.settle()
            assert not self.waits
            assert all(gate.in_flight == gate.waiting == 0 for gate in self.gates)
            assert not asyncio.all_tasks(self.loop)
            assert not [timer for timer in self.loop._scheduled if not timer.cancelled()]
        finally:
            self.loop.close()


TestDoors = Doors.TestCase
TestDoors.settings = hypothesis_settings(max_examples=100, stateful_step_count=50, deadline=None)
