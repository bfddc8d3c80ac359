"""The caller's side of what is no model call: whatever the answer is, errors are OpenAI's."""

from collections.abc import Callable

from antiphon.control.relayed import Out
from antiphon.core.error import AntiphonError, GuardBlocked
from antiphon.net.exchange import Exchange
from antiphon.server.reply import error_headers
from antiphon.wire.codecs import CODECS


class RawReply(Out):
    """Writes an answer to the exchange that asked for it, as it is."""

    __slots__ = ("_cut", "_exchange")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._cut: Callable[[GuardBlocked], bytes] | None = None

    def begin(self, status: int, headers: bytes) -> None:
        self._exchange.begin(status, headers)

    def write(self, piece: bytes) -> None:
        self._exchange.write(piece)

    def last(self) -> bytes:
        return b""

    def end(self, last: bytes = b"") -> None:
        self._exchange.end(last)

    def whole(self, status: int, headers: bytes, body: bytes) -> None:
        self._exchange.respond(status, headers, body)

    def ends_by(self, cut: Callable[[GuardBlocked], bytes]) -> None:
        self._cut = cut

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._exchange.on_pressure(callback)

    def error(self, error: AntiphonError, receipt_id: str) -> None:
        exchange = self._exchange
        if exchange.answered and self._cut is not None and isinstance(error, GuardBlocked):
            exchange.end(self._cut(error))
        elif exchange.answered:
            exchange.abort()
        else:
            exchange.respond(error.said_status, error_headers(error, receipt_id), CODECS["openai_chat"].error(error))
