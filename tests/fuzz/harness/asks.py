"""Callers' requests: read at once and in slices, decoded, put to the same dialect and to every other."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect, Head, Request
from antiphon.wire.anthropic_messages.codec import count_fields
from antiphon.wire.codec import AnyCodec, AnyUpstream, Asked, Quirks, Terms
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.losses import Losses, told_losses
from antiphon.wire.one_dialect import OneDialect
from antiphon.wire.openai_responses import compaction
from antiphon.wire.prefix import prefix
from antiphon.wire.same import deterministic
from harness.rules import at_last, cuts, dice, named, outcome, same

QUIRKS = (
    Quirks(),
    Quirks(who="some provider", rejects=("seed", "temperature", "user", "n"), output_limit_field="max_tokens"),
    Quirks(who="some provider", continuing="prefix", thoughts="reasoning_content", asks_usage=False),
    Quirks(who="some provider", continuing="flags"),
    Quirks(who="a cloud", variant="bedrock"),
    Quirks(who="a cloud", variant="vertex"),
)
COUNTS: dict[Dialect, Callable[[Body, Asked], object]] = {
    "anthropic_messages": lambda body, _: count_fields(body.whole()),
    "gemini": Gemini().read_count,
    "openai_responses": lambda body, asked: (
        compaction.read_count(body, asked),
        compaction.read_compaction(body, asked),
    ),
}
"""What reads a body of which tokens are to be counted, or which is to be made shorter."""
BY_PATH = frozenset({"gemini", "gemini_embeddings"})
PATHS: dict[Dialect, tuple[str, ...]] = {
    "gemini": ("/v1beta/models/{model}:generateContent",),
    "gemini_embeddings": ("/v1beta/models/{model}:embedContent", "/v1beta/models/{model}:batchEmbedContents"),
    "openai_images": ("/v1/images/generations", "/v1/images/edits", "/v1/images/variations"),
    "openai_transcription": ("/v1/audio/transcriptions", "/v1/audio/translations"),
}


def targets() -> dict[str, Callable[[bytes], None]]:
    """One for each dialect that callers speak."""
    return {f"ask_{name}": partial(check, codec) for name, codec in CODECS.items()}


def check(codec: AnyCodec, data: bytes) -> None:
    """Read one request in every way, and put it in the words of one upstream of each dialect."""
    asked = _asked(codec, data)
    body = Body((data,))
    if codec.name in COUNTS:
        outcome(lambda: COUNTS[codec.name](body, asked), BadRequest)
    read, refused = outcome(lambda: codec.read(body, asked), BadRequest)
    pieces = Body(cuts(data))
    long, long_refused = outcome(lambda: at_last(codec.read_long(pieces, asked)), BadRequest)
    if read is None or refused is not None:
        if long is not None:  # a long body is looked at less closely: what is wrong with it is found when it is decoded
            loose = Request(head=long[0], body=pieces, spots=long[1], digest="")
            outcome(lambda: codec.put(loose, _terms(loose, data)), BadRequest)
            _looked_at(codec, loose)
            _translated(codec, loose, data)
        return
    assert long is not None, f"refused in slices only: {long_refused}"
    (head, spots), (long_head, long_spots) = read, long
    _agree(long_head, head, data)
    same(named(pieces, long_spots, head), named(body, spots, head), "the model's place read in slices is another")
    request = Request(head=head, body=body, spots=spots, digest="")
    _put(codec, request, asked, data)
    _put(codec, Request(head=head, body=pieces, spots=long_spots, digest=""), asked, data)
    _looked_at(codec, request)
    _translated(codec, request, data)


def _looked_at(codec: AnyCodec, request: Request) -> None:
    """What routing and coalescing look at."""
    deterministic(request, codec.chance)
    prefix(request, 1_000, codec.opening)
    codec.used(request)


MEDIA = frozenset({"images", "audio", "files"})
"""What a long body needs for its media is found by marks, which may stand where they mean something else."""


def _agree(long: Head, head: Head, data: bytes) -> None:
    replace = msgspec.structs.replace
    same(replace(long, needs=long.needs - MEDIA), replace(head, needs=head.needs - MEDIA), "the head read in slices")
    # Gemini's kinds of media are values, which may be written with escapes, or be left out.
    missed = (head.needs & MEDIA) - long.needs
    if head.dialect == "gemini":
        missed = frozenset() if b"\\u" in data else missed - {"files"}
    assert not missed, f"what a long body needs is missed: {missed}"


def _asked(codec: AnyCodec, data: bytes) -> Asked:
    chance = dice(data)
    kind = b"application/json"
    if b"multipart/form-data" in codec.asks and (len(codec.asks) == 1 or data.startswith(b"--")):
        kind = b'multipart/form-data; boundary="%b"' % data[2:].partition(b"\r\n")[0]
    return Asked(
        endpoint=chance.choice(PATHS.get(codec.name, ("/v1/some",))),
        model="some-model" if codec.name in BY_PATH else "",
        stream=codec.name == "gemini" and chance.random() < 0.5,
        headers={b"content-type": kind},
    )


def _terms(request: Request, data: bytes) -> Terms:
    chance = dice(data)
    return Terms(
        model=chance.choice(
            ("other-model", "claude-opus-4-6", "gemini-3-pro", "gpt-5", "us.anthropic.claude-haiku-4-5")
        ),
        stream=request.head.stream,
        prompt=chance.choice((None, None, "Be brief.")),
        so_far=chance.choice(("", "", "", "So far, ")),
        output_tokens=chance.choice((None, 4096)),
        quirks=chance.choice(QUIRKS),
    )


def _put(codec: AnyCodec, request: Request, asked: Asked, data: bytes) -> None:
    """What goes to an upstream of the same dialect must be read by it, and name its model."""
    terms = _terms(request, data)
    put, _ = outcome(lambda: codec.put(request, terms), BadRequest)
    if put is None:
        return
    if put.content_type.startswith(b"multipart/"):
        asked = msgspec.structs.replace(asked, headers={b"content-type": put.content_type})
    head, _ = codec.read(Body((put.body.whole(),)), asked)
    if not asked.model:
        same(head.model, terms.model, "what was put to the upstream names another model")


def _translated(codec: AnyCodec, request: Request, data: bytes) -> None:
    if isinstance(codec, OneDialect):
        return
    content, _ = outcome(lambda: codec.decode(request), BadRequest)
    if content is None:
        return
    _written_again(codec, content, request)
    terms = _terms(request, data)
    for upstream in UPSTREAMS.values():
        if upstream.operation in (codec.operation, codec.served_by) and not isinstance(upstream, OneDialect):
            _encoded(upstream, content, terms)


def _written_again(codec: AnyCodec, content: Any, request: Request) -> None:
    """What is written in its own dialect can be read, or is refused for a reason."""
    if codec.name == "gemini_embeddings":
        return  # it is written as a batch always, for another path
    terms = Terms(model=request.head.model, stream=request.head.stream)
    out, _ = outcome(lambda: codec.encode(content, terms, Losses()), BadRequest)
    if out is not None:
        outcome(lambda: codec.decode(msgspec.structs.replace(request, body=Body((out,)))), BadRequest)


def _encoded(upstream: AnyUpstream, content: Any, terms: Terms) -> None:
    losses = Losses()
    out, _ = outcome(lambda: upstream.encode(content, terms, losses), BadRequest)
    if out is not None:
        assert type(msgspec.json.decode(out)) is dict, "a request must be one JSON object"
        line = told_losses(losses.told())
        assert line.endswith(b"\r\n")
        assert all(32 <= letter < 127 for letter in line[:-2]), "a loss breaks out of its header"
