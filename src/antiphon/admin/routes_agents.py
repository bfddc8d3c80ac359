"""Paths of agents: documents, runs, what waits for people, what is switched off."""

from typing import Any, get_args

import msgspec

from antiphon.admin.ask import Ask, number, page_of
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Act, Route
from antiphon.control.documents import May
from antiphon.control.roles import EVERYWHERE, Permission, Scope
from antiphon.control.run_office import ANSWERS, BarFields, RunOffice
from antiphon.control.runs_shown import shown_barred, shown_event, shown_run
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.run import RunStatus

DOCUMENTS, RUNS, BARS = "/admin/v1/documents", "/admin/v1/runs", "/admin/v1/bars"
STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)


def _documents(desk: Desk, ask: Ask) -> Done:
    query = ask.query("kind", "owner")
    found = [one for one in desk.documents.all() if _sees(ask, one.tenant)]
    for name in ("kind", "owner"):
        if name in query:
            found = [one for one in found if getattr(one, name) == query[name]]
    return Done(value={"data": found, "next": None})


def _document(desk: Desk, ask: Ask) -> Done:
    ask.query()
    one = desk.documents.get(_id(ask))
    if not _sees(ask, one.tenant):
        raise NotFound(f"there is no document {_id(ask)[:200]}; GET /admin/v1/documents lists those there are")
    return Done(value=one)


def _applied(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields("documents", "check")
    raws, check = fields.get("documents"), fields.get("check", False)
    try:
        documents = msgspec.convert(raws, list[dict[str, Any]])
    except msgspec.ValidationError as error:
        raise BadRequest(f"documents: write a list of documents ({error})", param="documents") from error
    if not isinstance(check, bool):
        raise BadRequest("check: write true or false", param="check")
    told, version = desk.documents.apply(documents, _may(ask), ask.by, check=check)
    return Done(value={"data": told}, changed=version or None)


def _deleted(desk: Desk, ask: Ask) -> Done:
    ask.query()
    version = desk.documents.delete(_id(ask), _may(ask), ask.by)
    return Done(value={"id": _id(ask), "deleted": True}, changed=version)


def _id(ask: Ask) -> str:
    kind, name, version = ask.names
    return f"{kind}/{name}@{version}"


def _sees(ask: Ask, tenant: str) -> bool:
    return not tenant or ask.who.may("read", Scope(tenant))


def _may(ask: Ask) -> May:
    return lambda tenant: ask.who.need("agents", Scope(tenant) if tenant else EVERYWHERE)


# --- runs


def _runs(desk: Desk, ask: Ask) -> Done:
    query = ask.query("limit", "before", "tenant", "agent", "status")
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise BadRequest(f"status: write one of {', '.join(STATUSES)}", param="status")
    statuses: tuple[RunStatus, ...] = () if status is None else (status,)
    most = page_of(query)
    found = _office(desk).page(
        ask.who, query.get("tenant"), query.get("agent", ""), statuses, query.get("before", ""), most
    )
    following = found[-1].id if len(found) == most else None
    return Done(value={"data": [shown_run(one, content=False) for one in found], "next": following})


def _run(desk: Desk, ask: Ask) -> Done:
    ask.query()
    office = _office(desk)
    found = office.one(ask.who, ask.names[0])
    return Done(value=shown_run(found, content=office.content(ask.who, found)))


def _events(desk: Desk, ask: Ask) -> Done:
    query = ask.query("after")
    office = _office(desk)
    run = office.one(ask.who, ask.names[0])
    content = office.content(ask.who, run)
    found = office.events(ask.who, run.id, number(query, "after", 0) if "after" in query else 0)
    return Done(value={"data": [shown_event(one, content=content) for one in found], "next": None})


def _inbox(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant")
    return Done(value={"data": [shown_run(one) for one in _office(desk).inbox(ask.who, query.get("tenant"))]})


def _told(verb: str, *known: str) -> Act:
    def act(desk: Desk, ask: Ask) -> Done:
        ask.query()
        run = _office(desk).tell(ask.who, ask.names[0], verb, ask.fields(*known))
        return Done(value=shown_run(run, content=False))

    return act


# --- switches


def _bars(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return Done(value={"data": [shown_barred(one) for one in _office(desk).barred(ask.who)]})


def _barred(desk: Desk, ask: Ask) -> Done:
    ask.query()
    try:
        fields = msgspec.convert(ask.fields(), BarFields)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error}; the fields are {', '.join(BarFields.__struct_fields__)}") from error
    return Done(value=shown_barred(_office(desk).bar(ask.who, fields)))


def _unbarred(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant")
    kind, name = ask.names
    _office(desk).unbar(ask.who, kind, name, query.get("tenant", ""))
    return Done(value={"kind": kind, "name": name, "barred": False})


def _office(desk: Desk) -> RunOffice:
    if desk.runs is None:
        raise NotFound("no runs are kept here")
    return desk.runs()


def _verb(verb: str, said: str, *body: str) -> Route:
    needs: Permission = "approve" if verb in ANSWERS else "agents"
    return Route(
        method="POST",
        path=f"{RUNS}/{{id}}/{verb}",
        act=_told(verb, *body),
        said=said,
        needs=needs,
        scoped=True,
        body=body,
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=DOCUMENTS,
        act=_documents,
        said="Documents of agents, of files and of the API.",
        scoped=True,
        query=("kind", "owner"),
    ),
    Route(
        method="POST",
        path=f"{DOCUMENTS}/apply",
        act=_applied,
        said="Publish documents, all of them or none; `check` only tells what would be done.",
        needs="agents",
        scoped=True,
        body=("documents", "check"),
    ),
    Route(
        method="GET", path=f"{DOCUMENTS}/{{kind}}/{{name}}/{{version}}", act=_document, said="One of them.", scoped=True
    ),
    Route(
        method="DELETE",
        path=f"{DOCUMENTS}/{{kind}}/{{name}}/{{version}}",
        act=_deleted,
        said="Take a document of the API away that no other needs.",
        needs="agents",
        scoped=True,
    ),
    Route(
        method="GET",
        path=RUNS,
        act=_runs,
        said="Runs of agents, the newest first, without what was said.",
        scoped=True,
        query=("limit", "before", "tenant", "agent", "status"),
    ),
    Route(method="GET", path=f"{RUNS}/{{id}}", act=_run, said="One run.", scoped=True),
    Route(
        method="GET",
        path=f"{RUNS}/{{id}}/events",
        act=_events,
        said="What happened in a run, the oldest first.",
        scoped=True,
        query=("after",),
    ),
    _verb("answer", "Answer the question, review or hand-off that a run waits for.", "key", "body"),
    _verb("take-over", "Take a run over by hand."),
    _verb("give-back", "Give a run back, with what was done by hand.", "done"),
    _verb("cancel", "End a run at its next step.", "why"),
    _verb("kill", "End a run at once.", "why"),
    _verb("pause", "Stop a run at its next step.", "why"),
    _verb("resume", "Go on with a paused run."),
    _verb("fork", "A new run that goes on from before a step of this one.", "step"),
    Route(
        method="GET",
        path="/admin/v1/inbox",
        act=_inbox,
        said="Runs that wait for people, with all that they show.",
        needs="approve",
        scoped=True,
        query=("tenant",),
    ),
    Route(method="GET", path=BARS, act=_bars, said="Agents, tools and tenants that are switched off."),
    Route(
        method="POST",
        path=BARS,
        act=_barred,
        said="Switch an agent, a tool or a tenant off: `quarantined` begins nothing, `killed` ends what runs too.",
        needs="agents",
        body=("kind", "name", "how", "tenant", "why"),
    ),
    Route(
        method="DELETE",
        path=f"{BARS}/{{kind}}/{{name}}",
        act=_unbarred,
        said="Switch it on again.",
        needs="agents",
        query=("tenant",),
    ),
)
