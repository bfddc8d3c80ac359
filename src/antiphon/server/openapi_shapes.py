"""Bodies of requests and errors, as `GET /openapi.json` describes them: no more than what is checked here.

What a field means is the dialect's own affair; a field that isn't named here travels on, and is for the upstream to judge.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from antiphon.core.data_class import DataClass
from antiphon.core.request import Dialect
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME

Shape = Mapping[str, object]
"""A JSON Schema of draft 2020-12."""

ANY: Shape = {"type": "object"}
_MODEL: Shape = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_NAME,
    "description": "A name of `GET /v1/models`.",
}
_TEXT: Shape = {"type": ["string", "null"]}
_PLAIN: Shape = {"type": "string"}
_FLAG: Shape = {"type": ["boolean", "null"]}
_LIST: Shape = {"type": "array"}
_LIST_OR_NONE: Shape = {"type": ["array", "null"]}
MOST_NOTE = 2000
"""Characters of a note beside a score."""
_COUNT: Shape = {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_COUNT}
_OPTIONS: Shape = {"type": ["object", "null"], "description": "Goes with `stream: true` only."}
_STREAM: Shape = {"type": ["boolean", "null"], "description": "Answer with server-sent events."}
_FILE: Shape = {"type": "string", "format": "binary"}


def _object(*needed: str, **fields: Shape) -> Shape:
    return {"type": "object", "required": list(needed), "properties": fields}


def _closed(*needed: str, **fields: Shape) -> Shape:
    """An object with no other fields."""
    return {**_object(*needed, **fields), "additionalProperties": False}


_CONTENTS = _object("contents", contents=_LIST, generationConfig={"type": ["object", "null"]})
_MESSAGES = _object("model", "messages", model=_MODEL, messages=_LIST, stream=_STREAM)
_FORM = _object("model", "file", model=_MODEL, file=_FILE, stream={"type": "string", "enum": ["true", "false"]})
_PICTURE = _object("model", model=_MODEL, image=_FILE, prompt={"type": "string"})

BODIES: Mapping[Dialect, Shape] = MappingProxyType(
    {
        "openai_chat": _object(
            "model",
            "messages",
            model=_MODEL,
            messages=_LIST,
            stream=_STREAM,
            stream_options=_OPTIONS,
            n=_COUNT,
            max_tokens=_COUNT,
            max_completion_tokens=_COUNT,
            user=_TEXT,
        ),
        "openai_responses": {
            **_object(
                "model",
                model=_MODEL,
                input={"type": ["string", "array", "null"]},
                stream=_STREAM,
                max_output_tokens=_COUNT,
                user=_TEXT,
                safety_identifier=_TEXT,
            ),
            "anyOf": [
                _object("input", input={"type": ["string", "array"]}),
                _object("previous_response_id", previous_response_id={"type": "string", "minLength": 1}),
                _object(
                    "conversation", conversation={"type": ["string", "object"], "minLength": 1, "minProperties": 1}
                ),
                _object("prompt", prompt={"type": "object", "minProperties": 1}),
            ],
        },
        "anthropic_messages": _object(
            "model",
            "messages",
            "max_tokens",
            model=_MODEL,
            messages=_LIST,
            stream=_STREAM,
            max_tokens={"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
        ),
        "gemini": _CONTENTS,
        "openai_completions": _object(
            "model",
            model=_MODEL,
            prompt={"type": ["string", "array", "null"]},
            stream=_STREAM,
            stream_options=_OPTIONS,
            n=_COUNT,
            best_of=_COUNT,
            max_tokens=_COUNT,
            user=_TEXT,
        ),
        "openai_embeddings": _object(
            "model",
            "input",
            model=_MODEL,
            input={"type": ["string", "array"], "minLength": 1, "minItems": 1},
            user=_TEXT,
        ),
        "gemini_embeddings": {
            "anyOf": [_object("content", content=ANY), _object("requests", requests=_LIST)],
            "description": "`content` for `embedContent`, `requests` for `batchEmbedContents`.",
        },
        "cohere_embeddings": {
            **_object("model", model=_MODEL, texts=_LIST_OR_NONE, inputs=_LIST_OR_NONE, images=_LIST_OR_NONE),
            "anyOf": [_object(name, **{name: _LIST}) for name in ("texts", "inputs", "images")],
        },
        "cohere_rerank": _object(
            "model",
            "query",
            "documents",
            model=_MODEL,
            query={"type": ["string", "object"]},
            documents={"type": ["array", "object"], "minItems": 1},
        ),
        "openai_moderations": _object(
            "input", model={**_MODEL, "type": ["string", "null"]}, input={"type": ["string", "array"]}
        ),
        "openai_images": _object(
            "model", "prompt", model=_MODEL, prompt={"type": "string"}, stream=_STREAM, n=_COUNT, user=_TEXT
        ),
        "openai_speech": _object(
            "model",
            "input",
            model=_MODEL,
            input={"type": "string"},
            stream_format={"enum": ["audio", "sse", None]},
        ),
        "openai_transcription": _FORM,
    }
)
"""What a model call must say, in the dialect of its path."""
FORMS: Mapping[str, Shape] = MappingProxyType(
    {
        "/v1/images/edits": _PICTURE,
        "/v1/images/variations": _object("model", "image", model=_MODEL, image=_FILE),
        "/v1/audio/transcriptions": _FORM,
        "/v1/audio/translations": _FORM,
    }
)
"""Paths that take a form."""
BESIDE: Mapping[str, Shape] = MappingProxyType(
    {
        "count_messages": _MESSAGES,
        "count_responses": _object(model=_TEXT, input={"type": ["string", "array", "null"]}),
        "count_gemini": {"anyOf": [_CONTENTS, _object("generateContentRequest", generateContentRequest=ANY)]},
        "compact": _object("model", model=_MODEL, input={"type": ["string", "array", "null"]}),
        "conversation": _object(
            items={"type": ["array", "null"]},
            metadata={"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        ),
        "metadata": _object(metadata={"type": ["object", "null"], "additionalProperties": {"type": "string"}}),
        "items": _object("items", items=_LIST),
        "file": _object("file", "purpose", file=_FILE, purpose={"type": "string"}),
        "feedback": _object(
            "receipt",
            receipt={"type": "string"},
            score={"type": ["number", "null"], "minimum": 0, "maximum": 1},
            good={"type": ["boolean", "null"]},
            source={"enum": ["feedback", "evaluation", None]},
            note={"type": ["string", "null"], "maxLength": MOST_NOTE},
        ),
        "batch": _object("input_file_id", "endpoint", input_file_id={"type": "string"}, endpoint={"type": "string"}),
        "run": _closed(
            "agent",
            "input",
            agent={"type": "string", "description": "A name of `GET /v1/agents`."},
            input={"description": "A text, or an object with `goal` and what the agent takes besides."},
            version=_PLAIN,
            session=_PLAIN,
            priority={"type": "integer", "minimum": 1, "maximum": 9},
            envelope={"type": ["object", "null"], "description": "Bounds of the caller's own."},
            data_class={"enum": [*get_args(DataClass), None]},
            wait_s={"type": "number", "minimum": 0, "maximum": 600},
        ),
        "answer": _closed(key=_TEXT, body={}),
        "message": _closed("message", message={}),
        "why": _closed(why=_TEXT),
        "nothing": _closed(),
        "fork": _closed("step", step={"type": "integer", "minimum": 1, "maximum": MAX_COUNT}),
        "done": _closed(done={}),
        "any": ANY,
    }
)
"""Bodies of what is no model call."""


def _error(**fields: Shape) -> Shape:
    return _object("error", error=_object(*fields, **fields))


_SAID: Shape = {"type": "string", "description": "What is wrong, and what to do."}
_CODE: Shape = {
    "type": "string",
    "description": "One of the codes of the reference's page of errors, or an upstream's own.",
}
OPENAI_ERROR = _error(message=_SAID, type={"type": "string"}, param=_TEXT, code=_CODE)
GEMINI_ERROR = _error(code={"type": "integer"}, message=_SAID, status={"type": "string"}, details=_LIST)
ANTHROPIC_ERROR: Shape = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {"type": {"const": "error"}, "error": _object("type", "message", type=_CODE, message=_SAID)},
}
ERRORS: Mapping[str, Shape] = MappingProxyType(
    {
        "openai": OPENAI_ERROR,
        "anthropic": ANTHROPIC_ERROR,
        "gemini": GEMINI_ERROR,
    }
)
"""Errors by whose form they have."""
