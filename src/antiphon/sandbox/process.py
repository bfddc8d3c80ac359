"""Programs in a process of their own that is already kept in: `inner.py`, its time, and what it writes."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from antiphon.core.sandbox import Ran, SandboxTier
from antiphon.sandbox import seccomp
from antiphon.sandbox.begun import begun, ended, kill
from antiphon.sandbox.inner import BEGUN
from antiphon.sandbox.interpreter import library, programs
from antiphon.sandbox.tier import Job, Missing

_PIECE_BYTES = 65_536
_FILE_BYTES = 16_777_216
"""Longest file that a program may write, where it may write."""

PROCESSES = 16
"""Most processes of a shell's program at once."""
NOBODY = 65_534

Around = Callable[[list[str], Path], list[str]]
"""Puts a command into what keeps it in. Given: the command, and the folder of the program's files."""


class _Written:
    """What a process writes to one pipe, up to a most."""

    def __init__(self, most_bytes: int) -> None:
        self.text = bytearray()
        self._most = most_bytes

    async def take(self, stream: asyncio.StreamReader, too_much: Callable[[], None]) -> None:
        while piece := await stream.read(_PIECE_BYTES):
            left = self._most - len(self.text)
            self.text += piece[:left]
            if len(piece) > left:
                too_much()
                return

    def __str__(self) -> str:
        return self.text.decode("utf-8", "replace")


class Inside(Struct, frozen=True, kw_only=True):
    """How a program's surroundings look to itself."""

    folder: str
    """Its working directory."""
    writes: bool
    """It may write there."""


def system_calls(*, begins: bool = False) -> bytes:
    """The filter for this machine; `begins`: for a shell. Raises: Missing."""
    found = seccomp.program(os.uname().machine, begins=begins)
    if found is None:
        raise Missing(f"no list of system calls for {os.uname().machine}")
    return found


async def run(tier: SandboxTier, job: Job, inside: Inside | None, around: Around, *, landlock: int) -> Ran:
    """Run a program in a process of its own.

    Args:
        inside: None: its folder is that of its files, where it writes nothing.
        landlock: The version of Landlock to keep it in with; 0: none.
    Raises: Missing, when the program didn't begin.
    """
    shell = job.language == "shell"
    filtered = system_calls(begins=shell)
    with TemporaryDirectory(prefix="antiphon-sandbox-") as folder:
        place = Path(folder)
        for name, content in job.files.items():
            if not name or Path(name).name != name:
                raise ValueError(f"{name!r} is no name of a file without folders")
            (place / name).write_bytes(content)
        if shell and os.geteuid() == 0:
            _give(place)
        inside = inside or Inside(folder=folder, writes=False)
        handed = _handed(job, inside, filtered, landlock)
        try:
            command = around([str(handed)], place)
            return await _ran(tier, job, command, handed)
        finally:
            os.close(handed)


def _give(place: Path) -> None:
    """Have a folder and its files belong to nobody: root's processes are not counted, so a shell is nobody's instead."""
    for path in (place, *place.iterdir()):
        os.chown(path, NOBODY, NOBODY)


def _handed(job: Job, inside: Inside, filtered: bytes, landlock: int) -> int:
    """A file in memory that tells `inner.py` what to do."""
    told = {
        "code": job.code,
        "cpu_s": job.limits.cpu_s,
        "memory_bytes": job.limits.memory_bytes,
        "file_bytes": _FILE_BYTES if inside.writes else len(BEGUN),
        "readable": [*library(), *(programs() if job.language == "shell" else ())],
        "shell": job.language == "shell",
        "processes": PROCESSES,
        "folder": inside.folder,
        "writes": inside.writes,
        "filter": base64.b64encode(filtered).decode(),
        "landlock": landlock,
    }
    handed = os.memfd_create("program", os.MFD_CLOEXEC)
    os.write(handed, json.dumps(told).encode())
    os.lseek(handed, 0, os.SEEK_SET)
    return handed


async def _ran(tier: SandboxTier, job: Job, command: Sequence[str], handed: int) -> Ran:
    began_s = time.monotonic()
    process = await _begun(command, handed, nobody=job.language == "shell" and os.geteuid() == 0)

    def end() -> None:
        kill(process)

    out, err = _Written(job.limits.output_bytes), _Written(job.limits.output_bytes)
    timed_out = False
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        async with asyncio.timeout(job.limits.wall_s):
            await asyncio.gather(
                _feed(process, job.stdin), out.take(process.stdout, end), err.take(process.stderr, end)
            )
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        end()
        await asyncio.shield(ended(process))
    code = process.returncode
    if not timed_out and os.pread(handed, len(BEGUN), 0) != BEGUN:
        raise Missing(str(err).strip()[-300:] or "it ended before the program began")
    stopped = code is None or code < 0 or code > 128
    return Ran(
        tier=tier,
        exit=None if stopped else code,
        stdout=str(out),
        stderr=str(err),
        timed_out=timed_out or code in (-signal.SIGXCPU, 128 + signal.SIGXCPU),
        took_s=time.monotonic() - began_s,
    )


async def _begun(command: Sequence[str], handed: int, *, nobody: bool) -> asyncio.subprocess.Process:
    """A process that was begun; nothing in it can leave its group. Raises: Missing."""
    try:
        return await begun(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={},
            cwd="/",
            pass_fds=(handed,),
            user=NOBODY if nobody else None,
            group=NOBODY if nobody else None,
            extra_groups=() if nobody else None,
        )
    except OSError as error:
        raise Missing(f"{command[0]} can't be started: {error.strerror}") from None


async def _feed(process: asyncio.subprocess.Process, text: str) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode("utf-8", "replace"))
        await process.stdin.drain()
    process.stdin.close()
