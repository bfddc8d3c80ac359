"""Who can be chosen, who was, and why the others were not."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from antiphon.calls.live import Live
from antiphon.calls.settings_balance import Strategy
from antiphon.core.plan import Candidate

NONE: Mapping[str, str] = {}
How = Strategy | Literal["sticky"]
COMPARED = {
    "least_in_flight": "in flight",
    "peak_ewma": "load",
    "cheapest": "price",
    "fastest": "first token",
    "headroom": "headroom",
}
"""What a strategy's scores are: requests and seconds times requests, both for each weight; pico-USD; seconds; a fraction."""
DRAWN = frozenset({"least_in_flight", "peak_ewma"})
"""These compare two that chance draws."""


class Contender(Struct, frozen=True, gc=False, kw_only=True):
    """A deployment with what balancing has to know of it."""

    deployment: str
    live: Live
    weight: float = 1.0
    priority: int = 0
    """Lower goes first."""
    region: str = ""
    zone: str = ""
    price_pico_usd: int | None = None
    """Of a token or of a call, measured alike for all; None: unknown, so dearer than any."""


class Level(Struct, frozen=True, gc=False, kw_only=True):
    """Contenders that stand equal; the next level is used when none of them is usable."""

    contenders: tuple[Contender, ...]
    bounds: tuple[float, ...]
    """Running sums of their weights."""
    even: bool
    """All weigh the same."""
    why: str
    """What lets it go after the level before it."""


class Choice(Struct, frozen=True, gc=False):
    """The decision; what is told of it is worked out when it is asked for."""

    chosen: Contender | None
    """None: nobody was usable."""
    how: How
    seed: int
    compared: tuple[Contender, ...]
    """Who was measured, or, for `sticky`, the order of the key."""
    scores: tuple[float, ...]
    """What was measured of them, in their order; empty where only chance or turn decided."""
    levels: tuple[Level, ...]
    idle: tuple[Contender, ...]
    barred: Mapping[str, str]

    @property
    def alone(self) -> bool:
        """There was nobody else."""
        levels = self.levels
        return len(levels) == 1 and len(levels[0].contenders) == 1 and not (self.idle or self.barred)

    @property
    def plain(self) -> bool:
        """Chance or turn decided alone: there is nothing to tell of the others."""
        return not self.barred and not self.scores

    def telling(self) -> tuple[Candidate, ...]:
        """The others of whom there is something to tell: who was barred, and who was measured."""
        barred, compared = self.barred, {one.deployment for one in self.compared} if self.scores else set[str]()
        return tuple(
            one for one in self.candidates() if one.lost and (one.deployment in barred or one.deployment in compared)
        )

    def candidates(self) -> tuple[Candidate, ...]:
        """What a receipt says of each, in the order of their levels."""
        told: list[Candidate] = []
        chosen, barred = self.chosen, self.barred
        ahead = True
        for level in self.levels:
            if ahead and chosen in level.contenders:
                ahead = False
                told.extend([_told(one.deployment, self._lost(one)) for one in level.contenders])
            else:
                told.extend([_told(one.deployment, barred.get(one.deployment, level.why)) for one in level.contenders])
        if self.idle:
            told.extend([_told(one.deployment, "weight 0") for one in self.idle])
        return tuple(told)

    def _lost(self, one: Contender) -> str:
        """Why one of the chosen's level lost; empty for the chosen."""
        if one is self.chosen:
            return ""
        if self.barred and one.deployment in self.barred:
            return self.barred[one.deployment]
        if self.scores:
            return self._score(one)
        match self.how:
            case "weighted":
                return "weight"
            case "round_robin":
                return "turn"
            case _:
                return "full" if self._before(one) else "another's home"

    def _before(self, one: Contender) -> bool:
        return self.chosen is not None and self.compared.index(one) < self.compared.index(self.chosen)

    def _score(self, one: Contender) -> str:
        score = best = None
        for other, measured in zip(self.compared, self.scores, strict=True):
            if other is one:
                score = measured
            elif other is self.chosen:
                best = measured
        if score is None:
            return "not drawn" if self.how in DRAWN else "warming"
        word = COMPARED[self.how]
        return f"even {word}" if score == best else f"{word} {score:.3g}, not {best:.3g}"


@lru_cache(maxsize=4096)
def _told(deployment: str, lost: str) -> Candidate:
    """Receipts of one kind share their lines."""
    return Candidate(deployment=deployment, lost=lost)


class Group(Struct, frozen=True, gc=False, kw_only=True):
    """A route's contenders made ready for choosing; made once a revision and region."""

    levels: tuple[Level, ...]
    idle: tuple[Contender, ...]
    """Weight 0: never chosen while there are others."""
    sole: Choice | None
    """The choice when there is only one."""


def group(contenders: Iterable[Contender], region: str = "", zone: str = "") -> Group:
    """Order contenders into levels: by priority, and within it those of the preferred zone and region first.

    Raises: ValueError, when there are none or one is named twice.
    """
    everyone = tuple(contenders)
    if not everyone or len({one.deployment for one in everyone}) < len(everyone):
        raise ValueError(f"contenders are one at least, each once; not {[one.deployment for one in everyone]}")
    if len(everyone) == 1:
        everyone = (
            replace(everyone[0], weight=everyone[0].weight or 1.0),
        )  # a share among others: alone it needs none
    able = tuple(one for one in everyone if one.weight > 0)
    idle = tuple(one for one in everyone if one not in able)

    def place(one: Contender) -> tuple[int, bool, bool]:
        return one.priority, bool(zone) and one.zone != zone, bool(region) and one.region != region

    ordered = sorted(able, key=place)
    levels = tuple(_level(tuple(same), region, zone) for _, same in groupby(ordered, place))
    sole = Choice(able[0], "weighted", 0, (), (), levels, idle, NONE) if len(able) == 1 else None
    return Group(levels=levels, idle=idle, sole=sole)


def _level(contenders: tuple[Contender, ...], region: str, zone: str) -> Level:
    first = contenders[0]
    missed = [
        f"not in {wanted}" for wanted, has in ((zone, first.zone), (region, first.region)) if wanted and wanted != has
    ]
    return Level(
        contenders=contenders,
        bounds=tuple(accumulate(one.weight for one in contenders)),
        even=all(one.weight == first.weight for one in contenders),
        why=", ".join([f"priority {first.priority}", *missed]),
    )
