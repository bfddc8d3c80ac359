"""Makes a revision of a configuration: accounts, deployments, routes, and what they are decided by."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, get_args

from msgspec import Struct
from msgspec.structs import replace

from antiphon.app.governing import Governing
from antiphon.app.plans import Planning, Plans
from antiphon.calls.caller import Caller
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import RouteSettings
from antiphon.config.fallbacks import Pools, fallbacks
from antiphon.config.load import Loaded
from antiphon.config.resolve import off_providers, profile_name, resolve
from antiphon.config.settings import Settings
from antiphon.core.clock import SystemClock
from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.embedding import Embedder
from antiphon.core.plan import Candidate, FallbackKind
from antiphon.core.request import Need
from antiphon.core.secret import Secret
from antiphon.gateway.house import Revision
from antiphon.governance.govern import Governor
from antiphon.net.egress import Egress, egress_of
from antiphon.providers.auth.make import signer
from antiphon.providers.auth.signer import Signer
from antiphon.providers.catalogue.catalogue import Catalogue, Known
from antiphon.providers.catalogue.priced import priced
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.profile import Profile
from antiphon.providers.profiles import PROFILES
from antiphon.providers.settings import ModelSettings, ProviderSettings
from antiphon.providers.target import Account, Target, target
from antiphon.routing.route import Pool, Prompt, Route
from antiphon.telemetry.settings import OtlpSettings
from antiphon.telemetry.trace import Tracer

if TYPE_CHECKING:
    from antiphon.app.agents_paths import Paths

EVERY: frozenset[Need] = frozenset(get_args(Need))


class Made(Struct, frozen=True, kw_only=True):
    """A revision, and what it was made from."""

    revision: Revision
    accounts: Mapping[str, Account]
    targets: Mapping[str, Target]
    routes: Mapping[str, Route]


def made(
    loaded: Loaded,
    labs: Mapping[str, str],
    caller: Caller,
    planning: Planning,
    embedders: Mapping[str, Embedder] | None = None,
    tracer: Tracer | None = None,
    governing: Governing | None = None,
    paths: "Paths | None" = None,
) -> Made:
    """Make a revision of a checked configuration. Who calls are made to is known to `caller` from then on.

    Args:
        labs: Base URLs of the lab providers that this gateway runs itself.
        tracer: Of the revision before, where traces are sent as before.
        governing: What requests are governed by; None: nothing is.
        paths: What agents rest on, which are asked as models; None: there are none.
    """
    settings = loaded.settings
    accounts = _accounts(settings, labs)
    targets = _targets(settings, accounts)
    routes = _routes(settings, targets)
    if paths is not None:
        for name, one in paths.agency.models(settings.calls.deadline.max_s).items():
            targets[name], routes[name] = one.target, one.route
    caller.fleet.arrange(settings.calls, targets, _keys(settings, accounts), caller.now())
    plans = planning.make(settings, routes, targets, caller, embedders or {})
    governor = (
        None
        if governing is None
        else governing.make(settings, plans.deployments, accounts, caller, routes, targets, plans.weigher.extractor)
    )
    revision = _revision(loaded, targets, routes, plans, tracer, governor)
    return Made(revision=revision, accounts=accounts, targets=targets, routes=routes)


def _revision(
    loaded: Loaded,
    targets: dict[str, Target],
    routes: dict[str, Route],
    plans: Plans,
    tracer: Tracer | None,
    governor: Governor | None,
) -> Revision:
    settings, otlp = loaded.settings, loaded.settings.telemetry.otlp
    return Revision(
        id=loaded.revision.id,
        routes=routes,
        targets=targets,
        policies=_policies(settings, routes),
        ruled=plans.ruled,
        always=plans.always,
        weigher=plans.weigher,
        recipes=plans.recipes,
        deployments=plans.deployments,
        sandbox=plans.sandbox,
        governor=governor,
        calls=settings.calls,
        capture_most_bytes=settings.storage.capture_most_bytes if settings.storage.capture == "content" else 0,
        log_requests=settings.telemetry.log_requests,
        tracer=tracer or (_tracer(otlp, egress_of(settings.egress)) if otlp is not None else None),
    )


def _tracer(otlp: OtlpSettings, egress: Egress) -> Tracer:
    return Tracer(otlp, random.Random(), egress=egress)  # noqa: S311 - ids of spans guard nothing


def _accounts(settings: Settings, labs: Mapping[str, str]) -> dict[str, Account]:
    """Every account that is on."""
    off = off_providers(settings, PROFILES)
    signers = _signers(settings, off)
    out: dict[str, Account] = {}
    for name, provider in settings.providers.items():
        profile = PROFILES[profile_name(settings, name)]
        base_url = labs.get(name) or provider.base_url or profile.base_url
        if base_url is None or name in off:
            continue
        out[name] = Account(
            name=name,
            profile=profile,
            base_url=base_url,
            keys=tuple(one.key for one in credentials(provider)),
            headers=_revealed(provider.headers),
            query=_revealed(provider.query),
            proxy=provider.proxy,
            ca_file=provider.ca_file,
            connections=provider.connections,
            networks=tuple(provider.networks),
            signer=signers.get(name),
        )
    return out


def _targets(settings: Settings, accounts: dict[str, Account]) -> dict[str, Target]:
    """Every deployment whose provider is on."""
    out: dict[str, Target] = {}
    catalogue, day = Catalogue(), datetime.now(UTC).date()
    for name, model in settings.models.items():
        account = accounts.get(model.provider)
        if account is None:
            continue
        profile, base_url = account.profile, settings.providers[model.provider].base_url
        known = catalogue.known(profile.name, model.model or name, day, base_url)
        made = target(_deployment(name, model, profile, known), account)
        out[name] = replace(
            made, deployment=replace(made.deployment, dialects=frozenset(made.ways), networks=account.networks)
        )
    return out


def _signers(settings: Settings, off: frozenset[str]) -> dict[str, Signer]:
    """One credential for each account, whatever the number of its models."""
    clock = SystemClock()
    return {
        name: signer(provider.auth, name, clock)
        for name, provider in settings.providers.items()
        if provider.auth is not None and name not in off
    }


def _revealed(secrets: dict[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in secrets.items()}


def _deployment(name: str, model: ModelSettings, profile: Profile, known: Known) -> Deployment:
    """What the operator says of a deployment goes before what is known of its model."""
    timeouts, limits = model.timeouts, model.limits
    return Deployment(
        name=name,
        provider=model.provider,
        model=model.model or name,
        tier=model.tier,
        zone=model.zone,
        region=model.region,
        terms=tuple(model.terms),
        weight=model.weight,
        price=priced(model.price, known.price),
        capabilities=_capabilities(model, profile, known.lacks),
        context_tokens=known.context_tokens if limits.context_tokens is None else limits.context_tokens,
        output_tokens=known.output_tokens if limits.output_tokens is None else limits.output_tokens,
        concurrency=limits.concurrency,
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        priority=model.priority,
        continues=profile.continues is not None if model.continues is None else model.continues,
        timeouts=Timeouts(
            connect_s=timeouts.connect_s,
            first_byte_s=timeouts.first_byte_s,
            between_bytes_s=timeouts.between_bytes_s,
            total_s=timeouts.total_s,
        ),
    )


def _capabilities(model: ModelSettings, profile: Profile, lacks: frozenset[Need]) -> frozenset[Need] | None:
    """What a deployment can do: what its operator says, else what its endpoint carries and its model doesn't lack."""
    if model.capabilities is not None:
        return frozenset(model.capabilities)
    if profile.capabilities is None and not lacks:
        return None
    return (EVERY if profile.capabilities is None else profile.capabilities) - lacks


def credentials(provider: ProviderSettings) -> list[ProviderKeySettings]:
    """An account's keys; one that is written by itself is one of a list, and has no limits."""
    return provider.keys or ([ProviderKeySettings(key=provider.key)] if provider.key else [])


def _keys(settings: Settings, accounts: dict[str, Account]) -> dict[str, list[ProviderKeySettings]]:
    """Credentials of the accounts that are on, as far as they have any."""
    return {name: keys for name in accounts if (keys := credentials(settings.providers[name]))}


def _policies(settings: Settings, routes: dict[str, Route]) -> dict[str, Policy]:
    """How calls are made, for every public name."""
    return {name: Policy(name, settings.routes.get(name, RouteSettings()), settings.calls) for name in routes}


def _pools(found: dict[FallbackKind, Pools], targets: dict[str, Target]) -> tuple[Pool, ...]:
    """The fallbacks of a route, each kind in its order."""
    return tuple(
        Pool(on=kind, deployments=tuple(targets[name].deployment for name in pool))
        for kind, pools in found.items()
        for pool in pools
    )


def _routes(settings: Settings, targets: dict[str, Target]) -> dict[str, Route]:
    """Public names: the routes, and every listed deployment by its own name."""
    prompts = {
        name: Prompt(id=name, version=sha256(prompt.text.encode()).hexdigest()[:12], text=prompt.text)
        for name, prompt in settings.prompts.items()
    }
    out: dict[str, Route] = {}
    longest_s = settings.calls.deadline.max_s
    for name, model in settings.models.items():
        if model.listed and name in targets:
            out[name] = Route(name=name, deployments=(targets[name].deployment,), seconds=longest_s)
    stand_ins = fallbacks(settings, PROFILES)
    for name, candidates in resolve(settings, PROFILES).items():
        route = settings.routes[name]
        out[name] = Route(
            name=name,
            deployments=tuple(targets[one.deployment].deployment for one in candidates if not one.lost),
            lost=tuple(Candidate(deployment=one.deployment, lost=one.lost) for one in candidates if one.lost),
            prompt=prompts[route.prompt] if route.prompt else None,
            description=route.description,
            fallbacks=_pools(stand_ins[name], targets),
            attempts=route.attempts,
            seconds=route.timeout_s or longest_s,
            bounds_time=route.timeout_s is not None,
            on_cut=route.on_cut,
            last_resort=route.last_resort,
        )
    return out
