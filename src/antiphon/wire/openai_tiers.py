"""OpenAI's names of service tiers, which all of its dialects share."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.wire.losses import Losses

_TIERS: Mapping[str, str] = MappingProxyType(
    {"auto": "auto", "default": "default", "flex": "flex", "priority": "priority", "standard_only": "default"}
)
"""By the word of whichever dialect the request came in: `standard_only` is Anthropic's.

Source: openai-python 3.52.0, `types/chat/completion_create_params.py`, `types/responses/response_create_params.py`;
anthropic 2.14.0, `types/message_create_params.py`.
"""


def openai_tier(tier: str | None, losses: Losses, who: str) -> str | None:
    """The tier to ask for, of a request that came in a dialect of another's; None: none."""
    known = None if tier is None else _TIERS.get(tier)
    if tier is not None and known is None:
        losses.add("service_tier", f"{who} has no such tier")
    return known
