"""The sandbox: the configured tiers, tried in order."""

import asyncio
from collections.abc import Mapping

from antiphon.core.sandbox import NO_FILES, Language, Ran, Sandbox, SandboxLimits
from antiphon.sandbox.bubblewrap import Bubblewrap
from antiphon.sandbox.landlock import Landlock
from antiphon.sandbox.monty import Monty
from antiphon.sandbox.probe import Probed, probe, probe_shell
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tier import Job, Missing, Tier


class Tiers(Sandbox):
    """Runs a program in the first tier that can. A tier that its self-test broke out of is never used."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._limits = settings.limits()
        self._named = tuple(dict.fromkeys(settings.tiers))
        self._concurrency = settings.concurrency
        self._turns = asyncio.Semaphore(settings.concurrency)
        self._probing = asyncio.Lock()
        self._tiers: list[Tier] | None = None
        self._probed: tuple[Probed, ...] = ()
        self._shells: dict[str, str] = {}
        """By tier: why it runs no shell; empty: it does."""

    async def probed(self) -> tuple[Probed, ...]:
        """What is known of each tier, in order; those behind `refuse` aren't looked at."""
        await self._usable()
        return self._probed

    async def run(
        self,
        code: str,
        *,
        language: Language = "python",
        stdin: str = "",
        files: Mapping[str, bytes] = NO_FILES,
        limits: SandboxLimits | None = None,
    ) -> Ran:
        tiers = await self._usable()
        job = Job(code=code, language=language, limits=limits or self._limits, stdin=stdin, files=files)
        best: Ran | None = None
        whys = [f"{one.tier}: {one.why}" for one in self._probed if one.why]
        async with self._turns:
            for tier in tiers:
                if language == "shell" and (why := await self._shell(tier)):
                    whys.append(f"{tier.name}: {why}")
                    continue
                try:
                    ran = await tier.run(job)
                except Missing as missing:
                    whys.append(f"{tier.name}: {missing}")
                    continue
                best = ran
                if tier.final(ran):
                    break
        return best if best is not None else Ran(tier="refuse", refused="; ".join(whys) or "code is refused here")

    async def close(self) -> None:
        """End what runs between programs."""
        tiers, self._tiers = self._tiers or [], None
        for tier in tiers:
            await tier.close()

    async def _shell(self, tier: Tier) -> str:
        """Why a tier runs no shell; found out once. Empty: it does."""
        async with self._probing:
            if tier.name not in self._shells:
                self._shells[tier.name] = await probe_shell(tier)
        return self._shells[tier.name]

    async def _usable(self) -> list[Tier]:
        async with self._probing:
            if self._tiers is None:
                found: list[Tier] = []
                told: list[Probed] = []
                for tier in self._made():
                    one = await probe(tier)
                    told.append(one)
                    if one.why:
                        await tier.close()
                    else:
                        found.append(tier)
                self._tiers, self._probed = found, tuple(told)
        return self._tiers

    def _made(self) -> list[Tier]:
        made: list[Tier] = []
        for name in self._named:
            if name == "refuse":
                break
            if name == "monty":
                made.append(Monty(concurrency=self._concurrency, wall_s=self._limits.wall_s))
            else:
                made.append(Bubblewrap() if name == "bubblewrap" else Landlock())
        return made
