"""What Chat Completions say of answers that are more than text, as Gemini takes it.

Source: ai.google.dev/gemini-api/docs/speech-generation and .../image-generation, 2026-11; openai-python 3.52.0,
`types/chat/chat_completion_audio_param.py`.
"""

from typing import Any

from antiphon.core.content import Content
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.losses import Losses

FIELDS = ("modalities", "audio")
"""The caller's fields that are read here."""
_WHO = "Gemini"
_WORDS = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
_VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""OpenAI's own."""
_FORMAT = "pcm16"
"""The one that Gemini speaks in."""


def encode_spoken(content: Content, losses: Losses) -> dict[str, Any]:
    """Of `generationConfig`, in which kinds to answer, and in which voice."""
    if content.dialect != "openai_chat":
        return {}
    wanted = as_list(content.extra.get("modalities")) or []
    kinds = [_WORDS[kind] for kind in wanted if isinstance(kind, str) and kind in _WORDS]
    if not kinds or kinds == ["TEXT"]:
        return {}
    if "AUDIO" not in kinds:
        return {"responseModalities": kinds}
    audio = as_object(content.extra.get("audio")) or {}
    if audio.get("format", _FORMAT) != _FORMAT:
        losses.add("audio.format", f"{_WHO} speaks in {_FORMAT} alone", f"answered as {_FORMAT}", adapted=True)
    voice = audio.get("voice")
    out: dict[str, Any] = {"responseModalities": ["AUDIO"]}
    if not isinstance(voice, str) or voice in _VOICES:
        losses.add("audio.voice", f"{_WHO} has voices of its own", "spoken in its usual one", adapted=True)
        return out
    named = {"prebuiltVoiceConfig": {"voiceName": voice}}
    return {**out, "speechConfig": {"voiceConfig": named}}
