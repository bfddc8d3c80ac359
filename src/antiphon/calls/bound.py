"""The most that an attempt may cost: what its ticket holds."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from antiphon.core.content import Content
from antiphon.core.deployment import Deployment
from antiphon.core.money import NanoUsd
from antiphon.core.request import Dialect, Need, Operation, Request
from antiphon.core.ticket import Bound
from antiphon.core.usage import Usage
from antiphon.pricing.bounds import TEMPLATE_TOKENS, input_bound
from antiphon.pricing.cost import bound, likely
from antiphon.pricing.media import Media, media_of
from antiphon.providers.target import Said, Target
from antiphon.wire.passage import meaning
from antiphon.wire.places import named

LIKELY_OUTPUT_TOKENS = 512
"""What soft budgets and limits of tokens expect of an answer whose own limit is higher, until it has come."""
SAMPLE_TOKENS = 1_000_000
"""Tokens by which the price of one is told without rounding."""
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


def bounds_of(request: Request, target: Target, said: Said, likely_input: Callable[[int], int]) -> Bound:
    """The most that an attempt may use, and what it likely will.

    Args:
        likely_input: About how many tokens a request of so many bytes is.
    """
    deployment = target.deployment
    most, each = _most_input(request, target, said), output_of(request, deployment)
    wordless = said.passage.own.operation in _WORDLESS
    tokens = None if most is None else most if wordless else None if each is None else most + each
    into = likely_input(said.outbound.size_bytes)
    into = into if most is None else min(into, most)
    out = 0 if wordless else LIKELY_OUTPUT_TOKENS if each is None else min(each, LIKELY_OUTPUT_TOKENS)
    price = deployment.price
    money: NanoUsd | None = None
    if price is not None and most is not None:
        money = bound(price, most, 0, Usage()) if wordless else bound(price, most, each)
    return Bound(
        money_nano_usd=money,
        tokens=tokens,
        likely_nano_usd=0 if price is None else likely(price, into, out),
        likely_input_tokens=into,
        likely_output_tokens=out,
    )


def affordable(request: Request, target: Target, said: Said, left_nano_usd: int) -> int | None:
    """How long an answer what is left pays for, in tokens, whatever the request's input comes to.

    Returns: None, where that isn't known; 0 or less, where it doesn't even pay for the input.
    """
    price, most = target.deployment.price, _most_input(request, target, said)
    if price is None or most is None or said.passage.own.operation != "chat":
        return None
    nothing, some = bound(price, most, 0), bound(price, most, SAMPLE_TOKENS)
    if nothing is None or some is None or some <= nothing:
        return None
    return (left_nano_usd - nothing) * SAMPLE_TOKENS // (some - nothing) // request.head.answers


def _most_input(request: Request, target: Target, said: Said) -> int | None:
    """Tokens; None: nothing bounds them."""
    head, operation, size_bytes = request.head, said.passage.own.operation, said.outbound.size_bytes
    if not head.needs and operation == "chat" and head.dialect not in _ELSEWHERE:  # text alone, as most are
        return size_bytes + TEMPLATE_TOKENS
    if operation in _MADE or head.needs & _UNBOUNDED:
        return None
    return input_bound(
        size_bytes,
        _media(request, said) if head.needs & MEDIA else (),
        family=target.family,
        tools="tools" in head.needs or "structured_output" in head.needs,
        elsewhere=_is_elsewhere(request),
        window_tokens=target.deployment.context_tokens,
    )


def output_of(request: Request, deployment: Deployment) -> int | None:
    """The most tokens of all answers; None: nothing bounds them."""
    head = request.head
    each = deployment.output_tokens if head.output_tokens is None else head.output_tokens
    return None if each is None else each * head.answers


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
