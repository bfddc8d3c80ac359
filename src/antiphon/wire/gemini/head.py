"""Reads the head of a generateContent request. The model and whether to stream stand in the path."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Need, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.codec import Asked
from antiphon.wire.fields import Fields, as_list, as_object, mistyped
from antiphon.wire.gemini.config import CONFIG, THINKING
from antiphon.wire.gemini.decode import TOP
from antiphon.wire.gemini.names import spelled
from antiphon.wire.gemini.tools import decode_tools
from antiphon.wire.json import loads, twice
from antiphon.wire.places import NOWHERE, first_byte
from antiphon.wire.slices import marked, scanned, values

MARK_BYTES = 96
"""At least the length of any mark."""

_HEAD_FIELDS = ("generationConfig", "generation_config", "tools")
_MEDIA: Mapping[str, Need] = {"image": "images", "audio": "audio"}
_MARK = re.compile(rb'"(?:mimeType|mime_type)"\s*:\s*"([a-zA-Z]{1,16})(?:\\?/|")')
"""Some clients write a slash as `\\/`."""


class _Text(Struct, gc=False, forbid_unknown_fields=True):
    text: str


class _Turn(Struct, gc=False, forbid_unknown_fields=True):
    parts: list[_Text]
    role: str | UnsetType = UNSET


class _Config(Struct, gc=False, forbid_unknown_fields=True):
    temperature: float | UnsetType = UNSET
    topP: float | UnsetType = UNSET  # noqa: N815  # the wire's name
    topK: float | UnsetType = UNSET  # noqa: N815
    maxOutputTokens: int | UnsetType = UNSET  # noqa: N815

    def keys(self) -> int:
        return (
            (self.temperature is not UNSET)
            + (self.topP is not UNSET)
            + (self.topK is not UNSET)
            + (self.maxOutputTokens is not UNSET)
        )


class _Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A request that asks nothing special of a model."""

    contents: list[_Turn]
    systemInstruction: _Turn | UnsetType = UNSET  # noqa: N815
    generationConfig: _Config | UnsetType = UNSET  # noqa: N815

    def keys(self) -> int:
        """Keys of the body, those of all that is in it included."""
        count = 1 + sum([1 + len(turn.parts) + (turn.role is not UNSET) for turn in self.contents])
        if self.systemInstruction is not UNSET:
            count += 2 + len(self.systemInstruction.parts) + (self.systemInstruction.role is not UNSET)
        if self.generationConfig is not UNSET:
            count += 1 + self.generationConfig.keys()
        return count


_plain = msgspec.json.Decoder(_Plain)


def read(body: Body, asked: Asked) -> tuple[Head, Spots]:
    """Read a body of ordinary length. Raises: BadRequest."""
    text = body.whole()
    return _read_plain(text, asked) or (_head(loads(text), asked), Spots(model=NOWHERE))


def _read_plain(text: bytes, asked: Asked) -> tuple[Head, Spots] | None:
    """Read a plain body quickly; None when there is anything about it that needs a closer look."""
    try:
        plain = _plain.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    limit = UNSET if plain.generationConfig is UNSET else plain.generationConfig.maxOutputTokens
    if not (limit is UNSET or 1 <= limit <= MAX_COUNT) or twice(text, plain.keys()):
        return None
    return _written(asked, None if limit is UNSET else limit, 1, frozenset()), Spots(model=NOWHERE)


def _written(asked: Asked, limit: int | None, answers: int, needs: frozenset[Need]) -> Head:
    if not 0 < len(asked.model) <= MAX_NAME:
        raise BadRequest("the path must name a model, as in /v1beta/models/gemini-2.5-flash:generateContent")
    return Head(
        dialect="gemini",
        endpoint=asked.endpoint,
        model=asked.model,
        stream=asked.stream,
        wants_usage=True,
        output_tokens=limit,
        answers=answers,
        needs=needs,
    )


def read_long(body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
    """Read a long body in slices: yields None between them, and what `read` returns at the end. Raises: BadRequest."""
    found = yield from scanned(body)
    fields = values(body, found, _HEAD_FIELDS)
    contents = found.get("contents")
    fields["contents"] = [] if contents and first_byte(body, contents.start)[1] == b"[" else None
    for name in found.keys() & TOP.keys():
        fields.setdefault(name, None)
    for name in found.keys() & set(TOP.values()):
        fields.setdefault(name, None)
    needs: frozenset[Need] = frozenset()
    if contents is not None:
        needs = yield from marked(body, contents, MARK_BYTES, _marks)
    yield _head(fields, asked, needs), Spots(model=NOWHERE, fields=found)


def _marks(piece: bytes) -> Iterator[Need]:
    for match in _MARK.finditer(piece):
        yield _MEDIA.get(match[1].decode().lower(), "files")


def _head(body: Mapping[str, Any], asked: Asked, found: frozenset[Need] = frozenset()) -> Head:
    fields = spelled(body, TOP)
    contents = as_list(fields.get("contents"))
    if contents is None:
        raise BadRequest("`contents` must be a list of contents", param="contents")
    config = _object(fields, "generationConfig", "")
    config = spelled(config, CONFIG, "generationConfig")
    needs: set[Need] = set(found)
    for content in contents:
        needs.update(_media(as_object(content) or {}))
    if fields.get("tools") is not None:
        needs.update(_tools(fields))
    needs.update(_asked(config))
    answers = _positive(config, "candidateCount") or 1
    if answers > 1:
        needs.add("multiple_answers")
    return _written(asked, _positive(config, "maxOutputTokens"), answers, frozenset(needs))


def _object(fields: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    value = fields.get(name)
    if value is None:
        return {}
    found = as_object(value)
    if found is None:
        place = f"{path}.{name}" if path else name
        raise mistyped(place, "an object", value)
    return found


def _positive(config: Mapping[str, Any], name: str) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    path = f"generationConfig.{name}"
    if type(value) is not int:
        raise mistyped(path, f"a whole number from 1 to {MAX_COUNT}", value)
    if not 1 <= value <= MAX_COUNT:
        shown = str(value)[:40] if value.bit_length() < 128 else "one of very many digits"
        raise BadRequest(f"`{path}` must be a whole number from 1 to {MAX_COUNT}, not {shown}", param=path)
    return value


def _media(content: Mapping[str, Any]) -> Iterator[Need]:
    for value in as_list(content.get("parts")) or ():
        part = as_object(value)
        if part is None or part.keys().isdisjoint(_HOLDERS):
            continue
        for name in _HOLDERS:
            inner = as_object(part.get(name))
            if inner is not None:
                kind = inner.get("mimeType", inner.get("mime_type"))
                yield _MEDIA.get(kind.partition("/")[0].lower(), "files") if type(kind) is str else "files"


_HOLDERS = ("inlineData", "inline_data", "fileData", "file_data")


def _tools(fields: Mapping[str, Any]) -> Iterator[Need]:
    for tool in decode_tools(Fields(fields)) or ():
        if tool.kind == "function":
            yield "tools"
        else:
            yield "web_search" if tool.kind == "web_search" else "server_tools"


def _asked(config: Mapping[str, Any]) -> Iterator[Need]:
    """What the form of the answer and the way to it need."""
    kind = config.get("responseMimeType")
    if config.get("responseSchema") or config.get("responseJsonSchema") or kind == "application/json":
        yield "structured_output"
    thinking = spelled(_object(config, "thinkingConfig", "generationConfig"), THINKING)
    if thinking.get("thinkingLevel") or thinking.get("thinkingBudget") or thinking.get("includeThoughts"):
        yield "reasoning"
    if config.get("responseLogprobs"):
        yield "logprobs"
    kinds = as_list(config.get("responseModalities")) or ()
    if any(type(one) is str and one.upper() == "AUDIO" for one in kinds):
        yield "audio_output"
