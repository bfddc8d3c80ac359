"""Tokens of Microsoft Entra ID, by azure-identity."""

from typing import Protocol, cast, final

from antiphon.providers.auth.grant import Source, Token
from antiphon.providers.auth.settings import AzureAuth
from antiphon.providers.extras import require

CALL_S = 4
"""One call to connect, or to be answered."""


class _Access(Protocol):
    token: str
    expires_on: int
    """Seconds since the epoch."""


class _Credential(Protocol):
    """What is used of azure-identity's credentials."""

    def get_token(self, scope: str, /) -> _Access: ...


class _Make(Protocol):
    def __call__(self, **words: object) -> _Credential: ...


_CLASSES = (
    ("secret", "ClientSecretCredential"),
    ("managed", "ManagedIdentityCredential"),
    ("workload", "WorkloadIdentityCredential"),
)


@final
class Azure(Source):
    """A token for an application, a machine's identity or a workload."""

    name = "Microsoft Entra ID"

    def __init__(self, settings: AzureAuth, path: str) -> None:
        """`path`: where the settings stand. Raises: ConfigError when the library is not installed."""
        self.remedy = (
            f"see that identity `{settings.identity}` of `auth.azure` exists, and may ask for {settings.scope}"
        )
        self._settings = settings
        module = require("azure.identity", "azure", path, "a token of Microsoft Entra ID")
        self._make = cast("_Make", getattr(module, dict(_CLASSES)[settings.identity]))
        self._credential: _Credential | None = None

    def fetch(self) -> Token:
        if self._credential is None:  # made here, since some look for their place's endpoint when they are made
            self._credential = self._make(**_words(self._settings))
        access = self._credential.get_token(self._settings.scope)
        return Token(access.token, float(access.expires_on))


def _words(settings: AzureAuth) -> dict[str, object]:
    words: dict[str, object] = {
        "tenant_id": settings.tenant_id,
        "client_id": settings.client_id,
        "client_secret": settings.client_secret.reveal() if settings.client_secret is not None else None,
        "token_file_path": settings.token_file,
        "authority": settings.authority,
        # An authority that the operator names is no row of Microsoft's table, which discovery would ask.
        "disable_instance_discovery": settings.authority is not None,
        "connection_verify": settings.ca_file,
        "connection_timeout": CALL_S,
        "read_timeout": CALL_S,
        "retry_total": 1,
        "retry_backoff_factor": 0.2,
    }
    return {name: value for name, value in words.items() if value not in (None, "", False)}
