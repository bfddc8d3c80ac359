"""What is said of a request, and tools that providers run."""

from typing import Any

from matrix.feature import CHAT, COHERE, CONVERSE, GEMINI, MESSAGES, RESPONSES, Feature
from matrix.match import At, Told

Json = dict[str, Any]
_MARK = {"cache_control": {"type": "ephemeral"}}
_LONG = [{"type": "text", "text": "A long text", **_MARK}, {"type": "text", "text": "Go on"}]
BY_ITSELF = Told("by itself")
MARKS = Feature(
    name="cache marks",
    group="Around",
    asks={
        CHAT: {"messages": [{"role": "user", "content": _LONG}]},
        MESSAGES: {"messages": [{"role": "user", "content": _LONG}]},
    },
    arrives={
        CHAT: (At("messages.0.content.0.cache_control.type", "ephemeral"), BY_ITSELF),
        RESPONSES: BY_ITSELF,
        MESSAGES: At("messages.0.content.0.cache_control.type", "ephemeral"),
        GEMINI: BY_ITSELF,
        CONVERSE: At("messages.0.content.1.cachePoint.type", "default"),
        COHERE: BY_ITSELF,
    },
)
TTL = Feature(
    name="cache marks for an hour",
    group="Around",
    asks={
        MESSAGES: {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "A", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
                }
            ]
        }
    },
    arrives={
        MESSAGES: At("messages.0.content.0.cache_control.ttl", "1h"),
        CONVERSE: At("messages.0.content.1.cachePoint.ttl", "1h"),
        CHAT: BY_ITSELF,
        RESPONSES: BY_ITSELF,
        GEMINI: BY_ITSELF,
        COHERE: BY_ITSELF,
    },
)
CACHE_KEY = Feature(
    name="cache key",
    group="Around",
    asks={CHAT: {"prompt_cache_key": "k1"}, RESPONSES: {"prompt_cache_key": "k1"}},
    arrives={
        CHAT: At("prompt_cache_key", "k1"),
        RESPONSES: At("prompt_cache_key", "k1"),
        MESSAGES: BY_ITSELF,
        GEMINI: BY_ITSELF,
        COHERE: BY_ITSELF,
        CONVERSE: BY_ITSELF,
    },
)
USER = Feature(
    name="end user",
    group="Around",
    asks={
        CHAT: {"user": "u1"},
        RESPONSES: {"safety_identifier": "u1"},
        MESSAGES: {"metadata": {"user_id": "u1"}},
    },
    arrives={
        CHAT: (At("user", "u1"), At("safety_identifier", "u1")),
        RESPONSES: (At("user", "u1"), At("safety_identifier", "u1")),
        MESSAGES: At("metadata.user_id", "u1"),
    },
)
METADATA = Feature(
    name="metadata",
    group="Around",
    asks={CHAT: {"metadata": {"order": "o1"}}, RESPONSES: {"metadata": {"order": "o1"}}},
    arrives={
        CHAT: (At("metadata.order", "o1"), Told("answers that it stores")),
        RESPONSES: At("metadata.order", "o1"),
        MESSAGES: Told("keeps no metadata"),
        GEMINI: Told("keeps no metadata"),
        COHERE: Told("keeps no metadata"),
        CONVERSE: At("requestMetadata.order", "o1"),
    },
)
TIER = Feature(
    name="service tier",
    group="Around",
    asks={
        CHAT: {"service_tier": "priority"},
        RESPONSES: {"service_tier": "priority"},
    },
    arrives={
        CHAT: At("service_tier", "priority"),
        RESPONSES: At("service_tier", "priority"),
        GEMINI: At("serviceTier"),
        CONVERSE: At("serviceTier.type", "priority"),
    },
)
_SEARCH = {
    CHAT: At("web_search_options"),
    RESPONSES: At("tools.*.type", "web_search"),
    MESSAGES: At("tools.*.name", "web_search"),
    GEMINI: At("tools.*.googleSearch"),
}
SEARCH = Feature(
    name="search of the web",
    group="Tools that providers run",
    asks={
        CHAT: {"web_search_options": {}},
        RESPONSES: {"tools": [{"type": "web_search"}]},
        MESSAGES: {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        GEMINI: {"tools": [{"googleSearch": {}}]},
    },
    arrives=_SEARCH,
)
CODE = Feature(
    name="running code",
    group="Tools that providers run",
    asks={
        RESPONSES: {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        MESSAGES: {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        GEMINI: {"tools": [{"codeExecution": {}}]},
    },
    arrives={
        RESPONSES: At("tools.*.type", "code_interpreter"),
        MESSAGES: At("tools.*.name", "code_execution"),
        GEMINI: At("tools.*.codeExecution"),
    },
)
COMPUTER = Feature(
    name="use of a computer",
    group="Tools that providers run",
    asks={
        RESPONSES: {
            "tools": [
                {"type": "computer_use_preview", "display_width": 1024, "display_height": 768, "environment": "browser"}
            ]
        },
        MESSAGES: {
            "tools": [
                {"type": "computer_20250124", "name": "computer", "display_width_px": 1024, "display_height_px": 768}
            ]
        },
    },
    arrives={
        RESPONSES: At("tools.*.type", "computer_use_preview"),
        MESSAGES: At("tools.*.name", "computer"),
        CONVERSE: At("additionalModelRequestFields.tools.*.name", "computer"),
    },
)
ROWS = (MARKS, TTL, CACHE_KEY, USER, METADATA, TIER, SEARCH, CODE, COMPUTER)
