"""Answers of other dialects, written for callers of Chat Completions."""

from typing import Any

from msgspec.structs import replace

from antiphon.core.content import (
    Audio,
    Citation,
    ContentForm,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
)
from antiphon.core.response import Choice, FinishReason, Response
from antiphon.wire.codec import left_over
from antiphon.wire.fields import as_object
from antiphon.wire.losses import Losses

WHO = "OpenAI Chat Completions"
_DIRECT = {"type": "direct"}
_USUAL = ("caller",)
"""What Anthropic says of a call that its model made by itself, as all others do."""
_IMAGE = "image/"
SPOKEN = "audio_0"


def adopt_answer(answer: Response, losses: Losses) -> Response:
    """A whole answer without what only its own dialect can say."""
    left_over(answer.extra, "answer", losses, WHO)
    choices = tuple(_choice(one, losses) for one in answer.choices)
    return replace(answer, dialect="openai_chat", choices=choices, usage_raw={}, extra={})


def _choice(choice: Choice, losses: Losses) -> Choice:
    path = f"answer.choices[{choice.index}]"
    left_over(choice.extra, path, losses, WHO)
    left_over(choice.message.extra, f"{path}.message", losses, WHO)
    parts: list[Part] = []
    images: list[dict[str, Any]] = []
    for index, part in enumerate(choice.message.parts):
        where = f"{path}.content[{index}]"
        if isinstance(part, Unknown | File):
            unheard(part.kind if isinstance(part, Unknown) else "file", losses)
        elif isinstance(part, Image):
            images.append(shown(part.url, losses))
        else:
            left_over(part.extra, where, losses, WHO, _USUAL if part.extra.get("caller") == _DIRECT else ())
            parts.append(_part(part, losses))
    message = Message(
        role="assistant", parts=_in_turn(parts), form=_form(parts), extra={"images": images} if images else {}
    )
    reason = ended(choice.finish_reason, losses)
    if choice.stop_sequence is not None:
        stopped(losses)
    return replace(choice, message=message, finish_reason=reason, finish_raw=None, stop_sequence=None, extra={})


def _part(part: Text | Refusal | Audio | ToolCall | Reasoning, losses: Losses) -> Part:
    """A part as Chat Completions tells it."""
    match part:
        case Reasoning():
            return replace(part, label="", id=None, extra={})
        case Refusal():
            return Refusal(text=part.text)
        case Text() if part.signature and not part.text:
            return Reasoning(text="", signature=part.signature, signed_by=part.signed_by)
        case Text():
            if part.signature:
                unproved(losses)
            return replace(part, citations=sourced(part.citations, losses), extra={})
        case ToolCall():
            return replace(part, arguments=part.arguments or ("{}" if part.kind == "function" else ""), extra={})
        case Audio():
            return spoken(part)


def _in_turn(parts: list[Part]) -> tuple[Part, ...]:
    """Blocks of reasoning that have a proof, all reasoning as one for older readers, the texts, then the rest."""
    thoughts: list[Part] = [part for part in parts if isinstance(part, Reasoning) and part.signature]
    plain = "".join(part.text for part in parts if isinstance(part, Reasoning))
    if plain:
        thoughts.append(Reasoning(text=plain))
    texts = [part for part in parts if isinstance(part, Text)]
    rest = [part for part in parts if not isinstance(part, Reasoning | Text)]
    if not texts:
        return (*thoughts, *rest)
    return (*thoughts, *texts, *rest)


def _form(parts: list[Part]) -> ContentForm:
    return "text" if any(isinstance(part, Text) for part in parts) else "none"


def ended(reason: FinishReason | None, losses: Losses) -> FinishReason | None:
    """Why an answer ended, as far as there is a word for it."""
    if reason != "other":
        return reason
    losses.add("answer.finish_reason", f"{WHO} has no such reason", "sent as stop")
    return "stop"


def stopped(losses: Losses) -> None:
    """Note that it can't be told at which text an answer stopped."""
    losses.add("answer.stop_sequence", f"{WHO} doesn't tell at which text it stopped")


def unproved(losses: Losses) -> None:
    """Note that a proof of thoughts can't be told with a text. No call needs it."""
    losses.add("answer.signature", f"{WHO} has no place for a text's proof of thoughts", adapted=True)


def unheard(kind: str, losses: Losses) -> None:
    """Note a part that can't be told."""
    losses.add(f"answer.{kind}", f"{WHO} has no part of the kind {kind}")


def sourced(citations: tuple[Citation, ...], losses: Losses) -> tuple[Citation, ...]:
    """Those that can be told."""
    for one in citations:
        if one.url is None:
            losses.add("answer.citations", f"{WHO} names addresses only")
        elif one.quoted:
            losses.add("answer.citations.quoted", f"{WHO} has no words of the source")
    return tuple(one for one in citations if one.url is not None)


def spoken(audio: Audio, *, first: bool = True) -> Audio:
    """Sound as an assistant's. Only its first piece has the id by which a later turn would name it, and the time until
    which that works: never, since nobody keeps it.
    """
    if not first:
        return Audio(data=audio.data, transcript=audio.transcript)
    return Audio(id=audio.id or SPOKEN, data=audio.data, transcript=audio.transcript or "", extra={"expires_at": 0})


def shown(url: str, losses: Losses) -> dict[str, Any]:
    """An image that a model made, as gateways tell it. Source: openrouter.ai/docs/features/multimodal/image-generation."""
    losses.add("answer.images", f"{WHO} has no word for them", "sent as `images` of the message", adapted=True)
    return {"type": "image_url", "image_url": {"url": url}}


def pictured(part: Unknown) -> str:
    """The `data:` URL of an image that came in a stream in Gemini's own form; empty: it is none."""
    inner = as_object(part.raw.get("inlineData")) or {}
    kind, data = inner.get("mimeType"), inner.get("data")
    image = isinstance(kind, str) and isinstance(data, str) and kind.startswith(_IMAGE)
    return f"data:{kind};base64,{data}" if image else ""
