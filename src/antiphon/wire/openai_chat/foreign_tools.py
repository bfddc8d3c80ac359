"""Tools, the choice among them and the answer's form that came in another dialect, made fit for Chat Completions."""

from typing import Any

from msgspec.structs import replace

from antiphon.core.content import Content, ResponseFormat, Tool, ToolChoice
from antiphon.wire.codec import left_over
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.losses import Losses
from antiphon.wire.rules import no_cache_mark

SEARCHES = frozenset({"openai", "azure", "openrouter", "lab"})
"""Providers that take `web_search_options`. Sources: openai-python 3.52.0, `types/chat/completion_create_params.py`;
openrouter.ai/docs/features/web-search, 2026-11."""
ALLOWS = frozenset({"openai", "azure", "lab"})
"""Providers that take a choice of the type `allowed_tools`; to others the other tools are not sent. Source: openai-python
3.52.0, `types/chat/chat_completion_allowed_tools_param.py`."""
_CALLED = frozenset({"function", "custom"})
"""Kinds of tool that stand in `tools`."""
_VALUES = frozenset({"enum", "const", "default", "examples"})
"""Words of a schema that hold values, not schemas."""


class Toolbox:
    """What one request says of tools."""

    def __init__(self, content: Content, losses: Losses, who: str) -> None:
        self._losses = losses
        self._who = who
        self._alike = content.dialect == "openai_responses"
        """Its `strict` asks the same of a schema."""
        self.tools = self._tools(content.tools or ())
        self.choice = self._choice(content.tool_choice)
        called = any(tool.kind in _CALLED for tool in self.tools)
        self.parallel = content.parallel_tool_calls if called else None
        self.form = self._form(content.response_format)

    def _tools(self, tools: tuple[Tool, ...]) -> tuple[Tool, ...]:
        losses, who = self._losses, self._who
        out: list[Tool] = []
        for index, tool in enumerate(tools):
            path = f"tools[{index}]"
            if tool.kind == "web_search" and who in SEARCHES:
                losses.add(path, f"{who} searches with options of its own", "sent as web_search_options", adapted=True)
                out.append(Tool(name="web_search", kind="web_search"))
            elif tool.kind not in _CALLED or not tool.name:
                losses.add(path, f"{who} has no tool of the kind {tool.kind}")
            else:
                left_over(tool.extra, path, losses, who)
                if tool.cache is not None:
                    no_cache_mark(losses, path, who)
                strict = self._strict(tool.strict, tool.parameters, path)
                out.append(replace(tool, strict=strict, legacy=False, cache=None, extra={}))
        return tuple(out)

    def _choice(self, choice: ToolChoice | None) -> ToolChoice | None:
        """The choice; tools that may not be called are taken out where a choice can't say it."""
        losses, who = self._losses, self._who
        if choice is None:
            return None
        left_over(choice.extra, "tool_choice", losses, who)
        called = {tool.name: tool for tool in self.tools if tool.kind in _CALLED}
        if choice.mode == "other":
            losses.add("tool_choice", f"{who} has no such choice")
        elif choice.mode == "named" and choice.name not in called:
            losses.add("tool_choice", f"the tool that it names can't be sent to {who}")
        elif not called:
            if choice.mode == "required":
                losses.add("tool_choice", f"no tool that it could mean can be sent to {who}")
        elif choice.names and choice.mode in {"auto", "required"}:
            return self._allowed(choice, [called[name] for name in choice.names if name in called])
        else:
            kind = called[choice.name].kind if choice.mode == "named" and choice.name else choice.kind
            return ToolChoice(mode=choice.mode, name=choice.name, kind=kind)
        return None

    def _allowed(self, choice: ToolChoice, tools: list[Tool]) -> ToolChoice | None:
        if not tools:
            self._losses.add("tool_choice", f"no tool that it allows can be sent to {self._who}")
            return ToolChoice(mode="none")
        if self._who in ALLOWS:
            named = [{"type": tool.kind, tool.kind: {"name": tool.name}} for tool in tools]
            allowed = {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}
            return ToolChoice(mode="other", raw=allowed)
        self._losses.add(
            "tool_choice", f"{self._who} can't be told which are allowed", "the other tools are left out", adapted=True
        )
        kept = {tool.name for tool in tools}
        self.tools = tuple(tool for tool in self.tools if tool.name in kept or tool.kind not in _CALLED)
        return ToolChoice(mode=choice.mode)

    def _form(self, form: ResponseFormat | None) -> ResponseFormat | None:
        if form is None:
            return None
        if form.kind == "other":
            self._losses.add("response_format", f"{self._who} has no such form")
            return None
        left_over(form.extra, "response_format", self._losses, self._who)
        if form.kind != "json_schema":
            return replace(form, extra={})
        strict = self._strict(form.strict, form.schema, "response_format")
        return replace(form, name=form.name or "answer", strict=strict, extra={})

    def _strict(self, strict: bool | None, schema: dict[str, Any] | None, path: str) -> bool | None:
        if not strict or self._alike or is_closed(schema or {}):
            return strict
        self._losses.add(f"{path}.strict", f"{self._who} takes only schemas whose properties are all required")
        return None


def is_closed(schema: dict[str, Any]) -> bool:
    """Whether every object of a schema has all its properties required, and no others.

    Source: platform.openai.com/docs/guides/structured-outputs, "Supported schemas", 2026-11.
    """
    waiting: list[object] = [schema]
    while waiting:
        one = waiting.pop()
        fields = as_object(one)
        if fields is None:
            waiting.extend(as_list(one) or ())
            continue
        properties = as_object(fields.get("properties"))
        if properties is not None or fields.get("type") == "object":
            required = as_list(fields.get("required")) or []
            if fields.get("additionalProperties") is not False or any(
                name not in required for name in properties or {}
            ):
                return False
        waiting.extend(value for name, value in fields.items() if name not in _VALUES and name != "properties")
        waiting.extend((properties or {}).values())
    return True
