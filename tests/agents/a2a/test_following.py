"""Tasks of remote agents followed by their streams: a2a-sdk's server in both bindings and in 0.3."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from a2a_peer import Heard, peer
from msgspec import structs
from remotes import Far, context, far

from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.tool import ToolContext

FACES = ["rpc", "rest", "old"]
Told = list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Heard]]:
    with peer() as found:
        yield found


@pytest.fixture(autouse=True)
def quiet(server: tuple[str, Heard]) -> Iterator[None]:
    server[1].heads.clear()
    server[1].go_on.clear()
    yield
    server[1].go_on.set()
    server[1].cuts, server[1].down = 0, False


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Far]:
    async with far(tmp_path / "gateway") as found:
        yield found


def watched(seconds: float = 20.0) -> tuple[ToolContext, Told]:
    """A context, and what is told of whoever is asked in it."""
    told: Told = []
    return structs.replace(context(seconds=seconds), heard=lambda *news: told.append(news)), told


@pytest.mark.parametrize("face", FACES)
async def test_news_of_a_task_are_told_while_it_runs_and_nobody_looks_meanwhile(
    server: tuple[str, Heard], place: Far, face: str
) -> None:
    given, told = watched()
    going = asyncio.create_task(place.remotes(f"{server[0]}/{face}").ask("echo", "slow", None, given))
    async with asyncio.timeout(10):
        while ("a2a/echo", "working", "half done") not in told:
            await asyncio.sleep(0.01)
    assert not going.done()
    assert len(server[1].heads) == 2  # the card, and the stream
    server[1].go_on.set()
    assert (await going).text == "echo: slow"
    assert told[-1] == ("a2a/echo", "completed", "")
    assert len(server[1].heads) == 3  # and the task as it came out


@pytest.mark.parametrize("face", FACES)
async def test_a_stream_that_breaks_off_is_taken_up_again(server: tuple[str, Heard], place: Far, face: str) -> None:
    server[1].cuts = 3
    given, told = watched()
    going = asyncio.create_task(place.remotes(f"{server[0]}/{face}").ask("echo", "slow", None, given))
    async with asyncio.timeout(10):
        while server[1].cuts:
            await asyncio.sleep(0.01)
    server[1].go_on.set()
    result = await going
    assert (result.text, result.failed) == ("echo: slow", "")
    assert told[-1][1] == "completed"
    assert (
        len([one for one in server[1].heads if one[1].endswith((":subscribe", "/rpc"))]) >= 2
    )  # each that was cut, taken up again
    assert place.house.receipt.outcome == "ok"


@pytest.mark.parametrize("face", ["boasts-rpc", "boasts-rest", "polled"])
async def test_one_that_does_not_stream_is_looked_at(server: tuple[str, Heard], place: Far, face: str) -> None:
    server[1].go_on.set()
    given, told = watched()
    result = await place.remotes(f"{server[0]}/{face}").ask("echo", "slow", None, given)
    assert (result.text, result.failed) == ("echo: slow", "")
    assert told[-1][1] == "completed"


async def test_a_stream_ends_with_the_time_of_the_task(server: tuple[str, Heard], place: Far) -> None:
    result = await place.remotes(f"{server[0]}/rest", timeout_s=0.4).ask("echo", "slow", None, context())
    assert (result.failed, result.unknown) == ("timeout", True)
    assert server[1].heads[-1][1].endswith(":cancel")


async def test_one_that_only_answers_that_it_is_broken_is_left_alone(server: tuple[str, Heard], place: Far) -> None:
    given = place.remotes(f"{server[0]}/rpc", breaker=BreakerSettings(consecutive_failures=2))
    await given.look()
    server[1].down = True
    first = [(await given.ask("echo", "x", None, context(str(number)))).failed for number in range(3)]
    assert first[-1] == "unavailable"
    assert not given.healthy("echo")
