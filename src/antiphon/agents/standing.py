"""How a run stands, told to whoever says something to it that it can't take."""

from antiphon.core.error import BadRequest, NotAuthenticated
from antiphon.core.run import Run, Wait

PEOPLE = frozenset({"approval", "question", "hand_off", "review"})
"""Waits that a person ends."""
ANSWERED = PEOPLE - {"approval"}
"""Waits that end with an answer; an approval is settled."""
NEWS_NS = 60 * 1_000_000_000
"""For so long after a run began, a caller that is unknown here may be one whose key was just made elsewhere."""
_WAITS = {
    "question": "for an answer to a question",
    "hand_off": "for somebody who takes its task over",
    "review": "for somebody who says what became of a call",
    "timer": "for a time, and goes on by itself",
    "children": "for other runs, and goes on by itself",
    "pause": "for nothing but to be resumed",
}


def stands(run: Run) -> str:
    """What a run is, in words that follow on `the run ID`."""
    if run.ended:
        return f"has ended: {run.status}{f' ({run.stop})' if run.stop else ''}"
    if run.status == "waiting" and run.wait is not None:
        return f"waits {_waits(run.wait)}"
    return {"queued": "has not begun yet", "paused": "is paused"}.get(run.status, f"is {run.status}")


def _waits(wait: Wait) -> str:
    return f"for the approval {wait.approval}" if wait.kind == "approval" else _WAITS[wait.kind]


def unheard(error: NotAuthenticated, run: Run, now_ns: int) -> bool:
    """Whether a caller is refused only because this process may not have heard of it yet: other processes make keys, and
    one of them let it begin this run. One that was revoked or has expired is known, and is no such caller.
    """
    return error.said_code == NotAuthenticated.code and now_ns - run.created_ns < NEWS_NS


def ended(run: Run) -> BadRequest:
    """Nothing more is said to it."""
    remedy = f"nothing more can be said to it; begin another, or fork it (`antiphon agent fork {run.id} --step N`)"
    return BadRequest(f"the run {run.id} {stands(run)}; {remedy}", code="run_ended", status=409)


def not_paused(run: Run) -> BadRequest:
    """There is nothing to resume."""
    return BadRequest(
        f"the run {run.id} {stands(run)}; only a run that is paused is resumed", code="not_paused", status=409
    )


def answered(run: Run, key: str) -> str:
    """The key of the wait that an answer is for; an empty one means the present wait. Raises: BadRequest, where none waits."""
    wait = run.wait
    if run.status != "waiting" or wait is None or wait.kind not in ANSWERED:
        raise _not_waiting(f"the run {run.id} {stands(run)}; {_remedy(run)}")
    if key and key != wait.key:
        raise _not_waiting(
            f"the run {run.id} waits with the key {wait.key}, not {key[:64]!r}, which was answered before or never asked; "
            "leave `key` out to answer what it waits for now",
        )
    return wait.key


def _remedy(run: Run) -> str:
    wait = run.wait
    if run.status == "waiting" and wait is not None and wait.kind == "approval":
        return (
            f"it goes on once that is settled: `antiphon agent approve {run.id}` or `reject`, "
            f"POST /admin/v1/approvals/{wait.approval}/approve, or the console's page Approvals"
        )
    if run.status == "paused":
        return f"resume it first (`antiphon agent resume {run.id}`)"
    return "it asks nobody anything: say something to it with `say`, or look at it later"


def _not_waiting(message: str) -> BadRequest:
    return BadRequest(message, param="key", code="not_waiting", status=409)
