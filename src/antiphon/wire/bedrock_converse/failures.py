"""What Bedrock's exceptions mean: those that end a stream, and those of an error answer."""

from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.core.error import (
    AntiphonError,
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.wire.eventstream import Frame

KINDS = MappingProxyType(
    {
        "accessdeniedexception": (UpstreamAuth, 403),
        "conflictexception": (UpstreamRefused, 400),
        "internalserverexception": (UpstreamError, 500),
        "modelerrorexception": (UpstreamError, 424),
        "modelnotreadyexception": (UpstreamOverloaded, 429),
        "modelstreamerrorexception": (UpstreamError, 424),
        "modeltimeoutexception": (UpstreamTimeout, 408),
        "resourcenotfoundexception": (UpstreamRefused, 404),
        "servicequotaexceededexception": (UpstreamQuota, 400),
        "serviceunavailableexception": (UpstreamOverloaded, 503),
        "throttlingexception": (UpstreamLimited, 429),
        "validationexception": (UpstreamRefused, 400),
    }
)
"""Class and HTTP status of each, by its name in lower case. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`."""
_MODELS_OWN = MappingProxyType({429: UpstreamLimited, 503: UpstreamOverloaded, 529: UpstreamOverloaded})
"""What a model's own status says, where Bedrock names only its failure."""


class _Said(Struct):
    message: str | None = None
    shouted: str | None = msgspec.field(default=None, name="Message")
    status: int | None = msgspec.field(default=None, name="originalStatusCode")


_said = msgspec.json.Decoder(_Said)


def _read(body: bytes) -> _Said:
    try:
        return _said.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Said()


def failure_of(frame: Frame) -> UpstreamError | None:
    """The error that a frame stands for; None: it is an event."""
    kind = frame.text(":message-type")
    if kind == "exception":
        name, said = frame.text(":exception-type"), _read(frame.payload)
        message = said.message or said.shouted or ""
    elif kind == "error":
        name, said, message = frame.text(":error-code"), _Said(), frame.text(":error-message")
    else:
        return None
    made, status = KINDS.get(name.lower(), (UpstreamError, None))
    if made is UpstreamError and said.status is not None:
        made = _MODELS_OWN.get(said.status, made)
    told = f"the upstream ended its stream with {name[:64] or 'an exception without a name'}"
    error = made(f"{told}: {message[:300]}" if message else told, upstream_status=status, body=frame.payload[:4096])
    error.noted = told if name.lower() in KINDS else "the upstream ended its stream with an exception"
    return error


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read what an upstream says of a request that it refused: `{"message"}` or `{"Message"}`."""
    said = _read(body)
    message = said.message or said.shouted
    if message:
        error.message = message
