"""What models of Anthropic take, by the version in their names.

Sources: platform.claude.com/docs, "Adaptive thinking", "Extended thinking" and "Errors" (2026-11); anthropic 2.14.0,
`types/thinking_types.py`.
"""

import re

from msgspec import Struct

_AFTER = re.compile(r"claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")
"""As in `claude-opus-4-7`, `us.anthropic.claude-haiku-4-5-20251001-v1:0`, `claude-sonnet-4.5`."""
_BEFORE = re.compile(r"claude-(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")
"""As in `claude-3-7-sonnet-20250219`."""

_NONE: tuple[int, int] = (0, 0)


class Takes(Struct, frozen=True, gc=False, kw_only=True):
    """What a request to one model may say."""

    adaptive: bool
    """Thinking is `adaptive` and its depth an effort; else it is `enabled` with a budget of tokens."""
    sampling: bool
    """`temperature`, `top_p` and `top_k`."""
    both: bool
    """`temperature` beside `top_p`."""
    can_rest: bool
    """Thinking can be turned off."""
    finest: bool
    """It knows the effort `xhigh`."""
    structured: bool
    """An answer's form by a schema, and strict tools."""


def _version(found: re.Match[str]) -> tuple[int, int]:
    return int(found[1]), int(found[2] or 0)


def takes(model: str) -> Takes:
    """What a model takes. One without a version in its name, of another maker too, is held for one that knows budgets."""
    found = _AFTER.search(model) or _BEFORE.search(model)
    version = _version(found) if found else _NONE
    preview = "mythos" in model
    late = version >= (4, 7) or preview
    return Takes(
        adaptive=version >= (4, 6) or preview,
        sampling=not late,
        both=version < (4, 1),
        can_rest=not preview,
        finest=late,
        structured=version >= (4, 5) or preview,
    )
