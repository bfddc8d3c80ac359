"""Endpoints that many providers have alike. Source: openai-python 3.52.0, `resources/`; the rows say who has which."""

from antiphon.providers.profile import CHAT, Way

RESPONSES = Way(dialect="openai_responses", path="/responses")
MESSAGES = Way(dialect="anthropic_messages", path="/messages")
COMPLETIONS = Way(dialect="openai_completions", path="/completions")
EMBEDDINGS = Way(dialect="openai_embeddings", path="/embeddings")
MODERATIONS = Way(dialect="openai_moderations", path="/moderations")
IMAGES = Way(dialect="openai_images", path="/images/{action}", actions=("generations", "edits", "variations"))
MADE_IMAGES = Way(dialect="openai_images", path="/images/{action}", actions=("generations",))
SPEECH = Way(dialect="openai_speech", path="/audio/speech")
TRANSCRIPTION = Way(dialect="openai_transcription", path="/audio/{action}", actions=("transcriptions", "translations"))
RERANK = Way(dialect="cohere_rerank", path="/rerank")

TEXT = (CHAT, COMPLETIONS, EMBEDDINGS)
SOUND = (SPEECH, TRANSCRIPTION)
OPENAI = (CHAT, RESPONSES, *TEXT[1:], MODERATIONS, IMAGES, *SOUND)
COMPATIBLE = (*TEXT, MODERATIONS, IMAGES, *SOUND, RERANK)
"""What servers have that say to be OpenAI-compatible; one that lacks an endpoint answers 404, and others are asked."""
LOCAL = (CHAT, RESPONSES, MESSAGES, *TEXT[1:])
GEMINI = Way(
    dialect="gemini",
    path="/models/{model}:generateContent",
    stream_path="/models/{model}:streamGenerateContent?alt=sse",
)
GEMINI_EMBEDDINGS = Way(
    dialect="gemini_embeddings",
    path="/models/{model}:{action}",
    actions=("batchEmbedContents", "embedContent"),
)
