"""Reads whole answers. Source of all names: google-genai 3.6.1, `types.GenerateContentResponse`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from antiphon.core.content import Extra, Message, Part, Text, ToolCall
from antiphon.core.error import UpstreamMalformed
from antiphon.core.response import Choice, Response
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts
from antiphon.wire.fields import Fields, as_list, as_object
from antiphon.wire.gemini.chances import decode_chances, encode_chances
from antiphon.wire.gemini.failures import failure
from antiphon.wire.gemini.finish import decode_finish
from antiphon.wire.gemini.parts import decode_part
from antiphon.wire.gemini.sources import grounded, grounding, quoted, searches
from antiphon.wire.gemini.usage import encode_usage, usage_of


def decode_response(body: Mapping[str, Any]) -> tuple[Response, Facts]:
    """Read an upstream's answer; what is odd in it is carried, not refused.

    Raises: UpstreamError when it is an error; UpstreamMalformed when it has neither candidates nor why there are none.
    """
    refuse_errors(body)
    fields = Fields(body, strict=False)
    made = fields.text("responseId") or ""
    choices = fields.items("candidates", lambda candidate: decode_choice(candidate, made))
    if not choices:
        choices = _blocked(fields)
    fields.drop("candidates")
    found = sum(searches(as_object(one) and one.get("groundingMetadata")) for one in body.get("candidates") or ())
    usage, raw, note = take_usage(fields, found)
    model = fields.text("modelVersion") or ""
    response = Response(
        dialect="gemini",
        id=made,
        model=model,
        created_s=take_created(fields),
        choices=choices,
        usage=usage,
        usage_raw=raw,
        extra=fields.left(),
    )
    return response, Facts(model=model, fingerprint="", usage=usage, usage_note=note)


def refuse_errors(body: Mapping[str, Any]) -> None:
    """Raises: UpstreamError, where an answer is an error."""
    if body.get("error") and not body.get("candidates"):
        raise failure(body["error"])


def blocked(feedback: object) -> bool:
    """Whether `promptFeedback` says that the prompt was refused, so that there are no candidates."""
    fields = as_object(feedback)
    return bool(fields and fields.get("blockReason"))


def _blocked(fields: Fields) -> tuple[Choice, ...]:
    if not blocked(fields.peek("promptFeedback")):
        raise UpstreamMalformed("the upstream's answer has no candidates, and doesn't say why")
    message = Message(role="assistant", form="none")
    return (Choice(index=0, message=message, finish_reason="content_filter"),)


def take_usage(fields: Fields, found: int) -> tuple[Usage | None, Extra, str]:
    """The usage, its raw form where that says more, and why it can't be believed."""
    raw = fields.tree("usageMetadata")
    if raw is None:
        return None, {}, ""
    usage, note = usage_of(raw, found)
    return usage, {} if usage is not None and raw == encode_usage(usage) else raw, note


def take_created(fields: Fields) -> int:
    """When the request was made, in seconds since the epoch; 0 where that isn't told."""
    value = fields.text("createTime")
    if value is None:
        return 0
    try:
        made = datetime.fromisoformat(value)
    except ValueError:
        return 0
    return max(0, int((made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp()))


def decode_choice(fields: Fields, made: str) -> Choice:
    """Read a candidate.

    Args:
        made: The answer's id, of which ids of calls are made that have none.
    """
    index = fields.whole("index") or 0
    content = Fields(fields.tree("content") or {}, strict=False)
    content.text("role")
    given = as_list(content.peek("parts")) is not None
    parts = decode_parts(content, (made, index), 0)
    if given:
        content.drop("parts")
    parts = _cited(fields, parts)
    called = any(isinstance(part, ToolCall) for part in parts)
    reason, raw = decode_finish(fields.text("finishReason"), called=called)
    message = Message(role="assistant", parts=parts, form="parts" if given else "none", extra=content.left())
    return Choice(
        index=index,
        message=message,
        finish_reason=reason,
        finish_raw=raw,
        logprobs=take_chances(fields),
        extra=fields.left(),
    )


def decode_parts(content: Fields, seed: tuple[object, ...], calls: int) -> tuple[Part, ...]:
    """Read a content's parts.

    Args:
        calls: So many calls came before, in earlier pieces of the answer.
    """
    out: list[Part] = []
    for part in content.items("parts", lambda part: part):
        read = decode_part(part, (*seed, calls))
        calls += isinstance(read, ToolCall)
        out.append(read)
    return tuple(out)


def take_chances(fields: Fields) -> dict[str, Any] | None:
    """Log probabilities; what isn't told in full by them stays."""
    raw = fields.peek("logprobsResult")
    found = decode_chances(raw)
    if found is not None and encode_chances(found) == raw:
        fields.drop("logprobsResult")
    return found


def _cited(fields: Fields, parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with their citations. The metadata stays where it says more."""
    metadata, other = fields.peek("groundingMetadata"), fields.peek("citationMetadata")
    if metadata is None and other is None:
        return tuple(parts)
    alone = sum(isinstance(part, Text) for part in parts) == 1
    out: list[Part] = []
    found: list[tuple[int, str, Any]] = []
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            citations = grounded(metadata, part.text, index, alone=alone)
            found.append((index, part.text, citations))
            citations += quoted(other, part.text) if alone else ()
            part = msgspec.structs.replace(part, citations=citations) if citations else part  # noqa: PLW2901
        out.append(part)
    if metadata is not None and grounding(found) == metadata:
        fields.drop("groundingMetadata")
    return tuple(out)
