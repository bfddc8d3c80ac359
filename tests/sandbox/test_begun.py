"""Processes are begun whole or not at all, on the loop that workers run on."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest
import uvloop

from antiphon.sandbox.begun import begun, ended


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())


@pytest.mark.parametrize("turns", range(8))
def test_whoever_stops_waiting_while_a_process_is_begun_leaves_none(turns: int) -> None:
    before = children()

    async def left() -> None:
        beginning = asyncio.ensure_future(begun("sleep", "600", stdin=DEVNULL, stdout=PIPE))
        for _ in range(turns):
            await asyncio.sleep(0)
        beginning.cancel()
        (process,) = await asyncio.gather(beginning, return_exceptions=True)
        if isinstance(process, asyncio.subprocess.Process):
            await ended(process)

    uvloop.run(left())

    assert children() <= before


def test_what_it_began_itself_is_ended_with_it_and_its_pipes_are_closed() -> None:
    async def run() -> int | None:
        process = await begun("sh", "-c", "sleep 600 & echo begun; wait", stdin=DEVNULL, stdout=PIPE)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"begun\n"
        await ended(process)
        assert process.stdout.at_eof()
        return process.returncode

    assert uvloop.run(run()) == -9
