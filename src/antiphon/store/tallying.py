"""Which tallies scores change, and to what: the same in every database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from antiphon.core.score import Forgetting, Id, Name, Score, latest

Counted = tuple[int, float, float]
"""Of a tally: its moment, count and total."""
Added = tuple[float, Score]
"""A score, and whether it comes (1) or goes (-1)."""
NOTHING: Counted = (0, 0.0, 0.0)
SCORES = 'receipt, source, "by", tenant, deployment, route, task, score, at_ns, sealed'
TALLIES = "tenant, deployment, route, task, source, at_ns, count, total"
_LEAST = 1e-9
"""What is left of a count below this is rounding."""


def fresh(scores: Iterable[Score], found: Mapping[Id, Score]) -> tuple[list[Score], list[Added]]:
    """Scores that take their place beside those found or instead of them, and what so comes and goes.

    One that is no later than the one found is there already, or too late.
    """
    taken: list[Score] = []
    added: list[Added] = []
    for score in latest(scores).values():
        before = found.get(score.id)
        if before is not None and before.at_ns >= score.at_ns:
            continue
        if before is not None:
            added.append((-1.0, before))
        taken.append(score)
        added.append((1.0, score))
    return taken, added


def by_name(added: Iterable[Added]) -> dict[Name, list[Added]]:
    """What comes and goes of each tally, in the order of names: whoever locks tallies does it in that order."""
    found: dict[Name, list[Added]] = defaultdict(list)
    for one in added:
        for name in one[1].names:
            found[name].append(one)
    return dict(sorted(found.items()))


def counted(before: Counted, added: Sequence[Added], forgetting: Forgetting) -> Counted:
    """A tally with what comes and goes, at the moment of the newest of its scores."""
    at_ns = max(before[0], *(score.at_ns for _, score in added))
    kept = forgetting.kept(at_ns - before[0])
    count, total = before[1] * kept, before[2] * kept
    for sign, score in added:
        weight = sign * forgetting.kept(at_ns - score.at_ns)
        count += weight
        total += weight * score.score
    return (at_ns, count, min(count, max(0.0, total))) if count > _LEAST else (at_ns, 0.0, 0.0)


def row(score: Score) -> tuple[object, ...]:
    """A score in the order of `SCORES`."""
    return (
        score.receipt,
        score.source,
        score.by,
        score.tenant,
        score.deployment,
        score.route,
        score.task,
        score.score,
        score.at_ns,
        score.sealed,
    )
