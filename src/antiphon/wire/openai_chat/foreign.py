"""A request that came in another dialect, made fit for Chat Completions: what has no place there is told of.

Source of what OpenAI takes: openai-python 3.52.0, `types/chat/completion_create_params.py`.
"""

from msgspec.structs import replace

from antiphon.core.content import Content, Message, Sampling, Text
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.efforts import effort_of, thoughts_wanted
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.foreign_messages import Adopter
from antiphon.wire.openai_chat.foreign_tools import Toolbox
from antiphon.wire.openai_tiers import openai_tier
from antiphon.wire.rules import no_metadata, no_showing

WHO = "OpenAI Chat Completions"
TOP_K = frozenset({"vllm", "sglang", "llamacpp", "ollama", "lmstudio", "openrouter", "together", "fireworks", "lab"})
"""Providers that take `top_k` beside OpenAI's fields. Sources: as in `antiphon.providers.profiles`."""
MOST_STOPS = 4
"""Most texts that OpenAI's own models stop at. Source: as above, `stop`."""
_OPENAI = frozenset({"openai", "azure"})


def adopt(content: Content, terms: Terms, losses: Losses) -> Content:
    """Raises: BadRequest, where something that the answer depends on can't be sent."""
    who = terms.quirks.who or WHO
    left_over(content.extra, "", losses, who)
    box = Toolbox(content, losses, who)
    return replace(
        content,
        dialect="openai_chat",
        messages=_messages(content.messages, terms, losses, who),
        tools=box.tools or None,
        tool_choice=box.choice,
        parallel_tool_calls=box.parallel,
        response_format=box.form,
        sampling=_sampling(content, losses, who, top_k=terms.quirks.who in TOP_K),
        limits=replace(content.limits, legacy=False),
        metadata=_metadata(content.metadata, losses, who),
        service_tier=openai_tier(content.service_tier, losses, who),
        extra={},
    )


def _messages(messages: tuple[Message, ...], terms: Terms, losses: Losses, who: str) -> tuple[Message, ...]:
    adopter = Adopter(losses, who, thoughts=terms.quirks.thoughts)
    out = [] if terms.prompt is None else [_said("system", terms.prompt)]
    for index, message in enumerate(messages):
        adopter.adopt(message, f"messages[{index}]", out)
    adopter.close(out)
    if terms.so_far:
        out.append(_said("assistant", terms.so_far))
    return tuple(out)


def _said(role: str, text: str) -> Message:
    return Message(role=role, parts=(Text(text=text),), form="text")


def _sampling(content: Content, losses: Losses, who: str, *, top_k: bool) -> Sampling:
    sampling = content.sampling
    if sampling.top_k is not None and not top_k:
        losses.add("top_k", f"{who} has no top_k")
        sampling = replace(sampling, top_k=None)
    if thoughts_wanted(content):
        asked = sampling.reasoning_shown is True
        no_showing(losses, f"{who} can't be asked for thoughts", shown=True, asked=asked)
    if sampling.reasoning_shown is not None:
        sampling = replace(sampling, reasoning_shown=None)
    if sampling.reasoning_tokens is not None:
        effort = sampling.reasoning_effort or effort_of(sampling.reasoning_tokens)
        losses.add(
            "reasoning_tokens", f"{who} knows efforts, not tokens", f"sent as reasoning_effort {effort}", adapted=True
        )
        sampling = replace(sampling, reasoning_tokens=None, reasoning_effort=effort)
    if sampling.reasoning_effort == "max":
        losses.add("reasoning_effort", f"{who} has no effort max", "sent as xhigh", adapted=True)
        sampling = replace(sampling, reasoning_effort="xhigh")
    if who in _OPENAI and isinstance(sampling.stop, tuple) and len(sampling.stop) > MOST_STOPS:
        losses.add("stop", f"{who} stops at {MOST_STOPS} texts at most", f"the first {MOST_STOPS} are sent")
        sampling = replace(sampling, stop=sampling.stop[:MOST_STOPS])
    return _with_chances(sampling)


def _with_chances(sampling: Sampling) -> Sampling:
    """How many chances are told is said only where they are asked for."""
    if sampling.top_logprobs is None or sampling.logprobs:
        return sampling
    return replace(sampling, logprobs=True) if sampling.logprobs is None else replace(sampling, top_logprobs=None)


def _metadata(metadata: dict[str, str] | None, losses: Losses, who: str) -> dict[str, str] | None:
    """OpenAI answers 400 to it where the answer isn't stored, as ours are not.

    Source: github.com/tmc/langchaingo/issues/1484, 2026-03.
    """
    if metadata is None or who not in _OPENAI:
        return metadata
    no_metadata(losses, f"{who} takes it of answers that it stores")
    return None
