"""Whether programs that models wrote can be run here, and what keeps them in."""

from collections.abc import Sequence

from antiphon.cli.checks.finding import Finding, note, ok, wrong
from antiphon.config.settings import Settings
from antiphon.sandbox.probe import Probed
from antiphon.sandbox.tiers import Tiers

ABOUT = "sandbox"


async def sandbox(settings: Settings) -> list[Finding]:
    """Findings of the tiers: each is given a program that tries to get out. Where no recipe runs programs, nothing is."""
    tested = [
        name
        for name, recipe in settings.recipes.items()
        if recipe.contract is not None and recipe.contract.code is not None and recipe.contract.code.tests
    ]
    if not tested:
        return []
    tiers = Tiers(settings.sandbox)
    try:
        return told(await tiers.probed(), tested)
    finally:
        await tiers.close()


def told(probed: Sequence[Probed], tested: Sequence[str]) -> list[Finding]:
    """What was found of the tiers. `tested`: recipes whose contracts run programs."""
    missing = [note(ABOUT, f"{one.tier} isn't used: {one.why}") for one in probed if one.why]
    used = [one for one in probed if not one.why]
    if not used:
        remedy = "install bubblewrap, or antiphon[sandbox], or run Linux 5.13 or newer"
        return [*missing, wrong(ABOUT, f"no tier keeps programs in, which {', '.join(tested)} would run", remedy)]
    return [ok(ABOUT, f"{', '.join(one.tier for one in used)} keep programs in"), *missing]
