"""Reads the head of an OpenAI Chat Completions request, and finds where edits can be made."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Need, Spots
from antiphon.wire.json import loads
from antiphon.wire.openai_chat.scan import Scanner

LONG_BYTES = 262_144
"""From this size on a body is scanned in slices rather than parsed at once, so that no other request waits."""
TOKENS_A_SLICE = 2000
"""About one millisecond of scanning."""

_MODEL_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*("(?:[^"\\]|\\.)*")')
_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')
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
)
_PART_NEEDS: Mapping[str, Need] = {"image_url": "images", "input_audio": "audio", "file": "files"}
_PART_MARKS: tuple[tuple[bytes, Need], ...] = tuple((f'"{kind}"'.encode(), need) for kind, need in _PART_NEEDS.items())


def read(body: Body, endpoint: str) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
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
    fields: dict[str, Any] = dict.fromkeys(scanner.spans)
    for name in _HEAD_FIELDS:
        if name in scanner.spans:
            fields[name] = _value(body, scanner.spans[name], name)
    fields["messages"] = [] if "messages" in fields else None
    needs: frozenset[Need] = _needs(fields)
    seen = b""
    for segment in body.segments:
        seen = seen[-16:] + segment
        needs |= frozenset[Need](need for mark, need in _PART_MARKS if mark in seen)
        yield None
    yield _head(fields, endpoint, needs), _scanned_spots(body, scanner)


def _value(body: Body, span: tuple[int, int], name: str) -> object:
    try:
        return msgspec.json.decode(body.slice(*span))
    except msgspec.DecodeError as error:
        raise BadRequest(f"`{name}` is not valid JSON: {error}", param=name) from error


def _head(fields: Mapping[str, Any], endpoint: str, needs: frozenset[Need]) -> Head:
    model = fields.get("model")
    if type(model) is not str or not model:
        raise BadRequest("`model` must name a model; GET /v1/models lists them", param="model")
    if type(fields.get("messages")) is not list:
        raise BadRequest("`messages` must be a list of messages", param="messages")
    stream = fields.get("stream")
    if stream is not None and type(stream) is not bool:
        raise BadRequest(f"`stream` must be true or false, not {stream!r}", param="stream")
    options = fields.get("stream_options")
    if options is not None and type(options) is not dict:
        raise BadRequest("`stream_options` must be an object", param="stream_options")
    if options is not None and not stream:
        raise BadRequest("`stream_options` goes with `stream: true` only; leave it out", param="stream_options")
    limit = fields.get("max_completion_tokens")
    return Head(
        dialect="openai_chat",
        endpoint=endpoint,
        model=model,
        stream=bool(stream),
        wants_usage=bool(options and options.get("include_usage")),
        output_tokens=_positive(fields, "max_tokens") if limit is None else _positive(fields, "max_completion_tokens"),
        answers=_positive(fields, "n") or 1,
        needs=needs,
        user=_text(fields, "user"),
    )


def _positive(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) is not int or value < 1:
        raise BadRequest(f"`{name}` must be a whole number from 1, not {value!r}", param=name)
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise BadRequest(f"`{name}` must be a text, not {value!r}", param=name)
    return value


def _needs(fields: Mapping[str, Any]) -> frozenset[Need]:
    needs: set[Need] = set()
    if fields.get("tools") or fields.get("functions"):
        needs.add("tools")
    shape = fields.get("response_format")
    if type(shape) is dict and shape.get("type") in ("json_schema", "json_object"):
        needs.add("structured_output")
    if fields.get("reasoning_effort"):
        needs.add("reasoning")
    if fields.get("logprobs"):
        needs.add("logprobs")
    if type(fields.get("n")) is int and fields["n"] > 1:
        needs.add("multiple_answers")
    messages = fields.get("messages")
    for message in messages if type(messages) is list else ():
        content = message.get("content") if type(message) is dict else None
        if type(content) is list:
            needs.update(
                _PART_NEEDS[part["type"]]
                for part in content
                if type(part) is dict and type(part.get("type")) is str and part["type"] in _PART_NEEDS
            )
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
        return _scanned_spots(body, scan(body))
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


def _scanned_spots(body: Body, scanner: Scanner) -> Spots:
    return Spots(model=scanner.spans["model"], stream_options=scanner.spans.get("stream_options"))


def messages_spot(body: Body) -> tuple[int, bool]:
    """Offset just behind the bracket that opens `messages`, and whether the list is empty."""
    start, end = scan(body).spans["messages"]
    inside = body.slice(start, end)
    bracket = inside.index(b"[")
    return start + bracket + 1, not inside[bracket + 1 :].strip().removesuffix(b"]").strip()
