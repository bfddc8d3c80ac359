"""Writes a request that came in another dialect as the body of Converse and ConverseStream, which is one and the same.

The model and whether to stream are said by the URL. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`:
ConverseRequest; docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference.html, 2026-11.
"""

import re
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.content import Content, ResponseFormat
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.blocks import WHO, Writer
from antiphon.wire.bedrock_converse.inference import encode_inference, note_bounds
from antiphon.wire.bedrock_converse.messages import Turns
from antiphon.wire.bedrock_converse.model import model_of
from antiphon.wire.bedrock_converse.thinking import encode_own
from antiphon.wire.bedrock_converse.tools import encode_tools
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.fields import as_object
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_key

_TIERS = MappingProxyType(
    {"priority": "priority", "flex": "flex", "reserved": "reserved", "default": "", "auto": "", "standard_only": ""}
)
_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_MOST_METADATA = 16
_CARRIED = ("guardrailConfig", "performanceConfig")
"""Bedrock's own fields, which a caller of another dialect may say, too."""


def encode(content: Content, terms: Terms, losses: Losses) -> bytes:
    """Raises: BadRequest, whose `param` is a path, where nothing sensible can be sent."""
    return msgspec.json.encode(encode_body(content, terms, losses))


def encode_body(content: Content, terms: Terms, losses: Losses) -> dict[str, Any]:
    """The body before it is written as JSON."""
    model = model_of(terms.model)
    writer = Writer(model, losses)
    turns = Turns(writer)
    if terms.prompt and terms.prompt.strip():
        turns.system.append({"text": terms.prompt})
    for index, message in enumerate(content.messages):
        turns.add(message, index)
    turns.close(terms.so_far)
    if not turns.messages:
        raise BadRequest("`messages` has nothing that can be sent; send at least one with text", param="messages")
    body: dict[str, Any] = {"messages": turns.messages}
    output = _format(content.response_format, turns, writer)
    if turns.system:
        body["system"] = turns.system
    config = encode_inference(content, losses)
    if config:
        body["inferenceConfig"] = config
    tools = encode_tools(content, writer)
    if tools is not None:
        body["toolConfig"] = tools
    if output is not None:
        body["outputConfig"] = {"textFormat": output}
    _finish(content, writer, body)
    return body


def _finish(content: Content, writer: Writer, body: dict[str, Any]) -> None:
    """Write the model's own fields and what is beside the conversation."""
    model, losses = writer.model, writer.losses
    own = encode_own(content, model, body, losses, writer.own_tools)
    if own:
        body["additionalModelRequestFields"] = own
    note_bounds(content, body.get("inferenceConfig", {}), losses)
    if not body.get("inferenceConfig", True):
        del body["inferenceConfig"]
    if model.claude is not None and "stopSequences" in body.get("inferenceConfig", {}):
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    _tier(content.service_tier, body, losses)
    metadata = _metadata(content.metadata, losses)
    if metadata:
        body["requestMetadata"] = metadata
    if content.user is not None:
        losses.add("user", f"{WHO} is not told of end users")
    if content.cache_key is not None:
        no_cache_key(losses, WHO)
    carried = {name: content.extra[name] for name in _CARRIED if as_object(content.extra.get(name))}
    body |= carried
    left_over(content.extra, "", losses, WHO, carried)


def _tier(asked: str | None, body: dict[str, Any], losses: Losses) -> None:
    tier = _TIERS.get(asked or "default")
    if tier is None:
        losses.add("service_tier", f"{WHO} has no such tier")
    elif tier:
        body["serviceTier"] = {"type": tier}


def _format(asked: ResponseFormat | None, turns: Turns, writer: Writer) -> dict[str, Any] | None:
    """Write the form that the answer must have: as a schema where the model takes one, else as an instruction."""
    if asked is None or asked.kind == "text":
        return None
    losses = writer.losses
    if asked.kind == "other":
        losses.add("response_format", f"{WHO} has no such format")
        return None
    writer.left_over(asked.extra, "response_format")
    schema = asked.schema if asked.kind == "json_schema" else None
    if schema is None:
        said = "Answer with one JSON object and nothing else."
    elif writer.model.structured:
        named: dict[str, Any] = {"schema": msgspec.json.encode(schema).decode()}
        if asked.name:
            named["name"] = asked.name
        if asked.description:
            named["description"] = asked.description
        return {"type": "json_schema", "structure": {"jsonSchema": named}}
    else:
        said = (
            f"Answer with one JSON value of this JSON Schema and nothing else: {msgspec.json.encode(schema).decode()}"
        )
    losses.add("response_format", "this model on Bedrock has no such format", "sent as an instruction", adapted=True)
    turns.system.append({"text": said})
    return None


def _metadata(metadata: dict[str, str] | None, losses: Losses) -> dict[str, str]:
    """Pairs for the log of invocations, those that it takes. Source: botocore 1.44.8, RequestMetadata."""
    out: dict[str, str] = {}
    for name, value in (metadata or {}).items():
        if len(out) < _MOST_METADATA and _KEY.fullmatch(name) and _VALUE.fullmatch(value):
            out[name] = value
        else:
            why = f"{WHO} takes {_MOST_METADATA} pairs of up to 256 plain characters"
            losses.add("metadata", why, "some left out", adapted=True)
    if out:
        losses.add("metadata", f"{WHO} keeps it with its log of invocations", "sent as requestMetadata", adapted=True)
    return out
