"""Paths of the audit log, of what lies sealed, and of erasure. Each is allowed in the tenant that it is about."""

from typing import Any

from msgspec import structs

from antiphon.admin.ask import Ask, number, page_of
from antiphon.admin.desk import Desk, Done
from antiphon.admin.route import Route
from antiphon.control.erasing import Target
from antiphon.control.roles import EVERYWHERE, Permission, Scope
from antiphon.core.audit import Event, Said
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.receipt import Receipt
from antiphon.core.vault_store import Hold

AUDIT = "/admin/v1/audit"
MOST_TOKENS = 100
"""Of one request."""
NAMED = ("tenant", "subject", "receipt", "session", "everything")


def _need(ask: Ask, permission: Permission, tenant: str) -> None:
    """What is nobody's is for those who may everywhere. Raises: NotAllowed."""
    ask.who.need(permission, Scope(tenant) if tenant else EVERYWHERE)


def _tenant(ask: Ask, permission: Permission, named: str | None) -> str:
    """The tenant that is named, or else the one in which whoever asks has the permission; of all tenants: nobody's.

    Raises: NotAllowed.
    """
    if named is None:
        named = next((one.tenant for one in ask.who.scopes(permission) if one.tenant is not None), "")
        named = "" if ask.who.may(permission, EVERYWHERE) else named
    _need(ask, permission, named)
    return named


def _tenant_in(ask: Ask, permission: Permission, fields: dict[str, Any]) -> str:
    """The same of a body. Raises: BadRequest, NotAllowed."""
    return _tenant(ask, permission, ask.text(fields, "tenant", "") if "tenant" in fields else None)


def _note(desk: Desk, ask: Ask, tenant: str, kind: str, about: str, **detail: Said) -> None:
    at_ns = desk.clock.now_ns()
    desk.notes.note(Event(tenant=tenant, kind=kind, by=ask.by, at_ns=at_ns, about=about, detail=detail))


# --- the log


def _chains(desk: Desk, ask: Ask) -> Done:
    ask.query()
    seen = [one for one in desk.log.chains() if ask.who.may("audit", Scope(one.tenant) if one.tenant else EVERYWHERE)]
    return Done(value={"data": seen, "keys": desk.log.public_keys()})


def _events(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant", "after", "limit")
    tenant, most = _tenant(ask, "audit", query.get("tenant")), page_of(query)
    first = number(query, "after", 0) if query.get("after", "0") != "0" else 0
    found = desk.log.events(tenant, first, most)
    return Done(value={"data": found, "next": first + len(found) if len(found) == most else None})


def _checkpoints(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant", "limit")
    tenant = _tenant(ask, "audit", query.get("tenant"))
    return Done(value={"data": desk.log.checkpoints(tenant, page_of(query))})


def _inclusion(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant", "seq", "receipt")
    if ("receipt" in query) == ("seq" in query):
        raise BadRequest("write `receipt`, or `tenant` and `seq`", param="receipt")
    if "receipt" in query:
        link = desk.log.of_receipt(query["receipt"])
    else:
        seq = 0 if query["seq"] == "0" else number(query, "seq", 0)
        link = desk.log.event(_tenant(ask, "audit", query.get("tenant")), seq)
    _need(ask, "audit", link.tenant)
    return Done(value=desk.log.inclusion(link))


def _consistency(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant", "old", "new")
    tenant = _tenant(ask, "audit", query.get("tenant"))
    if "old" not in query:
        raise BadRequest("write in `old` how many events the earlier checkpoint states", param="old")
    new = number(query, "new", 1) if "new" in query else None
    return Done(value=desk.log.consistency(tenant, number(query, "old", 1), new))


# --- what lies sealed


def _receipt(desk: Desk, ask: Ask) -> Receipt:
    """A receipt whose content they may see. Raises: NotFound, also where they may not: whether it is there is not told."""
    name = ask.names[0]
    receipt = desk.proof().receipt(name)
    if receipt is None or not ask.who.sees(receipt.principal, "content"):
        raise NotFound(f"there is no receipt {name[:64]!r} whose content you may see", code="receipt_not_found")
    return receipt


def _content(desk: Desk, ask: Ask) -> Done:
    ask.query()
    receipt = _receipt(desk, ask)
    tenant = "" if receipt.principal is None else receipt.principal.tenant
    _note(desk, ask, tenant, "content.view", receipt.id)
    said = desk.proof().content(receipt)
    request, answer = (text.decode("utf-8", "replace") for text in (said.request, said.answer))
    return Done(value={"receipt": receipt.id, "request": request, "answer": answer, "cut": said.cut})


def _revealed(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields("tenant", "tokens")
    tenant, tokens = _tenant_in(ask, "content", fields), fields.get("tokens")
    if not isinstance(tokens, list) or not 0 < len(tokens) <= MOST_TOKENS:  # pyright: ignore[reportUnknownArgumentType]
        raise BadRequest(f"tokens: write a list of 1 to {MOST_TOKENS} tokens", param="tokens")
    asked = [str(one)[:100] for one in tokens]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    _note(desk, ask, tenant, "token.reveal", "", tokens=tuple(asked))
    return Done(value={"tenant": tenant, "values": desk.proof().reveal(tenant, asked)})


# --- erasure


def _target(ask: Ask, fields: dict[str, Any]) -> Target:
    texts = {name: ask.text(fields, name, "") for name in ("subject", "receipt", "session")}
    everything = fields.get("everything", False)
    if not isinstance(everything, bool):
        raise BadRequest("everything: write true or false", param="everything")
    return Target(tenant=_tenant_in(ask, "erase", fields), everything=everything, **texts)


def _erased(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields(*NAMED, "note")
    target = _target(ask, fields)
    return Done(value=desk.proof().erasing.erase(target, ask.by, ask.text(fields, "note", "")))


def _holds(desk: Desk, ask: Ask) -> Done:
    query = ask.query("tenant")
    found = desk.proof().erasing.vault.holds(query.get("tenant"))
    return Done(value={"data": [_shown(one) for one in found if ask.who.may("erase", Scope(one.tenant))]})


def _held(desk: Desk, ask: Ask) -> Done:
    ask.query()
    fields = ask.fields(*NAMED, "note")
    target = _target(ask, fields)
    return Done(value=_shown(desk.proof().erasing.hold(target, ask.by, ask.text(fields, "note", ""))), made=True)


def _lifted(desk: Desk, ask: Ask) -> Done:
    ask.query()
    erasing = desk.proof().erasing
    one = erasing.found(ask.names[0])
    _need(ask, "erase", one.tenant)
    return Done(value={**_shown(erasing.lift(one.id, ask.by)), "lifted": True})


def _shown(hold: Hold) -> dict[str, Any]:
    return structs.asdict(hold)


def _rotated(desk: Desk, ask: Ask) -> Done:
    ask.query()
    ask.fields("")
    _note(desk, ask, "", "vault.rotated", "")
    done = desk.proof().rotate()
    left = [{"tenant": tenant, "why": why} for tenant, why in done.left]
    return Done(value={"wrapper": done.wrapper, "rewrapped": done.rewrapped, "left": left})


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=AUDIT,
        act=_chains,
        said="Chains of events, how far they have come, and the keys that checkpoints are checked by.",
        needs="audit",
        scoped=True,
    ),
    Route(
        method="GET",
        path=f"{AUDIT}/events",
        act=_events,
        said="Events of a tenant's chain, in order.",
        needs="audit",
        scoped=True,
        query=("tenant", "after", "limit"),
    ),
    Route(
        method="GET",
        path=f"{AUDIT}/checkpoints",
        act=_checkpoints,
        said="Signed checkpoints of a tenant's chain, the largest first.",
        needs="audit",
        scoped=True,
        query=("tenant", "limit"),
    ),
    Route(
        method="GET",
        path=f"{AUDIT}/inclusion",
        act=_inclusion,
        said="Proof that an event, such as a receipt's, stands in its chain.",
        needs="audit",
        scoped=True,
        query=("tenant", "seq", "receipt"),
    ),
    Route(
        method="GET",
        path=f"{AUDIT}/consistency",
        act=_consistency,
        said="Proof that a chain begins with that of an earlier checkpoint.",
        needs="audit",
        scoped=True,
        query=("tenant", "old", "new"),
    ),
    Route(
        method="GET",
        path="/admin/v1/receipts/{id}/content",
        act=_content,
        said="What was captured with a receipt. It is noted before it is shown.",
        needs="content",
        scoped=True,
    ),
    Route(
        method="POST",
        path="/admin/v1/tokens/reveal",
        act=_revealed,
        said="What tokens of a tenant stand for. It is noted before it is shown.",
        needs="content",
        scoped=True,
        body=("tenant", "tokens"),
    ),
    Route(
        method="POST",
        path="/admin/v1/erasures",
        act=_erased,
        said="Erase what was kept of a subject, a receipt, a session, or all of a tenant's.",
        needs="erase",
        scoped=True,
        body=(*NAMED, "note"),
    ),
    Route(
        method="GET",
        path="/admin/v1/holds",
        act=_holds,
        said="Legal holds, the oldest first.",
        needs="erase",
        scoped=True,
        query=("tenant",),
    ),
    Route(
        method="POST",
        path="/admin/v1/holds",
        act=_held,
        said="Place a legal hold: what it is on is neither erased nor dropped for its age.",
        needs="erase",
        scoped=True,
        body=(*NAMED, "note"),
    ),
    Route(
        method="DELETE",
        path="/admin/v1/holds/{id}",
        act=_lifted,
        said="Lift a legal hold.",
        needs="erase",
        scoped=True,
    ),
    Route(
        method="POST",
        path="/admin/v1/vault/rotations",
        act=_rotated,
        said="Wrap every tenant's key by the key that is configured now.",
        needs="erase",
    ),
)
