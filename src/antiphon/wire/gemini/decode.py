"""Reads the whole of a generateContent request into its canonical form."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.content import Content, Limits, ResponseFormat, Sampling
from antiphon.wire.fields import Fields
from antiphon.wire.gemini.config import CONFIG, decode_limits, decode_sampling
from antiphon.wire.gemini.contents import decode_contents, decode_system
from antiphon.wire.gemini.names import keep, names, opened
from antiphon.wire.gemini.tools import decode_choice, decode_format, decode_tools

TOP = names(
    "systemInstruction",
    "generationConfig",
    "toolConfig",
    "safetySettings",
    "cachedContent",
    "serviceTier",
    "modelArmorConfig",
)
TIERS: Mapping[str, str] = MappingProxyType({"flex": "flex", "priority": "priority", "standard": "default"})
"""Words for what a call may cost and how long it may wait."""


def decode(body: Mapping[str, Any], path: str = "") -> Content:
    """Read a body whose JSON was read by `wire.json`.

    Raises: BadRequest, whose `param` is such as `contents[2].parts[0].inlineData.mimeType`.
    """
    fields = opened(body, TOP, path, strict=True)
    messages = decode_system(fields, "systemInstruction") + decode_contents(fields, "contents")
    sampling, limits, form = _config(fields)
    return Content(
        dialect="gemini",
        messages=messages,
        tools=decode_tools(fields),
        tool_choice=decode_choice(fields),
        response_format=form,
        sampling=sampling,
        limits=limits,
        service_tier=_tier(fields),
        extra=fields.left(),
    )


def _config(fields: Fields) -> tuple[Sampling, Limits, ResponseFormat | None]:
    value = fields.tree("generationConfig")
    if value is None:
        return Sampling(), Limits(), None
    config = opened(value, CONFIG, fields.path("generationConfig"), strict=True)
    found = decode_sampling(config), decode_limits(config), decode_format(config)
    keep(fields, "generationConfig", config.left())
    return found


def _tier(fields: Fields) -> str | None:
    said = fields.peek("serviceTier")
    tier = TIERS.get(said.lower()) if isinstance(said, str) else None
    if tier is not None:
        fields.drop("serviceTier")
    return tier
