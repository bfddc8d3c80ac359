"""Embeddings in Cohere's form (`/v2/embed`), for callers and upstreams."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from antiphon.core.body import Body
from antiphon.core.embed import EmbedAnswer, EmbedAsk
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.codec import Asked, Codec, Facts, Put, Sliced, Terms
from antiphon.wire.cohere_embeddings import answers, ask, errors
from antiphon.wire.json import loads
from antiphon.wire.json_head import model_of, one_of, put, read, read_long
from antiphon.wire.losses import Losses
from antiphon.wire.one_dialect import NoStream, NoText, OpenAIErrors
from antiphon.wire.vectors import run

_INPUTS = ("texts", "inputs", "images")


class CohereEmbeddings(NoStream, NoText, OpenAIErrors, Codec[EmbedAsk, EmbedAnswer]):
    """Between callers and upstreams of this form bytes pass as they are."""

    name: ClassVar[Dialect] = "cohere_embeddings"
    operation: ClassVar[Operation] = "embeddings"
    opening: ClassVar[str] = "texts"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model",), _INPUTS):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def decode(self, request: Request) -> EmbedAsk:
        return ask.decode(loads(request.body.whole()))

    def encode(self, content: EmbedAsk, terms: Terms, losses: Losses) -> bytes:
        return msgspec.json.encode(ask.encode(content, terms.model, losses))

    def put(self, request: Request, terms: Terms) -> Put:
        return put(request, terms)

    def facts(self, body: bytes) -> Facts:
        return answers.facts(body)

    def decode_answer(self, body: bytes) -> tuple[EmbedAnswer, Facts]:
        return run(self.decode_long(body))

    def decode_long(self, body: bytes) -> Sliced[tuple[EmbedAnswer, Facts]]:
        """The same in slices."""
        return answers.decode(body)

    def encode_answer(self, answer: EmbedAnswer, head: Head, losses: Losses) -> bytes:
        return b"".join(self.encode_long(answer, head, losses))

    def encode_long(self, answer: EmbedAnswer, head: Head, losses: Losses) -> Iterator[bytes]:
        """The same piece by piece."""
        del head  # Cohere's answers don't name the model
        return answers.encode(answer, losses)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    there = [name for name in _INPUTS if fields.get(name) is not None]
    if not there:
        raise BadRequest("`texts` is missing; send a list of texts, or `inputs`, or `images`", param="texts")
    for name in there:
        one_of(fields, name, (list,), "a list")
    return Head(dialect="cohere_embeddings", endpoint=asked.endpoint, model=model_of(fields, asked))
