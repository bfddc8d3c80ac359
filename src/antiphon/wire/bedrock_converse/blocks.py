"""The parts of a message as content blocks. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: ContentBlock."""

from typing import Any

import msgspec
from msgspec import Raw

from antiphon.core.content import (
    Audio,
    Cache,
    Extra,
    File,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Unknown,
)
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.ids import call_id, fits, tool_name
from antiphon.wire.bedrock_converse.media import encode_audio, encode_file, encode_image
from antiphon.wire.bedrock_converse.model import Model
from antiphon.wire.codec import left_over
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark, no_proof, no_thoughts

WHO = "Bedrock Converse"
OWN = "bedrock_converse"
Block = dict[str, Any]
_TTLS = ("", "5m", "1h")
_anything = msgspec.json.Decoder()


class Writer:
    """Writes the blocks of one request."""

    __slots__ = ("_documents", "called", "losses", "model", "own_tools")

    def __init__(self, model: Model, losses: Losses) -> None:
        self.model = model
        self.losses = losses
        self.called: dict[str, None] = {}
        """Names of the tools that the conversation calls, in order."""
        self.own_tools: list[Block] = []
        """Tools that the model knows by itself."""
        self._documents = 0

    def left_over(self, extra: Extra, path: str) -> None:
        """Note what a foreign dialect said beside the canonical words."""
        if extra:
            left_over(extra, path, self.losses, WHO)

    def blocks(self, part: Part, path: str, role: str) -> list[Block]:
        """A part's blocks, and a cache point where one is asked for; none where it can't be carried.

        Raises: BadRequest.
        """
        match part:
            case Text():
                return self._text(part, path)
            case Refusal():
                self.losses.add(path, f"{WHO} has no refusals", "sent as text", adapted=True)
                return self._text(Text(text=part.text, extra=part.extra), path)
            case Reasoning():
                return self._reasoning(part, path)
            case ToolCall():
                return self._call(part, path)
            case Unknown():
                self.losses.add(path, f"{WHO} has no part of this kind")
                return []
            case Image() | Audio() | File():
                return self._media(part, path, role)

    def cache_point(self, cache: Cache | None, path: str) -> list[Block]:
        """A cache point that ends what is to be kept."""
        if cache is None:
            return []
        self.left_over(cache.extra, f"{path}.cache_control")
        if not self.model.caches:
            no_cache_mark(self.losses, path, "this model on Bedrock", itself=False)
            return []
        if cache.ttl not in _TTLS:
            self.losses.add(f"{path}.cache_control.ttl", f"{WHO} knows 5m and 1h only", "sent as 5m", adapted=True)
        return [{"cachePoint": {"type": "default", "ttl": "1h"} if cache.ttl == "1h" else {"type": "default"}}]

    def _text(self, part: Text, path: str) -> list[Block]:
        self.left_over(part.extra, path)
        if part.citations:
            self.losses.add(f"{path}.citations", f"{WHO} takes no citations of other providers")
        if part.signature is not None:
            no_proof(self.losses, path, WHO)
        if not part.text.strip():
            if part.text or part.cache is not None:
                self.losses.add(path, f"{WHO} refuses blank text")
            return []
        return [{"text": part.text}, *self.cache_point(part.cache, path)]

    def _reasoning(self, part: Reasoning, path: str) -> list[Block]:
        """Thoughts with a proof that this model can read. Claude's proofs are good on every platform.

        Source: platform.claude.com/docs/en/build-with-claude/extended-thinking, 2026-11.
        """
        self.left_over(part.extra, path)
        own = part.signed_by in ("", OWN)
        known = own or (part.signed_by == "anthropic_messages" and self.model.claude is not None and not part.redacted)
        if not part.signature:
            no_thoughts(self.losses, path, WHO)
            return []
        if not known:
            no_thoughts(self.losses, path, WHO)
            return []
        if part.redacted:
            return [{"reasoningContent": {"redactedContent": part.signature}}]
        return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]

    def _call(self, part: ToolCall, path: str) -> list[Block]:
        if not part.name:
            self.losses.add(path, f"{WHO} has no call of this kind")
            return []
        self.left_over(part.extra, path)
        if part.signature is not None and part.signed_by not in ("", OWN):
            no_proof(self.losses, path, WHO)
        name = part.name
        if not fits(name):
            name = tool_name(name)
            self.losses.add(f"{path}.name", f"{WHO} refuses some of its characters", "sent with others", adapted=True)
        self.called[name] = None
        said = {"toolUseId": call_id(part.id), "name": name, "input": self._input(part, path)}
        return [{"toolUse": said}, *self.cache_point(part.cache, path)]

    def _input(self, part: ToolCall, path: str) -> Raw | dict[str, str]:
        """A call's arguments as an object: the caller's own bytes, so that no number is changed."""
        text = part.arguments
        if not text.strip():
            return {}
        if part.kind == "function":
            raw = text.encode()
            try:
                if type(_anything.decode(raw)) is dict:
                    return Raw(raw)
            except (msgspec.MsgspecError, RecursionError):
                pass
        if part.kind == "custom":
            self.losses.add(f"{path}.input", f"{WHO} takes an object only", "sent as the field `input`", adapted=True)
            return {"input": text}
        self.losses.add(f"{path}.arguments", f"{WHO} takes an object only", "sent as _raw", adapted=True)
        return {"_raw": text}

    def _media(self, part: Image | Audio | File, path: str, role: str) -> list[Block]:
        self.left_over(part.extra, path)
        if isinstance(part, Audio) and part.id is not None:
            return self._spoken(part, path)
        if role != "user":
            self.losses.add(path, f"{WHO} takes media in a user's turns only")
            return []
        if not isinstance(part, Audio) and part.id is not None:
            message = f"`{path}` is a file that another provider keeps; send its bytes as a `data:` URL"
            raise BadRequest(message, param=path)
        match part:
            case Image():
                if part.detail is not None:
                    self.losses.add(f"{path}.detail", f"{WHO} has no levels of detail")
                block = encode_image(part, path)
            case Audio():
                block = encode_audio(part, path)
            case File():
                block = self._file(part, path)
        return [block, *self.cache_point(part.cache, path)]

    def _file(self, part: File, path: str) -> Block:
        self._documents += 1
        block = encode_file(part, path, f"document {self._documents}")
        if part.name is not None:
            effect = f"sent as document {self._documents}" if "document" in block else "left out"
            why = f"{WHO} warns of names that a model may take for instructions"
            self.losses.add(f"{path}.filename", why, effect, adapted="document" in block)
        return block

    def _spoken(self, part: Audio, path: str) -> list[Block]:
        if part.transcript and part.transcript.strip():
            self.losses.add(path, f"{WHO} keeps no spoken answers", "its transcript is sent", adapted=True)
            return [{"text": part.transcript}]
        self.losses.add(path, f"{WHO} keeps no spoken answers")
        return []
