"""Writes `generationConfig`."""

from typing import Any

from antiphon.core.content import Content, ResponseFormat, Sampling
from antiphon.wire.codec import left_over
from antiphon.wire.efforts import thoughts_wanted, tokens_of
from antiphon.wire.fields import as_object, merged, present
from antiphon.wire.gemini.schema import openapi
from antiphon.wire.gemini.spoken import encode_spoken
from antiphon.wire.losses import Losses

_WHO = "Gemini"
_LEVELS = frozenset({"minimal", "low", "medium", "high"})
"""Efforts that all models with levels know, but for the first on the largest. Source: ai.google.dev/gemini-api/docs/thinking,
2026-11."""


def encode_config(content: Content, losses: Losses, *, version: tuple[int, int]) -> dict[str, Any]:
    """Write how the answer is drawn, bounded and shaped."""
    own = content.dialect == "gemini"
    sampling = content.sampling
    stop = (sampling.stop,) if isinstance(sampling.stop, str) else sampling.stop
    out = present(
        temperature=sampling.temperature,
        topP=sampling.top_p,
        topK=sampling.top_k,
        candidateCount=sampling.n,
        maxOutputTokens=content.limits.output_tokens,
        stopSequences=list(stop) if stop else None,
        seed=sampling.seed,
        presencePenalty=sampling.presence_penalty,
        frequencyPenalty=sampling.frequency_penalty,
        responseLogprobs=sampling.logprobs,
        logprobs=sampling.top_logprobs,
    )
    if sampling.logit_bias is not None:
        losses.add("logit_bias", f"{_WHO} has no logit_bias")
    if sampling.verbosity is not None:
        losses.add("verbosity", f"{_WHO} has no verbosity")
    thinking = _own_thinking(sampling) if own else _thinking(content, losses, version)
    if thinking:
        out["thinkingConfig"] = thinking
    if not own:
        out |= encode_spoken(content, losses)
    if content.response_format is not None:
        out |= _format(content.response_format, losses, own=own)
    rest = as_object(content.extra.get("generationConfig")) if own else None
    return merged(out, rest) if rest else out


def _own_thinking(sampling: Sampling) -> dict[str, Any]:
    effort = sampling.reasoning_effort
    return present(
        thinkingLevel=effort.upper() if effort else None,
        thinkingBudget=sampling.reasoning_tokens,
        includeThoughts=sampling.reasoning_shown,
    )


def _thinking(content: Content, losses: Losses, version: tuple[int, int]) -> dict[str, Any]:
    """Models up to 2.5 take tokens, later ones levels; not both. Source: ai.google.dev/gemini-api/docs/thinking, 2026-11.

    Callers of Chat Completions can't ask for thoughts, and are told of them wherever the model thinks.
    """
    sampling = content.sampling
    shown = thoughts_wanted(content)
    if shown is None and content.dialect == "openai_chat" and sampling.reasoning_effort not in (None, "none"):
        shown = True
    out = present(includeThoughts=shown)
    effort, tokens = sampling.reasoning_effort, sampling.reasoning_tokens
    if effort is None:
        return out | present(thinkingBudget=tokens)
    if version < (3, 0):
        if tokens is None:
            tokens = tokens_of(effort)
            losses.add("reasoning_effort", f"{_WHO} thinks by tokens", f"sent as thinkingBudget {tokens}", adapted=True)
        return {**out, "thinkingBudget": tokens}
    if tokens is not None:
        losses.add("reasoning_tokens", f"{_WHO} takes an effort or tokens, not both", adapted=True)
    level = effort if effort in _LEVELS else {"none": "minimal", "xhigh": "high", "max": "high"}.get(effort, "medium")
    if level != effort:
        losses.add("reasoning_effort", f"{_WHO} has no such effort", f"sent as {level}", adapted=True)
    return {**out, "thinkingLevel": level.upper()}


def _format(shape: ResponseFormat, losses: Losses, *, own: bool) -> dict[str, Any]:
    """The media type and schema of the answer.

    `responseJsonSchema` takes JSON Schema as it is, of which Gemini heeds a part. Source: google-genai 3.6.1,
    `types.GenerateContentConfig.response_json_schema`.
    """
    if shape.kind == "other":
        if own:
            return shape.extra
        losses.add("response_format", f"{_WHO} has no such form")
        return {}
    if not own:
        left_over(shape.extra, "response_format", losses, _WHO)
    if shape.kind == "text":
        return {"responseMimeType": "text/plain"} if own else {}
    out: dict[str, Any] = {"responseMimeType": "application/json"}
    if shape.kind == "json_object" or shape.schema is None:
        return out
    if own and "responseSchema" in shape.extra:
        return {**out, "responseSchema": shape.extra["responseSchema"] or openapi(shape.schema)}
    return {**out, "responseJsonSchema": _titled(shape, losses)}


def _titled(shape: ResponseFormat, losses: Losses) -> dict[str, Any]:
    """A schema that says its own name."""
    schema = shape.schema or {}
    for name, value, word in (("name", shape.name, "title"), ("description", shape.description, "description")):
        if value is not None and word not in schema:
            schema = {**schema, word: value}
            losses.add(
                f"response_format.json_schema.{name}",
                f"{_WHO} has no {name} of a form",
                f"sent as the schema's {word}",
                adapted=True,
            )
        elif value is not None and schema[word] != value:
            losses.add(f"response_format.json_schema.{name}", f"{_WHO} has no {name} of a form")
    return schema
