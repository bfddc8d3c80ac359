"""Whether programs can be kept in on this machine."""

import asyncio
import os

import pytest

from antiphon.agents.mcp.document import ProgramSandbox
from antiphon.sandbox.enclosure import Enclosure, Reach
from antiphon.sandbox.tier import Missing


@pytest.fixture(scope="session")
def not_kept_in() -> str:
    """Why they can't be; empty: they can."""
    try:
        asyncio.run(Enclosure().around(["true"], "/tmp", Reach(), os.defpath))  # noqa: S108 - nothing is begun
    except Missing as missing:
        return str(missing)
    return ""


@pytest.fixture(scope="session")
def usual(not_kept_in: str) -> ProgramSandbox:
    """The default, where that is to be had: for tests that are about something else."""
    return ProgramSandbox(tier="none") if not_kept_in else ProgramSandbox()
