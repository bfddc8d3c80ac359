"""Keys for AWS, from wherever botocore finds them, and roles assumed with them."""

from datetime import datetime
from pathlib import Path
from typing import Protocol, TypedDict, cast, final

from msgspec import Struct

from antiphon.core.clock import Clock
from antiphon.providers.auth.grant import Source
from antiphon.providers.auth.settings import AwsAuth
from antiphon.providers.auth.sigv4 import Keys, Library, SigV4, library
from antiphon.providers.extras import require

LASTING_S = (3600, 900, 600, 300, 120, 60, 30, 0)
"""Lives that botocore is asked about: it tells whether keys last so long, and not how long they last."""


class _Stored(Protocol):
    """Botocore's credentials; those that expire know when to renew themselves."""

    def get_frozen_credentials(self) -> Keys: ...


class _Session(Protocol):
    """What is used of `botocore.session.Session`."""

    def set_credentials(self, access_key: str, secret_key: str, token: str | None) -> None: ...
    def set_config_variable(self, logical_name: str, value: str) -> None: ...
    def set_default_client_config(self, client_config: object) -> None: ...
    def get_credentials(self) -> _Stored | None: ...
    def create_client(
        self,
        service_name: str,
        *,
        region_name: str,
        endpoint_url: str | None,
        verify: str | None,
        config: object,
    ) -> "_Sts": ...


class _Sts(Protocol):
    def assume_role(self, **words: str) -> "_Answer": ...
    def assume_role_with_web_identity(self, **words: str) -> "_Answer": ...


class _Given(TypedDict):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str
    Expiration: datetime


class _Answer(TypedDict):
    Credentials: _Given


class _RoleKeys(Struct, frozen=True):
    """Keys that a role was given."""

    access_key: str
    secret_key: str
    token: str | None


@final
class Aws(Source):
    """Keys as they are found, or those of a role."""

    def __init__(self, settings: AwsAuth, clock: Clock, path: str) -> None:
        """`path`: where the settings stand. Raises: ConfigError when the library is not installed."""
        self.name = f"AWS (role {settings.role_arn})" if settings.role_arn else "AWS"
        self.remedy = "see that this machine has an AWS identity that may be used here, and that `auth.aws` names it"
        self._settings = settings
        self._clock = clock
        self._botocore: Library = library(path)
        self._session = _session(settings, path)
        self._unsigned: object = require("botocore", "aws", path, "signing requests to AWS").UNSIGNED
        self._config = require("botocore.config", "aws", path, "signing requests to AWS").Config
        self._sts: _Sts | None = None

    def fetch(self) -> SigV4:
        if self._settings.role_arn:
            return self._role(self._settings)
        found = self._session.get_credentials()
        if found is None:
            raise LookupError("there are no keys in any place that AWS's own tools look into")
        keys = found.get_frozen_credentials()
        return self._grant(keys, _expires_s(found, self._clock.now_ns() / 1e9))

    def _role(self, settings: AwsAuth) -> SigV4:
        words = {"RoleArn": settings.role_arn, "RoleSessionName": settings.session_name}
        sts = self._client(settings)
        if settings.web_identity_token_file:
            # The file is read each time: Kubernetes puts a fresh token into it before the old one expires.
            words["WebIdentityToken"] = Path(settings.web_identity_token_file).read_text("utf-8").strip()
            answer = sts.assume_role_with_web_identity(**words)
        else:
            if settings.external_id:
                words["ExternalId"] = settings.external_id
            answer = sts.assume_role(**words)
        given = answer["Credentials"]
        keys = _RoleKeys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return self._grant(keys, given["Expiration"].timestamp())

    def _client(self, settings: AwsAuth) -> _Sts:
        """The client for roles; made at its first use, since it reads botocore's tables of services."""
        if self._sts is None:
            config: object = None
            if settings.web_identity_token_file:
                config = self._config(signature_version=self._unsigned)
            self._sts = self._session.create_client(
                "sts",
                region_name=settings.region,
                endpoint_url=settings.sts_url,
                verify=settings.ca_file,
                config=config,
            )
        return self._sts

    def _grant(self, keys: Keys, expires_s: float | None) -> SigV4:
        return SigV4(
            keys,
            service=self._settings.service,
            region=self._settings.region,
            clock=self._clock,
            botocore=self._botocore,
            expires_s=expires_s,
        )


class _Expiring(Protocol):
    def refresh_needed(self, refresh_in: int) -> bool: ...


def _expires_s(stored: _Stored, now_s: float) -> float | None:
    """The time until which keys last for sure; None for those that botocore doesn't renew."""
    if not hasattr(stored, "refresh_needed"):
        return None
    expiring = cast("_Expiring", stored)
    return now_s + next((lasting for lasting in LASTING_S if not expiring.refresh_needed(lasting)), 0)


def _session(settings: AwsAuth, path: str) -> _Session:
    purpose = "signing requests to AWS"
    make = require("botocore.session", "aws", path, purpose).Session
    config = require("botocore.config", "aws", path, purpose).Config
    session = cast("_Session", make(profile=settings.profile or None))
    session.set_config_variable("region", settings.region)
    # Two tries of a call that finds nobody stay inside the deadline of a renewal.
    limits = config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})
    session.set_default_client_config(limits)
    if settings.access_key is not None and settings.secret_key is not None:
        token = settings.session_token.reveal() if settings.session_token is not None else None
        session.set_credentials(settings.access_key.reveal(), settings.secret_key.reveal(), token)
    return session
