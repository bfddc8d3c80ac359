"""Map-reduce: the same is done for each item of a list, by children or by calls of a model, and one answer made of it all."""

from typing import Any

from msgspec import structs

from antiphon.agents.loop import prompts
from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.children_begin import SHARE
from antiphon.agents.loop.context import instructions, spelled, task, text
from antiphon.agents.loop.model import Wanted, think, think_all
from antiphon.agents.loop.observations import forget_own, own
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.shapes import listed, mapping
from antiphon.agents.loop.turn import turn
from antiphon.agents.models.told_answer import decided
from antiphon.agents.state import Action
from antiphon.core.tool import ToolCall

NOTES = "map"
MISSING = "(this part is missing: {why})"
MOST_ITEMS = 10_000


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    items = _items(scene)
    notes: dict[str, Any] = state.notes.setdefault(NOTES, {"parts": [], "asked": [], "reduced": False})
    while state.phase != "ended":
        if state.pending:
            await perform(scene)
        elif notes["asked"]:
            notes["parts"] += [_part(scene, str(key)) for key in listed(notes["asked"])]
            notes["asked"] = []
        elif len(notes["parts"]) < len(items):
            await _more(scene, items[len(notes["parts"]) : len(notes["parts"]) + scene.run.envelope.fan_out], notes)
        elif not notes["reduced"]:
            await _reduce(scene, notes["parts"])
            notes["reduced"] = True
        else:
            await turn(scene)


def _items(scene: Scene) -> list[Any]:
    name = scene.spec.team.items
    found = mapping(scene.state.inputs).get(name)
    if not isinstance(found, list) or len(listed(found)) > MOST_ITEMS:
        raise Stopped("error", f"the input's field {name} has to be a list of at most {MOST_ITEMS} items")
    return listed(found)


async def _more(scene: Scene, items: list[Any], notes: dict[str, Any]) -> None:
    """Do the next items at once."""
    state, children = scene.state, scene.spec.children
    state.step += 1
    tasks = [prompts.ITEM.format(goal=state.goal, item=spelled(item)) for item in items]
    if not (children.agents or children.skills):
        head = instructions(scene.document)
        wanted = [
            Wanted(role="act", key=f"{state.step}.m{place}", messages=(head, text("user", one)), steps=1)
            for place, one in enumerate(tasks, 1)
        ]
        came = await think_all(scene, wanted)
        notes["parts"] += [
            MISSING.format(why=one.short or one.said.failed) if one.short or one.said.failed else one.said.text
            for one in came
        ]
        return
    state.notes[SHARE] = scene.spec.team.budget_share / max(1, len(_items(scene)))
    for place, one in enumerate(tasks, 1):
        whom = (
            {"agent": children.agents[place % len(children.agents)]}
            if children.agents
            else {"skill": children.skills[0]}
        )
        call = ToolCall(id=f"m{place}", name="ask_agent", arguments={"task": one, **whom})
        key = f"{state.step}.m{place}"
        state.pending.append(
            Action(kind="agent", key=key, call=call, text=one, to=whom.get("agent", ""), origins=state.seen, own=True)
        )
        notes["asked"].append(key)


def _part(scene: Scene, key: str) -> str:
    came = own(scene.state, key)
    forget_own(scene.state, key)
    if came.failed:
        return MISSING.format(why=came.text)
    scene.saw(came.origins)
    return came.text


async def _reduce(scene: Scene, parts: list[str]) -> None:
    """Write one answer; parts that are too many for one call are put together in groups first."""
    state = scene.state
    most = scene.spec.context.tokens * 3
    state.step += 1
    level = 0
    while len("\n\n".join(parts).encode()) > most and len(parts) > 1:
        level += 1
        groups = _groups(parts, most)
        wanted = [_asked(scene, group, f"{state.step}.g{level}.{place}") for place, group in enumerate(groups, 1)]
        came = await think_all(scene, wanted)
        merged_ = [
            MISSING.format(why=one.short or one.said.failed) if one.short or one.said.failed else one.said.text
            for one in came
        ]
        if len(merged_) >= len(parts):
            break
        parts = merged_
    said = (await think(scene, _asked(scene, parts, f"{state.step}.r"))).said.text
    decided(scene, said)


def _groups(parts: list[str], most_bytes: int) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    size_bytes = 0
    for part in parts:
        size_bytes += len(part.encode())
        if groups[-1] and size_bytes > most_bytes:
            groups.append([])
            size_bytes = len(part.encode())
        groups[-1].append(part)
    return groups


def _asked(scene: Scene, parts: list[str], key: str) -> Wanted:
    shown = "\n\n".join(f"Part {place}: {part}" for place, part in enumerate(parts, 1))
    prompt = prompts.SYNTHESISE.format(goal=task(_without(scene)), parts=shown)
    return Wanted(role="synthesis", key=key, messages=(instructions(scene.document), text("user", prompt)), steps=1)


def _without(scene: Scene) -> Any:
    """The State as a task without the list: its items are in the parts."""
    inputs = {name: value for name, value in mapping(scene.state.inputs).items() if name != scene.spec.team.items}
    return structs.replace(scene.state, inputs=inputs or None)
