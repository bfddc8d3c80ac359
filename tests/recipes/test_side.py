import asyncio

import pytest
from scripted_calls import play

from antiphon.recipes.side import side_by_side


async def after(seconds: float, value: int, running: list[int] | None = None) -> int:
    if running is not None:
        running[0] += 1
        running[1] = max(running)
    await asyncio.sleep(seconds)
    if running is not None:
        running[0] -= 1
    return value


def test_results_stand_in_the_order_of_the_work() -> None:
    assert play(side_by_side([lambda: after(3, 1), lambda: after(1, 2), lambda: after(2, 3)])) == [1, 2, 3]


def test_so_many_run_at_once() -> None:
    running = [0, 0]
    play(side_by_side([lambda: after(1, 1, running)] * 5, 2))

    assert running == [0, 2]


def test_what_the_first_raises_is_raised_after_the_others_have_ended() -> None:
    ended: list[str] = []

    async def slow() -> int:
        try:
            await asyncio.sleep(99)
        finally:
            ended.append("slow")
        return 0

    async def fails() -> int:
        await asyncio.sleep(1)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        play(side_by_side([slow, fails]))
    assert ended == ["slow"]


def test_no_work_has_no_results() -> None:
    assert play(side_by_side([])) == []
