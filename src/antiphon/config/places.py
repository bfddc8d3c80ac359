"""Makes the file names in settings absolute: they are relative to the configuration file."""

from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from antiphon.agents.settings import AgentsSettings
from antiphon.config.settings import Settings
from antiphon.control.settings_audit import AuditSettings
from antiphon.guards.settings import GuardSettings
from antiphon.providers.embedders.settings import EmbedderSettings
from antiphon.providers.settings import ProviderSettings
from antiphon.recipes.settings import RecipeSettings
from antiphon.store.settings import StorageSettings
from antiphon.vault.settings import VaultSettings

S = TypeVar("S", bound=Struct)


def rooted(settings: Settings, base: Path) -> Settings:
    """The same settings with every path under `base`; absolute paths stay as they are.

    They are: `server.tls` (three files), `storage.dir`, `storage.export.to`, `tokenizers.dir`, `ca_file` and `replay` of providers, `local.dir` and
    `endpoint.ca_file` of embedders, `ca_file` of identity providers, `ca_file` of `storage.postgres`, `cluster` and webhooks of guards, `schema.file` of guards, `auto.file` of recipes, `file` of selectors, `policy.files`, `agents.documents` and
    `agents.workspaces`, `key_file` and `checkpoints` of `audit`, `ca_file` of `vault.vault_transit`.
    """
    server = settings.server
    if server.tls is not None:
        server = replace(server, tls=_under(server.tls, base, "cert_file", "key_file", "client_ca_file"))
    return replace(
        settings,
        server=server,
        storage=_storage(settings.storage, base),
        cluster=_under(settings.cluster, base, "ca_file"),
        guards={name: _guard(one, base) for name, one in settings.guards.items()},
        tokenizers=_under(settings.tokenizers, base, "dir"),
        embedders={name: _embedder(embedder, base) for name, embedder in settings.embedders.items()},
        providers={name: _provider(provider, base) for name, provider in settings.providers.items()},
        recipes={name: _recipe(recipe, base) for name, recipe in settings.recipes.items()},
        policy=replace(settings.policy, files=[str(base / file) for file in settings.policy.files]),
        agents=_agents(settings.agents, base),
        selectors={name: _under(one, base, "file") for name, one in settings.selectors.items()},
        audit=_audit(settings.audit, base),
        vault=_vault(settings.vault, base),
        identity=replace(
            settings.identity, issuers=[_under(one, base, "ca_file") for one in settings.identity.issuers]
        ),
    )


def _agents(agents: AgentsSettings, base: Path) -> AgentsSettings:
    documents = [str(base / file) for file in agents.documents]
    workspaces = str(base / agents.workspaces) if agents.workspaces else ""
    return replace(agents, documents=documents, workspaces=workspaces)


def _audit(audit: AuditSettings, base: Path) -> AuditSettings:
    rooted, to = _under(audit, base, "key_file"), audit.checkpoints
    return rooted if to is None or to.startswith("s3://") else _under(rooted, base, "checkpoints")


def _vault(vault: VaultSettings, base: Path) -> VaultSettings:
    transit = vault.vault_transit
    return vault if transit is None else replace(vault, vault_transit=_under(transit, base, "ca_file"))


def _storage(storage: StorageSettings, base: Path) -> StorageSettings:
    rooted, export = _under(storage, base, "dir"), storage.export
    rooted = replace(rooted, postgres=_under(storage.postgres, base, "ca_file"))
    if export is None or export.to.startswith("s3://"):
        return rooted
    return replace(rooted, export=_under(export, base, "to"))


def _embedder(embedder: EmbedderSettings, base: Path) -> EmbedderSettings:
    local, endpoint = embedder.local, embedder.endpoint
    return replace(
        embedder,
        local=None if local is None else _under(local, base, "dir"),
        endpoint=None if endpoint is None else _under(endpoint, base, "ca_file"),
    )


def _guard(guard: GuardSettings, base: Path) -> GuardSettings:
    webhook, schema = guard.webhook, guard.schema
    return replace(
        guard,
        webhook=None if webhook is None else _under(webhook, base, "ca_file"),
        schema=None if schema is None else _under(schema, base, "file"),
    )


def _recipe(recipe: RecipeSettings, base: Path) -> RecipeSettings:
    auto = recipe.auto
    return recipe if auto is None or not auto.file else replace(recipe, auto=_under(auto, base, "file"))


def _provider(provider: ProviderSettings, base: Path) -> ProviderSettings:
    rooted = _under(provider, base, "ca_file")
    if provider.lab is None:
        return rooted
    models = {name: _under(model, base, "replay") for name, model in provider.lab.models.items()}
    return replace(rooted, lab=replace(provider.lab, models=models))


def _under(struct: S, base: Path, *names: str) -> S:
    """The struct with these fields, where they are set, made absolute."""
    values = {name: getattr(struct, name) for name in names}
    return replace(struct, **{name: str(base / value) for name, value in values.items() if value is not None})
