"""Whether a request may go to an upstream now, waits for it, or is refused at once.

Each upstream has a `Gate`: a limit that adapts (`limit.py`) and a waiting room (`lanes.py`). The worker has one
`Bulkhead`: the most that is in flight at all. A part of it is set apart, so many for each upstream; the rest is common.
A hung upstream can fill its own part and the common one, never another's.

A slot that becomes free is handed to a waiter in the call that freed it. So while a slot is free, whoever waits may not
have it (its tenant holds its share), and a newcomer that finds one free overtakes nobody.

A request that can't have its turn before its deadline is refused when it comes rather than when it is too late. Its
wait is estimated by Little's law: turns before it, times the mean time that a slot is held, over the limit. While
nothing has been measured nothing is refused for it.
"""

import asyncio
from collections.abc import Mapping

from antiphon.calls.lanes import Room, Waiter
from antiphon.calls.limit import Limit, Sign
from antiphon.calls.settings_flow import AdmissionSettings
from antiphon.core.error import OverLimit
from antiphon.core.principal import Lane

_SMOOTHING = 0.05
"""Weight of one answer in the mean time that a slot is held."""
_LEAST_RETRY_S = 1.0


class Bulkhead:
    """What is in flight over all upstreams of one worker."""

    __slots__ = ("blocked", "free")

    def __init__(self) -> None:
        self.free = 0
        """Slots of the common part; below 0 while more run on it than a new arrangement gives it."""
        self.blocked: dict[Gate, None] = {}
        """Gates whose waiters lack a common slot alone; the one that has waited longest first."""

    def serve(self) -> None:
        """Hand free common slots to the gates that wait for one, in turn."""
        while self.free > 0 and self.blocked:
            gate = next(iter(self.blocked))
            del self.blocked[gate]
            if gate.serve_one() and gate.waiting:
                self.blocked[gate] = None


class Gate:
    """The way into one upstream, for one worker."""

    __slots__ = (
        "_bulkhead",
        "_held",
        "_mean_s",
        "_reserved",
        "_room",
        "_settings",
        "_tenant_most",
        "adaptive",
        "in_flight",
        "limit",
        "name",
    )

    def __init__(self, name: str, settings: AdmissionSettings, limit: Limit, bulkhead: Bulkhead, reserved: int) -> None:
        self.name = name
        self.in_flight = 0
        self.limit = 0
        """What may run now."""
        self._bulkhead = bulkhead
        self._held: dict[str, int] = {}
        self._mean_s = 0.0
        self._room = _furnished(settings, None)
        self.arrange(settings, limit, reserved)

    @property
    def waiting(self) -> int:
        return self._room.count

    @property
    def held(self) -> Mapping[str, int]:
        """Requests that run, by tenant."""
        return self._held

    @property
    def common(self) -> int:
        """Requests that run on the bulkhead's common part."""
        return max(0, self.in_flight - self._reserved)

    def arrange(self, settings: AdmissionSettings, limit: Limit, reserved: int) -> None:
        """Go on under other settings; who waits goes on waiting."""
        self._room = _furnished(settings, self._room)
        self._settings = settings
        self.adaptive = limit
        self._reserved = reserved
        self._adopt()

    def try_enter(self, tenant: str) -> bool:
        """Take a slot without waiting. Each slot taken is given back by `leave`, once."""
        running = self.in_flight
        if running >= self.limit:
            return False
        held = self._held.get(tenant, 0)
        if held >= self._tenant_most:
            return False
        if running >= self._reserved:
            if self._bulkhead.free <= 0:
                return False
            self._bulkhead.free -= 1
        self._held[tenant] = held + 1
        self.in_flight = running + 1
        return True

    async def enter(self, tenant: str, lane: Lane = "normal", *, deadline_s: float, now_s: float) -> None:
        """Take a slot, in turn.

        Args:
            deadline_s: When the request must be over, seconds on the steady clock, as is `now_s`.
        Raises: OverLimit, with `retry_after_s`: the room is full, the turn would come too late, or did not come in time.
        """
        if self.try_enter(tenant):
            return
        loop = asyncio.get_running_loop()
        waiter = Waiter(tenant, lane, loop.create_future())
        self._admit(waiter, deadline_s - now_s)
        patience_s = min(deadline_s - now_s, self._settings.max_wait_s)
        timer = loop.call_later(patience_s, self._expire, waiter, patience_s)
        try:
            await waiter.turn
        except BaseException:
            if waiter.granted:
                self.leave(tenant)
            raise
        finally:
            timer.cancel()
            self._room.remove(waiter)

    def leave(self, tenant: str, took_s: float | None = None) -> None:
        """Give a slot back; `took_s` is how long it was held, None when that says nothing.

        Raises: KeyError when the tenant holds none.
        """
        held = self._held[tenant] - 1
        if held:
            self._held[tenant] = held
        else:
            del self._held[tenant]
        running = self.in_flight
        self.in_flight = running - 1
        if took_s is not None:
            mean_s = self._mean_s
            self._mean_s = mean_s + (took_s - mean_s) * _SMOOTHING if mean_s else took_s
        bulkhead = self._bulkhead
        if running > self._reserved:
            bulkhead.free += 1
        if self._room.count or bulkhead.blocked:
            self._pass_on()

    def learn(self, sign: Sign, first_token_s: float | None, *, now_s: float) -> None:
        """Let the limit follow what an answer says of the upstream's load."""
        self.adaptive.learn(sign, first_token_s, running=self.in_flight, now_s=now_s)
        if self.adaptive.value != self.limit:
            self._adopt()
            if self._room.count:
                self._pass_on()

    def wait_s(self, tenant: str, lane: Lane) -> float:
        """About how long a newcomer would wait, seconds; 0 while nothing is measured."""
        return (self._room.ahead(tenant, lane) + 1) * self._mean_s / self._slots()

    def serve_one(self) -> bool:
        """Hand a free slot to who is next. Returns: whether there was one and somebody took it."""
        while self._room.count and self.in_flight < self.limit:
            common = self.in_flight >= self._reserved
            if common and self._bulkhead.free <= 0:
                self._bulkhead.blocked[self] = None
                return False
            waiter = self._room.take(self._held, self._tenant_most)
            if waiter is None:
                return False
            if waiter.turn.done():
                continue
            self._bulkhead.free -= common
            self._held[waiter.tenant] = self._held.get(waiter.tenant, 0) + 1
            self.in_flight += 1
            waiter.granted = True
            waiter.turn.set_result(None)
            return True
        return False

    def serve(self) -> None:
        """Hand out what is free; a contested common slot goes in turn."""
        self._pass_on()

    def _pass_on(self) -> None:
        bulkhead = self._bulkhead
        if bulkhead.blocked:
            if self._room.count and self.in_flight >= self._reserved:
                bulkhead.blocked.setdefault(self)
            bulkhead.serve()
        while self.serve_one():
            pass

    def _slots(self) -> int:
        """How many run at once while it is full: fewer than the limit when the bulkhead is what is full."""
        return max(1, min(self.limit, self.in_flight))

    def _adopt(self) -> None:
        self.limit = self.adaptive.value
        self._tenant_most = max(1, int(self.limit * self._settings.tenant_share))

    def _admit(self, waiter: Waiter, left_s: float) -> None:
        """Let it wait, or refuse it or who gives way to it. Raises: OverLimit."""
        room, settings = self._room, self._settings
        wait_s = self.wait_s(waiter.tenant, waiter.lane)
        if wait_s >= left_s:
            raise self._refusal(
                f"its turn would come in about {wait_s:.1f} s, and its deadline in {max(0, left_s):.1f} s"
            )
        if wait_s > settings.max_wait_s:
            raise self._refusal(
                f"its turn would come in about {wait_s:.1f} s, and none waits over {settings.max_wait_s:g} s"
            )
        if room.count >= settings.room:
            other = room.gives_way(waiter.tenant, waiter.lane)
            if other is None:
                raise self._refusal(f"{room.count} wait already, as many as may")
            room.remove(other)
            if not other.turn.done():
                other.turn.set_exception(self._refusal(f"{settings.room} wait, as many as may, and this gave way"))
        room.add(waiter)
        if self._reserved <= self.in_flight < self.limit and self._bulkhead.free <= 0:
            self._bulkhead.blocked.setdefault(self)

    def _expire(self, waiter: Waiter, patience_s: float) -> None:
        self._room.remove(waiter)
        if not waiter.turn.done():
            waiter.turn.set_exception(self._refusal(f"its turn did not come within {patience_s:.1f} s"))

    def _refusal(self, why: str) -> OverLimit:
        drain_s = (self._room.count + 1) * self._mean_s / self._slots()
        return OverLimit(
            f"{self.name} runs {self.in_flight} requests of this worker, as many as it takes now; {why}",
            retry_after_s=max(_LEAST_RETRY_S, drain_s),
        )


def _furnished(settings: AdmissionSettings, before: Room | None) -> Room:
    turns: dict[Lane, int] = {"high": settings.high, "normal": settings.normal, "low": settings.low}
    return Room(settings.room, turns, settings.weights, before)


class Admission:
    """Every gate of one worker."""

    def __init__(self, settings: AdmissionSettings, upstreams: Mapping[str, int | None]) -> None:
        """`upstreams`: each deployment's name and its own most (`concurrency`)."""
        self._bulkhead = Bulkhead()
        self._gates: dict[str, Gate] = {}
        self._leaving: list[Gate] = []
        self.arrange(settings, upstreams)

    def gate(self, name: str) -> Gate:
        """The way into one upstream. Raises: KeyError when it isn't arranged."""
        return self._gates[name]

    def arrange(self, settings: AdmissionSettings, upstreams: Mapping[str, int | None]) -> None:
        """Take a new revision's upstreams and settings; what runs and waits goes on, also where an upstream left."""
        part = int(settings.max_in_flight * settings.reserved / len(upstreams)) if upstreams else 0
        before, self._gates = self._gates, {}
        common = settings.max_in_flight
        for name, most in upstreams.items():
            gate, limit = before.pop(name, None), Limit(settings.limit, most=most)
            if gate is not None and gate.adaptive.settings == settings.limit and gate.adaptive.most == limit.most:
                limit = gate.adaptive
            reserved = min(part, limit.most)
            common -= reserved
            if gate is None:
                gate = Gate(name, settings, limit, self._bulkhead, reserved)
            else:
                gate.arrange(settings, limit, reserved)
            self._gates[name] = gate
        for gate in before.values():
            gate.arrange(settings, gate.adaptive, 0)
        self._leaving = [gate for gate in (*self._leaving, *before.values()) if gate.in_flight or gate.waiting]
        everywhere = (*self._gates.values(), *self._leaving)
        self._bulkhead.free = common - sum(gate.common for gate in everywhere)
        for gate in everywhere:
            gate.serve()
