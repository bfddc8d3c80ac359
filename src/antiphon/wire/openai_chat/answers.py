"""Whole answers, both ways."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Extra
from antiphon.core.error import UpstreamError, UpstreamMalformed
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.core.usage import Usage
from antiphon.wire.fields import Fields, as_list, as_object, merged, present
from antiphon.wire.openai_chat.messages import decode_message, encode_message
from antiphon.wire.openai_chat.usage import encode_usage, usage_of

OBJECT = "chat.completion"


def decode_response(body: Mapping[str, Any]) -> Response:
    """Read an upstream's answer; what is odd in it is carried, not refused.

    Raises: UpstreamError when it is an error; UpstreamMalformed when it has no list of choices.
    """
    fields = opened(body, OBJECT)
    choices = fields.items("choices", _choice)
    if as_list(body.get("choices")) is None or fields.peek("choices"):
        raise UpstreamMalformed("the upstream's answer has no list of choices")
    fields.drop("choices")
    usage, raw = take_usage(fields)
    return Response(
        dialect="openai_chat",
        id=fields.needed("id"),
        model=fields.needed("model"),
        created_s=fields.whole("created") or 0,
        choices=choices,
        usage=usage,
        usage_raw=raw,
        fingerprint=fields.text("system_fingerprint"),
        extra=fields.left(),
    )


def opened(body: Mapping[str, Any], kind: str) -> Fields:
    """The fields of an answer or chunk, less its constant `object`. Raises: UpstreamError."""
    error = body.get("error")
    if error and not body.get("choices"):
        message = (as_object(error) or {}).get("message")
        raise UpstreamError(f"the upstream answered an error: {str(message or error)[:300]}")
    fields = Fields(body, strict=False)
    if fields.peek("object") == kind:
        fields.drop("object")
    return fields


def take_usage(fields: Fields) -> tuple[Usage | None, Extra]:
    """The usage, and its raw form where that says more."""
    raw = fields.tree("usage")
    if raw is None:
        return None, {}
    usage, _ = usage_of(raw)
    return usage, {} if usage is not None and raw == encode_usage(usage) else raw


def take_finish(fields: Fields) -> tuple[FinishReason | None, str | None]:
    """Why an answer ended, and the upstream's own word when it isn't one of OpenAI's."""
    word = fields.text("finish_reason")
    match word:
        case None | "stop" | "length" | "tool_calls" | "content_filter" | "function_call":
            return word, None
        case _:
            return "other", word


def _choice(fields: Fields) -> Choice:
    message = Fields(fields.tree("message") or {}, strict=False)
    reason, raw = take_finish(fields)
    return Choice(
        index=fields.whole("index") or 0,
        message=decode_message(message, role="assistant"),
        finish_reason=reason,
        finish_raw=raw,
        logprobs=fields.tree("logprobs"),
        extra=fields.left(),
    )


def encode_response(response: Response) -> dict[str, Any]:
    """Write an answer."""
    out = {
        "id": response.id,
        "object": OBJECT,
        "created": response.created_s,
        "model": response.model,
        "choices": [_encode_choice(choice) for choice in response.choices],
        **present(usage=said_usage(response.usage, response.usage_raw), system_fingerprint=response.fingerprint),
    }
    return merged(out, response.extra)


def said_usage(usage: Usage | None, raw: Extra) -> dict[str, Any] | None:
    """What to write for a usage; None: nothing."""
    return raw or (None if usage is None else encode_usage(usage))


def _encode_choice(choice: Choice) -> dict[str, Any]:
    out: dict[str, Any] = {"index": choice.index, "message": encode_message(choice.message)}
    out |= present(finish_reason=choice.finish_raw or choice.finish_reason, logprobs=choice.logprobs)
    return merged(out, choice.extra)
