"""Writes parts of a content."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from antiphon.core.content import Audio, File, Image, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.fields import merged, present
from antiphon.wire.gemini import media
from antiphon.wire.gemini.parts import MADE
from antiphon.wire.gemini.proof import seal
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark, no_proof, no_thoughts

WHO = "Gemini"
_DIRECT = {"type": "direct"}
"""What Anthropic says of a call that its model made by itself, as all others do."""
Said = dict[str, Any]


class Voice:
    """How parts are put: for an upstream or a caller, and from which dialect.

    Args:
        own: They came in this dialect, so that what is left over goes back.
        caller: They go to a caller, who carries foreign proofs for us.
    """

    __slots__ = ("caller", "losses", "own")

    def __init__(self, losses: Losses, *, own: bool, caller: bool) -> None:
        self.losses = losses
        self.own = own
        self.caller = caller

    def part(self, part: Part, path: str) -> Said | None:
        """Write one part; None leaves it out, which is told."""
        match part:
            case Text():
                return self._text(part, path)
            case Reasoning():
                return self._thought(part, path)
            case ToolCall():
                return self._call(part, path)
            case Image():
                return self._image(part, path)
            case Audio():
                return self._audio(part, path)
            case File():
                return self._file(part, path)
            case Refusal():
                self.losses.add(f"{path}.refusal", f"{WHO} has no refusals", "sent as text", adapted=True)
                return {"text": part.text}
            case Unknown():
                return self._unknown(part, path)

    def proof(self, out: Said, signature: str | None, signed_by: str, path: str, *, redacted: bool = False) -> None:
        """Put a signature on a part."""
        if signature is None:
            return
        if self.caller:
            out["thoughtSignature"] = seal(signature, signed_by, redacted=redacted)
        elif signed_by in ("", "gemini"):
            out["thoughtSignature"] = signature
        else:
            no_proof(self.losses, path, WHO)

    def rest(self, out: Said, extra: Mapping[str, Any], path: str) -> Said:
        """Put back what a part said beside its words, or note that it can't go."""
        if not extra:
            return out
        if self.own:
            return merged(out, extra)
        left_over(extra, path, self.losses, WHO)
        return out

    def _text(self, part: Text, path: str) -> Said:
        out: Said = {"text": part.text}
        if part.signature is not None:
            self.proof(out, part.signature, part.signed_by, path)
        if part.cache is not None:
            self._cached(path)
        if part.citations and not self.caller:
            self.losses.add(f"{path}.citations", f"{WHO} has no citations in a request")
        return self.rest(out, part.extra, path) if part.extra else out

    def _thought(self, part: Reasoning, path: str) -> Said | None:
        known = part.signature is not None and part.signed_by in ("", "gemini")
        if not (self.own or self.caller or known):
            no_thoughts(self.losses, path, WHO)
            return None
        if part.redacted and not self.caller:
            no_thoughts(self.losses, path, WHO)
            return None
        out: Said = {"text": part.text, "thought": True}
        self.proof(out, part.signature, part.signed_by, path, redacted=part.redacted)
        return self.rest(out, part.extra, path)

    def _call(self, part: ToolCall, path: str) -> Said | None:
        if not part.name and not self.own:
            self.losses.add(path, f"{WHO} has no calls of this kind")
            return None
        call: Said = {} if not part.id or part.id.startswith(MADE) else {"id": part.id}
        call |= {"name": part.name, "args": self._arguments(part, path)}
        out: Said = {"functionCall": call}
        self.proof(out, part.signature, part.signed_by, path)
        if part.cache is not None:
            self._cached(path)
        left = part.extra
        if not self.own and left.get("caller") == _DIRECT:
            left = {name: value for name, value in left.items() if name != "caller"}
        return self.rest(out, left, path)

    def _arguments(self, part: ToolCall, path: str) -> dict[str, Any]:
        if part.kind == "function":
            value = arguments_of(part.arguments)
            if value is not None:
                return value
        if part.kind == "custom":
            self.losses.add(f"{path}.input", f"{WHO} takes an object only", "sent as the field `input`", adapted=True)
            return {"input": part.arguments}
        self.losses.add(f"{path}.arguments", f"{WHO} takes an object only", 'sent as {"_raw": …}', adapted=True)
        return {"_raw": part.arguments}

    def _image(self, part: Image, path: str) -> Said | None:
        if part.cache is not None:
            self._cached(path)
        if part.detail not in (None, "auto"):
            self.losses.add(f"{path}.image_url.detail", f"{WHO} has no detail of an image")
        found = self._blob(part.url, part.media_type or "image/png")
        if found is not None:
            return self.rest(found, part.extra, path)
        if part.id is not None and not part.url:
            return self._named(part.id, part.media_type, None, part.extra, path)
        return self._fetched(part.url, part.media_type or media.guessed(part.url, "image/jpeg"), None, part.extra, path)

    def _audio(self, part: Audio, path: str) -> Said | None:
        if part.cache is not None:
            self._cached(path)
        if part.data is not None:
            if part.transcript:
                self.losses.add(f"{path}.transcript", f"{WHO} has no transcript beside the sound")
            blob = {"mimeType": media.audio_type(part.format), "data": part.data}
            return self.rest({"inlineData": blob}, part.extra, path)
        if part.url is not None:
            return self._fetched(part.url, media.audio_type(part.format), None, part.extra, path)
        if part.transcript is not None:
            self.losses.add(
                path, f"{WHO} doesn't know another provider's sound", "sent as its transcript", adapted=True
            )
            return {"text": part.transcript}
        self.losses.add(path, f"{WHO} doesn't know another provider's sound")
        return None

    def _file(self, part: File, path: str) -> Said | None:
        if part.cache is not None:
            self._cached(path)
        if part.data is not None:
            usual = part.media_type or media.guessed(part.name or "", "application/pdf")
            blob = self._blob(part.data, usual) or {"inlineData": {"mimeType": usual, "data": part.data}}
            if self.own and part.name is not None:
                blob["inlineData"]["displayName"] = part.name
            elif part.name is not None:
                self.losses.add(f"{path}.file.filename", f"{WHO} takes no names of files")
            return self.rest(blob, part.extra, path)
        if part.text is not None:
            self.losses.add(f"{path}.file", f"{WHO} has no files of plain text", "sent as text", adapted=True)
            return self.rest({"text": part.text}, part.extra, path)
        if part.id is not None:
            return self._named(part.id, part.media_type, part.name, part.extra, path)
        url = part.url or ""
        kind = part.media_type if self.own else part.media_type or media.guessed(url, "application/pdf")
        return self._fetched(url, kind, part.name, part.extra, path)

    def _blob(self, url: str, usual: str) -> Said | None:
        found = media.opened(url)
        return None if found is None else {"inlineData": {"mimeType": found[0] or usual, "data": found[1]}}

    def _named(self, uri: str, kind: str | None, name: str | None, extra: Mapping[str, Any], path: str) -> Said | None:
        """A file that the provider keeps."""
        if not self.own and not uri.startswith(("https://generativelanguage.googleapis.com/", "gs://")):
            message = f"`{path}` is a file that another provider keeps, which {WHO} can't read; send its bytes"
            raise BadRequest(message, param=path)
        return self.rest({"fileData": present(fileUri=uri, mimeType=kind, displayName=name)}, extra, path)

    def _fetched(
        self, url: str, kind: str | None, name: str | None, extra: Mapping[str, Any], path: str
    ) -> Said | None:
        """A file that is to be fetched. Gemini reads public addresses, up to a size and not every place."""
        if not url:
            self.losses.add(path, f"{WHO} finds nothing to read in it")
            return None
        if not self.own:
            self.losses.add(
                path, f"{WHO} takes an address with its media type", f"sent as fileData of {kind}", adapted=True
            )
        return self.rest({"fileData": present(fileUri=url, mimeType=kind, displayName=name)}, extra, path)

    def _unknown(self, part: Unknown, path: str) -> Said | None:
        if self.own:
            return part.raw
        self.losses.add(path, f"{WHO} has no parts of the kind {part.kind!r}")
        return None

    def _cached(self, path: str) -> None:
        no_cache_mark(self.losses, path, WHO)


def arguments_of(text: str) -> dict[str, Any] | None:
    """Arguments as an object; None when they are none. Nothing at all is no arguments."""
    if not text:
        return {}
    try:
        return _object(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


_object: Callable[[str], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
