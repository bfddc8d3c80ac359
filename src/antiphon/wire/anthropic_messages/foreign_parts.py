"""Parts that came in another dialect, written as Anthropic's blocks; what has none is a loss."""

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.content import Audio, File, Image, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.error import BadRequest
from antiphon.wire.anthropic_messages.blocks import split_data
from antiphon.wire.anthropic_messages.ids import Ids
from antiphon.wire.anthropic_messages.tools import cached
from antiphon.wire.anthropic_messages.write import OWN, Block, call_block, input_of, text_block
from antiphon.wire.codec import left_over
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_proof, no_thoughts

WHO = "Anthropic"
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
"""Source: anthropic 2.14.0, `types/base64_image_source_param.py` (2026-11)."""
_BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "pdf": "application/pdf",
        "txt": "text/plain",
        "md": "text/markdown",
        "csv": "text/csv",
        "json": "application/json",
    }
)
_AS_TEXT = ("application/json", "application/xml", "application/yaml", "application/x-yaml")


class Parts:
    """Writes the parts of one request. Raises: BadRequest, where an answer would depend on what can't be sent."""

    def __init__(self, losses: Losses, ids: Ids) -> None:
        self.losses = losses
        self.ids = ids

    def block(self, part: Part, path: str, *, assistant: bool = False) -> Block | None:
        """One part as a block; None where it is left out, which is noted."""
        match part:
            case Text():
                return self._text(part, path)
            case Refusal():
                self.losses.add(f"{path}.refusal", f"{WHO} has no refusals in requests", "sent as text", adapted=True)
                return _filled(part.text)
            case ToolCall() | Reasoning() if not assistant:
                self.losses.add(path, f"{WHO} takes calls and thoughts of the assistant alone")
                return None
            case ToolCall():
                return self._call(part, path)
            case Reasoning():
                return self._thought(part, path)
            case Image() | File() if assistant:
                self.losses.add(path, f"{WHO} takes no images or files in an assistant's turn")
                return None
            case Image() | File() | Audio() | Unknown():
                return self._medium(part, path)

    def _medium(self, part: Image | File | Audio | Unknown, path: str) -> Block | None:
        match part:
            case Image():
                return self._image(part, path)
            case File():
                return self._file(part, path)
            case Audio():
                return self._audio(part, path)
            case Unknown():
                self.losses.add(path, f"{WHO} has no part of the kind {part.kind[:40]}")
                return None

    def _text(self, part: Text, path: str) -> Block | None:
        if part.citations:
            self.losses.add(f"{path}.citations", f"{WHO} takes only citations of its own")
        if part.signature and part.signed_by not in ("", OWN):
            no_proof(self.losses, path, WHO)
        if part.extra:
            left_over(part.extra, path, self.losses, WHO)
        block = _filled(part.text)
        return block if block is None or part.cache is None else cached(block, part.cache)

    def _call(self, part: ToolCall, path: str) -> Block:
        where = f"{path}.arguments"
        if part.kind == "custom":
            given = {"input": part.arguments}
            self.losses.add(where, f"{WHO} has no tools of free text", "sent as the field `input`", adapted=True)
        else:
            given, whole = input_of(part.arguments)
            if not whole:
                self.losses.add(
                    where, f"{WHO} takes arguments that are an object alone", "sent as `_raw`", adapted=True
                )
        if part.signature and part.signed_by not in ("", OWN):
            no_proof(self.losses, path, WHO)
        left_over(part.extra, path, self.losses, WHO)
        return cached(call_block(self.ids.call(part.id, part.name), part.name or part.kind, given), part.cache)

    def _thought(self, part: Reasoning, path: str) -> Block | None:
        if not part.signature:
            no_thoughts(self.losses, path, WHO)
            return None
        if part.signed_by not in ("", OWN):
            no_thoughts(self.losses, path, WHO)
            return None
        if part.redacted:
            return {"type": "redacted_thinking", "data": part.signature}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}

    def _image(self, part: Image, path: str) -> Block | None:
        if part.detail not in (None, "auto"):
            self.losses.add(f"{path}.detail", f"{WHO} has no detail of images")
        left_over(part.extra, path, self.losses, WHO)
        if part.id is not None or not part.url:
            message = f"`{path}` is an image that another provider keeps, which {WHO} can't read; send its bytes"
            raise BadRequest(message, param=path)
        data = split_data(part.url)
        if data is not None:
            return self._picture(data[0], data[1], path, part)
        if not part.url.lower().startswith(("https://", "http://")):
            self.losses.add(path, f"{WHO} fetches images from the web alone")
            return None
        return cached({"type": "image", "source": {"type": "url", "url": part.url}}, part.cache)

    def _picture(self, media: str, data: str, path: str, part: Image | File) -> Block | None:
        kind = "image/jpeg" if media.lower() == "image/jpg" else media.lower()
        if kind not in IMAGES:
            self.losses.add(path, f"{WHO} takes no images of this type")
            return None
        return cached({"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}, part.cache)

    def _audio(self, part: Audio, path: str) -> Block | None:
        if part.transcript:
            self.losses.add(path, f"{WHO} takes no sound", "its transcript is sent as text", adapted=True)
            return _filled(part.transcript)
        self.losses.add(path, f"{WHO} takes no sound")
        return None

    def _file(self, part: File, path: str) -> Block | None:
        left_over(part.extra, path, self.losses, WHO)
        source = self._source(part, path)
        if source is None:
            return None
        if source["type"] == "image":
            return source
        out: Block = {"type": "document", "source": source}
        if part.name:
            out["title"] = part.name
        return cached(out, part.cache)

    def _source(self, part: File, path: str) -> Block | None:
        """What a document's `source` is, or a whole block of an image."""
        if part.text is not None:
            return {"type": "text", "media_type": "text/plain", "data": part.text} if part.text.strip() else None
        if part.data is not None:
            data = split_data(part.data)
            media = data[0] if data is not None else part.media_type or _by_name(part.name)
            return self._bytes(media.lower(), data[1] if data is not None else part.data, path, part)
        if part.url and part.url.lower().startswith(("https://", "http://")):
            if part.media_type in IMAGES:
                return cached({"type": "image", "source": {"type": "url", "url": part.url}}, part.cache)
            if part.media_type in (None, "application/pdf"):
                return {"type": "url", "url": part.url}
        if part.id is not None:
            message = f"`{path}` is a file that another provider keeps, which {WHO} can't read; send its bytes"
            raise BadRequest(message, param=path)
        self.losses.add(path, f"{WHO} takes files as bytes, text or the web address of a PDF")
        return None

    def _bytes(self, media: str, data: str, path: str, part: File) -> Block | None:
        if media.startswith("image/"):
            return self._picture(media, data, path, part)
        if media == "application/pdf":
            return {"type": "base64", "media_type": media, "data": data}
        if media.startswith("text/") or media in _AS_TEXT:
            try:
                text = base64.b64decode(data).decode()
            except (binascii.Error, ValueError):
                text = ""
            if text.strip():
                return {"type": "text", "media_type": "text/plain", "data": text}
        self.losses.add(path, f"{WHO} takes no files of this type")
        return None


def _by_name(name: str | None) -> str:
    return _BY_NAME.get((name or "").rpartition(".")[2].lower(), "application/pdf")


def _filled(text: str) -> Block | None:
    """A block of text; None where there is none in it, which Anthropic refuses."""
    return None if not text or text.isspace() else text_block(text)
