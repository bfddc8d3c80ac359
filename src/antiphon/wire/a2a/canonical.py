"""Cards of A2A as they are signed: the words of 1.0, nothing empty, in canonical JSON.

Sources: specification 1.0.1, section 8.4; RFC 8785 (JSON Canonicalization Scheme); a2a-sdk 1.3.0, `utils/signing.py`, whose form
this is.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, cast

SIGNATURES = "signatures"
MOST_DEPTH = 64
_LEAST, _LARGEST = 1e-6, 1e21
"""Below, and from here on, ECMAScript writes numbers with an exponent."""
Json = dict[str, Any]
_ANY = object()
_INTERFACE = {"url": _ANY, "protocolBinding": _ANY, "tenant": _ANY, "protocolVersion": _ANY}
_EXTENSION = {"uri": _ANY, "description": _ANY, "required": _ANY, "params": _ANY}
_SKILL = dict.fromkeys(
    ("id", "name", "description", "tags", "examples", "inputModes", "outputModes", "securityRequirements"), _ANY
)
_SCHEME = {
    "apiKeySecurityScheme": {"description": _ANY, "location": _ANY, "name": _ANY},
    "httpAuthSecurityScheme": {"description": _ANY, "scheme": _ANY, "bearerFormat": _ANY},
    "oauth2SecurityScheme": {"description": _ANY, "flows": _ANY, "oauth2MetadataUrl": _ANY},
    "openIdConnectSecurityScheme": {"description": _ANY, "openIdConnectUrl": _ANY},
    "mtlsSecurityScheme": {"description": _ANY},
}
WORDS: Mapping[str, Any] = MappingProxyType(
    {
        "name": _ANY,
        "description": _ANY,
        "supportedInterfaces": [_INTERFACE],
        "provider": {"url": _ANY, "organization": _ANY},
        "version": _ANY,
        "documentationUrl": _ANY,
        "capabilities": {
            "streaming": _ANY,
            "pushNotifications": _ANY,
            "extensions": [_EXTENSION],
            "extendedAgentCard": _ANY,
        },
        "securitySchemes": {"*": _SCHEME},
        "securityRequirements": _ANY,
        "defaultInputModes": _ANY,
        "defaultOutputModes": _ANY,
        "skills": [_SKILL],
        "iconUrl": _ANY,
    }
)
"""Of a card of 1.0. Source: a2a.proto, by way of a2a-sdk 1.3.0."""


def words_of(card: Json) -> Json:
    """A card with the words of 1.0 alone: without its signatures, and what 0.3 needs beside."""
    return cast("Json", _kept(card, WORDS))


def unsigned(card: Json) -> Json:
    return {name: value for name, value in card.items() if name != SIGNATURES}


def canonical(card: Json) -> bytes:
    """What is signed of a card: nothing empty, keys sorted, in as few bytes as can be. Raises: ValueError."""
    return _spelled(_full(unsigned(card), MOST_DEPTH)).encode()


def _kept(value: Any, shape: Any) -> Any:
    if shape is _ANY:
        return value
    if isinstance(shape, list):
        (one,) = cast("list[Any]", shape)
        return [_kept(item, one) for item in cast("list[Any]", value)] if isinstance(value, list) else value
    if not isinstance(value, dict):
        return value
    known, said = cast("Mapping[str, Any]", shape), cast("Json", value)
    if "*" in known:
        return {name: _kept(item, known["*"]) for name, item in said.items()}
    return {name: _kept(item, known[name]) for name, item in said.items() if name in known}


def _full(value: Any, left: int) -> Any:
    """What is not empty; None: all of it is."""
    if not left:
        raise ValueError(f"it is nested deeper than {MOST_DEPTH}")
    if isinstance(value, dict):
        members = {name: _full(one, left - 1) for name, one in cast("Json", value).items()}
        return {name: one for name, one in members.items() if one is not None} or None
    if isinstance(value, list):
        items = [_full(one, left - 1) for one in cast("list[Any]", value)]
        return [one for one in items if one is not None] or None
    return None if value == "" else value


def _spelled(value: Any) -> str:
    if isinstance(value, dict):
        members = sorted(cast("Json", value).items(), key=lambda one: one[0].encode("utf-16-be"))
        inner = ",".join(f"{_text(name)}:{_spelled(one)}" for name, one in members)
        return f"{{{inner}}}"
    if isinstance(value, list):
        inner = ",".join(_spelled(one) for one in cast("list[Any]", value))
        return f"[{inner}]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return _number(float(value))


def _text(value: str) -> str:
    value.encode()  # half a character can't be said
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """As ECMAScript writes it. Source: RFC 8785, 3.2.2.3."""
    if not isfinite(value):
        raise ValueError("a number has to be finite")
    if value == 0:
        return "0"
    if _LEAST <= abs(value) < _LARGEST:
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    digits, _, exponent = repr(value).partition("e")
    power = int(exponent)
    return f"{digits.removesuffix('.0')}e{'+' if power > 0 else '-'}{abs(power)}"
