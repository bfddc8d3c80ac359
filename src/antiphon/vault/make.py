"""Makes what wraps tenants' keys, by the settings."""

from pathlib import Path

from antiphon.core.ports import KeyWrapper
from antiphon.vault.aws import AwsKms
from antiphon.vault.file import FileWrapper
from antiphon.vault.pkcs11 import Pkcs11
from antiphon.vault.settings import KeyKind, VaultSettings
from antiphon.vault.transit import VaultTransit
from antiphon.vault.wrapping import Wrappers


def wrappers(settings: VaultSettings, local: Path) -> Wrappers:
    """One for each section that is there, and the file's: what was wrapped by any can be unwrapped. Raises: StoreError."""
    made: dict[KeyKind, KeyWrapper] = {"file": FileWrapper(local)}
    if settings.aws_kms is not None:
        made["aws_kms"] = AwsKms(settings.aws_kms, settings.timeout_s)
    if settings.vault_transit is not None:
        made["vault_transit"] = VaultTransit(settings.vault_transit, settings.timeout_s)
    if settings.pkcs11 is not None:
        made["pkcs11"] = Pkcs11(settings.pkcs11)
    return Wrappers(made[settings.key], [one for kind, one in made.items() if kind != settings.key])
