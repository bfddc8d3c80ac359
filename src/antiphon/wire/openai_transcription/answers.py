"""Whole transcripts and what they used: JSON, plain text, or subtitles.

Source: openai-python 3.52.0, `types/audio/transcription.py`, `transcription_verbose.py`, `transcription_diarized.py`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts
from antiphon.wire.counts import Implausible, believed, milliseconds, needed, part


class _Answer(Struct):
    text: str | None = None
    usage: Any = None
    duration: Any = None
    model: str | None = None
    error: Any = None


_answer = msgspec.json.Decoder(_Answer)


def facts(body: bytes) -> Facts:
    """Check a whole answer, and read its facts. What is no JSON object is a text or subtitles, which say no usage.

    Raises: UpstreamMalformed, where it is no text at all; UpstreamError, where it is an error.
    """
    try:
        answer = _answer.decode(body) if body.lstrip()[:1] == b"{" else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        answer = None
    if answer is None:
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise UpstreamMalformed(f"the upstream's answer is not a text: {error}") from error
        return Facts(model="", fingerprint="", usage=None, usage_note="")
    if answer.error and answer.text is None:
        raise UpstreamError("the upstream answered an error instead of a transcript")
    usage, note = _usage(answer)
    return Facts(model=answer.model or "", fingerprint="", usage=usage, usage_note=note)


def _usage(answer: _Answer) -> tuple[Usage | None, str]:
    """The usage; where none is said, the length of the sound."""
    if answer.usage is not None:
        return usage_of(answer.usage)
    try:
        return (None, "") if answer.duration is None else (Usage(audio_ms=milliseconds(_number(answer.duration))), "")
    except Implausible as error:
        return None, str(error)


def _number(value: object) -> object:
    """A number, also as a text: so older versions say the duration."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def usage_of(value: object) -> tuple[Usage | None, str]:
    """A usage by tokens or by seconds; None and why, where it can't be believed."""
    return believed(_read, value)


def _read(said: Mapping[str, Any]) -> Usage:
    if said.get("type") == "duration" or ("seconds" in said and "input_tokens" not in said):
        return Usage(audio_ms=milliseconds(said.get("seconds")))
    heard = needed(said, "input_tokens")
    return Usage(
        input_tokens=heard,
        output_tokens=needed(said, "output_tokens"),
        input_audio_tokens=part(said, "input_token_details", "audio_tokens", heard),
    )
