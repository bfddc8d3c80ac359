"""What a request says, as plain texts: the same for every dialect.

An ordinary OpenAI chat is read straight from its bytes, in about 2 us a kilobyte; anything else by way of its canonical
form, which is kept with the request.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.core.content import Audio, Content, File, Image, Message, Text, Tool, ToolCall
from antiphon.core.embed import EmbedAsk
from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect, Operation, Request
from antiphon.wire.codecs import CODECS
from antiphon.wire.passage import meaning

_ROLES = {"developer": "system", "function": "tool"}
_READ: frozenset[Operation] = frozenset({"chat", "completions", "embeddings"})
"""What is asked for in words that are looked at."""
_PARTS = {"image_url": 0, "input_audio": 1, "file": 2}


class Unread(Exception):
    """Why the texts of a request are unknown."""


class Said(Struct, gc=False, kw_only=True):
    """The texts of a request, and what goes with them."""

    turns: list[tuple[str, str]]
    """Role (`system`, `user`, `assistant`, `tool` or another) and text of each message, in order."""
    tools: tuple[str, ...] = ()
    """Names of the tools that are offered."""
    required: bool = False
    """A tool has to be called."""
    definitions: str = ""
    """What is said of the tools: descriptions and schemas."""
    calls: str = ""
    """Names and arguments of the tools that were called."""
    shape: str = ""
    """`json`: the answer has to be JSON; `schema`: of a given schema."""
    temperature: float | None = None
    media: tuple[int, int, int] = (0, 0, 0)
    """Images, sounds and files."""

    def of(self, role: str) -> list[str]:
        """All texts of a role."""
        return [text for one, text in self.turns if one == role]

    @property
    def system(self) -> str:
        return "\n".join(self.of("system"))

    @property
    def asks(self) -> list[str]:
        """What the user said, turn by turn: messages that follow each other are one."""
        found: list[str] = []
        before = ""
        for role, text in self.turns:
            if role == "user":
                found[-1:] = [f"{found[-1]}\n{text}"] if before == "user" else [*found[-1:], text]
            before = role
        return found

    @property
    def ask(self) -> str:
        """The last that the user said; without a user, the last that anybody but the model and its tools said."""
        found: list[str] = []
        for role, text in reversed(self.turns):
            if role == "user":
                found.append(text)
            elif found:
                break
        if len(found) == 1:
            return found[0]
        if found:
            return "\n".join(reversed(found))
        return next((text for role, text in reversed(self.turns) if role not in {"assistant", "tool"}), "")


def said(request: Request) -> Said:
    """Read a request's texts. Raises: Unread."""
    if request.head.dialect == "openai_chat":
        quick = _quick(request.body.whole())
        if quick is not None:
            return quick
    return _whole(request, request.head.dialect)


class _Part(Struct, gc=False):
    type: str
    text: str = ""


class _Function(Struct, gc=False):
    name: str = ""
    arguments: str = ""


class _Call(Struct, gc=False):
    function: _Function


class _Message(Struct, gc=False):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    function_call: Raw | UnsetType = UNSET
    audio: Raw | UnsetType = UNSET


class _Defined(Struct, gc=False):
    name: str
    description: str | None = None
    parameters: Any = None


class _Tool(Struct, gc=False):
    function: _Defined


class _Format(Struct, gc=False):
    type: str


class _Body(Struct, gc=False):
    """What of an OpenAI chat is looked at; what doesn't fit is read by way of its canonical form."""

    messages: list[_Message]
    temperature: float | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | None = None
    response_format: _Format | None = None
    functions: Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Body)
_FORMATS = {"json_object": "json", "json_schema": "schema"}


def _quick(body: bytes) -> Said | None:
    """None: it has something that needs a closer look."""
    try:
        found = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if found.functions is not UNSET:
        return None
    turns: list[tuple[str, str]] = []
    media = [0, 0, 0]
    calls: list[str] = []
    for message in found.messages:
        if message.function_call is not UNSET or message.audio is not UNSET:
            return None
        content = message.content
        if isinstance(content, list):
            content = _parts(content, media)
        turns.append((_ROLES.get(message.role, message.role), _clean(content or "")))
        if message.tool_calls:
            calls += (text for call in message.tool_calls for text in (call.function.name, call.function.arguments))
    tools = [one.function for one in found.tools or ()]
    return Said(
        turns=turns,
        tools=tuple(_clean(one.name) for one in tools),
        required=found.tool_choice == "required",
        definitions=_definitions((one.name, one.description, one.parameters) for one in tools) if tools else "",
        calls=_clean("\n".join(calls)) if calls else "",
        shape=_FORMATS.get(found.response_format.type, "") if found.response_format else "",
        temperature=found.temperature,
        media=(media[0], media[1], media[2]),
    )


def _parts(parts: list[_Part], media: list[int]) -> str:
    for part in parts:
        at = _PARTS.get(part.type)
        if at is not None:
            media[at] += 1
    return "\n".join(part.text for part in parts if part.type == "text")


def _whole(request: Request, dialect: Dialect) -> Said:
    """By way of the canonical form. Raises: Unread."""
    codec = CODECS.get(dialect)
    if codec is None or codec.operation not in _READ:
        raise Unread(f"{dialect} has no texts that are looked at")
    try:
        found = meaning(request, codec)
    except BadRequest as error:
        raise Unread(f"the request can't be read: {error.message}") from error
    if isinstance(found, Content):
        return _content(found)
    assert isinstance(found, EmbedAsk)
    return Said(turns=[("user", _clean(one)) for one in found.inputs if isinstance(one, str)])


def _content(content: Content) -> Said:
    parts = [part for message in content.messages for part in message.parts]
    tools = content.tools or ()
    shape = content.response_format.kind if content.response_format else ""
    calls = [text for part in parts if isinstance(part, ToolCall) for text in (part.name, part.arguments)]
    choice = content.tool_choice
    return Said(
        turns=[(_ROLES.get(message.role, message.role), _text(message)) for message in content.messages],
        tools=tuple(_clean(_name(tool)) for tool in tools),
        required=choice is not None and choice.mode in {"required", "named"},
        definitions=_definitions((tool.name, tool.description, tool.parameters) for tool in tools) if tools else "",
        calls=_clean("\n".join(calls)),
        shape=_FORMATS.get(shape, ""),
        temperature=content.sampling.temperature,
        media=(_count(parts, Image), _count(parts, Audio), _count(parts, File)),
    )


def _name(tool: Tool) -> str:
    """One that the provider runs itself goes by its kind where it has no name."""
    return tool.name or tool.kind


def _count(parts: Iterable[object], kind: type) -> int:
    return sum(isinstance(part, kind) for part in parts)


def _text(message: Message) -> str:
    return _clean("\n".join(part.text for part in message.parts if isinstance(part, Text)))


def _definitions(tools: Iterable[tuple[str, str | None, Any]]) -> str:
    return "\n".join(
        f"{name}\n{description or ''}\n{msgspec.json.encode(parameters).decode() if parameters else ''}"
        for name, description, parameters in tools
    )


def _clean(text: str) -> str:
    """Halves of surrogate pairs are replaced: no library that looks at texts takes them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
