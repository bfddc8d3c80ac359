"""Writes whole answers for a caller."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from antiphon.core.content import Citation, Extra, Part, Text
from antiphon.core.response import Choice, Response
from antiphon.core.usage import Usage
from antiphon.wire.codec import left_over
from antiphon.wire.fields import merged
from antiphon.wire.gemini.answers import blocked
from antiphon.wire.gemini.chances import encode_chances
from antiphon.wire.gemini.finish import encode_finish
from antiphon.wire.gemini.proof import SKIP
from antiphon.wire.gemini.said import WHO, Said, Voice
from antiphon.wire.gemini.sources import grounding, quoted
from antiphon.wire.gemini.usage import encode_usage
from antiphon.wire.losses import Losses

_LAST_S = 253_402_300_800
"""The year 10000, which no time is written of: an upstream that says so is mistaken."""


def encode_response(response: Response, losses: Losses) -> dict[str, Any]:
    """Write an answer."""
    own = response.dialect == "gemini"
    voice = Voice(losses, own=own, caller=True)
    out: dict[str, Any] = {}
    if not (own and blocked(response.extra.get("promptFeedback")) and _silent(response.choices)):
        out["candidates"] = [_candidate(choice, voice) for choice in response.choices]
    usage = said_usage(response.usage, response.usage_raw, losses, own=own)
    if usage is not None:
        out["usageMetadata"] = usage
    out |= named(response.id, response.model, response.created_s)
    if own:
        return merged(out, response.extra)
    if response.fingerprint is not None:
        losses.add("answer.system_fingerprint", f"{WHO} has no fingerprint")
    left_over(response.extra, "answer", losses, WHO)
    return out


def named(answer_id: str, model: str, created_s: int) -> dict[str, Any]:
    """What all pieces of an answer say of it."""
    out: dict[str, Any] = {}
    if 0 < created_s < _LAST_S:
        out["createTime"] = datetime.fromtimestamp(created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if model:
        out["modelVersion"] = model
    if answer_id:
        out["responseId"] = answer_id
    return out


def said_usage(usage: Usage | None, raw: Extra, losses: Losses, *, own: bool) -> dict[str, Any] | None:
    """What to write for a usage; None: nothing."""
    if own and raw:
        return raw
    if usage is None:
        return None
    if usage.cache_write_tokens:
        losses.add("answer.usage.cache_write_tokens", f"{WHO} has no such count")
    return encode_usage(usage)


def _silent(choices: Sequence[Choice]) -> bool:
    """Whether the answers are what stands for a refused prompt."""
    return all(
        choice.finish_reason == "content_filter" and not choice.message.parts and not choice.extra for choice in choices
    )


def _candidate(choice: Choice, voice: Voice) -> dict[str, Any]:
    path = f"answer.choices[{choice.index}]"
    content: Said = {}
    parts, found = _parts(choice.message.parts, voice, f"{path}.message")
    if parts or (voice.own and choice.message.form != "none"):
        content["parts"] = parts
    content["role"] = "model"
    out: dict[str, Any] = {"content": voice.rest(content, choice.message.extra, f"{path}.message")}
    word = encode_finish(choice.finish_reason, choice.finish_raw if voice.own else None)
    if word is not None:
        out["finishReason"] = word
    out["index"] = choice.index
    if choice.stop_sequence is not None:
        voice.losses.add(f"{path}.stop_sequence", f"{WHO} doesn't say what it stopped at")
    metadata = grounding(_uncounted(found, choice.extra))
    if metadata:
        out["groundingMetadata"] = metadata
    if choice.logprobs is not None:
        chances = encode_chances(choice.logprobs)
        if chances is None:
            voice.losses.add(f"{path}.logprobs", f"{WHO} has them for tokens of content only")
        else:
            out["logprobsResult"] = chances
    # Whole metadata of its own goes back as it came.
    for name in choice.extra.keys() & {"groundingMetadata", "logprobsResult"} if voice.own else ():
        out.pop(name, None)
    return voice.rest(out, choice.extra, path)


Found = list[tuple[int, str, Sequence[Citation]]]


def _parts(parts: Sequence[Part], voice: Voice, path: str) -> tuple[list[Said], Found]:
    out: list[Said] = []
    found: Found = []
    proven = voice.own
    for part in parts:
        if isinstance(part, Text):
            if not (part.text or part.signature or voice.own):
                continue
            found.append((len(out), part.text, part.citations))
        said = voice.part(part, path)
        if said is None:
            continue
        if not proven and "functionCall" in said:
            # So that the history can go on with Gemini 3, which wants a proof with the first call of a step.
            said.setdefault("thoughtSignature", SKIP)
            proven = True
        out.append(said)
    return out, found


def _uncounted(found: Found, extra: Extra) -> Found:
    """Citations less those that go back under `citationMetadata`."""
    other = extra.get("citationMetadata")
    if other is None:
        return found
    return [(index, text, [one for one in cited if one not in quoted(other, text)]) for index, text, cited in found]
