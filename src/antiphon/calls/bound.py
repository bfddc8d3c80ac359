"""The most that an attempt may cost: what its ticket holds."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.content import Content
from antiphon.core.money import NanoUsd
from antiphon.core.request import Dialect, Need, Operation, Request
from antiphon.core.usage import Usage
from antiphon.pricing.bounds import TEMPLATE_TOKENS, input_bound
from antiphon.pricing.cost import bound
from antiphon.pricing.media import Media, media_of
from antiphon.providers.target import Said, Target
from antiphon.wire.openai_chat.head import named
from antiphon.wire.passage import meaning

MEDIA: frozenset[Need] = frozenset({"images", "audio", "files"})
_UNBOUNDED: frozenset[Need] = frozenset({"web_search", "server_tools"})
"""What a tool of the provider's own finds is input again, as often as it runs."""
_WORDLESS: frozenset[Operation] = frozenset({"embeddings", "rerank", "moderations"})
"""Whose answers are no tokens."""
_MADE: frozenset[Operation] = frozenset({"images", "speech", "transcription"})
"""Whose answers nothing in the request bounds."""


_ELSEWHERE: Mapping[Dialect, tuple[str, ...]] = MappingProxyType(
    {
        "openai_responses": ("previous_response_id", "conversation", "prompt"),
        "gemini": ("cachedContent", "cached_content"),
    }
)
"""Fields that name input which isn't in the body, by dialect."""


def bound_of(request: Request, target: Target, said: Said) -> NanoUsd | None:
    """None: the deployment is unpriced, or nothing bounds what it may cost."""
    deployment, head = target.deployment, request.head
    price = deployment.price
    if price is None:
        return None
    operation, size_bytes = said.passage.own.operation, said.outbound.size_bytes
    if not head.needs and operation == "chat" and head.dialect not in _ELSEWHERE:  # text alone, as most are
        each = deployment.output_tokens if head.output_tokens is None else head.output_tokens
        return bound(price, size_bytes + TEMPLATE_TOKENS, None if each is None else each * head.answers)
    if operation in _MADE or head.needs & _UNBOUNDED:
        return None
    most = input_bound(
        size_bytes,
        _media(request, said) if head.needs & MEDIA else (),
        family=target.family,
        tools="tools" in head.needs or "structured_output" in head.needs,
        elsewhere=_is_elsewhere(request),
        window_tokens=deployment.context_tokens,
    )
    if most is None:
        return None
    if operation in _WORDLESS:
        return bound(price, most, 0, Usage())
    each = deployment.output_tokens if head.output_tokens is None else head.output_tokens
    return bound(price, most, None if each is None else each * head.answers)


def _is_elsewhere(request: Request) -> bool:
    """Whether the upstream has a part of the input already."""
    names = _ELSEWHERE.get(request.head.dialect)
    if names is None:
        return False
    fields = named(request, names)
    return any(
        request.body.slice(fields[name].start, fields[name].end).strip() != b"null" for name in names if name in fields
    )


def _media(request: Request, said: Said) -> tuple[Media, ...]:
    content = meaning(request, said.passage.own)
    return media_of(content) if isinstance(content, Content) else ()
