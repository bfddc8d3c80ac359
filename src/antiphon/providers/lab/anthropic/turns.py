"""The turns of an Anthropic conversation: what they hold, and what may follow what.

Source: https://platform.claude.com/docs/en/api/messages, .../build-with-claude/extended-thinking and
.../agents-and-tools/tool-use/implement-tool-use, read 2026-11: texts of errors as the API words them.
"""

from collections.abc import Mapping, Sequence

from msgspec import Raw, Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.anthropic import request
from antiphon.providers.lab.complaint import read
from antiphon.providers.lab.count import MEDIA_TOKENS, tokens, tokens_of_bytes
from antiphon.providers.lab.proof import sign
from antiphon.providers.lab.request import Message, Part, Unit

MOST_MARKS = 4
KINDS: Mapping[type, str] = {request.Text: "text", request.ToolUse: "tool_use", request.Thinking: "thinking"}
REDACTED = "lab-redacted-"


class Read(Struct, frozen=True):
    """A block with its bytes and its path."""

    block: request.Block
    raw: bytes
    path: str


class Turn(Struct, frozen=True):
    """All that one side said in a row: consecutive messages of a role are combined."""

    role: str
    blocks: list[Read]
    path: str


def turns(messages: Sequence[Raw]) -> list[Turn]:
    """Raises: Complaint, BadRequest."""
    if not messages:
        raise BadRequest("messages: at least one message is required")
    found: list[Turn] = []
    for place, raw in enumerate(messages):
        path = f"messages.{place}"
        message = read(request.MESSAGE, raw, path)
        last = place == len(messages) - 1 and message.role == "assistant"
        blocks = _blocks(message.content, path, bytes(raw), may_be_empty=last)
        if found and found[-1].role == message.role:
            found[-1].blocks.extend(blocks)
        else:
            found.append(Turn(message.role, blocks, path))
    if found[0].role != "user":
        raise BadRequest('messages: first message must use the "user" role')
    _check_results(found)
    return found


def _blocks(content: str | list[Raw], path: str, raw: bytes, *, may_be_empty: bool) -> list[Read]:
    if not content and not may_be_empty:
        raise BadRequest(
            f"{path}: all messages must have non-empty content except for the optional final assistant message"
        )
    if isinstance(content, str):
        return (
            [Read(_checked(request.Text(text=content), f"{path}.content"), raw, f"{path}.content")] if content else []
        )
    return [
        Read(
            _checked(read(request.BLOCK, piece, f"{path}.content.{at}"), f"{path}.content.{at}"),
            bytes(piece),
            f"{path}.content.{at}",
        )
        for at, piece in enumerate(content)
    ]


def _checked(block: request.Block, path: str) -> request.Block:
    """Raises: BadRequest for an empty text, a proof that isn't the lab's, data of the wrong form."""
    match block:
        case request.Text(text=""):
            raise BadRequest("messages: text content blocks must be non-empty")
        case request.Text(text=text) if text.isspace():
            raise BadRequest("messages: text content blocks must contain non-whitespace text")
        case request.Thinking(thinking=thinking, signature=signature) if signature != sign("anthropic", thinking):
            raise BadRequest(f"{path}: Invalid `signature` in `thinking` block")
        case request.Redacted(data=data) if not data.startswith(REDACTED):
            raise BadRequest(f"{path}: Invalid `data` in `redacted_thinking` block")
        case request.Image(source=source) | request.Document(source=source):
            _check_source(source, path)
        case _:
            pass
    return block


def _check_source(source: request.Source, path: str) -> None:
    if source.type == "base64" and (source.data is None or source.media_type is None):
        missing = "data" if source.data is None else "media_type"
        raise BadRequest(f"{path}.source.base64.{missing}: Field required")


def _check_results(found: list[Turn]) -> None:
    """Every tool_use has its tool_result in the next turn, and every tool_result its tool_use in the one before."""
    seen: set[str] = set()
    open_ids: list[str] = []
    for turn in found:
        given = [read.block.tool_use_id for read in turn.blocks if isinstance(read.block, request.ToolResult)]
        if open_ids:
            _check_answered(turn, open_ids, given)
        for piece in turn.blocks:
            if isinstance(piece.block, request.ToolResult) and (
                turn.role != "user" or piece.block.tool_use_id not in open_ids
            ):
                raise BadRequest(
                    f"{piece.path}: unexpected `tool_use_id` found in `tool_result` blocks: {piece.block.tool_use_id}. "
                    "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        open_ids = [piece.block.id for piece in turn.blocks if isinstance(piece.block, request.ToolUse)]
        if open_ids and turn.role != "assistant":
            raise BadRequest(f"{turn.path}: `tool_use` blocks can only be in `assistant` messages")
        if len(set(open_ids)) < len(open_ids) or seen & set(open_ids):
            raise BadRequest(f"{turn.path}: `tool_use` ids must be unique")
        seen.update(open_ids)
    if open_ids:
        _unanswered(found[-1], open_ids)


def _check_answered(turn: Turn, open_ids: list[str], given: list[str]) -> None:
    first = [isinstance(piece.block, request.ToolResult) for piece in turn.blocks[: len(open_ids)]]
    missing = [id_ for id_ in open_ids if id_ not in given]
    if missing or not all(first):
        _unanswered(turn, missing or open_ids)
    if len(set(given)) < len(given):
        raise BadRequest(f"{turn.path}: each tool_use must have a single result. Found multiple `tool_result` blocks")


def _unanswered(turn: Turn, ids: list[str]) -> None:
    raise BadRequest(
        f"{turn.path}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(ids)}. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def check_thoughts(found: list[Turn]) -> None:
    """With manual thinking, a turn that called tools, and whose results end the conversation, began with a thought."""
    last = next((turn for turn in reversed(found) if turn.role == "assistant"), None)
    if last is None or found[-1].role == "assistant" or not last.blocks:
        return
    first = last.blocks[0].block
    calls = any(isinstance(piece.block, request.ToolUse) for piece in last.blocks)
    if calls and not isinstance(first, request.Thinking | request.Redacted):
        raise BadRequest(
            f"{last.blocks[0].path}.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{KINDS.get(type(first), 'tool_use')}`. When `thinking` is enabled, a final `assistant` message must start "
            "with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )


def messages_of(found: list[Turn]) -> tuple[list[Message], list[bytes]]:
    """The turns in the middle's words, with the bytes of each."""
    said: list[Message] = []
    raws: list[bytes] = []
    for turn in found:
        parts: list[Part] = []
        calls: list[Raw] = []
        raw: list[bytes] = []
        for piece in turn.blocks:
            block = piece.block
            if isinstance(block, request.ToolResult):
                said.append(Message("tool", result_parts(block), block.tool_use_id))
                raws.append(piece.raw)
                continue
            raw.append(piece.raw)
            if isinstance(block, request.ToolUse):
                calls.append(Raw(piece.raw))
            else:
                parts.extend(parts_of(block))
        if raw or not turn.blocks:
            content = parts[0].text if len(parts) == 1 and parts[0].text is not None else parts
            role = "user" if turn.role == "user" else "assistant"
            said.append(Message(role, content, tool_calls=calls or None))
            raws.append(b"".join(raw))
    return said, raws


def result_parts(block: request.ToolResult) -> list[Part]:
    if isinstance(block.content, str):
        return [Part("text", block.content)]
    return [part for inner in block.content or () for part in parts_of(inner)]


def parts_of(block: request.Block | request.Inner) -> list[Part]:
    match block:
        case request.Text(text=text):
            return [Part("text", text)]
        case request.Image():
            return [Part("image_url")]
        case request.Document(source=source) if source.type == "text":
            return [Part("text", source.data or "")]
        case request.Document():
            return [Part("file")]
        case request.SearchResult(content=content):
            return [Part("text", text.text) for text in content]
        case _:
            return []


def units_of(found: list[Turn]) -> list[Unit]:
    """The blocks in order, with their tokens and cache marks."""
    units: list[Unit] = []
    for turn in found:
        for piece in turn.blocks:
            mark = getattr(piece.block, "cache_control", None)
            units.append(Unit(piece.raw, size_of(piece), mark.ttl if mark is not None else None))
    return units


def size_of(piece: Read) -> int:
    block = piece.block
    match block:
        case request.Thinking(thinking=thinking):
            return tokens(thinking)
        case request.ToolResult():
            return sum(tokens(part.text) if part.text is not None else MEDIA_TOKENS for part in result_parts(block))
        case request.ToolUse() | request.Redacted() | request.ServerToolUse() | request.SearchToolResult():
            return tokens_of_bytes(len(piece.raw))
        case _:
            return sum(tokens(part.text) if part.text is not None else MEDIA_TOKENS for part in parts_of(block))
