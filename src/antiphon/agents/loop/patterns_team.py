"""Teams and debates: members answer, see each other's answers, and revise theirs, until enough of them agree; else a stated
rule decides. Members of a team are agents, found by skill and cost; those of a debate are calls of the agent's own model.
Source: Du et al. 2023, arXiv 2305.14325.
"""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.loop import prompts, teams
from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.children_begin import SHARE
from antiphon.agents.loop.context import instructions, spelled, task, text
from antiphon.agents.loop.model import Wanted, think, think_all
from antiphon.agents.loop.observations import forget_own, own
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.loop.shapes import mapping
from antiphon.agents.loop.teams import Member
from antiphon.agents.loop.turn import turn
from antiphon.agents.models.told_answer import decided
from antiphon.agents.state import Action
from antiphon.core.tool import ToolCall
from antiphon.recipes.extract import last_json

NOTES = "team"
JUDGED: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "why": {"type": "string"}},
    "required": ["answer", "why"],
}


class Formed(Struct, frozen=True, kw_only=True):
    """A team as it is written down."""

    members: list[Member]


class Table(Struct, kw_only=True, omit_defaults=True):
    """How far a team has come."""

    members: list[Member] = []
    round: int = 0
    asked: list[str] = []
    """Keys of the members' actions that are not read yet."""
    answers: list[Any] = []
    """By member; None: none."""
    costs: list[int] = []
    decided: bool = False
    person: str = ""
    """Key of the question that a person decides by."""


async def run(scene: Scene) -> None:
    """Raises: Stopped, Parked, Interrupted."""
    state = scene.state
    while state.phase != "ended":
        if state.pending:
            await perform(scene)
            continue
        table = msgspec.convert(state.notes.get(NOTES, {}), Table)
        if table.decided:
            await turn(scene)
            continue
        await _next(scene, table)
        state.notes[NOTES] = msgspec.to_builtins(table)


async def _next(scene: Scene, table: Table) -> None:
    if not table.members:
        await _form(scene, table)
    elif table.asked:
        _read(scene, table)
    elif table.person:
        _said(scene, table)
    elif table.round and (same := teams.agreed(table.answers, scene.spec.team.converges)) is not None:
        _decide(scene, table, same.answer, "they agree")
    elif table.round < scene.spec.team.rounds:
        await _ask(scene, table)
    else:
        await _conflict(scene, table)


async def _form(scene: Scene, table: Table) -> None:
    spec = scene.spec.team
    if scene.spec.pattern == "debate":
        table.members = [Member() for _ in range(spec.size)]
    else:
        table.members = (await scene.step("team", Formed, lambda: _formed(scene))).members
        if len(table.members) < 2:
            raise Stopped("error", "there are not two agents of the skills that the team is made of")
        scene.state.notes[SHARE] = spec.budget_share / len(table.members)
    table.answers, table.costs = [None] * len(table.members), [one.cost_nano_usd for one in table.members]
    scene.tell("team", {"members": table.members})


async def _formed(scene: Scene) -> Formed:
    return Formed(members=teams.form(scene))


async def _ask(scene: Scene, table: Table) -> None:
    """Let all members answer, or revise what they said."""
    state = scene.state
    state.step += 1
    table.round += 1
    said = task(state)
    if table.round > 1:
        said = prompts.DEBATE.format(goal=said, answers=_answers(table))
    if scene.spec.pattern == "debate":
        await _debate(scene, table, said)
        return
    for place, member in enumerate(table.members, 1):
        key = f"{state.step}.t{place}"
        call = ToolCall(id=key, name="ask_agent", arguments={"agent": member.name, "task": said})
        state.pending.append(
            Action(kind="agent", key=key, call=call, text=said, to=member.name, origins=state.seen, own=True)
        )
        table.asked.append(key)


async def _debate(scene: Scene, table: Table, said: str) -> None:
    head = instructions(scene.document)
    wanted = [
        Wanted(role="act", key=f"{scene.state.step}.t{place}", messages=(head, text("user", said)), steps=1)
        for place, _ in enumerate(table.members, 1)
    ]
    for place, one in enumerate(await think_all(scene, wanted)):
        if not (one.short or one.said.failed):
            table.answers[place] = one.said.text
        table.costs[place] += one.said.cost_nano_usd
    if not any(one is not None for one in table.answers):
        raise Stopped("error", "no member of the debate gave an answer")


def _read(scene: Scene, table: Table) -> None:
    """Take the members' answers; who failed keeps the one of the round before."""
    for place, key in enumerate(table.asked):
        came = own(scene.state, key)
        forget_own(scene.state, key)
        if not came.failed:
            table.answers[place] = came.value if came.value is not None else came.text
            scene.saw(came.origins)
    table.asked = []
    if not any(one is not None for one in table.answers):
        raise Stopped("error", "no member of the team gave an answer")


def _answers(table: Table) -> str:
    given = ((place, one) for place, one in enumerate(table.answers, 1) if one is not None)
    return "\n\n".join(f"Answer {place}: {spelled(one)}" for place, one in given)


async def _conflict(scene: Scene, table: Table) -> None:
    """They don't agree: the rule of the document decides."""
    rule, best = scene.spec.team.conflict, teams.groups(table.answers)[0].answer
    match rule:
        case "vote":
            _decide(scene, table, best, "most are for it")
        case "cheapest":
            _decide(scene, table, teams.cheapest(table.answers, table.costs), "its member costs least")
        case "judge":
            place = await _judge(scene, table)
            _decide(
                scene,
                table,
                best if place is None else table.answers[place],
                "a judge decided" if place is not None else "the judge named none, and most are for it",
            )
        case "person":
            scene.state.step += 1
            key = f"{scene.state.step}.1"
            question = f"The members of the team {scene.run.agent} don't agree. Which answer holds?"
            options = [spelled(one) for one in table.answers if one is not None]
            call = ToolCall(id=key, name="ask_person", arguments={"question": question, "options": options})
            scene.state.pending = [Action(kind="ask", key=key, call=call, text=question, own=True)]
            table.person = key


async def _judge(scene: Scene, table: Table) -> int | None:
    prompt = prompts.JUDGE.format(
        goal=task(scene.state), schema=msgspec.json.encode(JUDGED).decode(), answers=_answers(table)
    )
    scene.state.step += 1
    wanted = Wanted(role="verifier", key=f"{scene.state.step}.j", messages=(text("user", prompt),), schema=JUDGED)
    found = last_json((await think(scene, wanted)).said.text)
    said = None if found is None else mapping(found[0]).get("answer")
    place = said - 1 if isinstance(said, int) else -1
    return place if 0 <= place < len(table.answers) and table.answers[place] is not None else None


def _said(scene: Scene, table: Table) -> None:
    """What a person decided: one of the answers by its text or its number, or another."""
    came = own(scene.state, table.person)
    forget_own(scene.state, table.person)
    table.person = ""
    if came.failed:
        _decide(scene, table, teams.groups(table.answers)[0].answer, "no person decided, and most are for it")
        return
    options = [one for one in table.answers if one is not None]
    number = int(came.text) - 1 if came.text.strip().isdecimal() else -1
    known = next((one for one in options if spelled(one) == came.text), None)
    answer = options[number] if known is None and 0 <= number < len(options) else known
    _decide(scene, table, came.text if answer is None else answer, "a person decided")


def _decide(scene: Scene, table: Table, answer: Any, why: str) -> None:
    table.decided = True
    scene.tell("team", {"round": table.round, "decided": why})
    decided(scene, answer)
