"""Bounds on what a request may ask to have translated."""

import msgspec

from antiphon.core.content import Content
from antiphon.core.error import TooLarge

SCHEMA_BYTES = 1_048_576
"""Most bytes of all schemas of a request: of its tools and of the answer's form. Providers refuse far less; above it a
translation would hold other requests up."""


def check_schemas(content: Content, size_bytes: int) -> None:
    """Refuse schemas that are too long together.

    Args:
        size_bytes: Of the whole body, which is more than its schemas are: only a long one is looked at.
    Raises: TooLarge, naming the field where the bound is passed.
    """
    if size_bytes <= SCHEMA_BYTES:
        return
    total = 0
    form = content.response_format
    schemas = [(f"tools[{index}].parameters", tool.parameters) for index, tool in enumerate(content.tools or ())]
    for path, schema in (*schemas, ("response_format.schema", form.schema if form is not None else None)):
        total += len(msgspec.json.encode(schema)) if schema is not None else 0
        if total > SCHEMA_BYTES:
            raise TooLarge(
                f"`{path}` makes the request's schemas longer than {SCHEMA_BYTES} bytes together; send fewer or shorter ones",
                code="schema_too_large",
                param=path,
            )
