"""Embeddings in OpenAI's form, as its callers and most upstreams speak it."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from antiphon.core.body import Body
from antiphon.core.embed import EmbedAnswer, EmbedAsk
from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.codec import Asked, Codec, Facts, Put, Sliced, Terms
from antiphon.wire.fields import Fields
from antiphon.wire.json import loads
from antiphon.wire.json_head import model_of, one_of, put, read, read_long, user_of
from antiphon.wire.losses import Losses
from antiphon.wire.one_dialect import NoStream, NoText, OpenAIErrors
from antiphon.wire.openai_embeddings import answers, ask
from antiphon.wire.vectors import run


class OpenAIEmbeddings(NoStream, NoText, OpenAIErrors, Codec[EmbedAsk, EmbedAnswer]):
    """Between callers and upstreams of this form bytes pass as they are.

    `decode_long` and `encode_long` are for long answers: 2048 vectors of 3072 numbers are 140 MB.
    """

    name: ClassVar[Dialect] = "openai_embeddings"
    operation: ClassVar[Operation] = "embeddings"
    opening: ClassVar[str] = "input"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        if found.fields.get("input") in ([], ""):
            raise BadRequest("`input` is empty; send a text or a list of texts", param="input")
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model", "user"), ("input",)):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def decode(self, request: Request) -> EmbedAsk:
        return ask.decode(loads(request.body.whole()))

    def encode(self, content: EmbedAsk, terms: Terms, losses: Losses) -> bytes:
        out = ask.encode(content, terms.model, losses)
        for name in terms.quirks.rejects:
            if out.pop(name, None) is not None:
                losses.add(name, f"{terms.quirks.who or 'the upstream'} refuses it")
        return msgspec.json.encode(out)

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
        return answers.encode(answer, head.model, losses)


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    one_of(fields, "input", (str, list), "a text, a list of texts, or tokens")
    return Head(
        dialect="openai_embeddings",
        endpoint=asked.endpoint,
        model=model_of(fields, asked),
        user=user_of(Fields(fields)),
    )
