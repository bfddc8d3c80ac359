"""The loop: State, the agent's policy, Action, Observation. One segment of a run, from its State to its end or next wait."""

from typing import Any, cast

import msgspec

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.pinned import changed, pins
from antiphon.agents.doors import Doors
from antiphon.agents.journal import Driver, Ended, Journal, Parked
from antiphon.agents.loop import ends as loop_ends
from antiphon.agents.loop import patterns, python
from antiphon.agents.loop.children_begin import ABOVE
from antiphon.agents.loop.observations import fingerprint
from antiphon.agents.loop.resume import resume
from antiphon.agents.loop.scene import Scene, Stopped, decoded, merged
from antiphon.agents.loop.shapes import listed
from antiphon.agents.loop.strange import strange
from antiphon.agents.loop.switches import Switches
from antiphon.agents.safety.hazards import fatal, reachable
from antiphon.agents.standing import NEWS_NS
from antiphon.agents.state import State, Value
from antiphon.core.error import AntiphonError
from antiphon.core.run import Mail, Run, Wait
from antiphon.core.tool import Origins

LOOK_NS = 2_000_000_000
"""Until documents that haven't come yet are looked for again."""


class LoopDriver(Driver):
    """Drives runs of agents that are described in documents, and of those in Python."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._switches = Switches(doors.store, doors.clock)

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        document = self._doors.shelf().agent(run.agent, run.version)
        other = self._other(document, run)
        if document is None or other:
            self._await_news(run, mail)
            return Ended(status="failed", stop="error", why=other, state=run.state)
        if unsafe := fatal(document, reachable(self._doors.tools, run.tenant)):
            return Ended(status="failed", stop="refused", why=f"it is not safe to run: {unsafe}", state=run.state)
        state = decoded(run.state) if run.state else begun(document, run)
        scene = Scene(self._doors, document, journal, run, state, self._switches)
        try:
            await resume(scene, mail)
            await (python.run(scene) if document.spec.code else patterns.run(scene))
        except Stopped as stopped:
            return await loop_ends.stopped(scene, stopped)
        except AntiphonError as error:
            return await loop_ends.stopped(scene, Stopped("error", f"{error.said_code}: {error.noted}"))
        return await loop_ends.ended(scene)

    def _await_news(self, run: Run, mail: list[Mail]) -> None:
        """Look again soon, where documents that a run has just begun under may not have come to this process yet.

        Raises: Parked.
        """
        now_ns = self._doors.clock.now_ns()
        if not run.state and not mail and now_ns - run.created_ns < NEWS_NS:
            raise Parked(Wait(kind="timer", key="documents", until_ns=now_ns + LOOK_NS), b"")

    def _other(self, document: AgentDocument | None, run: Run) -> str:
        """Why a run can't go on with the documents that are here: they aren't those that it began under; empty: they are."""
        if document is None:
            return f"there is no agent {run.agent} in the version {run.version} any more: publish it again"
        if run.digest and document.text and run.digest != document.text:
            return (
                f"{run.agent} says another text in the version {run.version} than this run began under; "
                "a version never changes: publish that text again, or begin a run of another version"
            )
        other = changed(run.pins, pins(self._doors.shelf(), document, run.tenant), _stopped_at(document, run))
        return other and f"{other} than this run of {run.agent} began with: begin another run"


def _stopped_at(document: AgentDocument, run: Run) -> list[str] | None:
    """Tools whose calls a run stopped at; None: any may be called by what goes on, as it was written against them."""
    pending = decoded(run.state).pending if run.state else []
    if not run.state or document.spec.code or any(one.kind == "code" for one in pending):
        return None
    return [one.call.name for one in pending if one.call is not None]


def begun(document: AgentDocument, run: Run) -> State:
    """The State that a run begins with, from its input alone."""
    given: Any = msgspec.json.decode(run.input) if run.input else ""
    inputs = dict(cast("dict[str, Any]", given)) if isinstance(given, dict) else {"goal": given}
    above: dict[str, Any] = inputs.pop(ABOVE, None) or {} if run.parent else {}
    inputs.pop(ABOVE, None)
    said = inputs.pop("goal", "")
    goal = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    limits = inputs.pop("constraints", ())
    values = strange(inputs, run)
    own = Origins(sources=("agent", "user"), data_class=run.data_class)
    origins = merged(own, msgspec.convert(above["origins"], Origins)) if "origins" in above else own
    return State(
        goal=goal or document.spec.goal,
        constraints=tuple(str(one) for one in listed(limits)),
        inputs=inputs or None,
        seen=origins,
        began=origins,
        run=run.id,
        data_class=origins.data_class,
        values={**values, **msgspec.convert(above.get("values", {}), dict[str, Value])},
        lineage=tuple(above.get("lineage", ())),
        chain=(*above.get("chain", ()), f"{run.agent}:{fingerprint(goal, inputs or None)}"),
    )
