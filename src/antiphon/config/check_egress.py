"""Mistakes in where connections may go: networks that are none, hosts that are not allowed, what can't be checked."""

from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from antiphon.config.resolve import off_providers, profile_name
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import EgressRefused, Problem
from antiphon.core.ports import Origin
from antiphon.net.addresses import network_of, parsed
from antiphon.net.egress import Egress, allowed, egress_of, is_this_machine, origin_of
from antiphon.providers.profile import Profile
from antiphon.providers.settings import ProviderSettings
from antiphon.wire.yaml_node import Path

ALLOW: Path = ("egress", "allow")
REMEDY = "add it to `egress.allow`, or ask another"


class Place(Struct, frozen=True):
    """A host that the configuration names, and where it does."""

    path: Path
    url: str
    networks: tuple[str, ...] = ()
    proxy: str | None = None


def check_egress(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Networks and hosts that can't be read, hosts that may not be asked, private deployments that are bound to nothing."""
    yield from _lists(settings, written)
    egress = egress_of(settings.egress)
    for place in places(settings, profiles):
        if written.sound(place.path, ("egress",)):
            yield from _place(place, egress, written)
    yield from _private(settings, written, profiles)


def places(settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[Place]:
    """Every URL that something of ours connects to, but for databases, which have rules of their own."""
    off = off_providers(settings, profiles)
    for name, provider in settings.providers.items():
        url = _url(settings, name, provider, profiles)
        if url and name not in off:
            below = "base_url" if provider.base_url else "profile"
            yield Place(("providers", name, below), url, tuple(provider.networks), provider.proxy)
    for name, embedder in settings.embedders.items():
        if embedder.endpoint is not None:
            url, proxy = embedder.endpoint.base_url, embedder.endpoint.proxy
            yield Place(("embedders", name, "endpoint", "base_url"), url, (), proxy)
    yield from _hooks(settings)
    export = settings.storage.export
    if export is not None and export.to.startswith("s3://"):
        yield Place(("storage", "export", "to"), _bucket(export.to))


def _hooks(settings: Settings) -> Iterator[Place]:
    """Where something is told or asked that is no model."""
    for name, guard in settings.guards.items():
        if guard.webhook is not None:
            webhook = guard.webhook
            yield Place(("guards", name, "webhook", "url"), webhook.url.reveal(), tuple(webhook.networks))
    for at, issuer in enumerate(settings.identity.issuers):
        below = "jwks_url" if issuer.jwks_url else "issuer"
        yield Place(("identity", "issuers", at, below), issuer.jwks_url or issuer.issuer, (), issuer.proxy)
    if settings.alerts.webhook is not None:
        yield Place(("alerts", "webhook", "url"), settings.alerts.webhook.url.reveal())
    for at, one in enumerate(settings.approvals.notify):
        yield Place(("approvals", "notify", at, "url"), one.url.reveal())
    if settings.telemetry.otlp is not None:
        yield Place(("telemetry", "otlp", "endpoint"), settings.telemetry.otlp.endpoint)


def _url(settings: Settings, name: str, provider: ProviderSettings, profiles: Mapping[str, Profile]) -> str:
    """Where an account is; empty: nowhere, or the gateway runs it itself."""
    profile = profiles.get(profile_name(settings, name))
    return provider.base_url or (profile.base_url if profile is not None else None) or ""


def _bucket(url: str) -> str:
    """Where the bucket of an `s3://` URL is asked for."""
    said = parse_qs(urlsplit(url).query)
    override = said.get("endpoint_override", [""])[-1]
    if override:
        return override if "://" in override else f"https://{override}"
    region = said.get("region", [""])[-1]
    return f"https://s3.{region}.amazonaws.com" if region else "https://s3.amazonaws.com"


def _lists(settings: Settings, written: Written) -> Iterator[Problem]:
    networks: list[tuple[Path, list[str]]] = [(("egress", "networks"), settings.egress.networks)]
    networks += [(("providers", name, "networks"), one.networks) for name, one in settings.providers.items()]
    networks += [
        (("guards", name, "webhook", "networks"), one.webhook.networks)
        for name, one in settings.guards.items()
        if one.webhook is not None
    ]
    for path, texts in networks:
        for at, text in zip(written.kept(path), texts, strict=False):
            if network_of(text) is None:
                yield written.problem((*path, at), f"{text} is no network", "write it like 10.0.0.0/8 or fd00::/8")
    for at, text in zip(written.kept(ALLOW), settings.egress.allow or (), strict=False):
        host = allowed(text).host
        if not host or any(sign in host for sign in "/*@ ?#") or (":" in host and parsed(host) is None):
            yield written.problem((*ALLOW, at), f"{text} is no host", "write it like api.example.com or *.example.com")


def _place(place: Place, egress: Egress, written: Written) -> Iterator[Problem]:
    try:
        origin = origin_of(place.url, networks=place.networks)
    except ValueError:  # told already as a URL that is none
        return
    if not origin.host or any(network_of(one) is None for one in place.networks):
        return
    if not egress.names(origin.host, origin.port):
        yield written.problem(place.path, f"the host {origin.host} is not in `egress.allow`", REMEDY)
    elif parsed(origin.host) is not None:
        yield from _address(place, origin, egress, written)
    elif place.networks and place.proxy is not None:
        wrong = "a proxy looks the name up, so where it leads can't be checked against `networks`"
        yield written.problem(place.path, wrong, "write an address as host, or leave out `proxy` or `networks`")


def _address(place: Place, origin: Origin, egress: Egress, written: Written) -> Iterator[Problem]:
    try:
        egress.checked(origin, [origin.host])
    except EgressRefused as error:
        yield written.problem(place.path, error.noted, "ask another, or name its network under `networks`")


def _private(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """A private deployment's name could lead anywhere tomorrow, so it says where it may."""
    told: set[str] = set()
    for name, model in settings.models.items():
        provider = settings.providers.get(model.provider)
        path: Path = ("models", name, "zone")
        if provider is None or model.zone != "private" or model.provider in told or not written.sound(path):
            continue
        try:
            host = urlsplit(_url(settings, model.provider, provider, profiles)).hostname or ""
        except ValueError:
            continue
        if not host or parsed(host) is not None or is_this_machine(host):
            continue
        if not provider.networks and written.sound(("providers", model.provider)):
            told.add(model.provider)
            wrong = f"nothing says in which networks {host} is, so private data would go wherever that name leads"
            yield written.problem(path, wrong, f"write `providers.{model.provider}.networks`, such as [10.0.0.0/8]")
