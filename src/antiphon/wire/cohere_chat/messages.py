"""Messages as Cohere has them. Source: cohere 7.3.1, `types/chat_message_v2.py`, `types/content.py`."""

from typing import Any

import msgspec

from antiphon.core.content import (
    Audio,
    Cache,
    Extra,
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
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.places import placed
from antiphon.wire.codec import left_over
from antiphon.wire.cohere_chat.documents import text_of
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark, no_failure_mark, no_proof, no_thoughts

WHO = "Cohere"
Out = dict[str, Any]
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_RESULTS = ("tool", "function")
_DETAILS = ("auto", "low", "high")


class Writer:
    """Writes the messages of one request, and the documents that they bring."""

    __slots__ = ("_legacy", "documents", "losses", "messages")

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self.messages: list[Out] = []
        self.documents: list[Out] = []
        self._legacy: dict[str, str] = {}
        """Ids given to calls that have none, by the name of their tool."""

    def left_over(self, extra: Extra, path: str) -> None:
        """Note what a foreign dialect said beside the canonical words."""
        if extra:
            left_over(extra, path, self.losses, WHO)

    def cached(self, cache: Cache | None, path: str) -> None:
        """Note a mark of what is to be kept."""
        if cache is not None:
            no_cache_mark(self.losses, path, WHO)

    def add(self, message: Message, index: int) -> None:
        """Write one message. Raises: BadRequest."""
        here = f"messages[{index}]"
        self.left_over(message.extra, here)
        self.cached(message.cache, here)
        if message.name is not None and message.role not in _RESULTS:
            self.losses.add(f"{here}.name", f"{WHO} has no names of speakers")
        if message.role in _RESULTS:
            self._result(message, index)
            return
        role = _ROLES.get(message.role, "user")
        if message.role not in _ROLES:
            self.losses.add(f"{here}.role", f"{WHO} has no such role", "sent as user", adapted=True)
        out: Out = {"role": role}
        content: list[Out] = []
        for path, part in placed(message, index):
            if isinstance(part, ToolCall):
                self._call(part, path, index, out)
            else:
                content += self._part(part, path, role)
        if role == "assistant":
            content = _planned(out, content)
        if content:
            out["content"] = _plain(content)
        elif "tool_calls" not in out:
            self.losses.add(here, f"{WHO} refuses empty messages")
            return
        self.messages.append(out)

    def _part(self, part: Part, path: str, role: str) -> list[Out]:
        match part:
            case Text():
                return self._text(part, path)
            case Refusal():
                self.losses.add(path, f"{WHO} has no refusals", "sent as text", adapted=True)
                return self._text(Text(text=part.text, extra=part.extra), path)
            case Reasoning():
                return self._reasoning(part, path, role)
            case Image() | File() | Audio():
                return self._media(part, path, role)
            case Unknown() | ToolCall():
                self.losses.add(path, f"{WHO} has no part of this kind")
                return []

    def _text(self, part: Text, path: str) -> list[Out]:
        self.left_over(part.extra, path)
        self.cached(part.cache, path)
        if part.citations:
            self.losses.add(f"{path}.citations", f"{WHO} takes no citations of other providers")
        if part.signature is not None:
            no_proof(self.losses, path, WHO)
        return [{"type": "text", "text": part.text}] if part.text else []

    def _reasoning(self, part: Reasoning, path: str, role: str) -> list[Out]:
        """Thoughts need no proof here. What is encrypted can't be read."""
        self.left_over(part.extra, path)
        if part.signature is not None:
            if part.redacted:
                no_thoughts(self.losses, path, WHO)
            else:
                no_proof(self.losses, path, WHO)
        if role != "assistant":
            self.losses.add(path, f"{WHO} takes thoughts of an assistant only")
            return []
        return [{"type": "thinking", "thinking": part.text}] if part.text else []

    def _media(self, part: Image | File | Audio, path: str, role: str) -> list[Out]:
        self.left_over(part.extra, path)
        self.cached(part.cache, path)
        if isinstance(part, Audio) and part.transcript:
            self.losses.add(path, f"{WHO} takes no sound", "its transcript is sent", adapted=True)
            return [{"type": "text", "text": part.transcript}]
        if role != "user":
            self.losses.add(path, f"{WHO} takes media in a user's messages only")
            return []
        if isinstance(part, Image) and part.url:
            image: Out = {"url": part.url}
            if part.detail in _DETAILS:
                image["detail"] = part.detail
            elif part.detail is not None:
                self.losses.add(f"{path}.detail", f"{WHO} has no such level of detail")
            return [{"type": "image_url", "image_url": image}]
        if isinstance(part, File):
            text = text_of(part)
            if text is not None:
                return self._document(part, text, path)
        kind = {Image: "image", File: "file", Audio: "sound"}[type(part)]
        message = f"`{path}`: {WHO} can't be sent this {kind}; send text, or an image by its URL"
        raise BadRequest(message, param=path)

    def _document(self, part: File, text: str, path: str) -> list[Out]:
        self.losses.add(path, f"{WHO} has no files in messages", "sent among documents", adapted=True)
        data = {"title": part.name, "text": text} if part.name else {"text": text}
        self.documents.append({"id": f"document_{len(self.documents)}", "data": data})
        return []

    def _call(self, part: ToolCall, path: str, index: int, out: Out) -> None:
        if not part.name or out["role"] != "assistant":
            self.losses.add(path, f"{WHO} has no call of this kind")
            return
        self.left_over(part.extra, path)
        self.cached(part.cache, path)
        if part.signature is not None:
            no_proof(self.losses, path, WHO)
        if part.kind != "function":
            self.losses.add(f"{path}.input", f"{WHO} takes an object only", "sent as the field `input`", adapted=True)
        said = part.id
        if not said:
            self._legacy[part.name] = said = f"function_call_{index}"
        arguments = part.arguments or "{}"
        if part.kind == "custom":
            arguments = msgspec.json.encode({"input": part.arguments}).decode()
        function = {"name": part.name, "arguments": arguments}
        out.setdefault("tool_calls", []).append({"id": said, "type": "function", "function": function})

    def _result(self, message: Message, index: int) -> None:
        here = f"messages[{index}]"
        said = message.tool_call_id or self._legacy.get(message.name or "")
        if not said:
            path = f"{here}.tool_call_id"
            raise BadRequest(f"`{path}` is missing; send the id of the call that this answers", param=path)
        if message.failed:
            no_failure_mark(self.losses, here, WHO)
        content: list[Out] = []
        for path, part in placed(message, index):
            text = text_of(part) if isinstance(part, File) else None
            if text is not None:
                content.append({"type": "document", "document": {"data": {"text": text}}})
            elif isinstance(part, Text | Refusal):
                content += self._part(part, path, "tool")
            else:
                self.losses.add(path, f"{WHO} takes text only of a tool")
        self.messages.append({"role": "tool", "tool_call_id": said, "content": _plain(content)})


def _plain(content: list[Out]) -> str | list[Out]:
    """One text as it is, else a list."""
    if not content:
        return ""
    return content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content


def _planned(out: Out, content: list[Out]) -> list[Out]:
    """Before a call of tools, thoughts are its plan."""
    if "tool_calls" not in out:
        return content
    plan = "".join(part["thinking"] for part in content if part["type"] == "thinking")
    if plan:
        out["tool_plan"] = plan
    return [part for part in content if part["type"] != "thinking"]
