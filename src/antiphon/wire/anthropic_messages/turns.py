"""The conversation of another dialect as Anthropic takes it: turns of user and assistant, results first in the turn behind
their calls.

Source: platform.claude.com/docs, "Handle tool calls", "Using the Messages API" (2026-11).
"""

from collections.abc import Sequence

from antiphon.core.content import Message
from antiphon.wire.anthropic_messages.foreign_parts import WHO, Parts
from antiphon.wire.anthropic_messages.ids import Ids
from antiphon.wire.anthropic_messages.write import Block, result_block, text_block
from antiphon.wire.codec import left_over
from antiphon.wire.losses import Losses

FIRST = "Go on."
"""What the user is made to say where a conversation begins with the assistant."""
NO_RESULT = "No result was given."
_SYSTEM = ("system", "developer")


class Turns:
    """Writes `system` and `messages` of one request."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._ids = Ids()
        self._parts = Parts(losses, self._ids)
        self._held: list[Block] = []
        self.system: list[Block] = []
        self.turns: list[tuple[str, list[Block]]] = []

    def add(self, messages: Sequence[Message]) -> None:
        """Write all messages."""
        for index, message in enumerate(messages):
            path = f"messages[{index}]"
            if message.extra:
                left_over(message.extra, path, self._losses, WHO)
            if message.role in _SYSTEM:
                self._instruct(message, path)
            elif message.role in ("tool", "function"):
                self._result(message, path)
            elif message.role in ("assistant", "model"):
                self._answer(message, path)
            else:
                self._ask(message, path)
        self._settle("messages")
        self._begin()

    def _blocks(self, message: Message, path: str, *, assistant: bool = False) -> list[Block]:
        parts = message.parts
        if len(parts) == 1 and message.form == "text":
            block = self._parts.block(parts[0], f"{path}.content", assistant=assistant)
            return [] if block is None else [block]
        blocks = [
            self._parts.block(part, f"{path}.content[{index}]", assistant=assistant) for index, part in enumerate(parts)
        ]
        return [block for block in blocks if block is not None]

    def _instruct(self, message: Message, path: str) -> None:
        blocks = self._blocks(message, path)
        if self.turns:
            why = f"{WHO} takes instructions before the conversation alone"
            self._losses.add(path, why, "sent as the user's", adapted=True)
            self._user(blocks)
            return
        texts = [block for block in blocks if block["type"] == "text"]
        if len(texts) < len(blocks):
            self._losses.add(f"{path}.content", f"{WHO} takes text alone as instructions")
        self.system.extend(texts)

    def _ask(self, message: Message, path: str) -> None:
        self._named(message, path)
        if message.role != "user":
            self._losses.add(f"{path}.role", f"{WHO} has no such role", "sent as the user's", adapted=True)
        blocks = self._blocks(message, path)
        if not blocks:
            self._losses.add(f"{path}.content", f"{WHO} takes no empty message", adapted=True)
        self._user(blocks)

    def _answer(self, message: Message, path: str) -> None:
        self._named(message, path)
        if not (self.turns and self.turns[-1][0] == "assistant"):
            self._settle(path)
        blocks = self._blocks(message, path, assistant=True)
        if not blocks and not message.parts:
            self._losses.add(f"{path}.content", f"{WHO} takes no empty message", adapted=True)
        self._extend("assistant", blocks)

    def _named(self, message: Message, path: str) -> None:
        if message.name is not None:
            self._losses.add(f"{path}.name", f"{WHO} has no names of speakers")

    def _result(self, message: Message, path: str) -> None:
        blocks = self._blocks(message, path)
        sent = self._ids.result(message.tool_call_id or "", message.name or "")
        if sent is None:
            self._losses.add(path, "no call before it waits for this result", "sent as the user's", adapted=True)
            self._user(blocks)
            return
        content = blocks[0]["text"] if len(blocks) == 1 and _bare(blocks[0]) else blocks
        self._extend("user", [result_block(message, content or None, sent)])

    def _user(self, blocks: list[Block]) -> None:
        """What the user says waits until the calls before it have their results: these must come first."""
        if self._ids.waits:
            self._held.extend(blocks)
        else:
            self._flush()
            self._extend("user", blocks)

    def _flush(self) -> None:
        held, self._held = self._held, []
        self._extend("user", held)

    def _extend(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self.turns and self.turns[-1][0] == role:
            self.turns[-1][1].extend(blocks)
        else:
            self.turns.append((role, blocks))

    def _settle(self, path: str) -> None:
        """No more results come: calls that still wait have none, which Anthropic refuses."""
        waiting = self._ids.waiting() if self._ids.waits else ()
        if waiting:
            self._losses.add(path, f"{WHO} takes no call without its result", "an empty one is put in", adapted=True)
            self._extend("user", [_no_result(sent) for sent in waiting])
        if self._held:
            self._flush()

    def _begin(self) -> None:
        """The first turn must be the user's."""
        if self.turns and self.turns[0][0] == "user":
            return
        if not self.turns and self.system:
            self._losses.add("messages", f"{WHO} takes no instructions alone", "sent as the user's", adapted=True)
            self.turns.append(("user", self.system))
            self.system = []
        elif self.turns:
            self._losses.add(
                "messages[0]",
                f"{WHO} takes no conversation that the assistant begins",
                "a turn of the user's is put before it",
                adapted=True,
            )
            self.turns.insert(0, ("user", [text_block(FIRST)]))


def _no_result(sent: str) -> Block:
    return {"type": "tool_result", "tool_use_id": sent, "content": NO_RESULT, "is_error": True}


def _bare(block: Block) -> bool:
    """Whether a block is text and nothing else."""
    return block["type"] == "text" and "cache_control" not in block


def written(role: str, blocks: list[Block]) -> Block:
    """One turn; one text alone stands for itself."""
    if len(blocks) == 1 and _bare(blocks[0]):
        return {"role": role, "content": blocks[0]["text"]}
    return {"role": role, "content": blocks}
