"""The caller's side of an answer."""

import time
from collections.abc import Callable, Mapping
from math import ceil
from types import MappingProxyType
from typing import Protocol

from msgspec.structs import replace

from antiphon.core.error import AntiphonError, WrongMethod
from antiphon.core.ports import Reply, Served
from antiphon.core.request import Dialect
from antiphon.net.exchange import Exchange
from antiphon.wire.codec import AnyCodec
from antiphon.wire.codecs import CODECS

JSON = b"content-type: application/json\r\n"
_PASSED = (b"x-request-id", b"content-encoding", b"x-antiphon-lab", b"x-antiphon-run")
"""Headers of any upstream that go on; the last two mark what lab models say, and which run an agent's answer is of."""
_PASSES: Mapping[Dialect, tuple[bytes, ...]] = MappingProxyType(
    {name: (*_PASSED, *codec.passes) for name, codec in CODECS.items()}
)
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})
"""Statuses that OpenAI's clients retry by themselves, unless `x-should-retry` says no.
Source: openai-python 3.52.0, `_base_client.py`."""


class Wrap(Protocol):
    """Changes the bytes of a stream on its way out."""

    content_type: bytes

    def feed(self, piece: bytes) -> bytes: ...

    def end(self) -> bytes: ...


class DialectReply(Reply):
    """Writes an answer to the exchange that asked for it, in its dialect."""

    __slots__ = ("_codec", "_exchange", "_streams", "_wrap")

    def __init__(self, exchange: Exchange, codec: AnyCodec, wraps: Callable[[], Wrap] | None = None) -> None:
        self._exchange = exchange
        self._codec = codec
        self._streams = False
        self._wrap = None if wraps is None else wraps()

    def whole(self, served: Served, body: bytes) -> None:
        self._exchange.respond(200, _headers(served, self._codec), body)

    def begin(self, served: Served) -> None:
        self._streams = True
        if self._wrap is not None:
            served = replace(served, content_type=self._wrap.content_type)
        self._exchange.begin(200, _headers(served, self._codec) + b"cache-control: no-cache\r\n")

    def write(self, piece: bytes) -> None:
        self._exchange.write(piece if self._wrap is None else self._wrap.feed(piece))

    def end(self, last: bytes = b"") -> None:
        wrap = self._wrap
        self._exchange.end(last if wrap is None else wrap.feed(last) + wrap.end())

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        if self._streams:
            self.end(self._codec.error_event(error))
        else:
            headers = error_headers(error, receipt_id) + told
            self._exchange.respond(error.said_status, headers, self._codec.error(error))

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        codec = self._codec
        body = codec.last_resort(text, receipt_id, int(time.time()), stream=stream)
        kind = codec.streams if stream else codec.answers
        if stream and self._wrap is not None:
            body, kind = self._wrap.feed(body) + self._wrap.end(), self._wrap.content_type
        lines = b"content-type: %b\r\nx-antiphon-receipt: %b\r\n" % (kind, receipt_id.encode())
        self._exchange.respond(200, lines + told, body)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._exchange.on_pressure(callback)


def _headers(served: Served, codec: AnyCodec) -> bytes:
    headers = served.headers
    lines = b"x-antiphon-receipt: %b\r\nx-antiphon-deployment: %b\r\ncontent-type: %b\r\n%b" % (
        served.receipt_id.encode(),
        served.deployment.encode(),
        served.content_type or headers[b"content-type"],
        served.told,
    )
    for name in _PASSES[codec.name]:
        if name in headers:
            lines += b"%b: %b\r\n" % (name, headers[name])
    return lines


MOST_REASONS_BYTES = 2000


def error_headers(error: AntiphonError, receipt_id: str) -> bytes:
    """Header lines of an error answer."""
    lines = JSON
    if receipt_id:
        lines += f"x-antiphon-receipt: {receipt_id}\r\n".encode()
    if error.retry_after_s is not None:
        lines += f"retry-after: {max(1, ceil(error.retry_after_s))}\r\n".encode()
    over = not error.retryable or (error.spent and error.retry_after_s is None)
    if over and error.said_status in RETRIED:
        lines += b"x-should-retry: false\r\n"
    if isinstance(error, WrongMethod):
        lines += f"allow: {error.allow}\r\n".encode()
    if error.reasons:
        lines += b"x-antiphon-reasons: %b\r\n" % ",".join(error.reasons).encode("ascii", "replace")[:MOST_REASONS_BYTES]
    if error.said_status == 401:
        lines += b'www-authenticate: Bearer realm="antiphon"\r\n'
    return lines
