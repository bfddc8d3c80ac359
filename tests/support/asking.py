"""Requests as they come in, and the facts of them."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.principal import Principal
from antiphon.core.request import Dialect, Request
from antiphon.core.signal import Fact, Value
from antiphon.signals.about import About
from antiphon.signals.extractor import Extractor
from antiphon.signals.facts import RequestFacts
from antiphon.signals.settings import SignalSettings
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

ENDPOINTS: Mapping[Dialect, Asked] = {
    "openai_chat": Asked(endpoint="/v1/chat/completions"),
    "openai_responses": Asked(endpoint="/v1/responses"),
    "anthropic_messages": Asked(endpoint="/v1/messages"),
    "gemini": Asked(endpoint="/v1beta/models/auto:generateContent", model="auto"),
    "openai_completions": Asked(endpoint="/v1/completions"),
    "openai_embeddings": Asked(endpoint="/v1/embeddings"),
    "openai_images": Asked(endpoint="/v1/images/generations"),
}
WHO = Principal(tenant="acme", key="app", user="kim", team="blue", department="sales", tags=("beta", "eu"))
NOW_NS = 1_700_000_000_000_000_000
"""Tuesday, 14 November 2023, 22:13:20 UTC."""
DEFAULT = Extractor()


def request_of(body: Mapping[str, Any] | bytes, dialect: Dialect = "openai_chat") -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    held = Body((raw,))
    head, spots = CODECS[dialect].read(held, ENDPOINTS[dialect])
    return Request(head=head, body=held, spots=spots, digest=held.sha256())


def chat(*said: str | tuple[str, str], **more: Any) -> dict[str, Any]:
    """An OpenAI chat; a text alone is the user's."""
    turns = [("user", one) if isinstance(one, str) else one for one in said]
    return {"model": "auto", "messages": [{"role": role, "content": text} for role, text in turns], **more}


def extractor(**settings: Any) -> Extractor:
    return Extractor(msgspec.convert(settings, SignalSettings))


def facts_of(
    body: Mapping[str, Any] | bytes | str,
    dialect: Dialect = "openai_chat",
    extractor: Extractor = DEFAULT,
    **about: Any,
) -> RequestFacts:
    """Facts of a request, or of one that says a text."""
    request = request_of(chat(body) if isinstance(body, str) else body, dialect)
    return extractor.facts(About(**{"request": request, "principal": WHO, "now_ns": NOW_NS} | about))


def value_of(name: str, body: Mapping[str, Any] | bytes | str, **more: Any) -> Value:
    return facts_of(body, **more).value(name)


def fact_of(name: str, body: Mapping[str, Any] | bytes | str, **more: Any) -> Fact:
    return facts_of(body, **more).fact(name)
