"""A request that came in another dialect, made fit for Chat Completions: what has no place there is told of.

Source of what OpenAI takes: openai-python 3.52.0, `types/chat/completion_create_params.py`.
"""

from msgspec.structs import replace

from antiphon.core.content import Content, Message, ResponseFormat, Sampling, Text, Tool, ToolChoice
from antiphon.wire.codec import Terms, left_over
from antiphon.wire.efforts import effort_of, thoughts_wanted
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.foreign_messages import Adopter

WHO = "OpenAI Chat Completions"
SEARCHES = frozenset({"openai", "azure", "openrouter", "lab"})
"""Providers that take `web_search_options`. Sources: as above; openrouter.ai/docs/features/web-search, 2026-11."""
TOP_K = frozenset({"vllm", "sglang", "llamacpp", "ollama", "lmstudio", "openrouter", "together", "fireworks", "lab"})
"""Providers that take `top_k` beside OpenAI's fields. Sources: as in `antiphon.providers.profiles`."""
_TIERS = {"auto": "auto", "default": "default", "flex": "flex", "priority": "priority", "standard_only": "default"}


def adopt(content: Content, terms: Terms, losses: Losses) -> Content:
    """Raises: BadRequest, where something that the answer depends on can't be sent."""
    who = terms.quirks.who or WHO
    left_over(content.extra, "", losses, who)
    tools = _tools(content.tools, losses, who, searches=terms.quirks.who in SEARCHES)
    return replace(
        content,
        dialect="openai_chat",
        messages=_messages(content.messages, terms, losses, who),
        tools=tools,
        tool_choice=_choice(content.tool_choice, tools, losses, who),
        parallel_tool_calls=content.parallel_tool_calls if tools else None,
        response_format=_format(content.response_format, losses, who),
        sampling=_sampling(content, losses, who, top_k=terms.quirks.who in TOP_K),
        limits=replace(content.limits, legacy=False),
        service_tier=_tier(content.service_tier, losses, who),
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


def _tools(tools: tuple[Tool, ...] | None, losses: Losses, who: str, *, searches: bool) -> tuple[Tool, ...] | None:
    out: list[Tool] = []
    for index, tool in enumerate(tools or ()):
        path = f"tools[{index}]"
        if tool.kind == "web_search" and searches:
            losses.add(path, f"{who} searches with options of its own", "sent as web_search_options", adapted=True)
            out.append(Tool(name="web_search", kind="web_search"))
        elif tool.kind not in {"function", "custom"} or not tool.name:
            losses.add(path, f"{who} has no tool of the kind {tool.kind}")
        else:
            left_over(tool.extra, path, losses, who)
            if tool.cache is not None:
                losses.add(
                    f"{path}.cache_control",
                    f"{who} takes no marks",
                    "left out; the provider caches by itself",
                    adapted=True,
                )
            out.append(replace(tool, legacy=False, cache=None, extra={}))
    return tuple(out) or None


def _choice(choice: ToolChoice | None, tools: tuple[Tool, ...] | None, losses: Losses, who: str) -> ToolChoice | None:
    if choice is None or not tools:
        return None
    left_over(choice.extra, "tool_choice", losses, who)
    if choice.mode == "other":
        losses.add("tool_choice", f"{who} has no such choice")
        return None
    if choice.mode == "named" and all(tool.name != choice.name for tool in tools):
        losses.add("tool_choice", f"the tool that it names can't be sent to {who}")
        return None
    if choice.names:
        mode = "required" if choice.mode in {"required", "named"} else "auto"
        named = [{"type": "function", "function": {"name": name}} for name in choice.names]
        allowed = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}
        return ToolChoice(mode="other", raw=allowed)
    return ToolChoice(mode=choice.mode, name=choice.name, kind=choice.kind)


def _format(form: ResponseFormat | None, losses: Losses, who: str) -> ResponseFormat | None:
    if form is None:
        return None
    if form.kind == "other":
        losses.add("response_format", f"{who} has no such form")
        return None
    left_over(form.extra, "response_format", losses, who)
    name = form.name or ("answer" if form.kind == "json_schema" else None)
    return replace(form, name=name, extra={})


def _sampling(content: Content, losses: Losses, who: str, *, top_k: bool) -> Sampling:
    sampling = content.sampling
    if sampling.top_k is not None and not top_k:
        losses.add("top_k", f"{who} has no top_k")
        sampling = replace(sampling, top_k=None)
    if thoughts_wanted(content):
        losses.add("reasoning.shown", f"{who} can't be asked for thoughts", "left out", adapted=True)
    if sampling.reasoning_shown is not None:
        sampling = replace(sampling, reasoning_shown=None)
    if sampling.reasoning_tokens is not None:
        effort = sampling.reasoning_effort or effort_of(sampling.reasoning_tokens)
        losses.add(
            "reasoning.tokens", f"{who} knows efforts, not tokens", f"sent as reasoning_effort {effort}", adapted=True
        )
        sampling = replace(sampling, reasoning_tokens=None, reasoning_effort=effort)
    if sampling.reasoning_effort == "max":
        losses.add("reasoning_effort", f"{who} has no effort max", "sent as xhigh", adapted=True)
        sampling = replace(sampling, reasoning_effort="xhigh")
    return sampling


def _tier(tier: str | None, losses: Losses, who: str) -> str | None:
    known = None if tier is None else _TIERS.get(tier)
    if tier is not None and known is None:
        losses.add("service_tier", f"{who} has no such tier")
    return known
