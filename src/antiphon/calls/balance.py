"""Chooses one deployment among those that can answer, on live counters."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Literal, assert_never

from antiphon.calls.chance import SEEDS, drawn, mixed, pair
from antiphon.calls.choice import NONE, Choice, Contender, Group, Level
from antiphon.calls.settings_balance import BalanceSettings, Strategy

GOLDEN = 0.6180339887498949
"""Turns that step by it fall evenly, however many there are: Weyl 1916; Knuth, TAOCP 3, 6.4, theorem S."""
WARMING = 0x57A93
"""Salt of the draw that lets a warming contender take part."""
EVEN = 0xE7E1
"""Salt of the draw between two even loads."""
UNKNOWN = float("inf")
Measuring = Literal["least_in_flight", "peak_ewma", "cheapest", "fastest", "headroom"]


def choose(
    group: Group, settings: BalanceSettings, seed: int, now_s: float, barred: Mapping[str, str] = NONE
) -> Choice:
    """Choose one contender. The same arguments give the same choice.

    Args:
        seed: Chance, a number below 2**32; for `round_robin` the route's turn, counted by its caller.
        barred: Deployments that can't be used now, each with its reason; it must not change afterwards.
    Returns: The choice, whose `chosen` is None when all are barred.

    A warming contender takes part in a draw as often as it is warm, beside the warmest; for `weighted` and
    `round_robin` its weight is scaled instead.
    """
    if group.sole is not None and not barred:
        return group.sole
    how = settings.strategy
    level = group.levels[0]
    field = level.contenders
    if barred:
        level, field = usable(group, barred)
    if len(field) < 2:
        return Choice(field[0] if field else None, how, seed, (), (), group.levels, group.idle, barred)
    warm = True
    for one in field:
        if now_s < one.live.warm_at_s:
            warm = False
    if how == "weighted" or how == "round_robin":  # noqa: PLR1714 - only equality narrows the type for what follows
        chosen = field[_shared(level, field, how, seed, now_s, warm)]
        return Choice(chosen, how, seed, (), (), group.levels, group.idle, barred)
    if not warm:
        field = _taking_part(field, seed, now_s)
    chosen, field, scores = _measured(field, settings, how, seed, now_s)
    return Choice(chosen, how, seed, field, scores, group.levels, group.idle, barred)


def usable(group: Group, barred: Mapping[str, str]) -> tuple[Level, tuple[Contender, ...]]:
    """The first level with usable contenders, and those; nobody of the last level when all are barred."""
    level, field = group.levels[0], ()
    for level in group.levels:
        field = tuple([one for one in level.contenders if one.deployment not in barred])
        if field:
            break
    return level, field


def _shared(level: Level, field: tuple[Contender, ...], how: Strategy, seed: int, now_s: float, warm: bool) -> int:
    """By weight: where chance, or the turn, points to."""
    whole = warm and field is level.contenders
    if how == "round_robin":
        if warm and level.even:
            return seed % len(field)
        fraction = seed * GOLDEN % 1.0
    else:
        fraction = seed / SEEDS
    if whole:
        bounds = level.bounds
        return bisect_right(bounds, fraction * bounds[-1], 0, len(bounds) - 1)
    return drawn([one.weight * one.live.warmth(now_s) for one in field], fraction)


def _taking_part(field: tuple[Contender, ...], seed: int, now_s: float) -> tuple[Contender, ...]:
    """Leave warming contenders out as often as they are not warm; the warmest stay."""
    warmths = [one.live.warmth(now_s) for one in field]
    most = max(warmths)
    chance = mixed(seed, WARMING)
    part: list[Contender] = []
    for index, one in enumerate(field):
        if warmths[index] >= most * ((chance + index * GOLDEN) % 1.0):
            part.append(one)
    return tuple(part)


def _measured(
    field: tuple[Contender, ...], settings: BalanceSettings, how: Measuring, seed: int, now_s: float
) -> tuple[Contender, tuple[Contender, ...], tuple[float, ...]]:
    """By what is known of them: the chosen, who was compared, and their scores."""
    match how:
        case "least_in_flight" | "peak_ewma":
            return _less_loaded(field, how, seed, now_s)
        case "cheapest":
            scores = tuple([UNKNOWN if one.price_pico_usd is None else float(one.price_pico_usd) for one in field])
            return _best(field, scores, min(scores), seed), field, scores
        case "fastest":
            scores = tuple([_first_token_s(one, settings.fastest_quantile, now_s) for one in field])
            return _best(field, scores, min(scores) * (1 + settings.fastest_within), seed), field, scores
        case "headroom":
            scores = tuple([one.live.headroom(now_s) for one in field])
            return _roomy(field, scores, seed), field, scores
        case _:
            assert_never(how)


def _less_loaded(
    field: tuple[Contender, ...], how: Measuring, seed: int, now_s: float
) -> tuple[Contender, tuple[Contender, ...], tuple[float, ...]]:
    """Of two drawn by chance the one with less load for its weight; even loads share by weight.

    Source: Mitzenmacher 2001, "The power of two choices in randomized load balancing", IEEE TPDS 12(10).
    """
    if len(field) == 1:
        return field[0], field, (0.0,)
    if len(field) == 2:
        one, other = field
    else:
        first, second = pair(seed, len(field))
        one, other = field = (field[first], field[second])
    if how == "peak_ewma":
        mine, theirs = one.live.load(now_s) / one.weight, other.live.load(now_s) / other.weight
    else:
        mine, theirs = one.live.in_flight / one.weight, other.live.in_flight / other.weight
    if mine == theirs:
        chosen = field[drawn((one.weight, other.weight), mixed(seed, EVEN))]
    else:
        chosen = one if mine < theirs else other
    return chosen, field, (mine, theirs)


def _best(field: tuple[Contender, ...], scores: tuple[float, ...], most: float, seed: int) -> Contender:
    """By weight among those whose score is `most` at the most."""
    best = [one for one, score in zip(field, scores, strict=True) if score <= most]
    return best[0] if len(best) == 1 else best[drawn([one.weight for one in best], seed / SEEDS)]


def _first_token_s(one: Contender, q: float, now_s: float) -> float:
    """Its quantile; one that isn't measured is tried by one request at a time, and else goes last."""
    measured = one.live.quantile_s(q, now_s)
    if measured is not None:
        return measured
    return UNKNOWN if one.live.in_flight else 0.0


def _roomy(field: tuple[Contender, ...], scores: tuple[float, ...], seed: int) -> Contender:
    """By weight and headroom together: taking the roomiest would send every worker's requests to the same one."""
    weights = [one.weight * score for one, score in zip(field, scores, strict=True)]
    if not any(weights):
        weights = [one.weight for one in field]
    return field[drawn(weights, seed / SEEDS)]
