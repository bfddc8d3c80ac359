"""Moderations of OpenAI. Source: openai-python 3.52.0, `types/moderation_create_params.py` and
`types/moderation_create_response.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import Struct

from antiphon.core.body import Body
from antiphon.core.error import UpstreamMalformed
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.wire.codec import AnyCodec, Asked, Facts, Put, Terms
from antiphon.wire.json_head import model_of, one_of, put, read, read_long
from antiphon.wire.one_dialect import NoStream, NoText, OneDialect, OpenAIErrors

USUAL_MODEL = "omni-moderation-latest"
"""What OpenAI takes for a request that names no model. Source: API reference, 2026-11."""


class _Verdict(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Answer(Struct, gc=False):
    results: list[_Verdict]
    model: str | None = None


_answer = msgspec.json.Decoder(_Answer)


class OpenAIModerations(NoStream, OneDialect, NoText, OpenAIErrors, AnyCodec):
    """Requests and answers pass byte for byte. An answer says no usage: OpenAI asks nothing for it."""

    name: ClassVar[Dialect] = "openai_moderations"
    operation: ClassVar[Operation] = "moderations"
    opening: ClassVar[str] = "input"
    chance: ClassVar[tuple[str, ...]] = ()

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        found = read(body)
        return _head(found.fields, asked), found.spots

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        for found in read_long(body, ("model",), ("input",)):
            yield None if found is None else (_head(found.fields, asked), found.spots)

    def put(self, request: Request, terms: Terms) -> Put:
        return put(request, terms)

    def facts(self, body: bytes) -> Facts:
        try:
            answer = _answer.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"the upstream's answer is not that of a moderation: {error}") from error
        return Facts(model=answer.model or "", fingerprint="", usage=None, usage_note="")


def _head(fields: Mapping[str, Any], asked: Asked) -> Head:
    one_of(fields, "input", (str, list), "a text or a list")
    return Head(dialect="openai_moderations", endpoint=asked.endpoint, model=model_of(fields, asked, USUAL_MODEL))
