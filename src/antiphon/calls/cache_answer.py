"""An answer that is kept: the bytes that its caller got, and what is told beside them."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamError
from antiphon.core.ports import Served
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect
from antiphon.core.response import FinishReason, Response
from antiphon.wire.codecs import CODECS

_HEADERS = (b"content-encoding", b"x-antiphon-lab")
"""Of the upstream's headers, those that are told again: the second marks what lab models say."""
_WELL: frozenset[FinishReason | None] = frozenset({"stop", "length", "tool_calls", "function_call"})
"""Ends after which an answer is whole, and nobody kept anything of it back."""


class CachedAnswer(Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """One answer."""

    receipt: str
    """Of the request that paid for it."""
    at_ns: int
    until_ns: int
    deployment: str
    content_type: bytes
    pieces: tuple[bytes, ...]
    """As they were released: of a stream one for each write, else all at once."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    losses: tuple[Loss, ...] = ()
    cost_nano_usd: int | None = None
    """None: unknown."""
    model: str = ""
    """That the upstream said it answered with."""
    fingerprint: str = ""

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return sum(map(len, self.pieces)) + 64 * len(self.pieces) + 512


_decoder = msgspec.msgpack.Decoder(CachedAnswer)


def encode(answer: CachedAnswer) -> bytes:
    return msgspec.msgpack.encode(answer)


def decode(text: bytes) -> CachedAnswer:
    """Raises: MsgspecError."""
    return _decoder.decode(text)


def told_again(served: Served) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """Content type and headers of an answer, as they are kept."""
    kind = served.content_type or served.headers.get(b"content-type", b"")
    return kind, tuple((name, served.headers[name]) for name in _HEADERS if name in served.headers)


def whole(dialect: Dialect, pieces: Iterable[bytes], *, stream: bool, answers: int) -> bool:
    """Whether an answer came to its end, and nothing was kept back for what it says. Takes a while with a long one.

    Args:
        answers: How many were asked for.
    """
    codec = CODECS[dialect]
    if codec.operation not in ("chat", "completions"):
        return not stream  # its facts were read before it went out
    try:
        ends = _streamed(dialect, pieces) if stream else _ends(codec.decode_answer(b"".join(pieces))[0])
    except (UpstreamError, msgspec.MsgspecError, ValueError):
        return False
    return len(ends) >= answers and all(end in _WELL for end in ends.values())


def _ends(answer: Response) -> Mapping[int, FinishReason | None]:
    return {choice.index: choice.finish_reason for choice in answer.choices}


def _streamed(dialect: Dialect, pieces: Iterable[bytes]) -> Mapping[int, FinishReason | None]:
    """How each answer of a stream ended; None where one broke off. Raises: UpstreamError, when the stream did."""
    decoder = CODECS[dialect].decoder()
    ends: dict[int, FinishReason | None] = {}
    events = [event for piece in pieces for event in decoder.feed(piece)]
    for event in (*events, *decoder.end()):
        for delta in event.deltas:
            ends[delta.index] = delta.finish_reason or ends.get(delta.index)
    return {} if decoder.failure is not None else ends
