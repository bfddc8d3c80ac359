"""Writes a generateContent request from its canonical form."""

from typing import Any

from antiphon.core.content import Content
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.fields import as_object, merged
from antiphon.wire.gemini.decode import TIERS
from antiphon.wire.gemini.generation import encode_config
from antiphon.wire.gemini.spoken import FIELDS
from antiphon.wire.gemini.toolbox import encode_choice, encode_tools
from antiphon.wire.gemini.turns import Turns, version_of
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_key, no_metadata

_WHO = "Gemini"
_HANDLED = frozenset({"generationConfig", "toolConfig"})


def encode(content: Content, terms: Terms, losses: Losses) -> dict[str, Any]:
    """Write a body; what `decode` read comes out as it was, but for spelling.

    Raises: BadRequest, where a tool's result names no call.
    """
    own = content.dialect == "gemini"
    version = version_of(terms.model)
    out: dict[str, Any] = {}
    Turns(content, terms, losses).write(out, terms.so_far)
    tools = encode_tools(content, losses)
    if tools:
        out["tools"] = tools
    calling = encode_choice(content, losses, version=version)
    if calling:
        out["toolConfig"] = {"functionCallingConfig": calling}
    config = encode_config(content, losses, version=version)
    if config:
        out["generationConfig"] = config
    _tier(content, out, losses)
    if own:
        return _rest(out, content)
    _losses(content, losses)
    return out


def _rest(out: dict[str, Any], content: Content) -> dict[str, Any]:
    for name, value in content.extra.items():
        inner = as_object(value) if name in _HANDLED else None
        if inner is None:
            out[name] = value
        elif name == "toolConfig":
            out[name] = merged(out.get(name, {}), inner)
    return out


def _tier(content: Content, out: dict[str, Any], losses: Losses) -> None:
    tier = content.service_tier
    if tier is None:
        return
    word = {canonical: word for word, canonical in TIERS.items()}.get(tier)
    if word is not None:
        out["serviceTier"] = word
    elif tier == "auto":
        losses.add("service_tier", f"{_WHO} has no such tier", "left out; it is the usual one", adapted=True)
    else:
        losses.add("service_tier", f"{_WHO} has no such tier")


def _losses(content: Content, losses: Losses) -> None:
    """What Gemini has no place for."""
    if content.parallel_tool_calls is False:
        losses.add("parallel_tool_calls", f"{_WHO} decides by itself whether it calls several tools at once")
    if content.metadata is not None:
        no_metadata(losses, f"{_WHO} keeps no metadata")
    if content.user is not None:
        losses.add("user", f"{_WHO} has no user")
    if content.cache_key is not None:
        no_cache_key(losses, _WHO)
    left_over(content.extra, "", losses, _WHO, FIELDS if content.dialect == "openai_chat" else ())
