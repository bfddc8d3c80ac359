"""Reads the head of an OpenAI Chat Completions request, and finds where edits can be made."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Field, Head, Need, Request, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME, TOKENS_A_SLICE
from antiphon.wire.json import loads, twice
from antiphon.wire.scan import Scanner

LONG_BYTES = 262_144
"""From this size on a body is scanned in slices rather than parsed at once, so that no other request waits."""

_MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')
_HEAD_FIELDS = (
    "model",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "user",
    "response_format",
    "reasoning_effort",
    "logprobs",
    "tools",
    "functions",
    "web_search_options",
)
_PART_NEEDS: Mapping[str, Need] = {"image_url": "images", "input_audio": "audio", "file": "files"}
MARK_BYTES = 80
"""At least the length of any mark, each letter escaped."""


def _mark(word: str) -> re.Pattern[bytes]:
    """Finds a text of JSON, escaped or not."""
    letters = "".join(f"(?:{letter}|\\\\u00(?i:{ord(letter):02x}))" for letter in word)
    return re.compile(f'"{letters}"'.encode())


_PART_MARKS: tuple[tuple[re.Pattern[bytes], Need], ...] = tuple(
    (_mark(kind), need) for kind, need in _PART_NEEDS.items()
)


class _Said(Struct, gc=False, forbid_unknown_fields=True):
    """A message that is text alone."""

    role: str
    content: str


class _Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A request that asks nothing special of a model: most are so. A body that doesn't fit is read field by field."""

    model: str
    messages: list[_Said]
    stream: bool | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    top_p: float | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    max_completion_tokens: int | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    user: str | UnsetType = UNSET

    def keys(self) -> int:
        """Keys of the body, those of its messages included."""
        others = (
            (self.stream is not UNSET)
            + (self.temperature is not UNSET)
            + (self.top_p is not UNSET)
            + (self.max_tokens is not UNSET)
            + (self.max_completion_tokens is not UNSET)
            + (self.seed is not UNSET)
            + (self.user is not UNSET)
        )
        return 2 + others + 2 * len(self.messages)


_plain = msgspec.json.Decoder(_Plain)


def read(body: Body, endpoint: str) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
    return _read_plain(text, endpoint) or _read(text, body, endpoint)


def _read_plain(text: bytes, endpoint: str) -> tuple[Head, Spots] | None:
    """Read a plain body quickly; None when there is anything about it that needs a closer look."""
    try:
        plain = _plain.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    model, user = plain.model, plain.user
    limit = plain.max_tokens if plain.max_completion_tokens is UNSET else plain.max_completion_tokens
    first = _MODEL_FIRST.match(text)
    if (
        first is None
        or not 0 < len(model) <= MAX_NAME
        or not (limit is UNSET or 1 <= limit <= MAX_COUNT)
        or twice(text, plain.keys())
    ):
        return None
    head = Head(
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        stream=plain.stream is True,
        output_tokens=None if limit is UNSET else limit,
        user="" if user is UNSET else user[:MAX_NAME],
    )
    return head, Spots(model=first.span(1))


def _read(text: bytes, body: Body, endpoint: str) -> tuple[Head, Spots]:
    fields = loads(text)
    needs = _needs(fields)
    return _head(fields, endpoint, needs), _spots(text, body, fields)


def read_long(body: Body, endpoint: str) -> Iterator[tuple[Head, Spots] | None]:
    """Read a long body in slices: yields None between them, and what `read` returns at the end.

    Raises: BadRequest.
    """
    scanner = Scanner(body)
    while not scanner.step(TOKENS_A_SLICE):
        yield None
    found = scanner.fields
    fields: dict[str, Any] = {name: _value(body, found[name], name) for name in _HEAD_FIELDS if name in found}
    messages = found.get("messages")
    fields["messages"] = [] if messages and _first(body, messages.start)[1] == b"[" else None
    needs: frozenset[Need] = _needs(fields)
    if messages is not None:
        for piece in _pieces(body, messages):
            needs |= frozenset[Need](need for mark, need in _PART_MARKS if mark.search(piece))
            yield None
    yield _head(fields, endpoint, needs), _scanned_spots(scanner)


def _pieces(body: Body, field: Field) -> Iterator[bytes]:
    """A value's bytes piece by piece, each with the end of the one before it, so that no mark is cut."""
    at, seen = 0, b""
    for segment in body.segments:
        seen = seen[-MARK_BYTES:] + segment[max(field.start - at, 0) : max(field.end - at, 0)]
        at += len(segment)
        yield seen


def _value(body: Body, field: Field, name: str) -> object:
    text = body.slice(field.start, field.end)
    if text.lstrip()[:1] == b"{":
        return loads(text)
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"`{name}` is not valid JSON: {error}", param=name) from error


def _head(fields: Mapping[str, Any], endpoint: str, needs: frozenset[Need]) -> Head:
    model = fields.get("model")
    if type(model) is not str or not 0 < len(model) <= MAX_NAME:
        raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
    if type(fields.get("messages")) is not list:
        raise BadRequest("`messages` must be a list of messages", param="messages")
    stream = fields.get("stream")
    if stream is not None and type(stream) is not bool:
        raise BadRequest(f"`stream` must be true or false, not {_shown(stream)}", param="stream")
    options = fields.get("stream_options")
    if options is not None and type(options) is not dict:
        raise BadRequest("`stream_options` must be an object", param="stream_options")
    if options is not None and not stream:
        raise BadRequest("`stream_options` goes with `stream: true` only; leave it out", param="stream_options")
    limit = "max_tokens" if fields.get("max_completion_tokens") is None else "max_completion_tokens"
    return Head(
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        stream=bool(stream),
        wants_usage=bool(options and options.get("include_usage")),
        output_tokens=_positive(fields, limit),
        answers=_positive(fields, "n") or 1,
        needs=needs,
        user=_text(fields, "user")[:MAX_NAME],
    )


def _positive(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or not 1 <= value <= MAX_COUNT:
        raise BadRequest(f"`{name}` must be a whole number from 1 to {MAX_COUNT}, not {_shown(value)}", param=name)
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise BadRequest(f"`{name}` must be a text, not {_shown(value)}", param=name)
    return value


def _shown(value: object) -> str:
    """A value, short: it goes into a message."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value)[:40]


def _needs(fields: Mapping[str, Any]) -> frozenset[Need]:
    needs: set[Need] = set()
    messages = fields.get("messages")
    for message in messages if type(messages) is list else ():
        content = message.get("content") if type(message) is dict else None
        if type(content) is list:
            needs.update(
                _PART_NEEDS[part["type"]]
                for part in content
                if type(part) is dict and type(part.get("type")) is str and part["type"] in _PART_NEEDS
            )
    if fields.get("tools") or fields.get("functions"):
        needs.add("tools")
    shape = fields.get("response_format")
    if type(shape) is dict and shape.get("type") in ("json_schema", "json_object"):
        needs.add("structured_output")
    if fields.get("reasoning_effort"):
        needs.add("reasoning")
    if fields.get("logprobs"):
        needs.add("logprobs")
    if fields.get("web_search_options") is not None:
        needs.add("web_search")
    if type(fields.get("n")) is int and fields["n"] > 1:
        needs.add("multiple_answers")
    return frozenset(needs)


def _spots(text: bytes, body: Body, fields: Mapping[str, Any]) -> Spots:
    """Where `model`, `stream_options` and `messages` stand; by short cuts that prove themselves, else by scanning.

    In valid JSON the bytes `"model"` followed by a colon are always a key: a quote inside a text is
    escaped. First in the object it is a top-level one; and so it is when what follows it, put behind
    an opening brace, is an object by itself.
    """
    first = _MODEL_FIRST.match(text)
    span = first.span(1) if first else _last(text, _MODEL, b'"model"')
    if span is None or "stream_options" in fields:
        return _scanned_spots(scan(body))
    return Spots(model=span)


def _last(text: bytes, pattern: re.Pattern[bytes], key: bytes) -> tuple[int, int] | None:
    at = text.rfind(key)
    match = pattern.match(text, at) if at >= 0 else None
    if match is None:
        return None
    try:
        msgspec.json.decode(b"{" + text[at:], type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return None
    return match.span(1)


def scan(body: Body) -> Scanner:
    """Scan a whole body at once."""
    scanner = Scanner(body)
    while not scanner.step(1_000_000):
        pass
    return scanner


def _scanned_spots(scanner: Scanner) -> Spots:
    model, options = scanner.fields["model"], scanner.fields.get("stream_options")
    return Spots(
        model=(model.start, model.end),
        stream_options=(options.start, options.end) if options is not None else None,
        fields=scanner.fields,
    )


def fields_of(body: Body, spots: Spots) -> Mapping[str, Field]:
    """Where every top-level field of a body stands; scanned unless that is known."""
    return scan(body).fields if spots.fields is None else spots.fields


def named(request: Request, names: Collection[str]) -> Mapping[str, Field]:
    """Top-level fields of a request, if one of these names is among them, else nothing.

    A body that was not scanned is scanned only when a name occurs in it, or could in another spelling.
    """
    if request.spots.fields is None:
        text = request.body.whole()
        if b"\\u" not in text and not any(f'"{name}"'.encode() in text for name in names):
            return {}
    return fields_of(request.body, request.spots)


def messages_spot(body: Body, messages: Field) -> tuple[int, bool]:
    """Offset just behind the bracket that opens `messages`, and whether the list is empty."""
    bracket, _ = _first(body, messages.start)
    return bracket + 1, _first(body, bracket + 1)[1] == b"]"


def _first(body: Body, start: int) -> tuple[int, bytes]:
    """The first byte from `start` that is no white space, and where it is; empty when there is none."""
    while window := body.slice(start, start + 64):
        rest = window.lstrip()
        if rest:
            return start + len(window) - len(rest), rest[:1]
        start += len(window)
    return start, b""
