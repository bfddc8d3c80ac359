"""A request that may say less than it asked for: its limit of output tokens is lowered, and nothing else changed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw, structs

from antiphon.core.body import Body
from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect, Request
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

_FIELDS: Mapping[Dialect, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "openai_chat": (("max_completion_tokens",), ("max_tokens",)),
        "openai_responses": (("max_output_tokens",),),
        "anthropic_messages": (("max_tokens",),),
        "gemini": (("generationConfig", "maxOutputTokens"), ("generation_config", "max_output_tokens")),
        "openai_completions": (("max_tokens",),),
    }
)
"""Paths of the limit, by dialect: those that a request has are set; the first where it has none."""
_fields = msgspec.json.Decoder(dict[str, Raw])


def lowers(dialect: Dialect) -> bool:
    """Whether requests of this dialect have such a limit."""
    return dialect in _FIELDS


def lowered(request: Request, output_tokens: int) -> Request:
    """The request with this limit of one answer's tokens. Its digest stays that of what came.

    Raises: BadRequest, where it has no such limit; KeyError, for a dialect that `lowers` denies.
    """
    paths, head = _FIELDS[request.head.dialect], request.head
    body = _fields.decode(request.body.whole())
    there = [path for path in paths if _has(body, path)]
    for path in there or paths[:1]:
        _put(body, path, Raw(b"%d" % output_tokens))
    made = Body((msgspec.json.encode(body),))
    asked = Asked(endpoint=head.endpoint, model=head.model, stream=head.stream)
    read, spots = CODECS[head.dialect].read(made, asked)
    if read.output_tokens != output_tokens:
        raise BadRequest("the limit of output tokens can't be lowered in this request", param=".".join(paths[0]))
    return structs.replace(request, head=structs.replace(read, user=head.user), body=made, spots=spots)


def _has(body: dict[str, Raw], path: tuple[str, ...]) -> bool:
    name, *rest = path
    if name not in body:
        return False
    return not rest or bytes(body[name]).strip() != b"null"


def _put(body: dict[str, Any], path: tuple[str, ...], value: Raw) -> None:
    name, *rest = path
    if not rest:
        body[name] = value
        return
    inner: dict[str, Any] = dict(_fields.decode(body[name])) if name in body else {}
    _put(inner, tuple(rest), value)
    body[name] = Raw(msgspec.json.encode(inner))
