"""How deep a model is to think, in Anthropic's words: an effort, or a budget of tokens."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from antiphon.core.content import Sampling
from antiphon.wire.anthropic_messages.foreign_parts import WHO
from antiphon.wire.anthropic_messages.models import Takes
from antiphon.wire.losses import Losses

LEAST = 1024
"""Fewest tokens of a budget. Source: anthropic 2.14.0, `types/thinking_config_enabled_param.py` (2026-11)."""
BUDGETS: Mapping[str, int] = MappingProxyType(
    {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 64000}
)
_USUAL = "medium"
_ADAPTIVE = ("low", "medium", "high", "xhigh", "max")


class Thought(Struct, frozen=True, kw_only=True):
    """What a request says of thinking."""

    thinking: dict[str, Any] | None = None
    effort: str | None = None

    @property
    def budget(self) -> int:
        return self.thinking.get("budget_tokens", 0) if self.thinking else 0

    @property
    def on(self) -> bool:
        return self.thinking is not None and self.thinking.get("type") != "disabled"


NONE = Thought()


def thought_of(sampling: Sampling, takes: Takes, losses: Losses) -> Thought:
    """Write what another dialect says of thinking."""
    effort, tokens = sampling.reasoning_effort, sampling.reasoning_tokens
    if effort is None and tokens is None:
        return NONE
    if effort == "none" or (effort is None and tokens == 0):
        return _off(takes, losses)
    return _adaptive(sampling, takes, losses) if takes.adaptive else _budget(sampling, losses)


def _off(takes: Takes, losses: Losses) -> Thought:
    if not takes.can_rest:
        losses.add("reasoning_effort", "the model always thinks")
        return NONE
    return Thought(thinking={"type": "disabled"}) if takes.adaptive else NONE


def _adaptive(sampling: Sampling, takes: Takes, losses: Losses) -> Thought:
    thinking: dict[str, Any] = {"type": "adaptive"}
    if sampling.reasoning_shown is not None:
        thinking["display"] = "summarized" if sampling.reasoning_shown else "omitted"
    said, tokens = sampling.reasoning_effort, sampling.reasoning_tokens
    effort = said
    if tokens is not None and tokens > 0:
        effort = said or effort_of(tokens)
        losses.add("reasoning_tokens", "the model knows efforts, not budgets", f"sent as {effort}", adapted=True)
    elif effort not in (None, *_ADAPTIVE):
        effort = "low" if effort == "minimal" else "high"
        losses.add("reasoning_effort", f"{WHO} has no such effort", f"sent as {effort}", adapted=True)
    if effort == "minimal":
        effort = "low"
    if effort == "xhigh" and not takes.finest:
        losses.add("reasoning_effort", "the model has no such effort", "sent as high", adapted=True)
        effort = "high"
    return Thought(thinking=thinking, effort=effort)


def _budget(sampling: Sampling, losses: Losses) -> Thought:
    tokens, effort = sampling.reasoning_tokens, sampling.reasoning_effort
    if tokens is None or tokens < 0:
        budget = BUDGETS.get(effort or _USUAL, BUDGETS[_USUAL])
        losses.add("reasoning_effort", "the model knows budgets, not efforts", f"sent as {budget} tokens", adapted=True)
    else:
        budget = max(LEAST, tokens)
        if budget != tokens:
            losses.add(
                "reasoning_tokens", f"{WHO} thinks with {LEAST} tokens at least", f"sent as {budget}", adapted=True
            )
    if sampling.reasoning_shown is False:
        return Thought(thinking={"type": "enabled", "budget_tokens": budget, "display": "omitted"})
    return Thought(thinking={"type": "enabled", "budget_tokens": budget})


def effort_of(tokens: int) -> str:
    """The effort whose budget is nearest without being above."""
    fitting = [name for name, budget in BUDGETS.items() if budget <= tokens]
    return fitting[-1] if fitting else "minimal"
