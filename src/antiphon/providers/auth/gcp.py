"""Tokens of Google Cloud, by google-auth."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol, cast, final

import msgspec

from antiphon.providers.auth.grant import Source, Token
from antiphon.providers.auth.settings import GcpAuth
from antiphon.providers.extras import require

CALL_S = 5
"""One call to be answered."""


class _Credentials(Protocol):
    """What is used of `google.auth.credentials.Credentials`."""

    token: str | None
    expiry: datetime | None
    """UTC, and without a zone that would say so."""

    def refresh(self, request: object) -> None: ...


class _FromKey(Protocol):
    def __call__(self, info: dict[str, object], *, scopes: tuple[str, ...]) -> _Credentials: ...


class _Default(Protocol):
    def __call__(self, *, scopes: tuple[str, ...], request: object) -> tuple[_Credentials, str | None]: ...


class _Session(Protocol):
    verify: str | bool


@final
class Gcp(Source):
    """A token for a service account, or for whoever this machine is by default."""

    name = "Google Cloud"

    def __init__(self, settings: GcpAuth, path: str) -> None:
        """`path`: where the settings stand. Raises: ConfigError when the library is not installed."""
        self.remedy = (
            "see that the service account of `auth.gcp` exists and its key is in force"
            if settings.credentials is not None or settings.credentials_file
            else "see that this machine has application default credentials, or name a service account in `auth.gcp`"
        )
        purpose = "a token of Google Cloud"
        self._settings = settings
        accounts = require("google.oauth2.service_account", "gcp", path, purpose)
        self._from_key = cast("_FromKey", accounts.Credentials.from_service_account_info)
        self._default = cast("_Default", require("google.auth", "gcp", path, purpose).default)
        requests = require("google.auth.transport.requests", "gcp", path, purpose)
        session = cast("Callable[[], _Session]", require("requests", "gcp", path, purpose).Session)()
        if settings.ca_file is not None:
            session.verify = settings.ca_file
        self._request: object = partial(requests.Request(session), timeout=CALL_S)
        self._credentials: _Credentials | None = None

    def fetch(self) -> Token:
        if self._credentials is None:
            self._credentials = self._found(self._settings)
        found = self._credentials
        found.refresh(self._request)
        if not found.token:
            raise LookupError("the answer has no token")
        expires_s = found.expiry.replace(tzinfo=UTC).timestamp() if found.expiry is not None else None
        project = self._settings.quota_project
        return Token(found.token, expires_s, f"x-goog-user-project: {project}\r\n" if project else "")

    def _found(self, settings: GcpAuth) -> _Credentials:
        if settings.credentials is not None:
            text = settings.credentials.reveal().encode()
        elif settings.credentials_file:
            text = Path(settings.credentials_file).read_bytes()
        else:
            return self._default(scopes=settings.scopes, request=self._request)[0]
        return self._from_key(msgspec.json.decode(text, type=dict[str, object]), scopes=settings.scopes)
