"""Programs that the kernel's rules for one process keep in: files by Landlock, system calls by seccomp."""

import ctypes
import sys
from pathlib import Path

from antiphon.core.sandbox import Ran, SandboxTier
from antiphon.sandbox import process
from antiphon.sandbox.interpreter import command
from antiphon.sandbox.tier import Job, Missing, Tier

_CREATE_RULESET, _ASK_VERSION = 444, 1


def version() -> int:
    """The version of Landlock that the kernel knows; 0: none."""
    if sys.platform != "linux":
        return 0
    found: int = ctypes.CDLL(None).syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    return max(found, 0)


class Landlock(Tier):
    """A process that gave up its rights before the program begins. It reads its files, and writes to its pipes alone."""

    name: SandboxTier = "landlock"

    async def run(self, job: Job) -> Ran:
        if job.language != "python":
            raise Missing("it begins no other programs")
        found = version()
        if not found:
            raise Missing("this kernel has no Landlock (Linux 5.13 has, where it is switched on)")

        def around(handed: list[str], _: Path) -> list[str]:
            return command(int(handed[0]))

        return await process.run(self.name, job, None, around, landlock=found)

    def final(self, ran: Ran) -> bool:
        return True
