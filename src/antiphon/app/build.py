"""Wires one revision: the only place that names concrete classes of every room."""

import ssl
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from antiphon.app.doors import doors_of
from antiphon.app.governing import Governing
from antiphon.app.plans import Planning
from antiphon.app.reporting import spending_of
from antiphon.app.revisions import Made, made
from antiphon.calls.settings_flow import ProbeSettings
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.control.background import BackgroundResponses
from antiphon.control.callers import Callers, Doors
from antiphon.control.compaction import Compactor
from antiphon.control.conversations import Conversations
from antiphon.control.desk import Desk
from antiphon.control.explain import Explainer
from antiphon.control.keeper import Keeper
from antiphon.control.owned import Owned
from antiphon.control.responses import Responses
from antiphon.control.scoring import Scoring
from antiphon.core.embedding import Embedder
from antiphon.core.ports import Kept, Origin, Scores, Store
from antiphon.gateway.decide import Decisions
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.house import Process, Revision
from antiphon.net.egress import Egress, egress_of
from antiphon.net.settings import Bounds
from antiphon.providers.raw import Raw, raw
from antiphon.providers.tokenizers import load
from antiphon.server.beside import Beside
from antiphon.server.feedback import Feedback
from antiphon.server.kept import State
from antiphon.server.settings import LOOPBACK, ServerSettings, Tls
from antiphon.server.site import Site
from antiphon.server.spend import Reports
from antiphon.telemetry.page import CONTENT_TYPE, page
from antiphon.telemetry.settings import OtlpSettings
from antiphon.telemetry.trace import Tracer

if TYPE_CHECKING:
    from antiphon.app.agents_paths import Paths


class Built(Struct, frozen=True, kw_only=True):
    """A revision ready to serve."""

    revision: str
    site: Site
    identity: Callers
    bounds: Bounds
    drain_timeout_s: float
    origins: set[Origin]
    egress: Egress
    tracer: Tracer | None
    otlp: OtlpSettings | None
    probes: ProbeSettings
    longest_s: float
    """How long a request may still run under this revision once there is another."""


def build(
    loaded: Loaded,
    labs: dict[str, str],
    process: Process,
    store: Store,
    metrics: Path,
    why_not_ready: Callable[[], str],
    old: Built | None = None,
    kept: Kept | None = None,
    owned: Owned | None = None,
    planning: Planning | None = None,
    embedders: Mapping[str, Embedder] | None = None,
    scores: Scores | None = None,
    governing: Governing | None = None,
    doors: Doors | None = None,
    paths: "Paths | None" = None,
) -> Built:
    """Make a revision of a checked configuration.

    Args:
        labs: Base URLs of the lab providers that this gateway runs itself.
        old: The revision before; it hands on what sends traces, when that is set as it was.
        kept: Where callers' responses and conversations are kept, and `scores` of answers; None: nowhere.
        owned: Objects of the admin API.
        planning: What plans rest on, whatever the revision; None: nothing is known yet.
        embedders: By name.
        governing: What requests are governed by, whatever the revision; None: nothing.
        doors: What identities rest on, whatever the revision; None: nothing is known yet.
        paths: What agents rest on, whatever the revision; None: there are none here.
    """
    settings = loaded.settings
    caller, otlp = process.caller, settings.telemetry.otlp
    egress = egress_of(settings.egress)
    tracer = old.tracer if old is not None and (old.otlp, old.egress) == (otlp, egress) else None
    found = made(loaded, labs, caller, planning or Planning(), embedders, tracer, governing, paths)
    revision, raws = found.revision, _raws(settings, found)
    stands = {name: one.target for name, one in raws.items()}
    caller.errands.arrange(settings.calls, stands, caller.fleet.pools, caller.now())
    gateway = Gateway(process, revision)
    identity = _callers(settings, owned or Owned(), doors or doors_of(caller.transport, process.clock))
    desk = _desk(gateway, settings, raws, old)
    site = Site(
        gateway=gateway,
        state=None if kept is None else _state(process, kept, settings, paths),
        desk=desk,
        identity=identity,
        store=store,
        reports=Reports(spending_of(settings)),
        feedback=None if scores is None else _feedback(process, store, scores, settings),
        explainer=Explainer(process, revision, Decisions(revision, caller)),
        metrics=partial(page, metrics),
        metrics_type=CONTENT_TYPE,
        open_metrics=_open_metrics(settings.server),
        created_s=int(time.time()),
        ready=why_not_ready,
        approvals=None if governing is None else governing.book,
        beside=None if paths is None else _beside(paths, settings, gateway, desk, identity),
    )
    origins = {one.origin for one in stands.values()} | (set[Origin]() if governing is None else governing.origins)
    return _built(revision, site, identity, settings, origins, egress)


def _beside(paths: "Paths", settings: Settings, gateway: Gateway, desk: Desk, identity: Callers) -> Beside:
    """Who answers for agents; loaded by gateways that have any."""
    from antiphon.app.agents_paths import beside

    return beside(paths, settings, gateway, desk, identity)


def _built(
    revision: Revision, site: Site, identity: Callers, settings: Settings, origins: set[Origin], egress: Egress
) -> Built:
    return Built(
        revision=revision.id,
        site=site,
        identity=identity,
        bounds=settings.server.limits,
        drain_timeout_s=settings.server.drain_timeout_s,
        egress=egress,
        origins=origins,
        tracer=revision.tracer,
        otlp=settings.telemetry.otlp,
        longest_s=settings.calls.deadline.max_s,
        probes=settings.calls.probes,
    )


def _callers(settings: Settings, owned: Owned, doors: Doors) -> Callers:
    return Callers(settings.keys, owned, doors, settings.identity, managed=settings.admin is not None)


def _desk(gateway: Gateway, settings: Settings, raws: dict[str, Raw], old: Built | None) -> Desk:
    """Tokenizers are those of the revision before, when they are set as they were. Raises: ConfigError."""
    before = None if old is None or old.site.desk is None else old.site.desk.tokenizers
    same = before is not None and before.settings == settings.tokenizers
    return Desk(
        gateway=gateway,
        accounts=raws,
        decisions=Decisions(gateway.revision, gateway.process.caller),
        realtime=settings.realtime,
        egress=egress_of(settings.egress),
        tokenizers=before if same else load(settings.tokenizers),
    )


def _open_metrics(server: ServerSettings) -> bool:
    return server.host in LOOPBACK if server.public_metrics is None else server.public_metrics


def _feedback(process: Process, store: Store, scores: Scores, settings: Settings) -> Feedback:
    scoring = Scoring(store, scores, process.sealer, settings.quality.forgetting())
    return Feedback(scoring=scoring, count=process.metrics.plans.scored)


def _state(process: Process, kept: Kept, settings: Settings, paths: "Paths | None") -> State:
    keeper = Keeper(kept, process.sealer, process.clock, process.ids, settings.storage.keep)
    conversations = Conversations(keeper)
    return State(
        responses=Responses(keeper, conversations, Compactor(process.sealer, keeper.new_id)),
        conversations=conversations,
        background=None if paths is None else _background(paths, keeper, settings.agents.most_queued),
    )


def _background(paths: "Paths", keeper: Keeper, most_queued: int) -> BackgroundResponses:
    store = paths.agency.store
    return BackgroundResponses(store, partial(keeper.new_id, "resp"), keeper.now_ns, most_queued)


def tls_context(tls: Tls | None, into: ssl.SSLContext | None = None) -> ssl.SSLContext | None:
    """The listener's TLS, or the same context with its files read again. Raises: OSError, ssl.SSLError."""
    if tls is None:
        return None
    context = into or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.cert_file, tls.key_file, password=lambda: b"")
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if tls.min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if tls.client_ca_file is not None:
        context.load_verify_locations(tls.client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL if tls.client_auth == "optional" else ssl.CERT_REQUIRED
    return context


def _raws(settings: Settings, found: Made) -> dict[str, Raw]:
    """Accounts as they are, for what is no model call."""
    deployments = [one.deployment for one in found.targets.values()]
    led = {name: [one.name for one in route.deployments] for name, route in found.routes.items()}
    longest_s = settings.calls.deadline.max_s
    return {
        name: raw(account, settings.providers[name], deployments, led, longest_s)
        for name, account in found.accounts.items()
    }
