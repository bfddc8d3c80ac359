"""What changed between two configurations."""

from collections.abc import Iterator
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from antiphon.config.plain import Plain, fingerprint, plain
from antiphon.config.settings import Settings

RESTART = frozenset(
    {
        "admin.host",
        "admin.port",
        "agents.concurrency",
        "agents.dead_after_s",
        "agents.enabled",
        "agents.heartbeat_s",
        "agents.keep_days",
        "agents.most_queued",
        "agents.poll_s",
        "agents.public_url",
        "agents.tenant_concurrency",
        "agents.workers",
        "agents.workspaces",
        "audit.checkpoint_every_s",
        "audit.checkpoints",
        "audit.key_file",
        "audit.name",
        "audit.receipts",
        "cluster.ca_file",
        "cluster.insecure",
        "cluster.namespace",
        "cluster.replicas",
        "cluster.timeout_ms",
        "cluster.url",
        "metering.lease_term_s",
        "metering.wait_s",
        "metering.when_store_away",
        "quality.half_life_days",
        "server.host",
        "server.port",
        "server.workers",
        "storage.dir",
        "storage.export",
        "storage.export.hour",
        "storage.export.name",
        "storage.export.to",
        "storage.fsync",
        "storage.journal_bytes",
        "storage.ship_interval_s",
        "storage.postgres.statement_timeout_s",
        "storage.postgres.connect_timeout_s",
        "storage.postgres.ca_file",
        "storage.postgres.connections",
        "storage.postgres.insecure",
        "storage.url",
        "vault.aws_kms",
        "vault.aws_kms.access_key_id",
        "vault.aws_kms.endpoint_url",
        "vault.aws_kms.key_id",
        "vault.aws_kms.region",
        "vault.aws_kms.secret_access_key",
        "vault.data_key_hours",
        "vault.data_key_uses",
        "vault.data_keys",
        "vault.key",
        "vault.pkcs11",
        "vault.pkcs11.key",
        "vault.pkcs11.module",
        "vault.pkcs11.pin",
        "vault.pkcs11.token",
        "vault.refresh_s",
        "vault.stale_s",
        "vault.timeout_s",
        "vault.token_days",
        "vault.vault_transit",
        "vault.vault_transit.address",
        "vault.vault_transit.ca_file",
        "vault.vault_transit.key",
        "vault.vault_transit.mount",
        "vault.vault_transit.namespace",
        "vault.vault_transit.token",
    }
)
"""Settings that a running gateway can't change."""
SWITCH = "server.tls.cert_file"
"""Its coming or going turns TLS on or off, which a running gateway can't do either."""

DOCUMENTS = "agents.documents"
"""The first of them has agents served, as the last one's going ends that, where `agents.enabled` says nothing."""


class Change(Struct, frozen=True, kw_only=True):
    """One setting that differs. None: it is not there, or is null."""

    path: str
    old: object
    new: object
    needs_restart: bool = False
    """A running gateway can't take it."""


def diff(old: Settings, new: Settings) -> list[Change]:
    """Every setting that differs.

    Secrets appear by the first 8 digits of their digest: `secret 1f2e3d4c`. Keys are told apart by name.
    """
    before, after = _flat(old), _flat(new)
    paths = {**before, **after}
    served = old.agents.on != new.agents.on
    found = [_change(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]
    return [replace(one, needs_restart=True) if served and one.path == DOCUMENTS else one for one in found]


def _change(path: str, old: object, new: object) -> Change:
    fixed = path in RESTART or (path == SWITCH and (old is None or new is None))
    return Change(path=path, old=old, new=new, needs_restart=fixed)


def _flat(settings: Settings) -> dict[str, object]:
    tree = plain(settings, lambda secret: f"secret {fingerprint(secret)}")
    return dict(_leaves(tree, ""))


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Every scalar and list of scalars with its path."""
    if isinstance(value, dict) and value:
        for name, inner in cast("Plain", value).items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
        return
    items = cast("list[object]", value) if isinstance(value, list) else []
    if any(isinstance(item, dict) for item in items):
        for at, item in enumerate(cast("list[Plain]", items)):
            yield from _leaves(item, f"{path}[{item.get('name') or at}]")
        return
    yield path, value
