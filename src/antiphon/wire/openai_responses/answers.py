"""Whole answers, both ways."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from antiphon.core.content import Extra, Message, Part, Text, ToolCall
from antiphon.core.error import UpstreamMalformed
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.wire.fields import Fields, as_list, as_object
from antiphon.wire.openai_responses.failures import failed
from antiphon.wire.openai_responses.items import read_answer
from antiphon.wire.openai_responses.kept import keep
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.shape import seconds
from antiphon.wire.openai_responses.usage import encode_usage, usage_of

_NAMED = ("id", "object", "model", "created_at", "output", "status", "incomplete_details", "usage", "error")


def decode_response(body: Mapping[str, Any]) -> Response:
    """Read an upstream's answer; what is odd in it is carried, not refused.

    Raises: UpstreamError subclasses when it is an error; UpstreamMalformed when it has no list of items.
    """
    failure = failed(body)
    if failure is not None:
        raise failure
    output = as_list(body.get("output"))
    if output is None:
        raise UpstreamMalformed("the upstream's answer has no list of output items")
    fields = Fields(body, strict=False)
    message, logprobs = answer_message(output)
    reason, raw = finish_of(body, message)
    usage, usage_raw = None, {}
    said = as_object(body.get("usage"))
    if said is not None:
        usage, _ = usage_of(said)
        usage_raw = {} if usage is not None and said == encode_usage(usage) else said
    return Response(
        dialect=DIALECT,
        id=fields.needed("id"),
        model=fields.needed("model"),
        created_s=seconds(body.get("created_at")),
        choices=(Choice(index=0, message=message, finish_reason=reason, finish_raw=raw, logprobs=logprobs),),
        usage=usage,
        usage_raw=usage_raw,
        extra=_echoed(body),
    )


def _echoed(body: Mapping[str, Any]) -> Extra:
    """What an answer repeats of its request: no loss to whoever asked in another dialect."""
    extra: Extra = {}
    keep(extra, "echo", {name: value for name, value in body.items() if name not in _NAMED})
    return extra


def answer_message(output: list[object]) -> tuple[Message, dict[str, Any] | None]:
    """All of an answer's items as one message, and the log probabilities of its texts."""
    logprobs: list[object] = []
    message = read_answer(output)
    parts = tuple([_less_logprobs(part, logprobs) for part in message.parts])
    return replace(message, role="assistant", parts=parts), {"content": logprobs} if logprobs else None


def _less_logprobs(part: Part, found: list[object]) -> Part:
    if not isinstance(part, Text):
        return part
    said = as_list(part.extra.get("logprobs"))
    if said is None:
        return part
    found.extend(said)
    rest = {name: value for name, value in part.extra.items() if name != "logprobs"}
    keep(rest, "logprobs", len(said))
    return replace(part, extra=rest)


def finish_of(body: Mapping[str, Any], message: Message) -> tuple[FinishReason, str | None]:
    """Why an answer ended, and the upstream's own word where the canonical form has none."""
    calls = any(isinstance(part, ToolCall) for part in message.parts)
    return reason_of(body, calls=calls)


def reason_of(body: Mapping[str, Any], *, calls: bool) -> tuple[FinishReason, str | None]:
    """The same, where it is known whether tools are called."""
    status = body.get("status")
    if status == "incomplete":
        why = (as_object(body.get("incomplete_details")) or {}).get("reason")
        match why:
            case "max_output_tokens":
                return "length", None
            case "content_filter":
                return "content_filter", None
            case str():
                return "other", why
            case _:
                return "other", status
    if isinstance(status, str) and status != "completed":
        return "other", status
    return ("tool_calls" if calls else "stop"), None
