"""A request's signature for AWS, Signature Version 4, by botocore's own signer.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, 2026-11.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol, cast, final

from msgspec import Struct

from antiphon.core.clock import Clock
from antiphon.providers.auth.grant import Grant
from antiphon.providers.extras import require


class Keys(Protocol):
    """Botocore's keys, of one moment."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class _Request(Protocol):
    """What is used of `botocore.awsrequest.AWSRequest`."""

    context: dict[str, str]


class _Auth(Protocol):
    """What is used of `botocore.auth.SigV4Auth`: the steps of `add_auth`, which takes no time of ours."""

    def canonical_request(self, request: _Request) -> str: ...
    def string_to_sign(self, request: _Request, canonical_request: str) -> str: ...
    def signature(self, string_to_sign: str, request: _Request) -> str: ...
    def scope(self, request: _Request) -> str: ...


class _MakeAuth(Protocol):
    def __call__(self, credentials: Keys, service_name: str, region_name: str) -> _Auth: ...


class _MakeRequest(Protocol):
    def __call__(self, *, method: str, url: str, headers: Mapping[str, str]) -> _Request: ...


class Library(Struct, frozen=True):
    """What of botocore signs."""

    auth: _MakeAuth
    request: _MakeRequest


def library(path: str) -> Library:
    """Botocore's signer, for the setting at `path`. Raises: ConfigError when it is not installed."""
    purpose = "signing requests to AWS"
    auth = require("botocore.auth", "aws", path, purpose)
    request = require("botocore.awsrequest", "aws", path, purpose)
    return Library(cast("_MakeAuth", auth.SigV4Auth), cast("_MakeRequest", request.AWSRequest))


@final
class SigV4(Grant):
    """Keys that sign."""

    def __init__(
        self, keys: Keys, *, service: str, region: str, clock: Clock, botocore: Library, expires_s: float | None = None
    ) -> None:
        self.expires_s = expires_s
        self._auth = botocore.auth(keys, service, region)
        self._request = botocore.request
        self._token = keys.token
        self._clock = clock

    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        digest = sha256()
        for segment in body:
            digest.update(segment)
        return self.signed(method, host, path, query, digest.hexdigest())

    def signed(self, method: str, host: str, path: str, query: str, payload: str) -> bytes:
        """Header lines for a body whose SHA-256 is known, 64 hexadecimal digits."""
        at = datetime.fromtimestamp(self._clock.now_ns() // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"X-Amz-Date": at, "X-Amz-Content-SHA256": payload}
        if self._token:
            headers["X-Amz-Security-Token"] = self._token
        authorization = self.authorization(method, host, path, query, headers, at)
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        return "".join([*lines, "Authorization: ", authorization, "\r\n"]).encode("latin-1")

    def authorization(self, method: str, host: str, path: str, query: str, headers: Mapping[str, str], at: str) -> str:
        """The header's value. All of `headers`, and `host`, are signed; `at` is the time as `X-Amz-Date` has it."""
        url = f"https://{host}{path}?{query}" if query else f"https://{host}{path}"
        signed = {"Host": host, **headers}
        request = self._request(method=method, url=url, headers=signed)
        request.context["timestamp"] = at
        auth = self._auth
        text = auth.string_to_sign(request, auth.canonical_request(request))
        names = ";".join(sorted(name.lower() for name in signed))
        signature = auth.signature(text, request)
        return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
