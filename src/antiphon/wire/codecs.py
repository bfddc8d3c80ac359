"""Every dialect there is, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.request import Dialect
from antiphon.wire.anthropic_messages.codec import AnthropicMessages
from antiphon.wire.bedrock_converse.codec import BedrockConverse
from antiphon.wire.codec import AnyCodec, AnyUpstream
from antiphon.wire.cohere_chat.codec import CohereChat
from antiphon.wire.cohere_embeddings.codec import CohereEmbeddings
from antiphon.wire.cohere_rerank.codec import CohereRerank
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.gemini_embeddings.codec import GeminiEmbeddings
from antiphon.wire.openai_chat.codec import OpenAIChat
from antiphon.wire.openai_completions.codec import OpenAICompletions
from antiphon.wire.openai_embeddings.codec import OpenAIEmbeddings
from antiphon.wire.openai_images.codec import OpenAIImages
from antiphon.wire.openai_moderations.codec import OpenAIModerations
from antiphon.wire.openai_responses.codec import OpenAIResponses
from antiphon.wire.openai_speech.codec import OpenAISpeech
from antiphon.wire.openai_transcription.codec import OpenAITranscription

_CALLERS: tuple[AnyCodec, ...] = (
    OpenAIChat(),
    OpenAIResponses(),
    AnthropicMessages(),
    Gemini(),
    OpenAICompletions(),
    OpenAIEmbeddings(),
    GeminiEmbeddings(),
    CohereEmbeddings(),
    CohereRerank(),
    OpenAIModerations(),
    OpenAIImages(),
    OpenAISpeech(),
    OpenAITranscription(),
)
_UPSTREAMS_ONLY: tuple[AnyUpstream, ...] = (BedrockConverse(), CohereChat())

CODECS: Mapping[Dialect, AnyCodec] = MappingProxyType({one.name: one for one in _CALLERS})
"""Dialects that callers speak."""
UPSTREAMS: Mapping[Dialect, AnyUpstream] = MappingProxyType({one.name: one for one in (*_CALLERS, *_UPSTREAMS_ONLY)})
"""Dialects that upstreams are spoken to in."""
