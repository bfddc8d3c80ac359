import asyncio

import pytest
from fakes.loop import run_virtually

from antiphon.calls.admission import Admission
from antiphon.calls.deadline import Deadline
from antiphon.calls.settings_flow import AdmissionSettings, LimitSettings
from antiphon.calls.turn import take_turn
from antiphon.core.error import AntiphonError, DeadlineExceeded, OverLimit

FULL = LimitSettings(start=1, min=1, max=1)


def limited(at_s: float, head_at_s: float | None = None) -> Deadline:
    return Deadline(at_s=at_s, bound="route", allowed_s=at_s, head_at_s=head_at_s)


@pytest.mark.parametrize(
    ("limit", "begun", "told", "ended_s"),
    [
        (limited(5.0), False, DeadlineExceeded, 5.0),
        (limited(9.0, head_at_s=2.0), False, DeadlineExceeded, 2.0),
        (limited(5.0, head_at_s=2.0), True, DeadlineExceeded, 5.0),
        (limited(60.0), False, OverLimit, 8.0),
        (limited(0.0), False, DeadlineExceeded, 0.0),
    ],
    ids=["its deadline", "its head's", "it has its head", "the room's bound", "it came too late"],
)
def test_a_wait_ends_with_the_soonest_bound_and_says_whose_it_was(
    limit: Deadline, begun: bool, told: type[AntiphonError], ended_s: float
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        gate = Admission(AdmissionSettings(limit=FULL, max_wait_s=8), {"small": None}).gate("small")
        assert gate.try_enter("acme")

        with pytest.raises(AntiphonError) as caught:
            await take_turn(gate, "acme", "normal", limit, loop.time, begun=begun)

        assert type(caught.value) is told
        assert (loop.time(), gate.waiting, gate.in_flight) == (ended_s, 0, 1)

    run_virtually(story())


def test_a_full_room_refuses_at_once_whatever_time_is_left() -> None:
    async def story() -> None:
        gate = Admission(AdmissionSettings(limit=FULL, room=0), {"small": None}).gate("small")
        assert gate.try_enter("acme")

        with pytest.raises(OverLimit, match="wait already"):
            await take_turn(gate, "acme", "normal", limited(5.0), asyncio.get_running_loop().time)

    run_virtually(story())


def test_who_has_its_turn_holds_a_slot() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        gate = Admission(AdmissionSettings(limit=FULL), {"small": None}).gate("small")
        assert gate.try_enter("acme")
        loop.call_later(1.0, gate.leave, "acme")

        await take_turn(gate, "other", "normal", limited(5.0), loop.time)

        assert (loop.time(), dict(gate.held)) == (1.0, {"other": 1})

    run_virtually(story())
