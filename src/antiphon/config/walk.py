"""Every setting there is, found by walking the structs."""

from collections.abc import Iterator
from typing import cast

from msgspec import Struct, inspect

from antiphon.config.convert import default
from antiphon.config.describe import Many, bare


class Setting(Struct, frozen=True, kw_only=True):
    """One key of the configuration. `<name>` and `[]` in its path stand for any name and any item."""

    path: str
    kind: inspect.Type
    description: str
    required: bool
    default: object = None
    section: bool = False
    """It has keys of its own."""


def walk(cls: type[Struct]) -> Iterator[Setting]:
    """Every key beneath a struct, each section before what is in it."""
    yield from _beneath(inspect.type_info(cls), "")


def _beneath(kind: inspect.Type, prefix: str) -> Iterator[Setting]:
    if not isinstance(kind, inspect.StructType):
        return
    for field in kind.fields:
        path = f"{prefix}{field.encode_name}"
        inner, step = _inner(bare(field.type))
        yield Setting(
            path=path,
            kind=field.type,
            description=_description(field.type),
            required=field.required,
            default=None if field.required else default(field),
            section=isinstance(inner, inspect.StructType),
        )
        yield from _beneath(inner, f"{path}{step}.")


def _inner(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """What a section's entries are, and how a path goes into one."""
    if isinstance(kind, inspect.DictType):
        return bare(kind.value_type), ".<name>"
    if isinstance(kind, Many):
        return bare(kind.item_type), "[]"
    return kind, ""


def _description(kind: inspect.Type) -> str:
    extra = cast("dict[str, object] | None", getattr(kind, "extra_json_schema", None))
    return str(extra.get("description", "")) if extra else ""
