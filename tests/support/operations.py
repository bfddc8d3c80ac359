"""Requests and answers of the operations that are no chat, put through a codec as the gateway does it."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.request import Head, Request, Spots
from antiphon.wire.codec import AnyCodec, Asked, Put, Quirks, Terms
from antiphon.wire.stream import Relay

ENDPOINT = "/v1/some"


def asked(
    codec: AnyCodec,
    body: bytes | dict[str, Any],
    *,
    endpoint: str = ENDPOINT,
    model: str = "",
    content_type: bytes = b"application/json",
    cut: int = 0,
) -> Request:
    """A request as a codec reads it; with `cut`, by its reader in slices from segments of so many bytes."""
    text = body if isinstance(body, bytes) else compact(body)
    beside = Asked(endpoint=endpoint, model=model, headers={b"content-type": content_type})
    if cut:
        whole = Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))
        head, spots = at_last(codec.read_long(whole, beside))
    else:
        whole = Body((text,))
        head, spots = codec.read(whole, beside)
    return Request(head=head, body=whole, spots=spots, digest=whole.sha256())


def at_last(found: Iterator[tuple[Head, Spots] | None]) -> tuple[Head, Spots]:
    """What a reader in slices gives at its end."""
    *between, end = found
    assert between == [None] * len(between)
    assert end is not None
    return end


def sent(codec: AnyCodec, request: Request, model: str = "up", **terms: Any) -> Put:
    return codec.put(request, Terms(model=model, stream=request.head.stream, **terms))


def refusing(*names: str) -> Quirks:
    return Quirks(who="Acme", rejects=names)


def passed(relay: Relay, stream: bytes, cut: int) -> bytes:
    """A stream's way through a relay in pieces of so many bytes."""
    out = [relay.feed(stream[at : at + cut]) for at in range(0, len(stream), cut)]
    return b"".join(out) + relay.end()


def survives(codec: AnyCodec, body: bytes, content_type: bytes = b"application/json") -> None:
    """Whatever the bytes are, a caller hears what is wrong with them, and an upstream's answer is judged."""
    for cut in (0, 3):
        try:
            request = asked(codec, body, content_type=content_type, cut=cut)
        except BadRequest:
            continue
        with contextlib.suppress(BadRequest, NotImplementedError):
            sent(codec, request)
        with contextlib.suppress(BadRequest, NotImplementedError):
            codec.decode(request)
    for read in (codec.facts, codec.decode_answer):
        with contextlib.suppress(UpstreamError, NotImplementedError):
            read(body)
    try:
        relay = codec.relay(hides_usage=True)
        passed(relay, body, 2)
    except (UpstreamError, NotImplementedError):
        pass


def event(**fields: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(fields).encode()


def compact(value: object) -> bytes:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":")).encode()
