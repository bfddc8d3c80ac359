"""Writes the turns of a conversation: the system's instruction and the contents."""

import re
from collections.abc import Sequence
from typing import Any

from antiphon.core.content import Content, Image, Message, Part, Text, ToolCall
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.fields import merged
from antiphon.wire.gemini.contents import OUTPUT, response_of
from antiphon.wire.gemini.parts import MADE
from antiphon.wire.gemini.proof import SKIP, rejoined
from antiphon.wire.gemini.said import WHO, Said, Voice
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark

_VERSION = re.compile(r"gemini-(?:[a-z]+-)*(\d+)(?:\.(\d+))?")
_SYSTEM = ("system", "developer")


def version_of(model: str) -> tuple[int, int]:
    """A model's generation, by its name; one that doesn't say is a new one."""
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (99, 0)


class Turns:
    """Collects the messages of one request."""

    def __init__(self, content: Content, terms: Terms, losses: Losses) -> None:
        self._own = content.dialect == "gemini"
        self._voice = Voice(losses, own=self._own, caller=False)
        self._losses = losses
        self._messages = content.messages
        self._new = version_of(terms.model) >= (3, 0)
        self._called: dict[str, str] = {}
        self._system: list[Said] = [{"text": terms.prompt}] if terms.prompt is not None else []
        self._instruction: Said | None = None
        """What there is of the system's instruction beside its parts."""
        self._contents: list[Said] = []
        self._open = ""
        """Whose turn more can be put into: `tool`, or a role whose messages become one."""

    def write(self, out: Said, so_far: str) -> None:
        """Put `systemInstruction` and `contents` into a request. Raises: BadRequest."""
        current = self._current()
        for index, message in enumerate(self._messages):
            self._message(message, f"messages[{index}]", current=index > current)
        if not self._contents and self._system and not self._own:
            self._losses.add("messages[0].role", f"{WHO} wants a turn of the user", "sent as the user's", adapted=True)
            self._contents, self._system = [{"role": "user", "parts": self._system}], []
        if so_far:
            self._put("model", [{"text": so_far}], {})
        out["contents"] = self._contents
        if self._system:
            out["systemInstruction"] = {**(self._instruction or {}), "parts": self._system}
        elif self._instruction is not None and self._own:
            out["systemInstruction"] = self._instruction

    def _current(self) -> int:
        """Place of the user's last words: what comes behind them is the turn that is still going on."""
        for index in range(len(self._messages) - 1, -1, -1):
            if self._messages[index].role == "user":
                return index
        return -1

    def _message(self, message: Message, path: str, *, current: bool) -> None:
        if message.role in ("tool", "function"):
            self._result(message, path)
            return
        if message.name is not None:
            self._losses.add(f"{path}.name", f"{WHO} has no names in a conversation")
        if message.role in _SYSTEM:
            self._instruct(message, path)
            return
        parts = self._parts(message, path)
        role = "model" if message.role == "assistant" else message.role
        if role not in ("user", "model") and not self._own:
            self._losses.add(f"{path}.role", f"{WHO} has the roles user and model only", "sent as user", adapted=True)
            role = "user"
        if role == "model" and current and self._new and not self._own:
            self._prove(parts, path)
        extra = self._extra(message, path)
        if parts or self._own:
            self._put(role, parts if parts or message.form != "none" else None, extra)

    def _extra(self, message: Message, path: str) -> dict[str, Any]:
        if self._own:
            return message.extra
        left_over(message.extra, path, self._losses, WHO)
        return {}

    def _parts(self, message: Message, path: str) -> list[Said]:
        several = message.form == "parts"
        out: list[Said] = []
        for index, part in enumerate(message.parts if self._own else rejoined(message.parts)):
            if isinstance(part, ToolCall):
                self._called[part.id] = part.name
            if isinstance(part, Text) and not part.text and not self._own and len(message.parts) > 1:
                continue
            said = self._voice.part(part, _path(path, part, index, several=several))
            if said is not None:
                out.append(said)
        return out

    def _instruct(self, message: Message, path: str) -> None:
        """System messages go together, wherever they stood."""
        if self._contents:
            self._losses.add(
                f"{path}.role", f"{WHO} has one system instruction, before all turns", "moved there", adapted=True
            )
        for index, part in enumerate(message.parts):
            said = self._voice.part(part, _path(path, part, index, several=message.form == "parts"))
            if said is not None:
                self._system.append(said)
        extra = self._extra(message, path)
        bare: Said = {"parts": []} if self._own and message.form == "parts" and not self._system else {}
        self._instruction = {**bare, **(self._instruction or {}), **extra}

    def _prove(self, parts: list[Said], path: str) -> None:
        """Gemini 3 refuses a step of the current turn whose first call has no proof."""
        for said in parts:
            if "functionCall" in said:
                if "thoughtSignature" not in said:
                    said["thoughtSignature"] = SKIP
                    self._losses.add(
                        f"{path}.tool_calls.signature",
                        f"{WHO} wants its own proof of thoughts with the calls of a turn",
                        "sent with the mark that skips its check",
                        adapted=True,
                    )
                return

    def _result(self, message: Message, path: str) -> None:
        call_id = message.tool_call_id
        name = message.name if self._own else None
        if name is None:
            name = self._called.get(call_id or "") or message.name
        if name is None:
            raise BadRequest(
                f"`{path}.tool_call_id` names no call of an earlier message; {WHO} needs the function's name",
                param=f"{path}.tool_call_id",
            )
        texts = self._texts(message, path)
        others = [part for part in message.parts if not isinstance(part, Text)]
        known = call_id and not call_id.startswith(MADE) and message.role == "tool"
        inner: Said = {"id": call_id, "name": name} if known else {"name": name}
        if texts or not self._own:
            text = "\n".join(texts)
            plain = self._own and message.form == "text"
            inner["response"] = {OUTPUT: text} if plain else response_of(text, failed=message.failed)
        beside = self._media(inner, others, path)
        if message.cache is not None:
            no_cache_mark(self._losses, path, WHO)
        extra = self._extra(message, path)
        said = merged({"functionResponse": inner}, extra)
        self._put("user", [said, *beside], {}, result=True)

    def _texts(self, message: Message, path: str) -> list[str]:
        """The texts of a result; what else is said of them is told as lost."""
        out: list[str] = []
        for index, part in enumerate(message.parts):
            if isinstance(part, Text):
                if part.extra or part.cache is not None or part.citations:
                    self._voice.part(part, _path(path, part, index, several=message.form == "parts"))
                out.append(part.text)
        return out

    def _media(self, inner: Said, others: Sequence[Part], path: str) -> list[Said]:
        """Put what isn't text into a result, or beside it for models that don't take it there."""
        said = [
            part
            for index, other in enumerate(others)
            if (part := self._voice.part(other, f"{path}.content[{index}]")) is not None
        ]
        if said and (self._own or self._new):
            inner["parts"] = said
            return []
        if said:
            self._losses.add(f"{path}.content", f"{WHO} takes text in a result only", "sent beside it", adapted=True)
        return said

    def _put(self, role: str, parts: list[Said] | None, extra: dict[str, Any], *, result: bool = False) -> None:
        """Add a turn, or add to the last: results of one step stand together, and so does what the user says to them."""
        last = self._contents[-1] if self._contents else None
        joins = last is not None and last["role"] == role and "parts" in last
        if joins and parts and not extra and (self._open == "tool" or not (self._own or result)):
            last["parts"] += parts  # pyright: ignore[reportOptionalSubscript]
        else:
            turn: Said = {"role": role}
            if parts is not None:
                turn["parts"] = parts
            self._contents.append(merged(turn, extra))
        self._open = "tool" if result else role


def _path(path: str, part: Part, index: int, *, several: bool) -> str:
    if isinstance(part, ToolCall):
        return f"{path}.tool_calls"
    return f"{path}.content[{index}]" if several or isinstance(part, Image) else path
