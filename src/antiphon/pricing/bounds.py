"""The most tokens that a request can be read as: proven, for hard budgets.

A token is at least one byte of the text, and an escape in JSON is longer than what it stands for, so the body's bytes
bound its text without a look at it. The sum is exact enough to reserve, never to charge.
"""

from collections.abc import Iterable

from antiphon.pricing.media import UNKNOWN, Family, Media

TEMPLATE_TOKENS = 256
"""Most that a model's chat template adds to a request. Source: gpt-oss's, the longest of the open ones, is about 70
tokens, https://cookbook.openai.com/articles/openai-harmony, 2026-11; roles and ends of turns are shorter than their JSON."""
TOOLS_TOKENS = 1280
"""Most that a provider adds to a request with tools or a schema. Source: up to about 800 of Anthropic's tool use system
prompt, https://platform.claude.com/docs/en/about-claude/pricing, 2026-11, and the template's."""


def input_bound(
    size_bytes: int,
    media: Iterable[Media] = (),
    *,
    family: Family = UNKNOWN,
    tools: bool = False,
    elsewhere: bool = False,
    window_tokens: int | None = None,
) -> int | None:
    """The most input tokens of a request, cached ones included.

    A request of text alone needs no parsing: its size is enough.

    Args:
        size_bytes: Of the body as it is sent.
        media: What in it isn't text; its bytes in the body are counted by what it becomes.
        family: How the model sees, see `antiphon.pricing.media.family`.
        tools: It has tools or asks for a schema.
        elsewhere: A part of the input isn't in the body: an earlier response, a stored conversation or cache.
        window_tokens: The model's context window: the provider refuses a longer input. None: unknown.
    Returns: None when nothing bounds it. A request for whose answer the provider itself runs tools has no bound, which
        is the caller's to know: what they find is input again, each time.
    """
    tokens = size_bytes + (TOOLS_TOKENS if tools else TEMPLATE_TOKENS)
    for one in media:
        most = family.most(one)
        if most is None:
            return window_tokens
        tokens += most - one.inline_bytes
    return window_tokens if elsewhere else tokens
