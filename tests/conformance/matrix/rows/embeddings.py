"""Embeddings."""

from typing import Any

from matrix.feature import EMBED_COHERE, EMBED_GEMINI, EMBED_OPENAI, Feature
from matrix.match import At, like, so_many

Json = dict[str, Any]


def _google(**more: Any) -> Json:
    return {"requests": [{"model": "models/public", "content": {"parts": [{"text": "Hello there"}]}, **more}]}


_VECTOR = {
    EMBED_OPENAI: At("data.0.embedding.0", lambda it: isinstance(it, float)),
    EMBED_GEMINI: At("embeddings.0.values.0", lambda it: isinstance(it, float)),
    EMBED_COHERE: At("embeddings.float.0.0", lambda it: isinstance(it, float)),
}


def row(name: str, asks: Json, arrives: Any, shows: Any = _VECTOR, group: str = "Embeddings") -> Feature:
    return Feature(name=name, group=group, asks=asks, arrives=arrives, shows=shows)


TEXT = row(
    "text",
    {EMBED_OPENAI: {}, EMBED_GEMINI: {}, EMBED_COHERE: {}},
    {
        EMBED_OPENAI: (At("input", "Hello there"), At("input", ["Hello there"])),
        EMBED_GEMINI: At("requests.0.content.parts.0.text", "Hello there"),
        EMBED_COHERE: (At("texts", ["Hello there"]), At("inputs.0.content.0.text", "Hello there")),
    },
)
_BOTH = ["One", "Two"]
SEVERAL = row(
    "several texts",
    {
        EMBED_OPENAI: {"input": _BOTH},
        EMBED_GEMINI: {
            "requests": [{"model": "models/public", "content": {"parts": [{"text": text}]}} for text in _BOTH]
        },
        EMBED_COHERE: {"texts": _BOTH},
    },
    {
        EMBED_OPENAI: At("input", so_many(2)),
        EMBED_GEMINI: At("requests", so_many(2)),
        EMBED_COHERE: (At("texts", so_many(2)), At("inputs", so_many(2))),
    },
    {
        EMBED_OPENAI: At("data", so_many(2)),
        EMBED_GEMINI: At("embeddings", so_many(2)),
        EMBED_COHERE: At("embeddings.float", so_many(2)),
    },
)
DIMENSIONS = row(
    "dimensions",
    {
        EMBED_OPENAI: {"dimensions": 256},
        EMBED_GEMINI: _google(outputDimensionality=256),
        EMBED_COHERE: {"output_dimension": 256},
    },
    {
        EMBED_OPENAI: At("dimensions", 256),
        EMBED_GEMINI: At("requests.0.outputDimensionality", 256),
        EMBED_COHERE: At("output_dimension", 256),
    },
    {
        EMBED_OPENAI: At("data.0.embedding", so_many(256)),
        EMBED_GEMINI: At("embeddings.0.values", so_many(256)),
        EMBED_COHERE: At("embeddings.float.0", so_many(256)),
    },
)
TASK = row(
    "what it is for: a search's question",
    {EMBED_GEMINI: _google(taskType="RETRIEVAL_QUERY"), EMBED_COHERE: {"input_type": "search_query"}},
    {EMBED_GEMINI: At("requests.0.taskType", "RETRIEVAL_QUERY"), EMBED_COHERE: At("input_type", "search_query")},
)
BASE64: Feature = row(
    "vectors in base64",
    {EMBED_OPENAI: {"encoding_format": "base64"}, EMBED_COHERE: {"embedding_types": ["base64"]}},
    {
        EMBED_OPENAI: At("input"),
        EMBED_GEMINI: At("requests"),
        EMBED_COHERE: (At("texts"), At("inputs")),
    },
    {
        EMBED_OPENAI: (At("data.0.embedding", like("^[A-Za-z0-9+/=]+$")), _VECTOR[EMBED_OPENAI]),
        EMBED_COHERE: (At("embeddings.base64.0", like("^[A-Za-z0-9+/=]+$")), _VECTOR[EMBED_COHERE]),
    },
)
TOKENS = row(
    "tokens instead of text",
    {EMBED_OPENAI: {"input": [[1, 2, 3]]}},
    {EMBED_OPENAI: (At("input.0", [1, 2, 3]), At("input", [1, 2, 3]))},
)
_IMAGE = "data:image/png;base64,iVBORw0KGgo="
IMAGE = row(
    "images",
    {
        EMBED_COHERE: {
            "texts": None,
            "inputs": [{"content": [{"type": "image_url", "image_url": {"url": _IMAGE}}]}],
        },
        EMBED_GEMINI: {
            "requests": [
                {
                    "model": "models/public",
                    "content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]},
                }
            ]
        },
    },
    {
        EMBED_GEMINI: At("requests.0.content.parts.0.inlineData", {"mimeType": "image/png", "data": "iVBORw0KGgo="}),
        EMBED_COHERE: At("inputs.0.content.0.image_url.url", _IMAGE),
    },
)
USAGE = row(
    "usage",
    {EMBED_OPENAI: {}, EMBED_GEMINI: {}, EMBED_COHERE: {}},
    TEXT.arrives,
    {
        EMBED_OPENAI: At("usage.prompt_tokens", lambda it: it > 0),
        EMBED_GEMINI: At("usageMetadata.promptTokenCount", lambda it: it > 0),
        EMBED_COHERE: At("meta.billed_units.input_tokens", lambda it: it > 0),
    },
)
ROWS = (TEXT, SEVERAL, DIMENSIONS, TASK, BASE64, TOKENS, IMAGE, USAGE)
