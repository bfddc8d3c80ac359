"""POST /v1/embeddings and /v1/moderations. Source: the types of openai 3.52.0, read 2026-11."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, json

from antiphon.core.error import BadRequest
from antiphon.providers.lab.answer import Answer, Job, counted
from antiphon.providers.lab.dialect import Incoming, Json, Whole, Writer
from antiphon.providers.lab.openai.read import OpenAI, Strict, asked_of, fields_of
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.vectors import DEFAULT_DIMENSIONS, MOST_DIMENSIONS, in_base64, vector

FLAGGED = "lab:flag-me"
"""A text with these words is flagged."""
CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


class Body(Strict, frozen=True, kw_only=True):
    model: str = ""
    input: str | list[str | int | list[int]]
    dimensions: Annotated[int, Meta(ge=1, le=MOST_DIMENSIONS)] | None = None
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None


class Moderate(Strict, frozen=True, kw_only=True):
    input: str | list[str | dict[str, Any]]
    model: str = "omni-moderation-latest"


BODY = json.Decoder(Body)
MODERATE = json.Decoder(Moderate)


def _text(given: str | int | Sequence[object]) -> str:
    """Tokens stand for themselves."""
    if isinstance(given, str):
        return given
    return f"t{given}" if isinstance(given, int) else " ".join(f"t{token}" for token in given)


class EmbeddingsWriter(Whole):
    wrong_usage: ClassVar[Json] = {"prompt_tokens": -7, "total_tokens": 0}

    def __init__(self, asked: Asked, body: Body, texts: list[str]) -> None:
        super().__init__(asked)
        self._body = body
        self._texts = texts

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {"prompt_tokens": answer.used.input, "total_tokens": answer.used.input}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        data: list[Json] = []
        for index, text in enumerate(self._texts):
            values = vector(text, self._body.dimensions or DEFAULT_DIMENSIONS)
            written = in_base64(values) if self._body.encoding_format == "base64" else values
            data.append({"object": "embedding", "index": index, "embedding": written})
        said: Json = {"object": "list", "data": data, "model": answer.model}
        return msgspec.json.encode(said | ({} if used is None else {"usage": used}))


class Embeddings(OpenAI):
    name = "openai_embeddings"

    def _read(self, incoming: Incoming) -> Writer:
        body = fields_of(BODY, incoming)
        given = body.input
        many = isinstance(given, list) and not (given and isinstance(given[0], int))
        texts = [_text(one) for one in given] if many else [_text(given)]
        if not texts or not all(texts):
            raise BadRequest("'input' must not be empty", param="input")
        return EmbeddingsWriter(asked_of(incoming.model or body.model, texts, incoming), body, texts)


class ModerationsWriter(Whole):
    wrong_usage: ClassVar[Json] = {}

    def __init__(self, asked: Asked, texts: list[str]) -> None:
        super().__init__(asked)
        self._texts = texts

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        return counted(job)

    def usage(self, answer: Answer) -> Json:
        return {}

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        results = [_judged(FLAGGED in text) for text in self._texts]
        return msgspec.json.encode(
            {"id": answer.id.replace("chatcmpl-", "modr-"), "model": answer.model, "results": results}
        )


def _judged(flagged: bool) -> Json:
    """Nothing is judged: the words `FLAGGED` decide."""
    return {
        "flagged": flagged,
        "categories": {name: flagged and name == "harassment" for name in CATEGORIES},
        "category_scores": {name: 0.99 if flagged and name == "harassment" else 0.01 for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


class Moderations(OpenAI):
    name = "openai_moderations"

    def _read(self, incoming: Incoming) -> Writer:
        body = fields_of(MODERATE, incoming)
        given = body.input
        if isinstance(given, str):
            texts = [given]
        elif given and isinstance(given[0], dict):
            texts = [" ".join(str(part.get("text", "")) for part in given if isinstance(part, dict))]
        else:
            texts = [str(one) for one in given]
        return ModerationsWriter(asked_of(body.model, texts, incoming), texts)
