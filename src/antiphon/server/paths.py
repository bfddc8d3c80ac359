"""Which paths are model calls, and in which dialect."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qs, unquote

from antiphon.core.request import Dialect
from antiphon.net.exchange import Exchange
from antiphon.server.ask import Call
from antiphon.server.listed import Listed
from antiphon.wire.codecs import CODECS

_PATHS: tuple[tuple[str, Dialect], ...] = (
    ("/v1/chat/completions", "openai_chat"),
    ("/v1/responses", "openai_responses"),
    ("/v1/messages", "anthropic_messages"),
    ("/v1/completions", "openai_completions"),
    ("/v1/embeddings", "openai_embeddings"),
    ("/v2/embed", "cohere_embeddings"),
    ("/v1/rerank", "cohere_rerank"),
    ("/v2/rerank", "cohere_rerank"),
    ("/v1/moderations", "openai_moderations"),
    ("/v1/images/generations", "openai_images"),
    ("/v1/images/edits", "openai_images"),
    ("/v1/images/variations", "openai_images"),
    ("/v1/audio/speech", "openai_speech"),
    ("/v1/audio/transcriptions", "openai_transcription"),
    ("/v1/audio/translations", "openai_transcription"),
)
_FIXED: Mapping[bytes, Call] = MappingProxyType(
    {path.encode(): Call(codec=CODECS[dialect], endpoint=path) for path, dialect in _PATHS}
)
_ACTIONS: Mapping[str, tuple[Dialect, bool]] = MappingProxyType(
    {
        "generateContent": ("gemini", False),
        "streamGenerateContent": ("gemini", True),
        "embedContent": ("gemini_embeddings", False),
        "batchEmbedContents": ("gemini_embeddings", False),
    }
)
"""Gemini's: the dialect, and whether a stream is asked for."""
_GEMINI = re.compile(rb"/(v1|v1beta)/(?:models|tunedModels)/([^:]{1,1024}):([A-Za-z]{1,64})")
_AZURE = re.compile(rb"/openai/deployments/[^/]{1,1024}(/[a-z/]{1,64})")
"""The older paths of Azure's clients; they name the model in the body too."""


def model_calls() -> tuple[tuple[str, Dialect], ...]:
    """Every path of model calls with its dialect; where there are several for one, the usual one."""
    return (*_PATHS, *((f"/v1beta/models/{{model}}:{action}", dialect) for action, (dialect, _) in _ACTIONS.items()))


def call_of(exchange: Exchange) -> Call | None:
    """The model call that a path asks for; None: it is another."""
    path = exchange.path
    found = _FIXED.get(path)
    if found is not None or not path.startswith((b"/v1", b"/openai/")):
        return found
    if path.startswith(b"/openai/v1/"):
        return _FIXED.get(path.removeprefix(b"/openai"))
    azure = _AZURE.fullmatch(path)
    if azure is not None:
        return _FIXED.get(b"/v1" + azure[1])
    gemini = _GEMINI.fullmatch(path)
    return None if gemini is None else _gemini(exchange, gemini)


def _gemini(exchange: Exchange, found: re.Match[bytes]) -> Call | None:
    version, name, action = (part.decode("latin-1") for part in found.groups())
    known = _ACTIONS.get(action)
    if known is None:
        return None
    dialect, stream = known
    listed = stream and parse_qs(exchange.query.decode("latin-1")).get("alt") != ["sse"]
    return Call(
        codec=CODECS[dialect],
        endpoint=f"/{version}/models/{{model}}:{action}",
        model=unquote(name),
        stream=stream,
        wraps=Listed if listed else None,
    )
