"""Writes a Responses request from its canonical form: what this dialect's reader read as it was, others' as near as can be."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from antiphon.core.content import Content, Message, Sampling, Text, Tool, ToolChoice
from antiphon.wire.codec import Terms
from antiphon.wire.efforts import effort_of, thoughts_wanted
from antiphon.wire.fields import as_list, as_object, merged, present
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.decode import INSTRUCTIONS
from antiphon.wire.openai_responses.kept import kept, text_of
from antiphon.wire.openai_responses.needs import LOGPROBS
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.tools import encode_choice, encode_format, encode_tool
from antiphon.wire.openai_responses.turns import Writer
from antiphon.wire.openai_responses.written import WHO
from antiphon.wire.openai_tiers import openai_tier
from antiphon.wire.rules import no_cache_mark

LEAST_TOKENS = 16
"""Least `max_output_tokens` that is taken. Source: API reference, 2026-11."""
_NO_PLACE = ("top_k", "frequency_penalty", "presence_penalty", "seed", "stop", "logit_bias")
_NOTHING: Mapping[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "stop": ((), ""),
    "logit_bias": ({},),
}
"""Values that ask for nothing."""
_UNNAMED = "answer"
"""What a schema is called that came without a name, which this dialect demands."""
_SHARED = ("safety_identifier", "prompt_cache_retention", "prompt_cache_options", "store", "moderation")
"""What OpenAI's chat dialect calls by the same name."""
_NAMED = frozenset({"function", "custom"})


def encode(content: Content, terms: Terms, losses: Losses) -> dict[str, Any]:
    """Write a body."""
    own = content.dialect == DIALECT
    instructions, messages = _instructions(content.messages, own=own)
    first = len(content.messages) - len(messages)
    items = Writer(losses, own=own).items(messages, first)
    if terms.so_far:
        items.append({"type": "message", "role": "assistant", "content": terms.so_far})
    texts = [text for text in (terms.prompt, instructions) if text is not None]
    out: dict[str, Any] = {
        "model": terms.model,
        **present(instructions="\n\n".join(texts) if texts else None),
        "input": items,
        **({"stream": True} if terms.stream else {}),
        **_sampling(content.sampling),
        **present(
            parallel_tool_calls=content.parallel_tool_calls,
            metadata=content.metadata,
            service_tier=content.service_tier if own else _tier(content, losses),
            prompt_cache_key=content.cache_key,
            max_output_tokens=content.limits.output_tokens,
        ),
    }
    _shape(out, content, own=own)
    written = _own(out, content) if own else _foreign(out, content, losses)
    if terms.stream:
        written["stream"] = True  # a null of the caller's would hide it
    if items:
        written["input"] = items
    for name in terms.quirks.rejects:
        if name in written and name not in ("model", "input"):
            del written[name]
            losses.add(name, f"{terms.quirks.who or 'the upstream'} takes no such field")
    return written


def _instructions(messages: tuple[Message, ...], *, own: bool) -> tuple[str | None, tuple[Message, ...]]:
    """What goes as `instructions`: where it came so, or else a system message that comes first and is text alone."""
    if not messages or messages[0].role != "system":
        return None, messages
    first = messages[0]
    if own and INSTRUCTIONS not in kept(first.extra)[0]:
        return None, messages
    texts = [part.text for part in first.parts if isinstance(part, Text) and part.cache is None]
    plain = len(texts) == len(first.parts) and first.name is None and (own or not first.extra)
    return ("\n\n".join(texts), messages[1:]) if plain else (None, messages)


def _sampling(sampling: Sampling) -> dict[str, Any]:
    return present(temperature=sampling.temperature, top_p=sampling.top_p, top_logprobs=sampling.top_logprobs)


def _shape(out: dict[str, Any], content: Content, *, own: bool) -> None:
    """The form of the answer and of the thoughts, each in an object of its own."""
    shape, sampling = content.response_format, content.sampling
    text = present(verbosity=sampling.verbosity)
    if shape is not None and (own or shape.kind != "other"):
        if not own and shape.kind == "json_schema" and shape.name is None:
            shape = replace(shape, name=_UNNAMED)
        text["format"] = encode_format(shape, shape.extra if own else {})
    if text:
        out["text"] = text
    thinking = present(effort=sampling.reasoning_effort)
    if thoughts_wanted(content) and not (own and _says_summary(content)):
        thinking["summary"] = "auto"
    if thinking:
        out["reasoning"] = thinking


def _says_summary(content: Content) -> bool:
    return "summary" in (as_object(content.extra.get("reasoning")) or {})


def _own(out: dict[str, Any], content: Content) -> dict[str, Any]:
    by, rest = kept(content.extra)
    named = text_of(by, "user") or "user"
    out |= present(**{named: content.user})
    if content.tools is not None:
        out["tools"] = [encode_tool(tool) for tool in content.tools]
    if content.tool_choice is not None:
        out["tool_choice"] = encode_choice(content.tool_choice)
    by.pop("user", None)
    return merged(merged(out, by), rest)


def _foreign(out: dict[str, Any], content: Content, losses: Losses) -> dict[str, Any]:
    out |= present(user=content.user)
    _no_place(content.sampling, losses)
    limit = content.limits.output_tokens
    if limit is not None and limit < LEAST_TOKENS:
        out["max_output_tokens"] = LEAST_TOKENS
        losses.add("max_tokens", f"{WHO} takes no fewer than {LEAST_TOKENS}", f"sent as {LEAST_TOKENS}", adapted=True)
    _think(out, content.sampling, losses)
    include = ["reasoning.encrypted_content"]
    if content.sampling.logprobs:
        include.append(LOGPROBS)
    tools = _tools(content, losses)
    if tools:
        out["tools"] = tools
    choice = _choice(content.tool_choice, losses) if tools else None
    if choice is not None:
        out["tool_choice"] = choice
    if content.response_format is not None and content.response_format.kind == "other":
        losses.add("response_format", f"{WHO} has no such form of an answer")
    out |= {"include": include, "store": False}
    out |= _extra(content, losses)
    return out


def _tier(content: Content, losses: Losses) -> str | None:
    """OpenAI's chat dialect has the same tiers, also those that are yet to come."""
    if content.dialect == "openai_chat":
        return content.service_tier
    return openai_tier(content.service_tier, losses, WHO)


def _no_place(sampling: Sampling, losses: Losses) -> None:
    for name in _NO_PLACE:
        value = getattr(sampling, name)
        if value is not None and value not in _NOTHING.get(name, ()):
            losses.add(name, f"{WHO} has no {name}")
    if sampling.n is not None and sampling.n > 1:
        losses.add("n", f"{WHO} gives one answer", "one answer asked for")


def _think(out: dict[str, Any], sampling: Sampling, losses: Losses) -> None:
    if sampling.reasoning_tokens is None or sampling.reasoning_effort is not None:
        return
    if sampling.reasoning_tokens < 0:
        losses.add("reasoning_tokens", f"{WHO} lets the model choose", "left out", adapted=True)
        return
    effort = effort_of(sampling.reasoning_tokens)
    out["reasoning"] = {**out.get("reasoning", {}), "effort": effort}
    losses.add("reasoning_tokens", f"{WHO} has words for it", f"sent as reasoning.effort {effort}", adapted=True)


def _tools(content: Content, losses: Losses) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for index, tool in enumerate(content.tools or ()):
        written = _tool(tool, f"tools[{index}]", losses)
        if written is not None:
            out.append(written)
    options = as_object(content.extra.get("web_search_options")) if content.dialect == "openai_chat" else None
    if options is not None:
        out.append(_web_search(options))
    return out


def _web_search(options: Mapping[str, Any]) -> dict[str, Any]:
    """The search of OpenAI's chat dialect, whose place of the user is an object within another."""
    out: dict[str, Any] = {"type": "web_search", **present(search_context_size=options.get("search_context_size"))}
    place = as_object(options.get("user_location"))
    if place is not None:
        out["user_location"] = {"type": "approximate", **(as_object(place.get("approximate")) or {})}
    return out


def _tool(tool: Tool, path: str, losses: Losses) -> dict[str, Any] | None:
    if tool.kind in _NAMED:
        if tool.cache is not None:
            no_cache_mark(losses, path, WHO)
        out = {"type": tool.kind, **present(name=tool.name, description=tool.description)}
        if tool.kind == "function":
            out |= {
                "parameters": tool.parameters or {"type": "object", "properties": {}},
                "strict": tool.strict or False,
            }
            losses.all_of(_said(tool.extra), path, f"{WHO} has no such field")
            return out
        return out | _format(tool)
    if tool.kind == "web_search":
        losses.add(path, f"{WHO} has options of its own for it", "sent as web_search without options", adapted=True)
        return {"type": "web_search"}
    if tool.kind == "code_execution":
        losses.add(path, f"{WHO} has options of its own for it", "sent as code_interpreter", adapted=True)
        return {"type": "code_interpreter", "container": {"type": "auto"}}
    losses.add(path, f"{WHO} has no tool of the kind {tool.kind}")
    return None


def _format(tool: Tool) -> dict[str, Any]:
    """What a free-text tool takes: in OpenAI's chat dialect it stands in an inner object, a grammar in one more."""
    shape = as_object((as_object(tool.extra.get("custom")) or {}).get("format"))
    if shape is None:
        return {}
    grammar = as_object(shape.get("grammar"))
    return {"format": {"type": "grammar", **grammar} if grammar is not None else shape}


def _choice(choice: ToolChoice | None, losses: Losses) -> object:
    if choice is None:
        return None
    if choice.mode != "other":
        losses.all_of(_said(choice.extra), "tool_choice", f"{WHO} has no such field")
        if choice.mode == "named" and choice.kind not in _NAMED:
            losses.add("tool_choice", f"{WHO} can't choose a tool of the kind {choice.kind}")
            return None
        return encode_choice(ToolChoice(mode=choice.mode, name=choice.name, kind=choice.kind, names=choice.names))
    return _allowed(choice, losses)


def _allowed(choice: ToolChoice, losses: Losses) -> object:
    """OpenAI's chat dialect has the allowed tools in an inner object."""
    raw = as_object(choice.raw) or {}
    allowed = as_object(raw.get("allowed_tools"))
    names: list[str] = []
    for value in as_list((allowed or {}).get("tools")) or ():
        tool = as_object(value) or {}
        name = (as_object(tool.get("function")) or {}).get("name")
        if isinstance(name, str):
            names.append(name)
    if allowed is None or not names:
        losses.add("tool_choice", f"{WHO} has no such choice")
        return None
    tools = [{"type": "function", "name": name} for name in names]
    return {"type": "allowed_tools", "mode": allowed.get("mode") or "auto", "tools": tools}


def _extra(content: Content, losses: Losses) -> dict[str, Any]:
    """What is beside the words: OpenAI's chat dialect shares some of it."""
    shared = _SHARED if content.dialect == "openai_chat" else ()
    out: dict[str, Any] = {}
    for name in _said(content.extra):
        if name in shared:
            out[name] = content.extra[name]
        elif content.dialect != "openai_chat" or name not in ("web_search_options", "modalities", "audio"):
            losses.add(name, f"{WHO} has no such field")
        elif name != "web_search_options" and (name == "audio" or content.extra[name] != ["text"]):
            losses.add(name, f"{WHO} has no spoken answers")
    return out


def _said(extra: Mapping[str, Any]) -> list[str]:
    return [name for name, value in extra.items() if value is not None]
