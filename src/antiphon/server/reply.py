"""The caller's side of an answer in OpenAI's dialect."""

import time
from collections.abc import Callable
from math import ceil

from antiphon.core.error import AntiphonError, WrongMethod
from antiphon.core.ports import Reply, Served
from antiphon.net.exchange import Exchange
from antiphon.wire.openai_chat import errors, last_resort

JSON = b"content-type: application/json\r\n"
EVENTS = b"content-type: text/event-stream\r\n"
_PASSED = (b"x-request-id", b"openai-processing-ms", b"openai-version", b"content-encoding", b"x-antiphon-lab")
"""Headers of the upstream that its own clients read; the last marks what lab models say."""
RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})
"""Statuses that OpenAI's clients retry by themselves, unless `x-should-retry` says no.
Source: openai-python 3.52.0, `_base_client.py`."""


class OpenAIReply(Reply):
    """Writes an answer to the exchange that asked for it."""

    __slots__ = ("_exchange", "_streams")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._streams = False

    def whole(self, served: Served, body: bytes) -> None:
        self._exchange.respond(200, _headers(served), body)

    def begin(self, served: Served) -> None:
        self._streams = True
        self._exchange.begin(200, _headers(served) + b"cache-control: no-cache\r\n")

    def write(self, piece: bytes) -> None:
        self._exchange.write(piece)

    def end(self, last: bytes = b"") -> None:
        self._exchange.end(last)

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        if self._streams:
            self._exchange.end(errors.event(error))
        else:
            self._exchange.respond(error.said_status, error_headers(error, receipt_id) + told, errors.encode(error))

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        body = last_resort.encode(text, receipt_id, int(time.time()), stream=stream)
        kind = EVENTS if stream else JSON
        self._exchange.respond(200, kind + b"x-antiphon-receipt: %b\r\n" % receipt_id.encode() + told, body)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._exchange.on_pressure(callback)


def _headers(served: Served) -> bytes:
    lines = b"x-antiphon-receipt: %b\r\nx-antiphon-deployment: %b\r\ncontent-type: %b\r\n" % (
        served.receipt_id.encode(),
        served.deployment.encode(),
        served.headers[b"content-type"],
    )
    lines += served.told
    for name in _PASSED:
        value = served.headers.get(name)
        if value is not None:
            lines += b"%b: %b\r\n" % (name, value)
    return lines


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
    if error.said_status == 401:
        lines += b'www-authenticate: Bearer realm="antiphon"\r\n'
    return lines
