"""Forming a team by skill and cost, and telling whether its members agree. Pure, but for the registry that is asked."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from antiphon.agents.doors import Known
from antiphon.agents.loop.scene import Scene
from antiphon.core.principal import Principal
from antiphon.recipes.extract import free_key, json_key


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who gives an answer."""

    name: str = ""
    """An agent; empty: a call of the agent's own model."""
    skill: str = ""
    cost_nano_usd: int = 0


class Group(Struct, frozen=True, kw_only=True):
    """Members whose answers come to the same."""

    answer: Any
    places: tuple[int, ...]


def form(scene: Scene) -> list[Member]:
    """Members for a team: of each skill the best, in turns, until it is full. Asked inside journalled work alone."""
    spec, principal = scene.spec, scene.run.principal
    found = [[_member(one, skill) for one in ranked(_known(scene, skill, principal))] for skill in spec.children.skills]
    named = [Member(name=name) for name in spec.children.agents if not name.endswith("*")]
    members: dict[str, Member] = {one.name: one for one in named}
    for place in range(max(map(len, found), default=0)):
        for one in (skilled[place] for skilled in found if place < len(skilled)):
            members.setdefault(one.name, one)
    members.pop(scene.run.agent, None)
    return list(members.values())[: spec.team.size]


def _member(known: Known, skill: str) -> Member:
    return Member(name=known.name, skill=skill, cost_nano_usd=known.cost_nano_usd)


def _known(scene: Scene, skill: str, principal: Principal) -> Sequence[Known]:
    if scene.doors.registry is not None:
        return scene.doors.registry.find(skill, principal)
    shelf = scene.doors.shelf().visible(principal)
    return [Known(name=one.name, skills=(skill,)) for one in shelf if skill in [has.id for has in one.spec.skills]]


def ranked(known: Sequence[Known]) -> list[Known]:
    """Healthy ones by what they are worth: how often they do well, for what they cost; of the same worth the cheaper, then
    by name.
    """
    dearest = max((one.cost_nano_usd for one in known), default=0) or 1
    healthy = [one for one in known if one.healthy]
    return sorted(
        healthy, key=lambda one: (-(one.good - 0.5 * one.cost_nano_usd / dearest), one.cost_nano_usd, one.name)
    )


def groups(answers: Sequence[Any]) -> list[Group]:
    """Answers that come to the same, the largest group first; of the same size, the one whose first member comes first.
    None is no answer.
    """
    held: dict[str, list[int]] = {}
    for place, answer in enumerate(answers):
        if answer is not None:
            held.setdefault(key(answer), []).append(place)
    ordered = sorted(held.values(), key=lambda places: (-len(places), places[0]))
    return [Group(answer=answers[places[0]], places=tuple(places)) for places in ordered]


def key(answer: Any) -> str:
    """What an answer comes to."""
    if isinstance(answer, str):
        return free_key(answer) or " ".join(answer.casefold().split())
    return json_key(answer)


def agreed(answers: Sequence[Any], share: float) -> Group | None:
    """The group that is large enough among all that answered; None: they don't agree."""
    found = groups(answers)
    given = sum(len(one.places) for one in found)
    return found[0] if found and len(found[0].places) >= share * given else None


def cheapest(answers: Sequence[Any], costs: Sequence[int]) -> Any:
    """The answer of the member that cost least; of the same cost, the first's."""
    given = [place for place, answer in enumerate(answers) if answer is not None]
    return answers[min(given, key=lambda place: (costs[place], place))]
