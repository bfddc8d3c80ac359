"""Agents behind the MCP gateway: as tools that wait for a run, and as tasks that don't."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.documents.taking import has
from antiphon.agents.mcp.peer import Progress
from antiphon.agents.runs import Runs
from antiphon.control.mcp_state import Waits
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.request import Trace
from antiphon.core.run import Run, RunStatus
from antiphon.core.tool import ToolResult
from antiphon.wire.mcp import mapping

POLL_MS = 1000
LOOK_S = 0.1
"""Between two looks at a run that waits for others."""
STATUSES: Mapping[RunStatus, str] = {
    "queued": "working",
    "running": "working",
    "waiting": "working",
    "paused": "working",
    "done": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
TOLD = frozenset({"began", "plan", "tool", "wait", "answered", "child", "text", "verified", "ended"})
"""Events of a run that its caller hears of: their kinds, never what they say."""


class Leg(Struct, kw_only=True):
    """One wait for a run."""

    runs: Runs
    principal: Principal
    until_s: float
    progress: Progress | None = None
    trace: Trace | None = None
    waits: Waits | None = None
    """What to come back with, where the run has not ended."""
    run: str = ""
    """Its id, once there is one."""
    question: str = ""
    """What the run asks its caller."""

    async def go(self, agent: str, arguments: Mapping[str, Any], before: Waits, once: str, answer: Any) -> ToolResult:
        """Begin a run, or go on with one, and wait for it.

        Args:
            answer: To what the run asked its caller; None: nothing.
        Raises: AntiphonError.
        """
        run = await self._run(agent, arguments, before, once)
        self.run = run.id
        self.waits = Waits(run=run.id, seen=before.seen, asked=before.asked)
        if answer is not None and before.key:
            await self.runs.answer(self.principal, run.id, before.key, answer)
        run = await self._watch(run, before.key if answer is not None else "")
        if run.ended:
            self.waits = None
            return result_of(run)
        return ToolResult(text=f"the run {run.id} is {run.status}", data={"run": run.id, "status": run.status})

    async def _run(self, agent: str, arguments: Mapping[str, Any], before: Waits, once: str) -> Run:
        own = has(self.runs.agent(self.principal, agent), "run")
        known = before.run or (None if own else arguments.get("run"))
        if known:
            found = await self.runs.show(self.principal, str(known))
            if found.agent != agent:
                raise BadRequest(f"the run {found.id} is of the agent {found.agent}", param="run")
            return found
        return await begin(self.runs, self.principal, agent, arguments, once, self.trace)

    async def _watch(self, run: Run, answered: str) -> Run:
        """Tell of what happens until the run ends, or asks its caller something else than was answered."""
        seen = 0 if self.waits is None else self.waits.seen
        while True:
            async for event in self.runs.events(self.principal, run.id, after=seen, until_s=self.until_s):
                seen = event.seq
                if self.progress is not None and event.kind in TOLD:
                    self.progress(float(event.seq), None, event.kind)
            run = await self.runs.show(self.principal, run.id)
            question = asked(run, self.principal)
            key = run.wait.key if run.wait is not None and question is not None else ""
            over = self.runs.parts.clock.steady_s() >= self.until_s
            if run.ended or over or (key and key != answered):
                self.question = (question or "") if key != answered else ""
                self.waits = Waits(run=run.id, key=key if self.question else "", seen=seen, asked=True)
                return run
            await asyncio.sleep(LOOK_S)


async def begin(
    runs: Runs, principal: Principal, agent: str, arguments: Mapping[str, Any], once: str, trace: Trace | None = None
) -> Run:
    """Begin a run as a tool's arguments say. Raises: AntiphonError."""
    if runs.agent(principal, agent).spec.input is not None:
        return await runs.begin(principal, agent, dict(arguments), once=once, trigger="mcp", trace=trace)
    goal = arguments.get("goal")
    if not goal:
        raise BadRequest("goal: say what the agent is to do", param="goal")
    given = {**mapping(arguments.get("input")), "goal": goal}
    return await runs.begin(principal, agent, given, once=once, trigger="mcp", trace=trace)


def asked(run: Run, principal: Principal) -> str | None:
    """What a run asks the one who began it; None: it asks others, or nothing."""
    wait = run.wait
    if run.status != "waiting" or wait is None or wait.kind != "question":
        return None
    if wait.to and wait.to not in principal.roles:
        return None
    try:
        said = mapping(msgspec.json.decode(wait.shown))
    except msgspec.MsgspecError:
        return wait.shown
    return str(said.get("question") or said.get("text") or wait.shown)


def result_of(run: Run) -> ToolResult:
    """What came of a run that has ended."""
    if run.status != "done":
        return ToolResult(failed=run.stop or run.status, text=f"the run {run.id} is {run.status}: {run.why}")
    data = msgspec.json.decode(run.result) if run.result else None
    return ToolResult(text=data if isinstance(data, str) else run.result.decode(), data=data)


def task(run: Run, principal: Principal, keep_ms: int | None, finished: Callable[[ToolResult], Any]) -> dict[str, Any]:
    """A run as a task. Source: the extension io.modelcontextprotocol/tasks, SEP-2663."""
    question = asked(run, principal)
    out: dict[str, Any] = {
        "taskId": run.id,
        "status": "input_required" if question is not None else STATUSES[run.status],
        "createdAt": _date(run.created_ns),
        "lastUpdatedAt": _date(run.updated_ns or run.created_ns),
        "ttlMs": keep_ms,
        "pollIntervalMs": POLL_MS,
    }
    if run.why:
        out["statusMessage"] = run.why
    if question is not None and run.wait is not None:
        out["inputRequests"] = {run.wait.key: elicitation(question, answer=True)}
    if run.status == "done":
        out["result"] = finished(result_of(run))
    elif run.status == "failed":
        out["error"] = {"code": -32000, "message": f"{run.stop or run.status}: {run.why}"}
    return out


def elicitation(message: str, *, answer: bool) -> dict[str, Any]:
    """A question to the client's user: for an answer, or whether to wait."""
    field: dict[str, Any] = (
        {"answer": {"type": "string", "title": "Answer"}}
        if answer
        else {"wait": {"type": "boolean", "title": "Wait for the approval", "default": True}}
    )
    schema = {"type": "object", "properties": field, "required": [*field]}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": schema},
    }


def answer_of(responses: Any, name: str, field: str) -> tuple[str, Any]:
    """What the client's user said. Returns: `accept`, `decline`, `cancel` or empty, and the field."""
    said = mapping(mapping(responses).get(name))
    return str(said.get("action") or ""), mapping(said.get("content")).get(field)


def _date(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def left(runs: Runs, principal: Principal, run: str) -> None:
    """Nobody waits for a run any more. What can't be cancelled has ended."""
    try:
        await runs.cancel(principal, run, "the client went away")
    except BadRequest:
        return
