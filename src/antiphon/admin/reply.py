"""Answers of the admin API: JSON, errors too."""

from math import ceil
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.control.ownership import Flaw, Flawed
from antiphon.core.error import AntiphonError, WrongMethod
from antiphon.net.exchange import Exchange

JSON = b"content-type: application/json\r\ncache-control: no-store\r\n"


class _Wrong(Struct, frozen=True, kw_only=True):
    """OpenAI's form of an error, with all mistakes of an object."""

    message: str
    code: str
    param: str | None
    problems: tuple[Flaw, ...]


class _Envelope(Struct, frozen=True):
    error: _Wrong


def answer(exchange: Exchange, status: int, value: Any, version: int | None = None) -> None:
    """Answer with a JSON document; `version` is the object's, for `If-Match`."""
    tag = b"" if version is None else b'etag: "%d"\r\n' % version
    exchange.respond(status, JSON + tag, msgspec.json.encode(value))


def refuse(exchange: Exchange, error: AntiphonError) -> None:
    """Answer with an error."""
    exchange.respond(error.said_status, headers(error), body(error))


def body(error: AntiphonError) -> bytes:
    flaws = error.flaws if isinstance(error, Flawed) else ()
    return msgspec.json.encode(
        _Envelope(_Wrong(message=error.message, code=error.said_code, param=error.param, problems=flaws))
    )


def headers(error: AntiphonError) -> bytes:
    lines = JSON
    if error.retry_after_s is not None:
        lines += f"retry-after: {max(1, ceil(error.retry_after_s))}\r\n".encode()
    if isinstance(error, WrongMethod):
        lines += f"allow: {error.allow}\r\n".encode()
    if error.said_status == 401:
        lines += b'www-authenticate: Bearer realm="antiphon admin"\r\n'
    return lines
