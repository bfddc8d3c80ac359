"""Whole answers of legacy completions, both ways. Source: openai-python 3.52.0, `types/completion.py`."""

from typing import Any

import msgspec

from antiphon.core.content import Message, Part, Refusal, Text
from antiphon.core.error import UpstreamMalformed
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.wire.fields import Fields, as_list, merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.answers import opened, said_usage, take_usage
from antiphon.wire.openai_completions.logprobs import from_chat, to_chat

OBJECT = "text_completion"
WHO = "Completions"
_object = msgspec.json.Decoder(dict[str, Any])


def decode(body: bytes) -> Response:
    """Read an upstream's answer; what is odd in it is carried, not refused. Raises: UpstreamMalformed, UpstreamError."""
    try:
        said = _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a completion: {error}") from error
    fields = opened(said, OBJECT)
    choices = fields.items("choices", _choice)
    if as_list(said.get("choices")) is None or fields.peek("choices"):
        raise UpstreamMalformed("the upstream's answer has no list of choices")
    fields.drop("choices")
    usage, raw = take_usage(fields)
    return Response(
        dialect="openai_completions",
        id=fields.needed("id"),
        model=fields.needed("model"),
        created_s=fields.whole("created") or 0,
        choices=choices,
        usage=usage,
        usage_raw=raw,
        fingerprint=fields.text("system_fingerprint"),
        extra=fields.left(),
    )


def _choice(fields: Fields) -> Choice:
    text = fields.text("text")
    reason, raw = take_reason(fields)
    return Choice(
        index=fields.whole("index") or 0,
        message=Message(role="assistant", parts=() if text is None else (Text(text=text),), form="text"),
        finish_reason=reason,
        finish_raw=raw,
        logprobs=take_logprobs(fields),
        extra=fields.left(),
    )


def take_reason(fields: Fields) -> tuple[FinishReason | None, str | None]:
    """Why an answer ended, and the upstream's own word when it isn't one of OpenAI's."""
    word = fields.text("finish_reason")
    match word:
        case None | "stop" | "length" | "content_filter":
            return word, None
        case _:
            return "other", word


def take_logprobs(fields: Fields) -> dict[str, Any] | None:
    """How likely the tokens were, in the form of chats; None where nothing is said."""
    said = fields.tree("logprobs")
    return None if said is None else to_chat(said)


def reason_of(reason: FinishReason | None, raw: str | None, losses: Losses, *, own: bool) -> str | None:
    """Why an answer ended, in this dialect's words. That tools are called is told of the calls."""
    match reason:
        case None | "stop" | "length" | "content_filter":
            return reason
        case _ if own and raw:
            return raw
        case _:
            if reason == "other":
                losses.add("answer.finish_reason", f"{WHO} have no such reason", "sent as stop")
            return "stop"


def encode(answer: Response, losses: Losses) -> dict[str, Any]:
    """Write an answer, whichever dialect it came in."""
    own = answer.dialect == "openai_completions"
    raw = answer.usage_raw if own or answer.dialect == "openai_chat" else {}
    usage = said_usage(answer.usage, raw)
    out = {
        "id": answer.id,
        "object": OBJECT,
        "created": answer.created_s,
        "model": answer.model,
        "choices": [_encode_choice(choice, losses, own=own) for choice in answer.choices],
        **present(usage=usage, system_fingerprint=answer.fingerprint),
    }
    if own:
        return merged(out, answer.extra)
    losses.all_of(answer.extra, "answer", f"{WHO} have no such field")
    return out


def _encode_choice(choice: Choice, losses: Losses, *, own: bool) -> dict[str, Any]:
    out: dict[str, Any] = {
        "text": _text(choice.message.parts, losses),
        "index": choice.index,
        "logprobs": None if choice.logprobs is None else from_chat(choice.logprobs)[0],
        "finish_reason": reason_of(choice.finish_reason, choice.finish_raw, losses, own=own),
    }
    if choice.stop_sequence is not None:
        left_out("stop_sequence", losses)
    if own:
        return merged(out, choice.extra)
    losses.all_of(choice.extra, "answer.choices", f"{WHO} have no such field")
    return out


def _text(parts: tuple[Part, ...], losses: Losses) -> str:
    """The text of an answer. A refusal is text too; thoughts, sound and calls have no place."""
    texts: list[str] = []
    for part in parts:
        match part:
            case Text():
                texts.append(part.text)
            case Refusal():
                texts.append(part.text)
                refused(losses)
            case _:
                left_out(type(part).__name__.lower(), losses)
    return "".join(texts)


def refused(losses: Losses) -> None:
    """Note that a refusal was put in the text."""
    losses.add("answer.refusal", f"{WHO} have no refusals", "sent as text", adapted=True)


def left_out(kind: str, losses: Losses) -> None:
    """Note a part of an answer that has no place."""
    losses.add(f"answer.{kind}", f"{WHO} have text only")
