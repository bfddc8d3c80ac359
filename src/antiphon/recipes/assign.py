"""What a model is told that works on a part of the request: its answer may become part of another, and isn't judged as an
answer to the caller.
"""

from msgspec.structs import replace

from antiphon.core.content import Content, Image, Message, Part, Text
from antiphon.core.content import File as Attached
from antiphon.recipes.port import text_of
from antiphon.recipes.say import aside, onward, sampled

_CALLERS_OWN = {"n": None, "stop": None, "logprobs": None, "top_logprobs": None, "logit_bias": None}


def asked_of(content: Content) -> str:
    """What the user said last; empty when no message is a user's."""
    found = next((message for message in reversed(content.messages) if message.role == "user"), None)
    return "" if found is None else text_of(found)


def assigned(content: Content, text: str, *, tools: bool = False) -> Content:
    """The caller's conversation, and a task behind it. Drawn as the caller asks, but for what concerns the form of its own
    answer.
    """
    if tools:
        return replace(sampled(onward(content, text)), response_format=None)
    told = aside(content, text, output_tokens=content.limits.output_tokens)
    return replace(told, sampling=replace(content.sampling, **_CALLERS_OWN))


def alone(content: Content, text: str, *, tools: bool = False) -> Content:
    """A task without the conversation: what the user's last message holds beside text stays with it."""
    last = next((message for message in reversed(content.messages) if message.role == "user"), None)
    kept: tuple[Part, ...] = tuple(part for part in (last.parts if last else ()) if isinstance(part, Image | Attached))
    told = assigned(replace(content, messages=()), text, tools=tools)
    if not kept:
        return told
    return replace(told, messages=(Message(role="user", parts=(*kept, Text(text=text))),))
