"""Runs as tasks of A2A. Pure: a run in, words of the protocol out."""

from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from antiphon.agents.models import told
from antiphon.agents.runs import PEOPLE, key_of
from antiphon.core.run import Run, RunEvent, RunStatus, Wait
from antiphon.wire.a2a.words import Artifact, ArtifactUpdate, Item, Message, Part, State, Status, StatusUpdate, Task

PEOPLE_EXTENSION = "urn:antiphon:a2a:people:1"
"""What a task that needs somebody says, and how it is answered: see `request_of`."""
INPUT_EXTENSION = "urn:antiphon:a2a:input:1"
"""What an agent takes: the JSON Schema of the data that a task begins with."""
BY_STATE: dict[State, tuple[RunStatus, ...]] = {
    "TASK_STATE_SUBMITTED": ("queued",),
    "TASK_STATE_WORKING": ("running", "paused", "waiting"),
    "TASK_STATE_INPUT_REQUIRED": ("waiting",),
    "TASK_STATE_COMPLETED": ("done",),
    "TASK_STATE_FAILED": ("failed",),
    "TASK_STATE_REJECTED": ("failed",),
    "TASK_STATE_CANCELED": ("cancelled",),
}
"""States of runs among which tasks of a state are."""
_json = msgspec.json.Decoder()


def state_of(run: Run) -> State:
    match run.status:
        case "queued":
            return "TASK_STATE_SUBMITTED"
        case "waiting" if run.wait is not None and run.wait.kind in PEOPLE:
            return "TASK_STATE_INPUT_REQUIRED"
        case "done":
            return "TASK_STATE_COMPLETED"
        case "failed":
            return "TASK_STATE_REJECTED" if run.stop == "refused" else "TASK_STATE_FAILED"
        case "cancelled":
            return "TASK_STATE_CANCELED"
        case _:
            return "TASK_STATE_WORKING"


def task_of(run: Run, *, history: int | None = None, artifacts: bool = True, files: tuple[Artifact, ...] = ()) -> Task:
    """Args:
    history: Most messages of it; None: all.
    files: What it wrote.
    """
    said = (asked_of(run),) if history is None or history > 0 else ()
    made = (artifact_of(run), *files) if artifacts and run.status == "done" else ()
    return Task(
        id=run.id,
        context_id=context_of(run),
        status=status_of(run),
        artifacts=made,
        history=said,
        metadata=metadata_of(run),
    )


def context_of(run: Run) -> str:
    return run.session or run.id


def metadata_of(run: Run) -> dict[str, Any]:
    """Of the protocol's words there are none for these."""
    used = run.used
    return {
        "agent": run.agent,
        "version": run.version,
        "stop": run.stop or "",
        "used": {
            "steps": used.steps,
            "calls": used.calls,
            "toolCalls": used.tool_calls,
            "tokens": used.tokens,
            "inputTokens": used.input_tokens,
            "outputTokens": used.output_tokens,
            "cachedTokens": used.cached_tokens,
            "reasoningTokens": used.reasoning_tokens,
            "costNanoUsd": used.money_nano_usd,
        },
    }


def asked_of(run: Run) -> Message:
    """What the task began with."""
    given: Any = _json.decode(run.input) if run.input else ""
    goal = given if isinstance(given, str) else cast("dict[str, Any]", given).get("goal", "")
    said = Part(text=str(goal)) if goal or not given else Part(data=given)
    return Message(
        message_id=key_of(run.once).removeprefix("a2a/") or f"{run.id}-asked",
        role="ROLE_USER",
        parts=(said,),
        context_id=context_of(run),
        task_id=run.id,
    )


def status_of(run: Run, line: str = "") -> Status:
    """Args:
    line: How it goes, in a few words.
    """
    return Status(state=state_of(run), message=_message(run, line), timestamp=_moment(run.updated_ns))


def _message(run: Run, line: str) -> Message | None:
    if line:
        return _said(run, Part(text=line))
    if run.wait is not None and state_of(run) == "TASK_STATE_INPUT_REQUIRED":
        return _said(run, Part(text=_why(run.wait)), Part(data=request_of(run.wait)), people=True)
    if run.status == "paused":
        return _said(run, Part(text="paused"))
    if run.ended and run.status != "done":
        return _said(run, Part(text=f"{run.stop or run.status}: {run.why}" if run.why else run.stop or run.status))
    return None


def request_of(wait: Wait) -> dict[str, Any]:
    """What is asked of a person, as data: the answer is a message on the same task whose data has the same `key`, and
    `answer`; for an approval `decision`, `approve` or `reject`, and perhaps a `note`.
    """
    out: dict[str, Any] = {"kind": wait.kind, "key": wait.key, "to": wait.to, "shown": _shown(wait)}
    if wait.approval:
        out["approval"] = wait.approval
    if wait.until_ns:
        out["until"] = _moment(wait.until_ns)
    return out


def _shown(wait: Wait) -> Any:
    try:
        return _json.decode(wait.shown) if wait.shown else None
    except msgspec.MsgspecError:
        return wait.shown


def _why(wait: Wait) -> str:
    whom = f" by somebody of the role {wait.to}" if wait.to else ""
    match wait.kind:
        case "approval":
            return f"an action has to be approved{whom}"
        case "question":
            shown = _shown(wait)
            asked = cast("dict[str, Any]", shown).get("question") if isinstance(shown, dict) else shown
            return str(asked) if asked else f"a question has to be answered{whom}"
        case "review":
            return f"it has to be said{whom} what became of a call"
        case _:
            return f"it was handed over, and has to be given back{whom}"


def _said(run: Run, *parts: Part, people: bool = False) -> Message:
    return Message(
        message_id=f"{run.id}-{run.segment}-{run.status}",
        role="ROLE_AGENT",
        parts=parts,
        context_id=context_of(run),
        task_id=run.id,
        extensions=(PEOPLE_EXTENSION,) if people else (),
    )


def artifact_of(run: Run) -> Artifact:
    """Its answer: a text, or JSON by the agent's contract."""
    value = told.answer_of(run)
    part = Part(text=value) if isinstance(value, str) else Part(data=value, media_type="application/json")
    return Artifact(artifact_id=f"{run.id}-answer", name="answer", parts=(part,))


def going(run: Run, event: RunEvent) -> Item | None:
    """An event as news of a stream; None: it is none."""
    line = told.progress(event)
    if not line:
        return None
    status = Status(
        state="TASK_STATE_WORKING",
        message=Message(
            message_id=f"{run.id}-event-{event.seq}",
            role="ROLE_AGENT",
            parts=(Part(text=line),),
            context_id=context_of(run),
            task_id=run.id,
        ),
        timestamp=_moment(event.at_ns),
    )
    return Item(status_update=StatusUpdate(task_id=run.id, context_id=context_of(run), status=status))


def stopped(run: Run, files: tuple[Artifact, ...] = ()) -> list[Item]:
    """The last news of a stream."""
    found: list[Item] = []
    for one in (artifact_of(run), *files) if run.status == "done" else ():
        update = ArtifactUpdate(task_id=run.id, context_id=context_of(run), artifact=one, append=False, last_chunk=True)
        found.append(Item(artifact_update=update))
    found.append(Item(status_update=update_of(run)))
    return found


def update_of(run: Run) -> StatusUpdate:
    return StatusUpdate(task_id=run.id, context_id=context_of(run), status=status_of(run), metadata=metadata_of(run))


def _moment(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_ns(text: str) -> int:
    """Raises: ValueError."""
    return int(datetime.fromisoformat(text).timestamp() * 1e9)
