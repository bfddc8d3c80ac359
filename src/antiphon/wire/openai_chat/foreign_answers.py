"""Answers of other dialects, written for callers of Chat Completions."""

from typing import Any

from msgspec.structs import replace

from antiphon.core.content import (
    Audio,
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
from antiphon.core.response import Choice, Response
from antiphon.wire.codec import left_over
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.messages import REASONING

WHO = "OpenAI Chat Completions"
_DIRECT = {"type": "direct"}
_USUAL = ("caller",)
"""What Anthropic says of a call that its model made by itself, as all others do."""


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
            losses.add(where, f"{WHO} has no part of the kind {part.kind if isinstance(part, Unknown) else 'file'}")
        elif isinstance(part, Image):
            images.append(_shown(part, losses))
        else:
            left_over(part.extra, where, losses, WHO, _USUAL if part.extra.get("caller") == _DIRECT else ())
            parts.append(_part(part))
    message = Message(
        role="assistant", parts=_in_turn(parts), form=_form(parts), extra={"images": images} if images else {}
    )
    reason = "stop" if choice.finish_reason == "other" else choice.finish_reason
    if choice.stop_sequence is not None:
        stopped(losses)
    return replace(choice, message=message, finish_reason=reason, finish_raw=None, stop_sequence=None, extra={})


def _part(part: Text | Refusal | Audio | ToolCall | Reasoning) -> Part:
    """A part as Chat Completions tells it. Thoughts with a proof are told twice: as blocks, and for older readers."""
    if isinstance(part, Reasoning):
        return replace(part, label=REASONING[0] if part.signature and part.text else "", id=None, extra={})
    if isinstance(part, Refusal):
        return Refusal(text=part.text)
    return replace(part, extra={})


def _in_turn(parts: list[Part]) -> tuple[Part, ...]:
    """Reasoning without a proof as one, the content as one text, then the rest."""
    plain = "".join(part.text for part in parts if isinstance(part, Reasoning) and not part.signature)
    thoughts: list[Part] = [part for part in parts if isinstance(part, Reasoning) and part.signature]
    if plain:
        thoughts.append(Reasoning(text=plain))
    texts = [part for part in parts if isinstance(part, Text)]
    rest = [part for part in parts if not isinstance(part, Reasoning | Text)]
    if not texts:
        return (*thoughts, *rest)
    return (*thoughts, *texts, *rest)


def _form(parts: list[Part]) -> ContentForm:
    return "text" if any(isinstance(part, Text) for part in parts) else "none"


def stopped(losses: Losses) -> None:
    """Note that it can't be told at which text an answer stopped."""
    losses.add("answer.stop_sequence", f"{WHO} doesn't tell at which text it stopped")


def _shown(image: Image, losses: Losses) -> dict[str, Any]:
    """An image that a model made, as gateways tell it. Source: openrouter.ai/docs/features/multimodal/image-generation."""
    losses.add("answer.images", f"{WHO} has no word for them", "sent as `images` of the message", adapted=True)
    return {"type": "image_url", "image_url": {"url": image.url}}
