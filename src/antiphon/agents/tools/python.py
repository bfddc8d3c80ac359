"""Functions of this machine's Python as tools: the signature is the schema."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast, get_type_hints

import msgspec

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.text import result_of
from antiphon.core.error import BadRequest
from antiphon.core.tool import Tool, ToolContext, ToolResult

_SIMPLE = (str, int, float, type(None))
"""Defaults that the schema tells."""
Function = Callable[..., Any]


class PythonHand(Hand):
    """Calls a function: one that is `async` on the loop, any other in a thread."""

    def __init__(self, tool: Tool, function: Function) -> None:
        """Raises: BadRequest, where its signature gives no schema."""
        self.tool, self._function = tool, function
        self._arguments, self._context = _struct(function)

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            given = msgspec.convert(arguments, self._arguments)
        except msgspec.ValidationError as error:
            raise ToolFailed("invalid_arguments", f"Arguments of {self.tool.name} are wrong: {error}") from None
        named = {name: getattr(given, name) for name in given.__struct_fields__}
        if self._context:
            named[self._context] = context
        if inspect.iscoroutinefunction(self._function):
            came = await self._function(**named)
        else:
            came = await asyncio.to_thread(self._function, **named)
        if isinstance(came, ToolResult):
            return came
        return result_of(msgspec.to_builtins(came))


def loaded(name: str) -> Function:
    """The function that `MODULE:FUNCTION` names. Raises: BadRequest."""
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise BadRequest(f"{name!r} can't be loaded: {error}") from None
    if not callable(found):
        raise BadRequest(f"{name!r} is no function")
    return cast("Function", found)


def described(function: Function) -> tuple[str, dict[str, Any]]:
    """What its docstring says, up to an empty line's end of it, and the schema of its arguments. Raises: BadRequest."""
    struct, _ = _struct(function)
    try:
        (said,), parts = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    except TypeError as error:
        raise BadRequest(f"its signature gives no schema: {error}") from None
    name = str(said["$ref"]).rpartition("/")[2]
    schema = {key: value for key, value in parts.pop(name).items() if key not in {"title", "description"}}
    schema["additionalProperties"] = False
    if parts:
        schema["$defs"] = parts
    return inspect.getdoc(function) or "", schema


def _giving(value: Any) -> Callable[[], Any]:
    return lambda: value


def _struct(function: Function) -> tuple[type[msgspec.Struct], str]:
    """Its arguments as a type, and the name of the parameter that takes the context, if any. Raises: BadRequest."""
    try:
        hints: Mapping[str, Any] = get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise BadRequest(f"its signature can't be read: {error}") from None
    fields: list[Any] = []
    context = ""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            raise BadRequest(f"its parameter {name!r} can't be given by name")
        if hints.get(name) is ToolContext:
            context = name
        elif parameter.default is parameter.empty:
            fields.append((name, hints.get(name, Any)))
        elif isinstance(parameter.default, _SIMPLE):
            fields.append((name, hints.get(name, Any), parameter.default))
        else:
            fields.append((name, hints.get(name, Any), msgspec.field(default_factory=_giving(parameter.default))))
    return msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True), context
