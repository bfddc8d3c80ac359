"""From settings to a signer."""

from antiphon.core.clock import Clock
from antiphon.core.error import ConfigError, Problem
from antiphon.providers.auth.aws import Aws
from antiphon.providers.auth.azure import Azure
from antiphon.providers.auth.credential import Credential
from antiphon.providers.auth.gcp import Gcp
from antiphon.providers.auth.grant import Source
from antiphon.providers.auth.settings import AuthSettings
from antiphon.providers.auth.signer import Signer


def signer(settings: AuthSettings, provider: str, clock: Clock) -> Signer:
    """Prepare a provider's credential when the configuration is read; nothing is asked for yet.

    Args:
        settings: Without mistakes, as its `check` tells.
        provider: Its name under `providers`.

    Raises: ConfigError when the library that it takes is not installed.
    """
    return Credential(provider, source(settings, f"providers.{provider}.auth", clock), clock)


def source(settings: AuthSettings, path: str, clock: Clock) -> Source:
    """What is asked. `path`: where the settings stand. Raises: ConfigError."""
    if settings.aws is not None:
        return Aws(settings.aws, clock, f"{path}.aws")
    if settings.azure is not None:
        return Azure(settings.azure, f"{path}.azure")
    if settings.gcp is not None:
        return Gcp(settings.gcp, f"{path}.gcp")
    problem = Problem(file="", line=0, path=path, wrong="has none of the sections aws, azure, gcp", remedy="write one")
    raise ConfigError([problem])
