"""Paths of what begins runs by itself, and of letters that began none."""

from antiphon.admin.ask import Ask
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Route
from antiphon.control.trigger_office import TriggerOffice
from antiphon.core.error import NotFound

TRIGGERS = "/admin/v1/triggers"


def _triggers(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return Done(value={"data": _office(desk).all(ask.who), "next": None})


def _letters(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return Done(value={"data": _office(desk).letters(ask.who, ask.names[0]), "next": None})


def _revived(desk: Desk, ask: Ask) -> Done:
    ask.query()
    ask.fields()
    name, event = ask.names
    _office(desk).revive(ask.who, name, event)
    return Done(value={"trigger": name, "event": event, "revived": True})


def _forgotten(desk: Desk, ask: Ask) -> Done:
    ask.query()
    name, event = ask.names
    _office(desk).forget(ask.who, name, event)
    return Done(value={"trigger": name, "event": event, "deleted": True})


def _office(desk: Desk) -> TriggerOffice:
    if desk.triggers is None:
        raise NotFound("no triggers are kept here")
    return desk.triggers()


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=TRIGGERS,
        act=_triggers,
        said="Triggers, with how many messages wait and how many began no run.",
        scoped=True,
    ),
    Route(
        method="GET",
        path=f"{TRIGGERS}/{{name}}/letters",
        act=_letters,
        said="Dead letters of a trigger: what began no run, and why.",
        scoped=True,
    ),
    Route(
        method="POST",
        path=f"{TRIGGERS}/{{name}}/letters/{{event}}/revive",
        act=_revived,
        said="Try a dead letter again, as if it had just come.",
        needs="agents",
        scoped=True,
    ),
    Route(
        method="DELETE",
        path=f"{TRIGGERS}/{{name}}/letters/{{event}}",
        act=_forgotten,
        said="Drop a dead letter.",
        needs="agents",
        scoped=True,
    ),
)
