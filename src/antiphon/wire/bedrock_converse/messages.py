"""Messages as turns of user and assistant, which come by turns."""

from typing import Any

from antiphon.core.content import File, Image, Message, Part, Text, ToolCall
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.blocks import WHO, Block, Writer
from antiphon.wire.bedrock_converse.ids import call_id
from antiphon.wire.bedrock_converse.places import placed
from antiphon.wire.rules import no_failure_mark

_SYSTEM = ("system", "developer")
_RESULTS = ("tool", "function")
_IN_RESULTS = frozenset({"text", "image", "document", "video"})
"""Blocks that a result may hold. Source: botocore 1.44.8, ToolResultContentBlock."""


class Turns:
    """A conversation as Bedrock has it: what the system says, and the turns."""

    __slots__ = ("_legacy", "_writer", "messages", "system")

    def __init__(self, writer: Writer) -> None:
        self.system: list[Block] = []
        self.messages: list[dict[str, Any]] = []
        self._writer = writer
        self._legacy: dict[str, str] = {}
        """Ids given to calls that have none, by the name of their tool."""

    def add(self, message: Message, index: int) -> None:
        """Write one message. Raises: BadRequest."""
        writer, here = self._writer, f"messages[{index}]"
        writer.left_over(message.extra, here)
        if message.name is not None and message.role not in ("function", "tool"):
            writer.losses.add(f"{here}.name", f"{WHO} has no names of speakers")
        if message.role in _SYSTEM:
            self._instruct(message, index)
        elif message.role in _RESULTS:
            self._say("user", self._result(message, index))
        else:
            if message.role not in ("user", "assistant"):
                writer.losses.add(f"{here}.role", f"{WHO} has no such role", "sent as user", adapted=True)
            self._speak(message, index)

    def close(self, so_far: str) -> None:
        """End with the start of an answer. Claude refuses white space at its end."""
        if so_far.strip():
            self._say("assistant", [{"text": so_far.rstrip()}])

    def _instruct(self, message: Message, index: int) -> None:
        writer, blocks = self._writer, list[Block]()
        for path, part in placed(message, index):
            if isinstance(part, Text):
                blocks += writer.blocks(part, path, "system")
            else:
                writer.losses.add(path, f"{WHO} takes text only from the system")
        if not self.messages:
            self.system += blocks
            return
        why = f"{WHO} takes instructions at the start only"
        writer.losses.add(f"messages[{index}].role", why, "sent as user", adapted=True)
        self._say("user", blocks)

    def _speak(self, message: Message, index: int) -> None:
        role = "assistant" if message.role == "assistant" else "user"
        blocks: list[Block] = []
        for path, part in placed(message, index):
            blocks += self._writer.blocks(self._named(part, index), path, role)
        if not blocks:
            self._writer.losses.add(f"messages[{index}]", f"{WHO} refuses empty messages")
        self._say(role, blocks)

    def _named(self, call: Part, index: int) -> Part:
        """A part; a call of the older kind gets an id by which its result finds it."""
        if not isinstance(call, ToolCall) or call.id:
            return call
        self._legacy[call.name] = given = f"function_call_{index}"
        return ToolCall(
            id=given, name=call.name, arguments=call.arguments, kind=call.kind, cache=call.cache, extra=call.extra
        )

    def _result(self, message: Message, index: int) -> list[Block]:
        writer, here = self._writer, f"messages[{index}]"
        said = message.tool_call_id or self._legacy.get(message.name or "")
        if not said:
            path = f"{here}.tool_call_id"
            raise BadRequest(f"`{path}` is missing; send the id of the call that this answers", param=path)
        content: list[Block] = []
        for path, part in placed(message, index):
            for block in writer.blocks(part, path, "user"):
                if not _IN_RESULTS.isdisjoint(block):
                    content.append(block)
                elif "cachePoint" not in block:
                    writer.losses.add(path, f"{WHO} takes no such part in a tool's result")
        result: dict[str, Any] = {"toolUseId": call_id(said), "content": content}
        if message.failed and writer.model.hears_failures:
            result["status"] = "error"
        elif message.failed:
            no_failure_mark(writer.losses, here, "this model on Bedrock")
        marks = (part.cache for part in message.parts if isinstance(part, Text | Image | File) and part.cache)
        return [{"toolResult": result}, *writer.cache_point(message.cache or next(marks, None), here)]

    def _say(self, role: str, blocks: list[Block]) -> None:
        """Append to the last turn when it is of the same role, else begin one."""
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})
