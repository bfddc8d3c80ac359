"""Processes that are begun whole or not at all, and that leave nothing behind when they are ended."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from typing import Any

_PIECE_BYTES = 65_536
_PIPES_S = 2.0
"""How long pipes may stay open once their process is gone: one that left its group may hold them."""


async def begun(*command: str, **how: Any) -> Process:
    """The leader of a session and a group of its own, else as `asyncio.create_subprocess_exec` begins it.

    Whoever stops waiting meanwhile leaves none. Raises: OSError.
    """
    beginning = asyncio.ensure_future(asyncio.create_subprocess_exec(*command, start_new_session=True, **how))
    try:
        return await asyncio.shield(beginning)
    except asyncio.CancelledError:  # half begun it can't be ended: what it has begun itself would stay
        with contextlib.suppress(OSError):
            await ended(await beginning)
        raise


def kill(process: Process) -> None:
    """End a process and all of its group. One that was waited for has none any more."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def ended(process: Process) -> None:
    """End it; it has been waited for, and its pipes are closed, when this returns. Nobody else may read them."""
    kill(process)
    await process.wait()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        if process.stdin is not None:
            process.stdin.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PIPES_S):
            for pipe in (process.stdout, process.stderr):
                while pipe is not None and await pipe.read(_PIECE_BYTES):
                    pass
