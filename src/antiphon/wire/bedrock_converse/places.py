"""Where the parts of a message stand in the caller's body, for losses."""

from collections.abc import Iterator

from antiphon.core.content import Audio, Message, Part, Reasoning, Refusal, ToolCall


def placed(message: Message, index: int) -> Iterator[tuple[str, Part]]:
    """Each part of a message, and its path such as `messages[2].content[0]`."""
    here = f"messages[{index}]"
    at = calls = 0
    for part in message.parts:
        match part:
            case Reasoning():
                yield f"{here}.reasoning_content", part
            case Refusal(inline=False):
                yield f"{here}.refusal", part
            case Audio(id=str()):
                yield f"{here}.audio", part
            case ToolCall():
                yield f"{here}.tool_calls[{calls}]", part
                calls += 1
            case _:
                yield (f"{here}.content" if message.form == "text" else f"{here}.content[{at}]"), part
                at += 1
