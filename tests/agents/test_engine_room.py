"""Who may run in a process: places, those that need none, and those that are held."""

import asyncio

import pytest

from antiphon.agents.engine.room import Room


class Crowd:
    """Segments that enter one after the other."""

    def __init__(self, room: Room, count: int) -> None:
        self.room, self.inside = room, list[int]()
        self.tasks = [asyncio.ensure_future(self._enter(number)) for number in range(count)]

    async def _enter(self, number: int) -> None:
        await self.room.enter()
        self.inside.append(number)


async def turns() -> None:
    """Until all that can go on has."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_nothing_enters_before_it_is_known_what_was_left_over() -> None:
    room = Room(2)
    crowd = Crowd(room, 3)
    await turns()
    assert crowd.inside == []
    room.hold(0.0)
    await asyncio.wait_for(asyncio.gather(*crowd.tasks[:2]), 5)
    await turns()
    assert crowd.inside == [0, 1]
    room.leave()
    await turns()
    assert crowd.inside == [0, 1, 2]


async def test_what_was_taken_over_goes_before_what_waits_and_over_the_bound() -> None:
    room = Room(2)
    room.hold(0.0)
    first = Crowd(room, 2)
    await asyncio.wait_for(asyncio.gather(*first.tasks), 5)
    room.press()
    crowd = Crowd(room, 1)
    await turns()
    room.leave()
    await turns()
    assert crowd.inside == [], "one more than may be was in it"
    room.leave()
    await turns()
    assert crowd.inside == [0]


async def test_places_that_are_held_are_kept_for_their_time() -> None:
    room = Room(1)
    room.hold(0.0)
    room.hold(30.0)
    crowd = Crowd(room, 1)
    await turns()
    assert crowd.inside == []
    room.press()
    room.hold(0.0)
    await turns()
    assert crowd.inside == [], "it is taken"
    room.leave()
    await asyncio.wait_for(crowd.tasks[0], 5)


async def test_who_gives_up_leaves_the_place_to_the_next() -> None:
    room = Room(1)
    room.hold(0.0)
    await asyncio.wait_for(room.enter(), 5)
    crowd = Crowd(room, 3)
    await turns()
    crowd.tasks[0].cancel()
    room.leave()
    crowd.tasks[1].cancel()
    await turns()
    assert crowd.inside == [2]


async def test_who_waits_when_the_process_stops_is_cancelled() -> None:
    room = Room(1)
    crowd = Crowd(room, 1)
    await turns()
    room.close()
    with pytest.raises(asyncio.CancelledError):
        await crowd.tasks[0]
