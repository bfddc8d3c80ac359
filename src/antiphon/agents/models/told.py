"""A run told in words: how it goes, what it waits for, how it ended. Names and states only: no arguments, no results."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from antiphon.core.error import RunFailed, RunUnfinished, RunWaits
from antiphon.core.receipt import Ran
from antiphon.core.run import Run, RunEvent

MOST_WORD = 80
_ALWAYS = {"answered": "goes on", "compacted": "summed up what came before"}
"""Events that say the same each time."""
_json = msgspec.json.Decoder()


def progress(event: RunEvent) -> str:
    """One line on an event; empty: it is nothing for those who wait for the answer."""
    body = body_of(event)
    match event.kind:
        case "plan":
            return f"plan: {_plan(body)}"
        case "model":
            return _thought(body)
        case "tool" | "observed":
            failed = _word(body, "failed")
            return f"{_word(body, 'tool') or 'it'} {f'failed: {failed}' if failed else 'answered'}"
        case "child":
            return _child(body)
        case "progress":
            return f"{_word(body, 'agent') or 'it'} is {_word(body, 'state') or 'at work'}"
        case "held":
            return f"the envelope has no room for another action: {_word(body, 'short')}"
        case "wait":
            return f"waits: {_word(body, 'kind') or 'for somebody'}"
        case "verified":
            return "its answer is sent back" if body.get("faults") else "its answer passed the check"
        case _:
            return _ALWAYS.get(event.kind, "")


def _thought(body: Mapping[str, Any]) -> str:
    """What a model decided on."""
    role, failed, calls = _word(body, "role") or "act", _word(body, "failed"), body.get("calls")
    if failed:
        return f"the model of the role {role} failed: {failed}"
    named = [_named(one) for one in cast("list[Any]", calls if isinstance(calls, list) else [])]
    return (
        f"the model of the role {role} wants {', '.join(named)}" if named else f"the model of the role {role} answered"
    )


def _child(body: Mapping[str, Any]) -> str:
    name, stop, failed = (_word(body, word) for word in ("agent", "stop", "failed"))
    if failed:
        return f"{name or 'an agent'} failed: {failed}"
    return f"{name or 'an agent'} ended: {stop}" if stop else f"asks {name or 'another agent'}"


def body_of(event: RunEvent) -> Mapping[str, Any]:
    """What an event says, as an object."""
    body: Any = _json.decode(event.body) if event.body else {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {"value": body}


def _word(body: Mapping[str, Any], *names: str) -> str:
    """The first of these that is a text, short."""
    return next((value[:MOST_WORD] for name in names if isinstance(value := body.get(name), str) and value), "")


def _plan(body: Mapping[str, Any]) -> str:
    plan: Any = body.get("plan", body)
    steps: Any = cast("dict[str, Any]", plan).get("steps") if isinstance(plan, dict) else None
    named = [_named(one) for one in cast("list[Any]", steps if isinstance(steps, list) else [])]
    return ", ".join(name[:MOST_WORD] for name in named if name) or "made"


def _named(step: Any) -> str:
    if not isinstance(step, dict):
        return str(step)
    said = cast("dict[str, Any]", step)
    return str(said.get("name") or said.get("task") or "")


def answer_text(run: Run) -> str:
    """What a run answered, as a text: JSON where it is no text."""
    value = answer_of(run)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def answer_of(run: Run) -> Any:
    """What a run answered; an empty text, where there is nothing."""
    return _json.decode(run.result) if run.result else ""


def ran(run: Run) -> Ran:
    """What it used so far, for the receipt of the call that it answers."""
    used = run.used
    return Ran(
        id=run.id, usage=used.usage, cost_nano_usd=used.money_nano_usd, calls=used.calls, tool_calls=used.tool_calls
    )


def failed(run: Run) -> RunFailed:
    """What is told of a run that ended without an answer."""
    why = f": {run.why}" if run.why else ""
    return RunFailed(
        f"the run {run.id} of agent/{run.agent} ended as {run.status} ({run.stop or 'error'}){why}; "
        f"see GET /v1/runs/{run.id}",
        run=run.id,
        stop=run.stop or "error",
    )


def waits(run: Run) -> RunWaits:
    """What is told of a run that waits for a person."""
    wait = run.wait
    what = "was paused" if wait is None else f"waits for a person ({wait.kind.replace('_', ' ')})"
    whom = f" of the role {wait.to}" if wait is not None and wait.to else ""
    return RunWaits(
        f"the run {run.id} of agent/{run.agent} {what}{whom}; look at GET /v1/runs/{run.id}, answer there, then send the "
        f"same request with the header x-antiphon-run: {run.id}",
        run=run.id,
    )


def unfinished(run: Run, waited_s: float) -> RunUnfinished:
    """What is told of a run that goes on after its caller's time."""
    return RunUnfinished(
        f"the run {run.id} of agent/{run.agent} had no answer within {waited_s:.3g} s, and goes on; look at "
        f"GET /v1/runs/{run.id}, or send the same request with the header x-antiphon-run: {run.id}",
        run=run.id,
    )
