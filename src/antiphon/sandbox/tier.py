"""One way to keep a program in."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from msgspec import Struct

from antiphon.core.sandbox import Language, Ran, SandboxLimits, SandboxTier


class Job(Struct, frozen=True, kw_only=True):
    """A program that is to run."""

    code: str
    limits: SandboxLimits
    language: Language = "python"
    stdin: str = ""
    files: Mapping[str, bytes] = {}


class Missing(Exception):
    """A tier can't be used here; the text says what it lacks."""


class Tier(ABC):
    """Runs programs in one way."""

    name: SandboxTier

    @abstractmethod
    async def run(self, job: Job) -> Ran:
        """Run a program. Raises: Missing."""

    @abstractmethod
    def final(self, ran: Ran) -> bool:
        """Whether what came of a run is the program's own doing; else another tier may get further."""

    async def close(self) -> None:  # noqa: B027 - most tiers keep nothing
        """Let go of what runs between programs."""
