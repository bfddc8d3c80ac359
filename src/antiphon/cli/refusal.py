"""What a gateway's error answer means to whoever asked from the command line."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OverLimit,
    Unavailable,
    UpstreamError,
)

_BY_STATUS: dict[int, type[AntiphonError]] = {
    401: NotAuthenticated,
    402: OverLimit,
    403: NotAllowed,
    404: NotFound,
    429: OverLimit,
    503: Unavailable,
}
_NEXT = {
    "model_not_found": "see `antiphon models`",
    "model_not_allowed": "see `antiphon models`",
}


class Wrong(Struct):
    """OpenAI's form of an error."""

    message: str
    code: str | None = None
    type: str | None = None


class _Envelope(Struct):
    error: Wrong


_envelope = msgspec.json.Decoder(_Envelope)


def refusal(status: int, headers: Mapping[bytes, bytes], body: bytes, url: str, key_from: str) -> AntiphonError:
    """The error of an answer whose status is not 200, with what to do next as notes.

    Args:
        key_from: The key that is meant and the variable that it comes from, such as `the key in the variable NAME`.
    """
    try:
        wrong = _envelope.decode(body).error
    except msgspec.MsgspecError:
        return UpstreamError(f"{url} answered HTTP {status}, and not as a gateway does; check --url")
    error = said(wrong, status)
    receipt = headers.get(b"x-antiphon-receipt", b"").decode("latin-1")
    if error.said_code == "invalid_api_key":
        error.add_note(f"give {key_from}, or by --key")
    if error.said_code in _NEXT:
        error.add_note(_NEXT[error.said_code])
    if headers.get(b"retry-after"):
        error.add_note(f"try again in {headers[b'retry-after'].decode('latin-1')} s")
    if receipt and status != 401:  # whoever has no key may not read it either
        error.add_note(f"why: antiphon receipt show {receipt} --url {url}")
    return error


def said(wrong: Wrong, status: int) -> AntiphonError:
    """An error by its status and code."""
    kind = _BY_STATUS.get(status, BadRequest if status < 500 else UpstreamError)
    error = kind(wrong.message, status=status)
    error.said_code = wrong.code or error.said_code
    return error
