"""Whole answers of upstreams: checked, read, and written for callers of every dialect; errors that they answer with."""

from collections.abc import Callable
from functools import partial

import msgspec

from antiphon.core.error import UpstreamError, UpstreamRefused
from antiphon.core.request import Head
from antiphon.wire.codec import AnyCodec, AnyUpstream
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.one_dialect import OneDialect
from antiphon.wire.passage import Passage
from harness.rules import dice, outcome


def targets() -> dict[str, Callable[[bytes], None]]:
    """One for each dialect that upstreams are spoken to in."""
    return {f"answer_{name}": partial(check, upstream) for name, upstream in UPSTREAMS.items()}


def callers(upstream: AnyUpstream) -> list[AnyCodec]:
    """Dialects whose callers an upstream of this one can serve, by translation."""
    if isinstance(upstream, OneDialect):
        return []
    return [
        codec
        for codec in CODECS.values()
        if codec.name != upstream.name
        and upstream.operation in (codec.operation, codec.served_by)
        and not isinstance(codec, OneDialect)
    ]


def check(upstream: AnyUpstream, data: bytes) -> None:
    """Take the bytes for an answer, and for what an error says."""
    for codec in CODECS.values():
        error = UpstreamRefused("the upstream refused it", upstream_status=400)
        upstream.pass_on(error, data)
        msgspec.json.decode(codec.error(error))
    own = CODECS.get(upstream.name)
    if own is not None:
        outcome(lambda: Passage(own, None).whole(data, head_of(own), 0), UpstreamError)
    others = callers(upstream)
    if not others:
        return
    _answer(dice(data).choice(others), upstream, data)


def head_of(codec: AnyCodec) -> Head:
    return Head(dialect=codec.name, endpoint="/v1/some", model="some-model", stream=False)


def _deepest(data: bytes) -> bool:
    """Whether it may be nested to the interpreter's own limit, where one frame more decides if it can be read."""
    return max(data.count(b"["), data.count(b"{")) > 800


def _answer(codec: AnyCodec, upstream: AnyUpstream, data: bytes) -> None:
    answer, _ = outcome(lambda: upstream.decode_answer(data), UpstreamError)
    passage = Passage(codec, upstream, "upstream-model")
    passed, _ = outcome(lambda: passage.whole(data, head_of(codec), 1_700_000_000), UpstreamError)
    if upstream.operation == "chat" and not _deepest(data):  # vectors are read when they are written
        assert (answer is None) == (passed is None), "an answer that was read could not be written"
    if passed is not None and (codec.name != "gemini" or getattr(answer[0], "choices", True)):  # it has no such answer
        codec.facts(passed.body)  # what is written must be an answer of the caller's dialect
        msgspec.json.encode(passed.losses)
