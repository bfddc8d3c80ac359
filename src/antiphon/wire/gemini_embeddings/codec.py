"""Embeddings in Gemini's form, for callers and upstreams. The model is named by the path, and again in each request."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from antiphon.core.body import Body, Edit
from antiphon.core.embed import EmbedAnswer, EmbedAsk
from antiphon.core.error import AntiphonError
from antiphon.core.request import Dialect, Field, Head, Operation, Request, Spots
from antiphon.wire.codec import Asked, Codec, Facts, Put, Sliced, Terms
from antiphon.wire.gemini import errors
from antiphon.wire.gemini_embeddings import answers, ask
from antiphon.wire.items import items
from antiphon.wire.json import loads
from antiphon.wire.json_head import model_of, one_of, read, read_long
from antiphon.wire.losses import Losses
from antiphon.wire.one_dialect import NoStream, NoText
from antiphon.wire.places import NOWHERE, fields_of, scan
from antiphon.wire.vectors import run

_BATCH = ":batchEmbedContents"
_PREFIX = "models/"


class GeminiEmbeddings(NoStream, NoText, Codec[EmbedAsk, EmbedAnswer]):
    """Between callers and upstreams of this form bytes pass as they are, but for the names of the model. Requests of other
    dialects become batches: they go to `:batchEmbedContents`.
    """

    name: ClassVar[Dialect] = "gemini_embeddings"
    operation: ClassVar[Operation] = "embeddings"
    opening: ClassVar[str] = "requests"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model",), ("content", "requests")):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def decode(self, request: Request) -> EmbedAsk:
        return ask.decode(loads(request.body.whole()), batch=_batched(request.head.endpoint))

    def encode(self, content: EmbedAsk, terms: Terms, losses: Losses) -> bytes:
        return msgspec.json.encode(ask.encode(content, terms.model, losses))

    def put(self, request: Request, terms: Terms) -> Put:
        name = msgspec.json.encode(ask.named(terms.model))
        return Put(body=request.body.edited(tuple(Edit(start, end, name) for start, end in _models(request))))

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
        return answers.encode(answer, losses, batch=_batched(head.endpoint))

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)

    def error(self, error: AntiphonError) -> bytes:
        return errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        return errors.event(error)


def _batched(endpoint: str) -> bool:
    return endpoint.endswith(_BATCH)


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    if _batched(asked.endpoint):
        one_of(fields, "requests", (list,), "a list of requests")
    else:
        one_of(fields, "content", (dict,), "an object with parts")
    model = model_of(fields, asked).removeprefix(_PREFIX)
    return Head(dialect="gemini_embeddings", endpoint=asked.endpoint, model=model)


def _models(request: Request) -> Iterator[tuple[int, int]]:
    """Where the model is named: in the body itself, and in each request of a batch."""
    body = request.body
    if request.spots.model != NOWHERE:
        yield request.spots.model
    requests = fields_of(body, request.spots).get("requests")
    if requests is None or not _batched(request.head.endpoint):
        return
    text = body.slice(requests.start, requests.end)
    for start, end in items(text, text.index(b"[")):
        model: Field | None = scan(Body((text[start:end],))).get("model")
        if model is not None:
            begin = requests.start + start
            yield begin + model.start, begin + model.end
