"""The pages of agents: what there is, runs, one run, and what waits for people."""

from typing import Any, get_args

from antiphon.console.ask import Ask
from antiphon.console.desk import Desk
from antiphon.console.shown import Led, Shown
from antiphon.control.run_office import RunOffice
from antiphon.control.run_steps import steps
from antiphon.control.runs_shown import by_of, shown_run
from antiphon.core.error import BadRequest, NotAllowed, NotFound
from antiphon.core.run import Run, RunStatus
from antiphon.wire import json

RUNS = "/console/runs"
ROWS = 50
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
VERBS = frozenset({"answer", "take-over", "give-back", "cancel", "kill", "pause", "resume"})
_DONE = {
    "answer": "Your answer is in; the run goes on with it.",
    "take-over": "You have taken it over: it rests until you give it back.",
    "give-back": "Given back; the agent reads what you did first.",
    "cancel": "It ends at its next step.",
    "kill": "It ends at once.",
    "pause": "It stops at its next step.",
    "resume": "It goes on.",
}


def agents(desk: Desk, ask: Ask) -> Shown:
    """Agents in their newest versions, and what is switched off."""
    shelf = desk.shelf()
    found = [(*versions.values(),)[-1] for _, versions in sorted(shelf.agents.items()) if versions]
    sees = [one for one in found if one.metadata.tenant in ("", ask.sight.tenant) or ask.sight.tenant is None]
    office = _office(desk)
    waiting: dict[str, int] = {}
    for run in office.page(ask.sight.who, ask.sight.tenant, "", ("queued", "running", "waiting", "paused"), "", 1000):
        waiting[run.agent] = waiting.get(run.agent, 0) + 1
    values = {
        "found": sees,
        "shelf": shelf,
        "open": waiting,
        "barred": office.barred(ask.sight.who),
        "now_ns": desk.clock.now_ns(),
    }
    return Shown(template="agents.html", values=values)


def runs(desk: Desk, ask: Ask) -> Shown:
    """Runs, the newest first."""
    status = ask.query.get("status", "")
    statuses: tuple[RunStatus, ...] = tuple(one for one in STATUSES if one == status)
    agent, before = ask.query.get("agent", ""), ask.query.get("before", "")
    found = _office(desk).page(ask.sight.who, ask.sight.tenant, agent, statuses, before, ROWS)
    values = {
        "found": [(one, by_of(one)) for one in found],
        "statuses": STATUSES,
        "status": status,
        "agent": agent,
        "older": found[-1].id if len(found) == ROWS else "",
        "now_ns": desk.clock.now_ns(),
    }
    return Shown(template="runs.html", values=values)


def inbox(desk: Desk, ask: Ask) -> Shown:
    """Runs that wait for people."""
    ask.sight.need("approve")
    found = _office(desk).inbox(ask.sight.who, ask.sight.tenant)
    values = {"found": [(one, by_of(one)) for one in found], "now_ns": desk.clock.now_ns()}
    return Shown(template="inbox.html", values=values)


def run(desk: Desk, ask: Ask) -> Shown:
    """One run."""
    return _shown(desk, ask, _office(desk).one(ask.sight.who, ask.names[0]))


def tell(desk: Desk, ask: Ask) -> Shown | Led:
    """What somebody says to a run. A mistake is shown beside what they wrote."""
    office, form, verb = _office(desk), ask.form, ask.form.get("verb", "")
    found = office.one(ask.sight.who, ask.names[0])
    try:
        if verb not in VERBS:
            raise BadRequest(f"there is nothing called {verb[:32]!r} to do", param="verb")
        said = _said(form.get("body", ""))
        fields: dict[str, Any] = {"why": form.get("why", ""), "key": form.get("key", ""), "body": said, "done": said}
        office.tell(ask.sight.who, found.id, verb, fields)
    except (BadRequest, NotAllowed) as error:
        return _shown(desk, ask, found, status=error.said_status, wrong=error.message, wrote=form.get("body", ""))
    return Led(path=f"{RUNS}/{found.id}?done={verb}")


def _said(text: str) -> Any:
    """JSON where it looks like that, else the text. Raises: BadRequest."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    return json.loads(text.encode())


def _shown(desk: Desk, ask: Ask, one: Run, *, status: int = 200, wrong: str = "", wrote: str = "") -> Shown:
    office, who, now_ns = _office(desk), ask.sight.who, desk.clock.now_ns()
    content = office.content(who, one)
    events = office.events(who, one.id, 0)
    document = desk.shelf().agent(one.agent, one.version)
    values: dict[str, Any] = {
        "one": one,
        "shown": shown_run(one, content=content),
        "content": content,
        "fall": steps(events, one.created_ns, now_ns),
        "children": office.children(one),
        "document": document,
        "answers": ask.sight.may("approve", one.principal),
        "looks_after": ask.sight.may("agents", one.principal),
        "done": _DONE.get(ask.query.get("done", ""), ""),
        "wrong": wrong,
        "wrote": wrote,
        "now_ns": now_ns,
    }
    return Shown(template="run.html", values=values, status=status)


def _office(desk: Desk) -> RunOffice:
    """Raises: NotFound."""
    if desk.runs is None:
        raise NotFound("no agents are run here; name their documents in `agents.documents`")
    return desk.runs()
