"""Running code that nobody vouches for: kept from files, network and other processes, within limits."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Language = Literal["python", "shell"]
"""`shell`: a program for `sh`, which may begin others; only namespaces keep it in."""
SandboxTier = Literal["monty", "bubblewrap", "landlock", "refuse"]
"""What keeps the code in: an interpreter that knows no system at all; namespaces; the kernel's rules for one process;
nothing, so that no code runs.
"""
NO_FILES: Mapping[str, bytes] = MappingProxyType({})


class SandboxLimits(Struct, frozen=True, gc=False, kw_only=True):
    """The most that one run may use. There is no network, whatever the limits."""

    cpu_s: float = 2.0
    wall_s: float = 5.0
    memory_bytes: int = 268_435_456
    """Of a shell's program: four times that, for all of its processes together."""
    output_bytes: int = 65_536
    """Of stdout and of stderr, each; what is more is cut off."""


class Ran(Struct, frozen=True, gc=False, kw_only=True):
    """What a run gave."""

    tier: SandboxTier
    exit: int | None = None
    """0: it came to its end. None: it was stopped, or didn't run."""
    stdout: str = ""
    stderr: str = ""
    timed_out: bool = False
    """The CPU or wall time was over."""
    took_s: float = 0.0
    refused: str = ""
    """Why it didn't run; empty: it did."""


class Sandbox(ABC):
    """Runs code. Each run begins anew: nothing of an earlier one is left."""

    @abstractmethod
    async def run(
        self,
        code: str,
        *,
        language: Language = "python",
        stdin: str = "",
        files: Mapping[str, bytes] = NO_FILES,
        limits: SandboxLimits | None = None,
    ) -> Ran:
        """Run a program. Never raises for what the program does.

        Args:
            files: Put into its working directory, by name without folders; it sees no others.
            limits: None: the configuration's.
        Raises: asyncio.CancelledError; the program has then been stopped.
        """
