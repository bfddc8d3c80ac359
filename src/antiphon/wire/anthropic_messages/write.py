"""Parts and messages that came in this dialect, written back as they were."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.content import Audio, File, Image, Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.request import Dialect
from antiphon.wire.anthropic_messages.blocks import split_data
from antiphon.wire.anthropic_messages.citations import encode_citation
from antiphon.wire.anthropic_messages.tools import cached
from antiphon.wire.fields import merged, present
from antiphon.wire.signature import seal

OWN: Dialect = "anthropic_messages"
Block = dict[str, Any]


def encode_part(part: Part) -> Block:
    """Write one part as a block."""
    match part:
        case Text():
            out = text_block(part.text)
            if part.citations:
                out["citations"] = [encode_citation(citation) for citation in part.citations]
            return merged(cached(out, part.cache), part.extra)
        case Refusal():
            return merged(text_block(part.text), part.extra)
        case Reasoning():
            return merged(thought_block(part), part.extra)
        case ToolCall():
            given, _ = input_of(part.arguments)
            return merged(cached(call_block(part.id, part.name, given), part.cache), part.extra)
        case Image():
            return merged(cached({"type": "image", "source": _source(part.url, part.id)}, part.cache), part.extra)
        case File():
            return _file(part)
        case Audio():
            return merged(text_block(part.transcript or ""), part.extra)
        case Unknown():
            return part.raw


def text_block(text: str) -> Block:
    return {"type": "text", "text": text}


def call_block(call_id: str, name: str, given: dict[str, Any]) -> Block:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def thought_block(part: Reasoning) -> Block:
    """Thoughts as callers get them: another provider's proof of them names whose it is."""
    proof = seal(part.signature or "", part.signed_by, OWN) if part.signature else ""
    if part.redacted:
        return {"type": "redacted_thinking", "data": proof}
    return {"type": "thinking", "thinking": part.text, "signature": proof}


def input_of(arguments: str) -> tuple[dict[str, Any], bool]:
    """A call's arguments as an object, and whether they were one."""
    if not arguments.strip():
        return {}, True
    try:
        return msgspec.json.decode(arguments, type=dict[str, Any]), True
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {"_raw": arguments}, False


def _source(url: str, file_id: str | None) -> Block:
    if file_id is not None:
        return {"type": "file", "file_id": file_id}
    data = split_data(url)
    if data is not None:
        return {"type": "base64", "media_type": data[0], "data": data[1]}
    return {"type": "url", "url": url}


def _file(part: File) -> Block:
    if part.extra.get("type") == "search_result":
        return cached(dict(part.extra), part.cache)
    out: Block = {"type": "document"}
    if part.name is not None:
        out["title"] = part.name
    own = part.extra.get("source")
    if isinstance(own, dict) and own.get("type") == "content":  # pyright: ignore[reportUnknownMemberType]
        return merged(cached(out, part.cache), part.extra)
    if part.text is not None:
        out["source"] = {"type": "text", **present(media_type=part.media_type), "data": part.text}
    else:
        out["source"] = _source(part.data or "", part.id) if part.url is None else {"type": "url", "url": part.url}
    return merged(cached(out, part.cache), part.extra)


def result_block(message: Message, content: str | list[Block] | None, call_id: str) -> Block:
    """A tool's result."""
    out: Block = {"type": "tool_result", "tool_use_id": call_id}
    if content is not None:
        out["content"] = content
    if message.failed:
        out["is_error"] = True
    return cached(out, message.cache)


def content_of(message: Message) -> str | list[Block]:
    """A message's content in the form that it came in."""
    only = message.parts[0] if len(message.parts) == 1 else None
    if message.form == "text" and isinstance(only, Text) and not (only.extra or only.cache or only.citations):
        return only.text
    return [encode_part(part) for part in message.parts]


def own_messages(messages: Sequence[Message]) -> tuple[str | list[Block] | None, list[Block]]:
    """Write `system` and `messages` from what `decode_messages` made of them.

    A first message of the system's stands beside the others. Results, and what a user says in parts before or behind
    them, are one turn again; that it had been several makes no difference to the model.
    """
    system = None
    if messages and messages[0].role == "system" and messages[0].form != "none" and not messages[0].extra:
        system, messages = content_of(messages[0]), messages[1:]
    out: list[Block] = []
    open_turn: list[Block] | None = None
    after_result = False
    for message in messages:
        if message.role == "tool":
            if open_turn is None:
                open_turn = []
                out.append({"role": "user", "content": open_turn})
            content = None if message.form == "none" else content_of(message)
            block = result_block(message, content, message.tool_call_id or "")
            open_turn.append(merged(block, message.extra))
            after_result = True
            continue
        parted = message.role == "user" and message.form == "parts"
        if parted and message.parts and not message.extra and open_turn is not None and after_result:
            open_turn.extend([encode_part(part) for part in message.parts])
            after_result = False
            continue
        said: Block = {"role": message.role}
        open_turn, after_result = None, False
        if message.form != "none":
            content = content_of(message)
            said["content"] = content
            # What stands beside a turn with results came as a message of its own: one with both is a turn by itself.
            if parted and isinstance(content, list) and bool(content) != bool(message.extra):
                open_turn = content
        out.append(merged(said, message.extra))
    return system, out
