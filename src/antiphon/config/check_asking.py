"""Mistakes in who is asked: models and services that guards ask, and people."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from antiphon.config.check_headers import check_headers, check_web_url
from antiphon.config.pem import MENDED, why_no_authorities
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.control.roles import MAY
from antiphon.core.error import Problem
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_judge import WebhookSettings
from antiphon.net.addresses import parsed
from antiphon.net.egress import is_this_machine
from antiphon.wire.yaml_node import Path

EDITS = ("mask", "rewrite")
BESIDE = ("allow", "flag", "block")


def check_asking(settings: Settings, written: Written) -> Iterator[Problem]:
    """Models that don't exist, addresses that are none, actions that come too late, roles that may not approve."""
    for name, guard in settings.guards.items():
        path: Path = ("guards", name)
        if guard.model is None and guard.webhook is None:
            continue
        if guard.model is not None:
            yield from _model(guard.model.model, (*path, "model", "model"), written)
        if guard.webhook is not None:
            yield from _webhook(guard.webhook, (*path, "webhook"), written)
        yield from _actions(guard, path, written)
    yield from _people(settings, written)


def _model(model: str, path: Path, written: Written) -> Iterator[Problem]:
    known = (*written.names("models"), *written.names("routes"))
    if model not in known and not model.startswith("tier/") and written.sound(path, ("models",), ("routes",)):
        yield written.problem(path, f"there is no model {model}", choose(model, known, "models"))


def _webhook(webhook: WebhookSettings, path: Path, written: Written) -> Iterator[Problem]:
    url = webhook.url.reveal()
    wrong = [*check_web_url(url, (*path, "url"), written)] if written.sound((*path, "url")) else []
    yield from wrong
    yield from check_headers(webhook.headers, (*path, "headers"), written)
    missing = why_no_authorities(webhook.ca_file) if webhook.ca_file is not None else ""
    if missing:
        yield written.problem((*path, "ca_file"), missing, MENDED)
    host = "" if wrong else urlsplit(url).hostname or ""
    named = bool(host) and parsed(host) is None and not is_this_machine(host)
    if webhook.zone == "private" and named and not webhook.networks:
        wrong_zone = f"nothing says in which networks {host} is, so private data would go wherever that name leads"
        yield written.problem((*path, "zone"), wrong_zone, "write `networks`, such as [10.0.0.0/8]")


def _actions(guard: GuardSettings, path: Path, written: Written) -> Iterator[Problem]:
    """A model or a service finds, and edits nothing; one that is asked beside the call comes too late to place it."""
    asked = guard.model or guard.webhook
    said = {"action": guard.action, "answer_action": guard.answer_action}
    places = [((*path, name), action) for name, action in said.items() if action is not None]
    places += [((*path, "actions", kind), action) for kind, action in guard.actions.items()]
    beside = asked is not None and asked.when == "beside" and (not guard.on or "request" in guard.on)
    for where, action in places:
        if action in EDITS:
            remedy = "write `flag`, `block`, `route_private` or `approve`"
            yield written.problem(where, f"what others find is not edited, so `{action}` can't be done", remedy)
        elif beside and where[-1] != "answer_action" and action not in BESIDE:
            wrong = f"the call runs already when it answers, so `{action}` comes too late"
            yield written.problem(where, wrong, "write `when: before`, or one of `flag` and `block`")
    if beside and guard.raises is not None:
        wrong = "the call runs already when it answers, so its data class can't be raised"
        yield written.problem((*path, "raises"), wrong, "write `when: before`, or leave this out")


def _people(settings: Settings, written: Written) -> Iterator[Problem]:
    approvals, path = settings.approvals, ("approvals",)
    if not written.sound(path):
        return
    for below, wrong, remedy in approvals.check():
        yield written.problem((*path, below), wrong, remedy)
    may = tuple(role for role, permissions in MAY.items() if "approve" in permissions)
    for name in ("approvers", "escalate_to"):
        role: str = getattr(approvals, name)
        if role not in may:
            yield written.problem((*path, name), f"the role {role} may not approve", f"write one of {', '.join(may)}")
    for at, one in enumerate(approvals.notify):
        yield from check_web_url(one.url.reveal(), (*path, "notify", at, "url"), written)
