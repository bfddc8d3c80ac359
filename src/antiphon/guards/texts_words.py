"""Which strings of a body are texts, and whose: the names that all dialects have between them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from antiphon.core.finding import Channel

ROLES: Mapping[str, Channel] = MappingProxyType(
    {
        "system": "system",
        "developer": "system",
        "user": "user",
        "assistant": "assistant",
        "model": "assistant",
        "tool": "tool",
        "function": "tool",
    }
)
"""Of another role: `user`, whose texts most guards look at."""
TOP: Mapping[str, Channel] = MappingProxyType(
    {
        **dict.fromkeys(("messages", "contents", "content", "input", "inputs", "prompt", "query", "texts"), "user"),
        **dict.fromkeys(("requests", "suffix", "item", "message", "session", "response"), "user"),
        **dict.fromkeys(("system", "instructions", "systemInstruction", "system_instruction", "preamble"), "system"),
        **dict.fromkeys(("tools", "functions", "toolConfig", "tool_config", "response_format"), "definition"),
        **dict.fromkeys(("text", "output_config", "output_format", "generationConfig"), "definition"),
        **dict.fromkeys(("generation_config", "tool_choice", "mcp_servers"), "definition"),
        "documents": "tool",
        "prediction": "assistant",
    }
)
"""Of a request's top-level fields; the others are `field`."""
ECHOED: Mapping[str, Channel] = MappingProxyType(
    {
        "instructions": "system",
        "tools": "definition",
        "tool_choice": "definition",
        "metadata": "field",
        "prompt_cache_key": "field",
        "safety_identifier": "field",
        "user": "field",
        "text": "definition",
    }
)
"""Of the top-level fields of an answer of OpenAI Responses, which repeat the request's; all others are the assistant's."""
KINDS: Mapping[str, Channel] = MappingProxyType(
    {
        "thinking": "reasoning",
        "reasoning": "reasoning",
        "reasoning_text": "reasoning",
        "summary_text": "reasoning",
        "document": "tool",
        "file_search_call": "tool",
        "code_interpreter_call": "tool",
    }
)
"""By what an object says in `type`. So are `tool` those whose type ends in `RESULTS`."""
RESULTS = ("_output", "_result", "_results")
NAMED: Mapping[str, Channel] = MappingProxyType(
    {
        **dict.fromkeys(("reasoning_content", "reasoning", "reasoning_details", "thinking_blocks"), "reasoning"),
        **dict.fromkeys(("thinking", "reasoning_text"), "reasoning"),
        "instructions": "system",
        **dict.fromkeys(("functionResponse", "function_response", "codeExecutionResult"), "tool"),
        **dict.fromkeys(("code_execution_result", "toolResponse", "tool_response", "toolResult", "output"), "tool"),
    }
)
"""By the key that a value stands under, wherever it does. `output` is so in requests alone."""
WRAPS = frozenset({"body", "params", "generateContentRequest", "generate_content_request"})
"""Fields that hold a whole request: lines of batches, and what tokens are counted of."""
SPOKEN = frozenset({"content", "text", "transcript", "delta"})
"""Keys under which an answer has its own words; other strings of it are `field`."""
CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "custom_tool_call", "tool_call"})
"""Types of the objects whose `input` is what a tool is called with."""
CALLED = frozenset({"functionCall", "function_call", "toolCall", "tool_call", "toolUse"})
"""Keys of the objects whose `args` or `input` is that."""
ARGUMENTS = frozenset({"arguments", "args", "partialArgs", "partial_args"})
RESPONSES = frozenset({"functionResponse", "function_response", "toolResponse", "tool_response"})
"""Keys of the objects whose `response` is free in form."""
FREE = frozenset({"metadata"})
"""Objects of any form, whose keys may hold data too."""
ECHOES = frozenset({"logprobs", "logprobsResult", "logprobs_result", "words", "tokens", "token_ids"})
"""What says an answer's text again in pieces: emptied where the text was edited."""

Kept = Literal["mark", "opaque"]
STRINGS: Mapping[str, Kept] = MappingProxyType(
    {
        **dict.fromkeys(("model", "id", "type", "role", "object", "status", "name", "call_id", "tool_call_id"), "mark"),
        **dict.fromkeys(("tool_use_id", "item_id", "response_id", "event_id", "previous_response_id"), "mark"),
        **dict.fromkeys(("file_id", "container", "container_id", "mime_type", "mimeType", "media_type"), "mark"),
        **dict.fromkeys(("format", "detail", "effort", "reasoning_effort", "service_tier", "finish_reason"), "mark"),
        **dict.fromkeys(("finishReason", "stop_reason", "truncation", "voice", "quality", "size"), "mark"),
        **dict.fromkeys(("encoding_format", "input_type", "taskType", "task_type", "output_format"), "mark"),
        **dict.fromkeys(("modelVersion", "responseId", "createTime", "system_fingerprint", "verbosity"), "mark"),
        **dict.fromkeys(("obfuscation", "embedding", "toolUseId", "anthropic_version"), "mark"),
        **dict.fromkeys(("signature", "thoughtSignature", "thought_signature", "encrypted_content"), "opaque"),
        **dict.fromkeys(("encrypted_index", "redactedContent", "encrypted_stdout"), "opaque"),
    }
)
"""Strings that are no texts as long as they look it: words of the protocol, ids, proofs, and what is encrypted."""
IS_MARK = re.compile(r"[A-Za-z0-9_.:/+=|~-]{0,256}").fullmatch
IS_OPAQUE = re.compile(r"[A-Za-z0-9_.:/+=|~\-]*").fullmatch
MEDIA = frozenset(
    {
        *("data", "file_data", "b64_json", "image", "images", "mask", "bytes", "audio", "result"),
        *("partial_image_b64", "image_base64", "input_reference"),
    }
)
"""Keys under which media stand as base64, by themselves or in a `data:` URL."""
URLS = frozenset({"url", "image_url", "file_url", "video_url", "uri", "fileUri", "file_uri"})
"""Keys under which media stand in a `data:` URL; any other address is a text."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*=*[\s=]*").fullmatch
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w.+-]+=[\w.+-]+)*;base64,").match
_LEAST_MEDIA = 64
"""Characters; what is shorter is looked at, whatever it seems to be."""
_LOOKED_AT = 4096
"""Characters of media that are seen to be base64; an upstream refuses what isn't from there on."""
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,39}\d{0,2}").fullmatch


def is_media_url(text: str) -> bool:
    """Whether a string is a `data:` URL of base64."""
    url = _DATA_URL(text[:256])
    return url is not None and _BASE64(text, url.end(), url.end() + _LOOKED_AT) is not None


def is_media(text: str, among: Mapping[str, object]) -> bool:
    """Whether a string that stands where media do is base64.

    Args:
        among: The object that it stands in.
    """
    if text.startswith("data:"):
        return is_media_url(text)
    if len(text) < _LEAST_MEDIA or among.get("type") == "text":
        return False
    return _BASE64(text, 0, _LOOKED_AT) is not None


def shown(key: str) -> str:
    """A key as paths may show it: `*` where it may hold data."""
    return key if _PLAIN_KEY(key) else "*"
