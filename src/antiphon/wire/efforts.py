"""How hard a model is to think, in words and in tokens: providers say the one or the other.

Source: the bands that docs.litellm.ai/docs/reasoning_content and openrouter.ai/docs/use-cases/reasoning-tokens give,
2026-11, rounded to what Anthropic takes at least (1,024 tokens).
"""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.content import Content

TOKENS: Mapping[str, int] = MappingProxyType(
    {
        "none": 0,
        "minimal": 1024,
        "low": 2048,
        "medium": 8192,
        "high": 24_576,
        "xhigh": 32_768,
        "max": 64_000,
    }
)
"""Most tokens to think with, by effort."""


def tokens_of(effort: str) -> int:
    """Tokens for an effort; a word that isn't known counts as medium."""
    return TOKENS.get(effort, TOKENS["medium"])


def effort_of(tokens: int) -> str:
    """The greatest effort whose tokens are no more than these; the least one for fewer. -1, no bound, is medium."""
    if tokens < 0:
        return "medium"
    fitting = [effort for effort, most in TOKENS.items() if most <= tokens]
    return "minimal" if fitting == ["none"] and tokens else fitting[-1]


def thoughts_wanted(content: Content) -> bool | None:
    """Whether the caller is to be told of thoughts; None: it says nothing of that.

    Anthropic's callers who give a budget are told of them unless they say otherwise; for adaptive thinking that depends on
    the model. Source: platform.claude.com/docs/en/build-with-claude/adaptive-thinking, 2026-11.
    """
    sampling = content.sampling
    budgeted = content.dialect == "anthropic_messages" and (sampling.reasoning_tokens or 0) > 0
    return True if sampling.reasoning_shown is None and budgeted else sampling.reasoning_shown
