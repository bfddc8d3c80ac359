"""Wires the console: what its pages ask, under one configuration."""

import hmac
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from antiphon.admin.desk import Desk as Office
from antiphon.app.places import Places
from antiphon.app.reporting import spending_of
from antiphon.app.stores import Stores
from antiphon.config.documents_api import merged as documents
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.console import assets
from antiphon.console.desk import Desk
from antiphon.console.render import Renderer
from antiphon.console.site import ConsoleSite, Known
from antiphon.control.callers import Callers
from antiphon.control.definitions import merged
from antiphon.control.deployment_board import Placed
from antiphon.control.owned import Owned
from antiphon.control.policy_board import InForce
from antiphon.control.sight import FIRST, Sight, sight_of
from antiphon.control.signed_in import SignedIn
from antiphon.core.budget import Budget
from antiphon.core.clock import SystemClock
from antiphon.metering.records import Records
from antiphon.net.exchange import Exchange
from antiphon.policy.source import read_files


def console_of(
    loaded: Loaded,
    places: Places,
    owned: Callable[[], Owned],
    known: Known,
    signed_in: SignedIn,
    office: Office,
) -> ConsoleSite | None:
    """None: the configuration has no `console`.

    Args:
        office: What the admin API is answered with: approvals, the audit log and seals are the same.
    """
    settings = loaded.settings
    if settings.console is None:
        return None
    assert office.approvals is not None
    stores = Stores.of(settings.storage, Path(settings.storage.dir))

    def budgets() -> tuple[Budget, ...]:
        return merged(settings.keys, settings.budgets, settings.limits, owned()).budgets

    desk = Desk(
        records=Records(stores.reader(), places.journal),
        spending=spending_of(settings),
        bank=stores.bank,
        budgets=budgets,
        placed=_placed(settings),
        metrics=places.metrics,
        content=lambda receipt: office.proof().content(receipt),
        clock=SystemClock(),
        rows=settings.console.page_rows,
        in_force=InForce(
            sources=lambda: (*read_files(settings.policy.files), *owned().bundles),
            tiers=settings.policy.tiers,
            default=settings.policy.default,
            private_from=settings.data_classes.private_from,
        ),
        audit=office.log.store,
        book=office.approvals,
        runs=office.runs,
        shelf=lambda: documents(loaded, owned().documents),
    )
    return ConsoleSite(
        desk=desk,
        render=Renderer(settings.console.title, settings.console.refresh_s),
        assets=assets.read(),
        signed_in=signed_in,
        known=known,
        session_s=settings.console.session_s,
        secure=settings.server.tls is not None,
    )


def known_by(callers: Callers, bootstrap: bytes) -> Known:
    """Whose credential it is: the first admin key's, whose SHA-256 this is, or somebody's with a role."""

    async def known(credential: bytes, exchange: Exchange) -> Sight:
        if hmac.compare_digest(sha256(credential).digest(), bootstrap):
            return FIRST
        sight = sight_of(await callers.who(credential, exchange.peer))
        sight.need("read")
        return sight

    return known


def _placed(settings: Settings) -> tuple[Placed, ...]:
    return tuple(
        Placed(
            name=name,
            provider=one.provider,
            model=one.model or name,
            tier=one.tier,
            zone=one.zone,
            region=one.region,
        )
        for name, one in settings.models.items()
    )
