"""Reads `generationConfig`. Source of all names: google-genai 3.6.1, `types.GenerationConfig`, `models.py`."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.content import Limits, Sampling
from antiphon.wire.fields import Fields, as_list, mistyped
from antiphon.wire.gemini.names import keep, names, opened

CONFIG = names(
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseModalities",
    "speechConfig",
    "imageConfig",
    "thinkingConfig",
    "responseLogprobs",
    "mediaResolution",
    "audioTimestamp",
    "enableAffectiveDialog",
    "enableEnhancedCivicAnswers",
    "routingConfig",
    "modelSelectionConfig",
)
THINKING = names("thinkingBudget", "thinkingLevel", "includeThoughts")
LEVELS: Mapping[str, str] = MappingProxyType(
    {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high", "XHIGH": "xhigh"}
)


def decode_sampling(config: Fields) -> Sampling:
    """Read how the answer is drawn. Raises: BadRequest."""
    effort, tokens, shown = _thinking(config)
    return Sampling(
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=_top_k(config),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        seed=config.whole("seed"),
        stop=_stop(config),
        logprobs=config.flag("responseLogprobs"),
        top_logprobs=config.whole("logprobs"),
        n=config.whole("candidateCount"),
        reasoning_effort=effort,
        reasoning_tokens=tokens,
        reasoning_shown=shown,
    )


def decode_limits(config: Fields) -> Limits:
    """Read the bound on the answer. Raises: BadRequest."""
    return Limits(output_tokens=config.whole("maxOutputTokens"))


def _top_k(config: Fields) -> int | None:
    """The SDK writes it as a number with a fraction; one that has a fraction indeed stays."""
    value = config.peek("topK")
    if isinstance(value, float) and not value.is_integer():
        return None
    number = config.number("topK")
    return None if number is None else int(number)


def _stop(config: Fields) -> tuple[str, ...] | None:
    value = config.peek("stopSequences")
    words = as_list(value)
    if words is None:
        if value is not None:
            raise mistyped(config.path("stopSequences"), "a list of texts", value)
        return None
    for index, word in enumerate(words):
        if not isinstance(word, str):
            raise mistyped(f"{config.path('stopSequences')}[{index}]", "a text", word)
    config.drop("stopSequences")
    return tuple(str(word) for word in words) or None


def _thinking(config: Fields) -> tuple[str | None, int | None, bool | None]:
    """Effort, tokens and whether thoughts are shown; what else there is stays."""
    value = config.tree("thinkingConfig")
    if value is None:
        return None, None, None
    inner = opened(value, THINKING, config.path("thinkingConfig"), strict=True)
    said = inner.peek("thinkingLevel")
    effort = LEVELS.get(said.upper()) if isinstance(said, str) else None
    if effort is not None:
        inner.drop("thinkingLevel")
    elif said is not None and not isinstance(said, str):
        raise mistyped(inner.path("thinkingLevel"), "a text such as HIGH", said)
    tokens, shown = inner.whole("thinkingBudget"), inner.flag("includeThoughts")
    keep(config, "thinkingConfig", inner.left())
    return effort, tokens, shown
