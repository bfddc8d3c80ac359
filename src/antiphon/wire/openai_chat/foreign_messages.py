"""Messages that came in another dialect, made fit for Chat Completions."""

import binascii
from base64 import b64decode
from hashlib import sha256

from antiphon.core.content import Audio, File, Image, Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.error import BadRequest
from antiphon.wire.codec import left_over
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark, no_failure_mark, no_proof, no_thoughts

MAX_ID = 40
"""Longest id of a tool call. Source: the API's own error, "Expected a string with maximum length 40", 2025."""
PDF = "data:application/pdf;base64,"
DEVELOPERS = frozenset({"openai", "azure", "lab"})
"""Providers that know the role `developer`; to others it is `system`, which all know."""
_CALLS = frozenset({"function", "custom"})
_ADDRESSES = ("https://", "http://", "data:")


class Adopter:
    """Writes one conversation's messages anew, and tells what is lost."""

    def __init__(self, losses: Losses, who: str, *, thoughts: str) -> None:
        """`thoughts`: the field in which the upstream takes thoughts back; empty: in none."""
        self._losses = losses
        self._who = who
        self._thoughts = thoughts
        self._held: list[Part] = []
        """Media of the results of tools so far."""
        self._uncalled: set[str] = set()
        """Ids of the calls that were left out."""

    def adopt(self, message: Message, path: str, out: list[Message]) -> None:
        """Append what a message becomes. Raises: BadRequest."""
        losses, who = self._losses, self._who
        if message.role != "tool":
            self.close(out)
        left_over(message.extra, path, losses, who)
        if message.tool_call_id in self._uncalled:
            losses.add(path, f"the call that it answers can't be sent to {who}")
            return
        if message.cache is not None:
            no_cache_mark(losses, path, who)
        if message.failed:
            no_failure_mark(losses, path, who)
        said: list[Part] = []
        media: list[Part] = []
        for index, part in enumerate(message.parts):
            fit = self._part(part, message.role, f"{path}.content[{index}]")
            if fit is not None:
                (media if isinstance(fit, Image | Audio | File) else said).append(fit)
        call_id = None if message.tool_call_id is None else short_id(message.tool_call_id)
        if media and message.role == "user":
            parts = self._in_order(message, path)
            out.append(Message(role="user", parts=parts, form="parts", name=message.name))
            return
        out.append(_spoken(self._role(message.role, path), said, message.name, call_id))
        if media:
            losses.add(f"{path}.content", f"{who} takes text here only", "media sent in a user's message", adapted=True)
            if call_id is not None:
                self._held.append(Text(text=f"From the result of the tool call {call_id}:"))
            self._held += media

    def _role(self, role: str, path: str) -> str:
        if role != "developer" or self._who in DEVELOPERS:
            return role
        self._losses.add(f"{path}.role", f"{self._who} may not know it", "sent as system", adapted=True)
        return "system"

    def close(self, out: list[Message]) -> None:
        """Append the media of tools' results: behind all of them, since nothing may stand between."""
        if self._held:
            out.append(Message(role="user", parts=tuple(self._held), form="parts"))
            self._held = []

    def _in_order(self, message: Message, path: str) -> tuple[Part, ...]:
        fit = (self._part(part, "user", f"{path}.content[{index}]") for index, part in enumerate(message.parts))
        return tuple(part for part in fit if part is not None)

    def _part(self, part: Part, role: str, path: str) -> Part | None:
        """A part in its new form; None: it is left out."""
        losses, who = self._losses, self._who
        if isinstance(part, Unknown):
            losses.add(path, f"{who} has no part of the kind {part.kind}")
            return None
        left_over(part.extra, path, losses, who)
        if not isinstance(part, Refusal | Reasoning) and part.cache is not None:
            no_cache_mark(losses, path, who)
        match part:
            case Reasoning():
                return self._thought(part, path)
            case Text():
                if part.signature:
                    no_proof(losses, path, who)
                if part.citations:
                    losses.add(f"{path}.citations", f"{who} takes none back", adapted=True)
                return Text(text=part.text) if part.text else None
            case ToolCall():
                return self._call(part, path)
            case Image() | Audio() | File():
                return self._media(part, role, path)
            case Refusal():
                return part

    def _call(self, part: ToolCall, path: str) -> ToolCall | None:
        if part.kind not in _CALLS or not part.name:
            self._losses.add(path, f"{self._who} has no calls of the kind {part.kind}")
            self._uncalled.add(part.id)
            return None
        if part.signature:
            no_proof(self._losses, path, self._who)
        arguments = part.arguments or ("{}" if part.kind == "function" else "")
        return ToolCall(id=short_id(part.id), name=part.name, arguments=arguments, kind=part.kind)

    def _media(self, part: Image | Audio | File, role: str, path: str) -> Part | None:
        """Raises: BadRequest."""
        if role == "assistant":
            if isinstance(part, Audio) and part.transcript:
                why = f"{self._who} knows no sound that it didn't speak"
                self._losses.add(path, why, "sent as its transcript", adapted=True)
                return Text(text=part.transcript)
            self._losses.add(path, f"{self._who} takes no media in an assistant's message")
            return None
        match part:
            case Image():
                return _image(part, path, self._who)
            case Audio():
                return _audio(part, path, self._who)
            case File():
                return self._file(part, path)

    def _thought(self, part: Reasoning, path: str) -> Reasoning | None:
        """Nobody who speaks Chat Completions answers otherwise without a proof, nor, but for those who have a field for
        them, without the thoughts of earlier turns: so these are not lost.
        """
        if self._thoughts and part.text:
            if part.signature:
                no_proof(self._losses, path, self._who)
            return Reasoning(text=part.text, label=self._thoughts)
        no_thoughts(self._losses, path, self._who, own=False)
        return None

    def _file(self, part: File, path: str) -> Part:
        """Raises: BadRequest."""
        if part.text is not None:
            self._losses.add(path, f"{self._who} takes no files of plain text", "sent as text", adapted=True)
            name = f"{part.name}:\n" if part.name else ""
            return Text(text=f"{name}{part.text}")
        if part.data is None:
            raise BadRequest(
                f"`{path}` names a file by {'its URL' if part.url else 'an id'}, which {self._who} does not take; "
                "send its bytes",
                param=path,
            )
        data = part.data
        if not data.startswith("data:"):
            data = f"data:{part.media_type};base64,{data}" if part.media_type else PDF + data
        if data.startswith("data:video/"):
            raise BadRequest(f"`{path}` is a video, which {self._who} does not take", param=path)
        text = _text_of(data)
        if text is not None:
            return self._file(File(text=text, name=part.name), path)
        return File(data=data, name=part.name or "file.pdf")


def _image(part: Image, path: str, who: str) -> Image:
    """Raises: BadRequest."""
    if not part.url:
        raise BadRequest(
            f"`{path}` names an image by an id that {who} does not know; send its bytes or a URL", param=path
        )
    if not part.url.lower().startswith(_ADDRESSES):
        raise BadRequest(
            f"`{path}` names an image by an address that {who} can't read; send its bytes or an https URL", param=path
        )
    return Image(url=part.url, detail=part.detail)


def _audio(part: Audio, path: str, who: str) -> Audio:
    """Raises: BadRequest."""
    if part.data is None:
        raise BadRequest(f"`{path}` names sound by its URL, which {who} does not take; send its bytes", param=path)
    return Audio(data=part.data, format=part.format or "wav")


def _spoken(role: str, parts: list[Part], name: str | None, call_id: str | None) -> Message:
    """A message whose content is text: of several texts one, as every server takes it."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    rest = tuple(part for part in parts if not isinstance(part, Text))
    glue = "" if role == "assistant" else "\n"
    content = (Text(text=glue.join(texts)),) if texts else ()
    thoughts = tuple(part for part in rest if isinstance(part, Reasoning))
    others = tuple(part for part in rest if not isinstance(part, Reasoning))
    bare = role == "assistant" and bool(others)
    if not content and not bare:
        content = (Text(text=""),)
    form = "text" if content else "none"
    return Message(role=role, parts=(*thoughts, *content, *others), form=form, name=name, tool_call_id=call_id)


def _text_of(url: str) -> str | None:
    """The text of a `data:` URL; None where it isn't one of text, or isn't UTF-8."""
    kind, comma, data = url.partition(",")
    if not comma or not kind.startswith("data:text/") or not kind.endswith(";base64"):
        return None
    try:
        return b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def short_id(given: str) -> str:
    """A tool call's id that OpenAI takes: the same for the same."""
    return given if len(given) <= MAX_ID else "call_" + sha256(given.encode()).hexdigest()[: MAX_ID - 5]
