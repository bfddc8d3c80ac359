"""JSON Schema, as far as structured outputs and tool parameters use it.

Source: JSON Schema 2020-12; the set of keywords is the one of OpenAI's guide "Structured model outputs".
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct

ABSENT = b""
"""`const` when there is none: no JSON text is empty."""


class Schema(
    Struct,
    frozen=True,
    rename={
        "any_of": "anyOf",
        "one_of": "oneOf",
        "all_of": "allOf",
        "ref": "$ref",
        "defs": "$defs",
        "prefix_items": "prefixItems",
        "min_items": "minItems",
        "min_length": "minLength",
        "max_length": "maxLength",
        "exclusive_minimum": "exclusiveMinimum",
        "exclusive_maximum": "exclusiveMaximum",
        "multiple_of": "multipleOf",
    },
):
    """A schema whose values stay raw: they are only ever copied out. Lengths are bounded."""

    type: str | list[str] | None = None
    nullable: bool = False
    const: Raw = Raw(ABSENT)
    enum: list[Raw] = []
    properties: dict[str, "Schema | bool"] = {}
    required: list[str] = []
    items: "Schema | bool" = True
    prefix_items: list["Schema | bool"] = []
    min_items: Annotated[int, Meta(ge=0, le=1000)] = 0
    any_of: list["Schema | bool"] = []
    one_of: list["Schema | bool"] = []
    all_of: list["Schema | bool"] = []
    ref: str = ""
    defs: dict[str, "Schema | bool"] = {}
    definitions: dict[str, "Schema | bool"] = {}
    min_length: Annotated[int, Meta(ge=0, le=10_000)] = 0
    max_length: int | None = None
    pattern: str | None = None
    format: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    multiple_of: float | None = None
