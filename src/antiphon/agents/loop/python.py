"""Agents in Python: `async def agent(doors: Doorway) -> answer`. What it awaits through the doorway is journalled.

The function is run from its beginning whenever the run goes on: what it awaited before is given back at once. So between
two awaits it must not depend on time, chance or anything outside; the doorway has all of these. One await at a time:
`together` begins several calls at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from antiphon.agents.documents.document import Role
from antiphon.agents.gate import Ruling
from antiphon.agents.hands import ToolFailed
from antiphon.agents.loop import finish as loop_finish
from antiphon.agents.loop import people as loop_people
from antiphon.agents.loop.acts import perform
from antiphon.agents.loop.context import text
from antiphon.agents.loop.model import Wanted, think
from antiphon.agents.loop.observations import Own, forget_own, note, own
from antiphon.agents.loop.scene import Scene, Stopped
from antiphon.agents.state import Action, ActionKind, Observation
from antiphon.agents.tools.python import loaded
from antiphon.agents.tools.text import json_size
from antiphon.core.content import Message
from antiphon.core.error import AntiphonError
from antiphon.core.run import Wait
from antiphon.core.tool import ToolCall

PASSED = "passed"
"""Stands in the State's notes for what went through the doorway so far."""
AWAITED = "awaited"
"""Stands in the State's notes for what it awaits at present."""
MOST = 10_000
"""Awaits of one run."""
SIZE = "passed_bytes"
MOST_BYTES = 16_777_216
"""Of all that it was given back, as JSON: it is kept for running it again."""
SHORT_S = 1.0
"""A longer sleep is a wait that outlives the process."""
Agent = Callable[["Doorway"], Awaitable[Any]]


class Doorway:
    """All that an agent in Python reaches."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._at = 0

    @property
    def goal(self) -> str:
        """What it is asked for."""
        return self._scene.state.goal

    @property
    def inputs(self) -> Any:
        """What came with the goal, JSON."""
        return self._scene.state.inputs

    # --- models

    async def think(
        self, said: str | Sequence[Message], *, role: Role = "act", schema: dict[str, Any] | None = None
    ) -> str:
        """Ask a model of a role. Raises: Stopped, where the envelope has no room or it fails."""
        messages = (text("user", said),) if isinstance(said, str) else tuple(said)

        async def work(key: str) -> Any:
            wanted = Wanted(role=role, key=key, messages=messages, steps=1, schema=schema)
            return (await think(self._scene, wanted)).said.text

        return str(await self._through(f"think {role}", work))

    # --- tools and agents

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool, under the rules of all tools. Returns: its result as JSON, or as text. Raises: ToolFailed, Stopped."""
        return (await self.together((tool, arguments)))[0]

    async def together(self, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
        """Call several tools at once. Raises: ToolFailed of the first that failed, once all have ended; Stopped."""
        return await self._act(
            [("tool", ToolCall(id="", name=name, arguments=arguments), "", "") for name, arguments in calls]
        )

    async def ask_agent(self, name: str, task: str) -> Any:
        """Let another agent do a task; supervised as the document says. Returns: its answer. Raises: ToolFailed, Stopped."""
        call = ToolCall(id="", name="ask_agent", arguments={"agent": name, "task": task})
        return (await self._act([("agent", call, task, name)]))[0]

    async def ask_agents(self, *tasks: tuple[str, str]) -> list[Any]:
        """Several at once: pairs of an agent and a task. Raises: ToolFailed, Stopped."""
        return await self._act(
            [
                ("agent", ToolCall(id="", name="ask_agent", arguments={"agent": name, "task": task}), task, name)
                for name, task in tasks
            ]
        )

    # --- people

    async def ask_person(self, question: str, options: Sequence[str] = ()) -> Any:
        """Ask a person, and wait. Returns: what they say. Raises: ToolFailed `expired`."""
        arguments: dict[str, Any] = {"question": question, **({"options": list(options)} if options else {})}
        call = ToolCall(id="", name="ask_person", arguments=arguments)
        return (await self._act([("ask", call, question, "")]))[0]

    async def approve(self, what: str, shown: Any = None) -> None:
        """Have a person say yes before it goes on. Raises: ToolFailed, where they don't."""
        call = ToolCall(id="", name="approve", arguments={"what": what, "shown": shown})
        await self._act([("approve", call, what, "")])

    # --- time and chance

    async def now_ns(self) -> int:
        """UTC, nanoseconds since the epoch: the same whenever it is run again."""

        async def work(_: str) -> Any:
            return await self._scene.journal.now_ns()

        return int(await self._through("now", work))

    async def random(self) -> float:
        """A fraction by chance: the same whenever it is run again."""

        async def work(_: str) -> Any:
            return await self._scene.journal.random()

        return float(await self._through("random", work))

    async def sleep(self, seconds: float) -> None:
        """Wait; nothing of the run is in memory meanwhile."""
        notes = self._scene.state.notes
        until: dict[str, int] = notes.setdefault("until", {})
        key = str(self._at)

        async def work(name: str) -> Any:
            now_ns = await self._scene.journal.now_ns()
            if key not in until:
                until[key] = now_ns + round(seconds * 1e9)
                self._scene.park(Wait(kind="timer", key=name, until_ns=until[key]))
            del until[key]

        await self._through("sleep", work)

    def tell(self, kind: str, body: Any = None) -> None:
        """Tell those who watch the run."""
        self._scene.tell(kind, body)

    # --- how

    async def _act(self, wanted: list[tuple[ActionKind, ToolCall, str, str]]) -> list[Any]:
        """Do actions by the loop's own way. Raises: ToolFailed, Stopped, Parked."""
        scene = self._scene
        keys = [f"{self._at + 1}.{place}" for place in range(1, len(wanted) + 1)]

        async def work(_: str) -> Any:
            state = scene.state
            known = state.notes.get("own", {})
            if not state.pending and keys[0] not in known:
                state.pending = [
                    Action(kind=kind, key=one, call=call, text=said, to=to, origins=state.seen, own=True)
                    for one, (kind, call, said, to) in zip(keys, wanted, strict=True)
                ]
            await _perform(scene)
            return [_taken(scene, one) for one in keys]

        came: list[dict[str, Any]] = await self._through(
            " ".join(f"{kind} {call.name}" for kind, call, *_ in wanted), work
        )
        for one in came:
            if one["failed"]:
                raise ToolFailed(one["failed"], one["text"])
        return [one["text"] if one["value"] is None else one["value"] for one in came]

    async def _through(self, name: str, work: Callable[[str], Awaitable[Any]]) -> Any:
        """Give back what this very await gave before, or do its work."""
        passed: list[list[Any]] = self._scene.state.notes.setdefault(PASSED, [])
        notes, at = self._scene.state.notes, self._at
        known = passed[at][0] if at < len(passed) else notes.get(AWAITED, name)
        if known != name:
            raise Stopped("error", f"it awaits {name!r} where it awaited {known!r} before: it isn't deterministic")
        if at < len(passed):
            self._at += 1
            return passed[at][1]
        if at >= MOST:
            raise Stopped("steps", f"it awaited more than {MOST} times")
        notes[AWAITED] = name
        value = await work(str(at + 1))
        del notes[AWAITED]
        size_bytes = notes.get(SIZE, 0) + json_size(value)
        if size_bytes > MOST_BYTES:
            raise Stopped("steps", f"what it was given back comes to more than {MOST_BYTES} bytes: let it ask for less")
        notes[SIZE] = size_bytes
        passed.append([name, value])
        self._scene.state.step = at + 1
        self._at += 1
        return value


def _taken(scene: Scene, key: str) -> dict[str, Any]:
    came: Own = own(scene.state, key)
    forget_own(scene.state, key)
    scene.saw(came.origins)
    return {"text": came.text, "failed": came.failed, "value": came.value}


async def _perform(scene: Scene) -> None:
    """What the loop performs, and approvals by themselves. Raises: Parked, Stopped."""
    pending = scene.state.pending
    if pending and pending[0].kind == "approve":
        await _approve(scene, pending[0])
        return
    await perform(scene)


async def _approve(scene: Scene, action: Action) -> None:
    assert action.call is not None
    state = scene.state
    if action.key in state.allowed_once:
        seen = Observation(key=action.key, text="approved")
    else:
        seen = await loop_people.approve(
            scene,
            action,
            Ruling(ruled="approve", reasons=("agent",), say=action.text),
            action.text,
            action.call.arguments,
        )
    state.pending = []
    note(state, action, seen)


async def run(scene: Scene) -> None:
    """Run the agent's function to its end or next wait. Raises: Stopped, Parked, Interrupted."""
    name = scene.spec.code
    try:
        function = cast("Agent", loaded(name))
    except AntiphonError as error:
        raise Stopped("error", error.message) from None
    state = scene.state
    if not (state.pending and state.pending[0].kind == "finish"):
        try:
            answer = await function(Doorway(scene))
        except (Stopped, AntiphonError):
            raise
        except ToolFailed as error:
            raise Stopped("error", f"{error.code}: {error.say}") from error
        except Exception as error:
            raise Stopped("error", f"{name} raised {type(error).__name__}: {error}") from error
        state.step += 1
        said = answer if isinstance(answer, str) else ""
        state.pending = [
            Action(kind="finish", key=f"{state.step}.f", text=said, data=answer, origins=state.seen, own=True)
        ]
    await loop_finish.finish(scene, state.pending[0])
    if state.phase != "ended":
        raise Stopped("unverified", "the answer didn't pass its check")
