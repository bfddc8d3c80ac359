import asyncio

import pytest
from fakes.loop import VirtualLoop, run_virtually
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from antiphon.calls.coalesce import Coalescer, Flight, Key, Seat, header_values
from antiphon.calls.settings_flow import CoalesceSettings
from antiphon.core.error import Unavailable, UpstreamTimeout

SETTINGS = CoalesceSettings(enabled=True)


def key(tenant: str = "acme", **said: str) -> Key:
    return Key(**({"tenant": tenant, "group": "fast", "endpoint": "/v1/chat/completions", "digest": "d1"} | said))  # type: ignore[arg-type]


class Upstream:
    """Makes calls that do as they are told, and counts them."""

    def __init__(self) -> None:
        self.flights: list[Flight[str]] = []
        self.ends: list[asyncio.Future[None]] = []
        self.cancelled = 0

    async def call(self, flight: Flight[str]) -> None:
        self.flights.append(flight)
        self.ends.append(asyncio.get_running_loop().create_future())
        try:
            await self.ends[-1]
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def tick() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def rest(seat: Seat[str]) -> list[bytes]:
    pieces: list[bytes] = []
    while (piece := await seat.read()) is not None:
        pieces.append(piece)
    seat.leave()
    return pieces


def joined(calls: Coalescer[str], upstream: Upstream, receipt_id: str, at: Key | None = None) -> Seat[str]:
    seat = calls.join(at or key(), receipt_id, upstream.call)
    assert seat is not None
    return seat


def test_identical_requests_share_one_call_and_are_told_which_receipt_led() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        first, second = joined(calls, upstream, "r1"), joined(calls, upstream, "r2")
        await tick()
        upstream.flights[0].begin("200")
        upstream.flights[0].write(b"whole answer")
        upstream.ends[0].set_result(None)
        assert [await seat.head() for seat in (first, second)] == ["200", "200"]
        assert [await rest(seat) for seat in (first, second)] == [[b"whole answer"]] * 2
        assert [(seat.leads, seat.led_by) for seat in (first, second)] == [(True, "r1"), (False, "r1")]
        assert len(upstream.flights) == 1
        assert len(calls) == 0

    run_virtually(story())


@pytest.mark.parametrize("differs", ["tenant", "group", "endpoint", "digest", "headers"])
def test_requests_that_differ_in_anything_that_matters_never_share(differs: str) -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        other = key(**{differs: "other"}) if differs != "headers" else key(headers=(b"x",))  # type: ignore[arg-type]
        seats = [joined(calls, upstream, "r1"), joined(calls, upstream, "r2", other)]
        await tick()
        upstream.flights[0].begin("for acme")
        assert await seats[0].head() == "for acme"
        assert (seats[1].leads, len(upstream.flights)) == (True, 2)
        assert upstream.flights[1].head is None
        for seat in seats:
            seat.leave()
        await tick()

    run_virtually(story())


def test_who_joins_late_gets_what_has_come_and_then_what_comes() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        first = joined(calls, upstream, "r1")
        await tick()
        flight = upstream.flights[0]
        flight.begin("200")
        flight.write(b"one ")
        assert await first.read() == b"one "
        late = joined(calls, upstream, "r2")
        reading = asyncio.get_running_loop().create_task(rest(late))
        await tick()
        flight.write(b"two ")
        upstream.ends[0].set_result(None)
        assert await reading == [b"one ", b"two "]
        assert await rest(first) == [b"two "]

    run_virtually(story())


def test_a_call_goes_on_when_its_leader_leaves_and_ends_when_nobody_reads() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        leader, follower = joined(calls, upstream, "r1"), joined(calls, upstream, "r2")
        await tick()
        leader.leave()
        leader.leave()
        await tick()
        assert upstream.cancelled == 0
        upstream.flights[0].write(b"still here")
        assert await follower.read() == b"still here"
        follower.leave()
        assert len(calls) == 0
        again = joined(calls, upstream, "r3")
        assert again.leads
        await tick()
        assert (upstream.cancelled, len(upstream.flights)) == (1, 2)
        again.leave()
        await tick()

    run_virtually(story())


def test_a_call_that_fails_before_content_fails_for_all() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        seats = [joined(calls, upstream, f"r{n}") for n in range(3)]
        await tick()
        failure = UpstreamTimeout("too slow")
        upstream.ends[0].set_exception(failure)
        for seat in seats:
            with pytest.raises(UpstreamTimeout) as raised:
                await seat.head()
            assert raised.value is failure
            seat.leave()
        assert len(calls) == 0

    run_virtually(story())


def test_a_stream_that_breaks_gives_what_came_and_then_its_error() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        seat = joined(calls, upstream, "r1")
        await tick()
        upstream.flights[0].begin("200")
        upstream.flights[0].write(b"half")
        upstream.ends[0].set_exception(UpstreamTimeout("broke off"))
        await tick()
        assert await seat.read() == b"half"
        with pytest.raises(UpstreamTimeout):
            await seat.read()
        seat.leave()

    run_virtually(story())


def test_a_slow_reader_holds_nobody_and_is_cut_off_when_the_buffer_is_full() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](CoalesceSettings(max_buffer_bytes=1024)), Upstream()
        fast, slow = joined(calls, upstream, "r1"), joined(calls, upstream, "r2")
        pauses: list[bool] = []
        await tick()
        flight = upstream.flights[0]
        flight.on_pressure(pauses.append)
        for _ in range(1000):
            flight.write(b"x" * 100)
            assert await fast.read() == b"x" * 100
        assert pauses == []
        with pytest.raises(Unavailable, match="1024 bytes behind"):
            await slow.read()
        assert len(flight._pieces) <= 11
        upstream.ends[0].set_result(None)
        assert await rest(fast) == []

    run_virtually(story())


def test_a_call_is_slowed_down_when_even_its_fastest_reader_is_slow() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](CoalesceSettings(max_buffer_bytes=1024)), Upstream()
        seats = [joined(calls, upstream, "r1"), joined(calls, upstream, "r2")]
        pauses: list[bool] = []
        await tick()
        flight = upstream.flights[0]
        flight.on_pressure(pauses.append)
        for _ in range(11):
            flight.write(b"x" * 100)
        assert pauses == [True]
        flight.on_pressure(pauses.append)
        assert pauses.pop()
        for _ in range(6):
            await seats[0].read()
        assert pauses == [True, False]
        upstream.ends[0].set_result(None)
        assert [len(await rest(seat)) for seat in seats] == [5, 11]

    run_virtually(story())


def test_an_answer_larger_than_the_buffer_reaches_all_that_wait_for_it_but_is_joined_no_more() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](CoalesceSettings(max_buffer_bytes=1024)), Upstream()
        seats = [joined(calls, upstream, "r1"), joined(calls, upstream, "r2")]
        await tick()
        upstream.flights[0].write(b"x" * 5000)
        assert calls.join(key(), "r3", upstream.call) is None
        upstream.ends[0].set_result(None)
        assert [await rest(seat) for seat in seats] == [[b"x" * 5000]] * 2

    run_virtually(story())


def test_followers_and_calls_are_bounded() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](CoalesceSettings(max_followers=2, max_calls=2)), Upstream()
        seats = [joined(calls, upstream, f"r{n}") for n in range(3)]
        assert calls.join(key(), "r4", upstream.call) is None
        seats.append(joined(calls, upstream, "r5", key("bolt")))
        assert calls.join(key("core"), "r6", upstream.call) is None
        for seat in seats:
            seat.leave()
        await tick()

    run_virtually(story())


def test_a_call_that_forgets_to_answer_is_a_mistake_and_no_wait() -> None:
    async def story() -> None:
        calls, upstream = Coalescer[str](SETTINGS), Upstream()
        seat = joined(calls, upstream, "r1")
        await tick()
        upstream.ends[0].set_result(None)
        with pytest.raises(RuntimeError):
            await seat.head()
        seat.leave()

    run_virtually(story())


def test_only_headers_that_are_named_matter() -> None:
    headers = {b"x-mode": b"a", b"user-agent": b"sdk"}

    assert header_values(headers, ["X-Mode", "x-other"]) == (b"a", None)


class Shared(RuleBasedStateMachine):
    """Tenants that ask, read, leave and lose their calls in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.calls = Coalescer[str](CoalesceSettings(max_buffer_bytes=1024, max_followers=3, max_calls=3))
        self.upstream = Upstream()
        self.tenant_of: dict[str, str] = {}
        self.seats: list[tuple[str, Seat[str]]] = []
        self.got: dict[Seat[str], bytes] = {}
        self.written: dict[Flight[str], bytes] = {}
        self.next = 0

    def live(self) -> list[int]:
        return [n for n, end in enumerate(self.upstream.ends) if not end.done()]

    def within(self, action: object) -> None:
        self.loop.run_until_complete(action)  # type: ignore[arg-type]
        self.loop.settle()

    @rule(tenant=st.sampled_from(["acme", "bolt"]), digest=st.sampled_from(["d1", "d2"]))
    def ask(self, tenant: str, digest: str) -> None:
        async def asking() -> None:
            self.next += 1
            receipt_id = f"r{self.next}"
            self.tenant_of[receipt_id] = tenant
            seat = self.calls.join(key(tenant, digest=digest), receipt_id, self.upstream.call)
            if seat is not None:
                self.seats.append((tenant, seat))
                self.got[seat] = b""

        self.within(asking())

    @precondition(lambda self: self.live())
    @rule(data=st.data(), size=st.integers(1, 700))
    def bring(self, data: st.DataObject, size: int) -> None:
        flight = self.upstream.flights[data.draw(st.sampled_from(self.live()))]
        piece = bytes([len(self.written.get(flight, b"")) % 251]) * size
        self.written[flight] = self.written.get(flight, b"") + piece
        flight.write(piece)
        self.loop.settle()

    @precondition(lambda self: self.seats)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        tenant, seat = data.draw(st.sampled_from(self.seats))

        async def reading() -> None:
            try:
                async with asyncio.timeout(0):
                    self.got[seat] += await seat.read() or b""
            except (TimeoutError, Unavailable, UpstreamTimeout):
                pass

        self.within(reading())
        assert self.tenant_of[seat.led_by] == tenant
        assert self.written.get(seat._flight, b"").startswith(self.got[seat])

    @precondition(lambda self: self.seats)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.seats.pop(data.draw(st.integers(0, len(self.seats) - 1)))[1].leave()
        self.loop.settle()

    @precondition(lambda self: self.live())
    @rule(data=st.data(), fails=st.booleans())
    def end(self, data: st.DataObject, fails: bool) -> None:
        end = self.upstream.ends[data.draw(st.sampled_from(self.live()))]
        if fails:
            end.set_exception(UpstreamTimeout("too slow"))
        else:
            end.set_result(None)
        self.loop.settle()

    @invariant()
    def a_call_runs_while_somebody_reads_it_and_no_longer(self) -> None:
        running = [self.upstream.flights[n] for n in self.live()]
        assert len(running) == len(self.calls._tasks) <= 3
        assert all(1 <= len(flight.seats) <= 4 for flight in running)
        assert set(self.calls._flights.values()) <= set(running)

    def teardown(self) -> None:
        try:
            for _, seat in self.seats:
                seat.leave()
            self.loop.settle()
            assert len(self.calls) == len(self.calls._tasks) == 0
            assert not asyncio.all_tasks(self.loop)
        finally:
            self.loop.close()


TestShared = Shared.TestCase
TestShared.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
