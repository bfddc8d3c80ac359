"""What an upstream says that a call used, both ways."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from antiphon.core.usage import Usage
from antiphon.wire.fields import as_object, present, shown

MAX_TOKENS = 1_000_000_000
"""No call uses a billion tokens: a count above this is an upstream's mistake."""

_INPUT = {
    "cached_tokens": "cached_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "input_audio_tokens": "audio_tokens",
    "input_image_tokens": "image_tokens",
}
_OUTPUT = {"reasoning_tokens": "reasoning_tokens", "output_audio_tokens": "audio_tokens"}


_NOTHING: dict[str, Any] = {}
_INTEGER = {int}


class _Implausible(Exception):
    """Why a usage can't be believed."""


def usage_of(value: object) -> tuple[Usage | None, str]:
    """Read a `usage` object.

    Returns: The usage, or None and why it can't be believed: a count that is missing, no whole number,
        negative, above MAX_TOKENS, or a part above its whole.
    Source: openai-python 3.52.0, `types/completion_usage.py`; https://api-docs.deepseek.com/ (2026-11) for
        `prompt_cache_hit_tokens`.
    """
    plain = _plain(value) if type(value) is dict else None
    if plain is not None:
        return plain, ""
    try:
        return _usage(value), ""
    except _Implausible as error:
        return None, str(error)


def _plain(read: dict[str, Any]) -> Usage | None:
    """The usual usage, read quickly; None when anything about it is unusual."""
    prompt: Any = read.get("prompt_tokens")
    completion: Any = read.get("completion_tokens")
    total = read.get("total_tokens")
    details, more = read.get("prompt_tokens_details") or _NOTHING, read.get("completion_tokens_details") or _NOTHING
    try:
        cached, written = details.get("cached_tokens") or 0, details.get("cache_write_tokens") or 0
        audio, image = details.get("audio_tokens") or 0, details.get("image_tokens") or 0
        reasoning, spoken = more.get("reasoning_tokens") or 0, more.get("audio_tokens") or 0
        usual = (
            total == prompt + completion
            and {type(prompt), type(completion), type(cached + written + audio + image + reasoning + spoken)}
            == _INTEGER
            and min(cached, written, audio, image, reasoning, spoken, completion) >= 0
            and max(cached + written, audio, image) <= prompt <= MAX_TOKENS
            and max(reasoning, spoken) <= completion <= MAX_TOKENS
            and "prompt_cache_hit_tokens" not in read
        )
    except (AttributeError, TypeError):
        return None
    if not usual:
        return None
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=reasoning,
        input_audio_tokens=audio,
        output_audio_tokens=spoken,
        input_image_tokens=image,
    )


def _usage(value: object) -> Usage:
    read = as_object(value)
    if read is None:
        raise _Implausible("usage is not an object")
    prompt, completion = _needed(read, "prompt_tokens"), _needed(read, "completion_tokens")
    details = _details(read, "prompt_tokens_details", _INPUT)
    if "cached_tokens" not in details and read.get("prompt_cache_hit_tokens") is not None:
        details["cached_tokens"] = _needed(read, "prompt_cache_hit_tokens")
    for name, count in details.items():
        _within(name, count, "prompt_tokens", prompt)
    cache = details.get("cached_tokens", 0) + details.get("cache_write_tokens", 0)
    _within("cached and cache-write tokens", cache, "prompt_tokens", prompt)
    answer = _details(read, "completion_tokens_details", _OUTPUT)
    output = completion + _beside(read, prompt, completion, answer.get("reasoning_tokens", 0))
    for name, count in answer.items():
        _within(name, count, "completion_tokens", output)
    return Usage(input_tokens=prompt, output_tokens=output, **details, **answer)


def _beside(read: Mapping[str, Any], prompt: int, completion: int, reasoning: int) -> int:
    """Reasoning tokens that are not in `completion_tokens`, as xAI counts them: the total tells."""
    return reasoning if read.get("total_tokens") == prompt + completion + reasoning else 0


def _needed(read: Mapping[str, Any], name: str) -> int:
    value = read.get(name)
    if value is None:
        raise _Implausible(f"usage has no {name}")
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise _Implausible(f"usage.{name} is {shown(value)}, which is no count of tokens")
    return value


def _details(read: Mapping[str, Any], name: str, words: Mapping[str, str]) -> dict[str, int]:
    if read.get(name) is None:
        return {}
    inner = as_object(read[name])
    if inner is None:
        raise _Implausible(f"usage.{name} is not an object")
    return {word: _needed(inner, said) for word, said in words.items() if inner.get(said) is not None}


def _within(name: str, count: int, whole: str, most: int) -> None:
    if count > most:
        raise _Implausible(f"usage says {count} {name} of {most} {whole}")


class Parts(Struct, gc=False):
    """Of a usage's details those that `Usage` has a word for."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def nothing(self) -> bool:
        return not (
            self.cached_tokens
            or self.cache_write_tokens
            or self.audio_tokens
            or self.image_tokens
            or self.reasoning_tokens
        )


class Counts(Struct, gc=False):
    """A usage as most upstreams say it. What doesn't fit is for `usage_of` to read."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: Parts | None = None
    completion_tokens_details: Parts | None = None
    prompt_cache_hit_tokens: UnsetType = UNSET

    def usage(self) -> Usage | None:
        """The usage, when no detail says anything and the counts can be believed; else None."""
        prompt, completion = self.prompt_tokens, self.completion_tokens
        details, more = self.prompt_tokens_details, self.completion_tokens_details
        if (
            self.total_tokens == prompt + completion
            and 0 <= prompt <= MAX_TOKENS
            and 0 <= completion <= MAX_TOKENS
            and (details is None or details.nothing)
            and (more is None or more.nothing)
        ):
            return Usage(input_tokens=prompt, output_tokens=completion)
        return None


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write a `usage` object; details that are zero are left out."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        **present(
            prompt_tokens_details=_encode_details(usage, _INPUT),
            completion_tokens_details=_encode_details(usage, _OUTPUT),
        ),
    }


def _encode_details(usage: Usage, words: Mapping[str, str]) -> dict[str, int] | None:
    return {said: count for word, said in words.items() if (count := getattr(usage, word))} or None
