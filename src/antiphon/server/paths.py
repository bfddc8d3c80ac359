"""Which paths are model calls, and in which dialect."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.request import Dialect
from antiphon.net.exchange import Exchange
from antiphon.server.ask import Call
from antiphon.wire.codecs import CODECS

_PATHS: tuple[tuple[str, Dialect], ...] = (("/v1/chat/completions", "openai_chat"),)
_FIXED: Mapping[bytes, Call] = MappingProxyType(
    {path.encode(): Call(codec=CODECS[dialect], endpoint=path) for path, dialect in _PATHS}
)
MAX_NAME_BYTES = 1024
"""Of a model's name in a path, as it is written there."""


def call_of(exchange: Exchange) -> Call | None:
    """The model call that a path asks for; None: it is another."""
    return _FIXED.get(exchange.path)
