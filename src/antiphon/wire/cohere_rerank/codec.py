"""Rerank as Cohere says it, and nearly everyone after it.

Sources: cohere-python 7.3.1, `v2/client.py` and `types/rerank_response.py`; https://docs.voyageai.com/reference/reranker-api,
https://jina.ai/reranker/, https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html and
https://docs.together.ai/reference/rerank (2026-11) for what differs.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.codec import AnyCodec, Asked, Facts, Put, Terms
from antiphon.wire.cohere_embeddings.errors import pass_on
from antiphon.wire.cohere_rerank.answers import facts
from antiphon.wire.fields import Fields
from antiphon.wire.json_head import model_of, one_of, put, read, read_long, user_of
from antiphon.wire.one_dialect import NoStream, NoText, OneDialect, OpenAIErrors

OTHER_NAMES: Mapping[str, str] = MappingProxyType({"top_n": "top_k", "top_k": "top_n"})
"""Fields that an upstream which refuses them knows by another name: Voyage says `top_k`, all others `top_n`."""


class CohereRerank(NoStream, OneDialect, NoText, OpenAIErrors, AnyCodec):
    """Requests and answers pass byte for byte, but for fields that the upstream refuses or calls otherwise."""

    name: ClassVar[Dialect] = "cohere_rerank"
    operation: ClassVar[Operation] = "rerank"
    opening: ClassVar[str] = "documents"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        if found.fields.get("documents") == []:
            raise BadRequest("`documents` is empty; send what is to be ranked", param="documents")
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model", "user"), ("query", "documents")):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def put(self, request: Request, terms: Terms) -> Put:
        return put(request, terms, rename=OTHER_NAMES)

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        pass_on(error, body)


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    one_of(fields, "query", (str, dict), "a text, or an object such as an image")
    one_of(fields, "documents", (list, dict), "a list of texts or objects")
    return Head(
        dialect="cohere_rerank",
        endpoint=asked.endpoint,
        model=model_of(fields, asked),
        user=user_of(Fields(fields)),
    )
