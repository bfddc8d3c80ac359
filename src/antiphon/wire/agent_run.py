"""What an agent is asked by a model call of any dialect: a goal, and what was said before. It answers as a chat model does."""

from typing import Any

import msgspec

from antiphon.core.content import Content, Message, Text
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.codec import OpenAIChat

WHO = "an agent"
_BOUNDED = "bounded by the envelope of its run"


class AgentRun(OpenAIChat):
    """Spoken to agents alone. The body is a run's input: `goal`, the text of the last message, which is the user's, and
    `messages`, those before it, each with `role` and `text`; left out where there are none.
    """

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        *before, last = content.messages or (Message(role="user"),)
        goal = _text(last, f"messages[{len(before)}]", losses)
        if last.role != "user" or not goal:
            raise BadRequest(
                "the last message has to be the user's, with a text: it is the goal of the agent's run",
                param=f"messages[{len(before)}]",
            )
        _leave_out(content, losses)
        said = [_said(message, f"messages[{place}]", losses) for place, message in enumerate(before)]
        told = [one for one in said if one["text"]]
        if terms.prompt is not None:
            told = [{"role": "system", "text": terms.prompt}, *told]
        return msgspec.json.encode({"goal": goal, "messages": told} if told else {"goal": goal})


def _said(message: Message, path: str, losses: Losses) -> dict[str, Any]:
    return {"role": message.role, "text": _text(message, path, losses)}


def _text(message: Message, path: str, losses: Losses) -> str:
    """The texts of a message; its other parts are told as losses."""
    texts: list[str] = []
    for place, part in enumerate(message.parts):
        if isinstance(part, Text):
            texts.append(part.text)
        else:
            losses.add(f"{path}.content[{place}]", f"{WHO} takes texts only")
    return "\n".join(texts)


def _leave_out(content: Content, losses: Losses) -> None:
    """Note what an agent decides by its own document."""
    left_over(content.extra, "", losses, WHO)
    sampling = content.sampling
    for name in sampling.__struct_fields__:
        value = getattr(sampling, name)
        if value is not None and value is not False and not (name == "n" and value == 1):
            losses.add(name, f"{WHO} decides on it by its own document")
    if content.limits.output_tokens is not None:
        losses.add("max_completion_tokens", f"{WHO} has an envelope", _BOUNDED, adapted=True)
    if content.tools:
        losses.add("tools", f"{WHO} has tools of its own")
    if content.response_format is not None and content.response_format.kind != "text":
        losses.add("response_format", f"{WHO} has an output contract of its own")
    for name in ("metadata", "service_tier", "cache_key"):
        if getattr(content, name):
            losses.add(name, f"{WHO} has no such field")
