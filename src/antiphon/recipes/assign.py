"""What a model is told that works on a part of the request: its answer may become part of another, and isn't judged as an
answer to the caller.
"""

from msgspec.structs import replace

from antiphon.core.content import Content, Image, Message, Part, Text
from antiphon.core.content import File as Attached
from antiphon.recipes.say import aside, onward, sampled

JUDGEMENT_TOKENS = 4096
"""Most of a judgement with its objections: models that think first count their thoughts too."""


def assigned(content: Content, text: str, *, tools: bool = False) -> Content:
    """The caller's conversation, and a task behind it. Drawn as the caller asks, but for what concerns the form of its own
    answer.
    """
    if tools:
        return replace(sampled(onward(content, text)), response_format=None)
    own = replace(content.sampling, n=None, stop=None, logprobs=None, top_logprobs=None, logit_bias=None)
    return replace(aside(content, text, output_tokens=1), sampling=own, limits=content.limits)


def judging(content: Content, text: str) -> Content:
    """The caller's conversation, and a question about an answer to it."""
    return aside(content, text, output_tokens=JUDGEMENT_TOKENS)


def alone(content: Content, text: str, *, tools: bool = False) -> Content:
    """A task without the conversation: what the user's last message holds beside text stays with it."""
    last = next((message for message in reversed(content.messages) if message.role == "user"), None)
    kept: tuple[Part, ...] = tuple(part for part in (last.parts if last else ()) if isinstance(part, Image | Attached))
    told = assigned(replace(content, messages=()), text, tools=tools)
    if not kept:
        return told
    return replace(told, messages=(Message(role="user", parts=(*kept, Text(text=text))),))
