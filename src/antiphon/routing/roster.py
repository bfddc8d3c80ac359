"""Who there is to be asked, and groups of them as settings name them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.core.plan import Candidate

LAB = "lab"


class Group(Struct, frozen=True, kw_only=True):
    """Candidates that are named together."""

    deployments: tuple[Deployment, ...]
    """Those that can be asked, in the order in which they are named."""
    lost: tuple[Candidate, ...] = ()
    """The others, and why not."""

    names: tuple[str, ...] = ()
    """Of those that can be asked."""
    candidates: tuple[Candidate, ...] = ()
    """All of them, as a plan has them: first those that can be asked."""


def grouped(deployments: tuple[Deployment, ...], lost: tuple[Candidate, ...] = ()) -> Group:
    """A group of these."""
    names = tuple(one.name for one in deployments)
    return Group(
        deployments=deployments,
        lost=lost,
        names=names,
        candidates=(*(Candidate(deployment=name) for name in names), *lost),
    )


class Roster(Struct, frozen=True, kw_only=True):
    """Every deployment of a configuration."""

    deployments: Mapping[str, Deployment]
    lost: Mapping[str, str] = MappingProxyType({})
    """Those that can't be asked at all, and why: no key, weight 0."""
    lab: frozenset[str] = frozenset()
    """Those that are simulated: they leave a group that has a real one."""

    def group(self, models: Iterable[str], tiers: Iterable[str]) -> Group | None:
        """Candidates that models and tiers name, each once; None: they name nobody. Names that don't exist are left out."""
        by_tier = [name for tier in tiers for name, one in self.deployments.items() if one.tier == tier]
        names = list(dict.fromkeys([*(name for name in models if name in self.deployments), *by_tier]))
        if not names:
            return None
        real = any(name not in self.lab and not self.lost.get(name) for name in names)
        why = {name: self.lost.get(name, "") or (LAB if real and name in self.lab else "") for name in names}
        return grouped(
            tuple(self.deployments[name] for name in names if not why[name]),
            tuple(Candidate(deployment=name, lost=why[name]) for name in names if why[name]),
        )
