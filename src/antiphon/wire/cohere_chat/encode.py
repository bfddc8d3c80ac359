"""Writes a request that came in another dialect as a body of POST /v2/chat. Source: cohere 7.3.1, `v2/raw_client.py`."""

import msgspec

from antiphon.core.content import Content
from antiphon.core.error import BadRequest
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.cohere_chat.messages import WHO, Out, Writer
from antiphon.wire.cohere_chat.sampling import encode_sampling
from antiphon.wire.cohere_chat.tools import encode_format, encode_tools
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_key, no_metadata

_CARRIED = ("documents", "citation_options", "safety_mode", "strict_tools", "priority")
"""Cohere's own fields, which a caller of another dialect may say, too."""


def encode(content: Content, terms: Terms, losses: Losses) -> bytes:
    """Raises: BadRequest, whose `param` is a path, where nothing sensible can be sent."""
    return msgspec.json.encode(encode_body(content, terms, losses))


def encode_body(content: Content, terms: Terms, losses: Losses) -> Out:
    """The body before it is written as JSON."""
    writer = Writer(losses)
    for index, message in enumerate(content.messages):
        writer.add(message, index)
    if not writer.messages and not writer.documents:
        raise BadRequest("`messages` has nothing that can be sent; send at least one with text", param="messages")
    body: Out = {"model": terms.model, "stream": terms.stream, "messages": writer.messages}
    body |= encode_tools(content, writer)
    body |= {name: content.extra[name] for name in _CARRIED if content.extra.get(name) is not None}
    if writer.documents:
        _join(body, writer)
    body |= encode_format(content.response_format, writer, alone="tools" not in body and "documents" not in body)
    if writer.messages and writer.messages[-1]["role"] == "assistant":
        path = f"messages[{len(content.messages) - 1}]"
        message = f"`{path}` is the assistant's, and {WHO} goes on with no answer; end with the user or a tool's result"
        raise BadRequest(message, param=path)
    if terms.prompt:
        writer.messages.insert(0, {"role": "system", "content": terms.prompt})
    if terms.so_far:
        writer.messages.append({"role": "assistant", "content": terms.so_far})
    body |= encode_sampling(content, terms.model, losses)
    _left(content, losses)
    return body


def _join(body: Out, writer: Writer) -> None:
    """Put the files of messages behind the documents that the caller named. A question has to go with them."""
    named = body.get("documents")
    body["documents"] = [*(named if isinstance(named, list) else ()), *writer.documents]
    if not writer.messages:
        raise BadRequest("`messages` has files only; send a text beside them", param="messages")


def _left(content: Content, losses: Losses) -> None:
    """Note what is beside the conversation and has no place."""
    if content.metadata:
        no_metadata(losses, f"{WHO} keeps no metadata")
    if content.user is not None:
        losses.add("user", f"{WHO} is not told of end users")
    if content.service_tier not in (None, "auto", "default", "standard_only"):
        losses.add("service_tier", f"{WHO} has no such tier")
    if content.cache_key is not None:
        no_cache_key(losses, WHO)
    left_over(content.extra, "", losses, WHO, _CARRIED)
