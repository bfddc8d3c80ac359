"""Paths of bundles of policies. Whoever writes a draft needs another permission than whoever puts it in force."""

from antiphon.admin.ask import Ask, page_of
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Route
from antiphon.control.policy_shown import BundleShown

PATH = "/admin/v1/policies"
ROLLOUT = ("mode", "share", "note")


def _changed(one: BundleShown) -> Done:
    return Done(value=one, version=one.version, changed=one.version)


def _listed(desk: Desk, ask: Ask) -> Done:
    query = ask.query("limit", "after")
    return Done(value=desk.policies.page(query.get("after", ""), page_of(query)))


def _got(desk: Desk, ask: Ask) -> Done:
    ask.query()
    one = desk.policies.get(ask.names[0])
    return Done(value=one, version=one.version)


def _versions(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return Done(value={"data": desk.policies.versions(ask.names[0])})


def _drafted(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return _changed(desk.policies.draft(ask.names[0], ask.fields("text", "note", "tenant"), ask.condition(), ask.by))


def _published(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return _changed(desk.policies.publish(ask.names[0], ask.fields(*ROLLOUT), ask.condition(), ask.by))


def _rolled_out(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return _changed(desk.policies.rollout(ask.names[0], ask.fields(*ROLLOUT), ask.condition(), ask.by))


def _rolled_back(desk: Desk, ask: Ask) -> Done:
    ask.query()
    return _changed(desk.policies.rollback(ask.names[0], ask.fields("number"), ask.condition(), ask.by))


def _withdrawn(desk: Desk, ask: Ask) -> Done:
    ask.query()
    ask.fields("")
    return _changed(desk.policies.withdraw(ask.names[0], ask.condition(), ask.by))


def _deleted(desk: Desk, ask: Ask) -> Done:
    ask.query()
    changed = desk.policies.delete(ask.names[0], ask.condition(), ask.by)
    return Done(value={"kind": "policy", "name": ask.names[0], "deleted": True}, changed=changed)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path=PATH, act=_listed, said="Bundles of policies, without their texts.", query=("limit", "after")
    ),
    Route(method="GET", path=f"{PATH}/{{name}}", act=_got, said="One bundle: its draft, and what is in force."),
    Route(
        method="PUT",
        path=f"{PATH}/{{name}}",
        act=_drafted,
        said="Write a draft; nothing is in force by it.",
        needs="policy.write",
        body=("text", "note", "tenant"),
    ),
    Route(
        method="DELETE",
        path=f"{PATH}/{{name}}",
        act=_deleted,
        said="Take a bundle away that is not in force.",
        needs="policy.write",
    ),
    Route(method="GET", path=f"{PATH}/{{name}}/versions", act=_versions, said="Every version that was published."),
    Route(
        method="POST",
        path=f"{PATH}/{{name}}/publish",
        act=_published,
        said="Put the draft in force, as a new version.",
        needs="policy.publish",
        body=ROLLOUT,
    ),
    Route(
        method="POST",
        path=f"{PATH}/{{name}}/rollout",
        act=_rolled_out,
        said="Change the mode, or the share of callers, of what is in force.",
        needs="policy.publish",
        body=ROLLOUT,
    ),
    Route(
        method="POST",
        path=f"{PATH}/{{name}}/rollback",
        act=_rolled_back,
        said="Put a version in force that was published before.",
        needs="policy.publish",
        body=("number",),
    ),
    Route(
        method="POST",
        path=f"{PATH}/{{name}}/withdraw",
        act=_withdrawn,
        said="Put a bundle out of force.",
        needs="policy.publish",
    ),
)
