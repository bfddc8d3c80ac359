"""Mistakes that only show across settings."""

from collections.abc import Iterator, Mapping

from antiphon.config.check_asking import check_asking
from antiphon.config.check_budgets import check_budgets
from antiphon.config.check_cache import check_cache
from antiphon.config.check_calls import check_calls
from antiphon.config.check_console import check_console
from antiphon.config.check_egress import check_egress
from antiphon.config.check_fallbacks import check_fallbacks
from antiphon.config.check_guards import check_guards
from antiphon.config.check_headers import check_credential, check_headers, check_url, check_web_url
from antiphon.config.check_identity import check_identity
from antiphon.config.check_keys import check_keys
from antiphon.config.check_limits import check_cluster, check_limits
from antiphon.config.check_models import check_models
from antiphon.config.check_policy import check_policy
from antiphon.config.check_providers import check_providers
from antiphon.config.check_recipes import check_recipes, check_selectors, check_signals
from antiphon.config.check_routes import check_routes
from antiphon.config.check_rules import check_rules
from antiphon.config.check_storage import check_storage
from antiphon.config.check_vault import check_vault
from antiphon.config.document_files import check_documents
from antiphon.config.known import tiers_of
from antiphon.config.pem import MENDED, why_no_authorities, why_no_chain, why_no_file
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import ConfigError, Problem
from antiphon.providers import tokenizers
from antiphon.providers.profile import Profile
from antiphon.server.settings import Tls
from antiphon.wire.yaml_node import Items, find


def check(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> list[Problem]:
    """All that is wrong with settings whose single values are right. File names in them are absolute.

    Args:
        written: The file behind the settings; what was reported of it already is not reported again.
    """
    return [
        *_server(settings, written),
        *_admin(settings, written),
        *check_console(settings, written),
        *_telemetry(settings, written),
        *_alerts(settings, written),
        *_tokenizers(settings, written),
        *check_storage(settings, written),
        *check_vault(settings, written),
        *check_keys(settings, written),
        *check_identity(settings, written),
        *check_providers(settings, written, profiles),
        *check_models(settings, written),
        *check_routes(settings, written, profiles),
        *check_fallbacks(settings, written),
        *check_calls(settings, written, profiles),
        *check_cache(settings, written),
        *check_rules(settings, written, profiles),
        *check_recipes(settings, written),
        *check_guards(settings, written),
        *check_signals(settings, written),
        *check_selectors(settings, written),
        *check_policy(settings, written),
        *_budgets(settings, written),
        *check_limits(settings.limits, settings.cluster, written),
        *check_cluster(settings.cluster, written),
        *check_egress(settings, written, profiles),
        *check_asking(settings, written),
        *check_documents(settings, written),
    ]


def _budgets(settings: Settings, written: Written) -> Iterator[Problem]:
    listed = [name for name, model in settings.models.items() if model.listed]
    names = (*settings.routes, *listed)
    yield from check_budgets(settings.budgets, written, tiers=tiers_of(settings), names=names)


def _server(settings: Settings, written: Written) -> Iterator[Problem]:
    keys = find(written.tree, ("keys",))
    has_keys = (isinstance(keys, Items) and bool(keys.nodes)) or settings.admin is not None or settings.identity.known
    for path, wrong, remedy in settings.server.check(has_keys):
        if written.sound(("server", "host"), ("server", "insecure")):
            yield written.problem(("server", *path.split(".")), wrong, remedy)
    tls = settings.server.tls
    if tls is not None and written.sound(("server", "tls")):
        yield from _tls(tls, written)


def _admin(settings: Settings, written: Written) -> Iterator[Problem]:
    admin = settings.admin
    if admin is not None and written.sound(("admin",)):
        for path, wrong, remedy in admin.check(tls=settings.server.tls is not None):
            yield written.problem(("admin", path), wrong, remedy)
        if admin.key is not None:
            yield from check_credential(admin.key.reveal(), ("admin", "key"), written)


def _tls(tls: Tls, written: Written) -> Iterator[Problem]:
    path = ("server", "tls")
    missing = {"cert_file": why_no_file(tls.cert_file), "key_file": why_no_file(tls.key_file)}
    for name, wrong in missing.items():
        if wrong:
            yield written.problem((*path, name), wrong, MENDED)
    if not any(missing.values()):
        wrong = why_no_chain(tls.cert_file, tls.key_file)
        if wrong:
            remedy = "name a PEM chain and the key without a passphrase that belongs to it"
            yield written.problem((*path, "cert_file"), wrong, remedy)
    wrong = why_no_authorities(tls.client_ca_file) if tls.client_ca_file is not None else ""
    if wrong:
        yield written.problem((*path, "client_ca_file"), wrong, MENDED)


def _telemetry(settings: Settings, written: Written) -> Iterator[Problem]:
    otlp = settings.telemetry.otlp
    if otlp is not None:
        yield from check_url(otlp.endpoint, ("telemetry", "otlp", "endpoint"), written)
        yield from check_headers(otlp.headers, ("telemetry", "otlp", "headers"), written)


def _alerts(settings: Settings, written: Written) -> Iterator[Problem]:
    webhook, path = settings.alerts.webhook, ("alerts", "webhook", "url")
    if webhook is not None and written.sound(path):
        yield from check_web_url(webhook.url.reveal(), path, written)


def _tokenizers(settings: Settings, written: Written) -> Iterator[Problem]:
    path = ("tokenizers", "dir")
    try:
        tokenizers.check(settings.tokenizers)
    except ConfigError as error:
        yield from (written.problem(path, one.wrong, one.remedy) for one in error.problems)
