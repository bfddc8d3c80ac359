"""Makes the file names in settings absolute: they are relative to the configuration file."""

from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from antiphon.config.settings import Settings
from antiphon.providers.settings import ProviderSettings

S = TypeVar("S", bound=Struct)


def rooted(settings: Settings, base: Path) -> Settings:
    """The same settings with every path under `base`; absolute paths stay as they are.

    They are: `server.tls` (three files), `storage.dir`, `ca_file` and `replay` of providers.
    """
    server = settings.server
    if server.tls is not None:
        server = replace(server, tls=_under(server.tls, base, "cert_file", "key_file", "client_ca_file"))
    return replace(
        settings,
        server=server,
        storage=_under(settings.storage, base, "dir"),
        providers={name: _provider(provider, base) for name, provider in settings.providers.items()},
    )


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
