"""Tools that take free text, for dialects whose tools take objects alone."""

from msgspec.structs import replace

from antiphon.core.content import Tool


def as_function(tool: Tool) -> Tool:
    """The same tool as a function with one field, `input`."""
    schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    return replace(tool, kind="function", parameters=schema, strict=None)
