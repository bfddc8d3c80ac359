"""Forms of `multipart/form-data`, as uploads come. Source: RFC 7578, RFC 2046 section 5.1."""

import re

from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.dialect import Incoming

BOUNDARY = re.compile(rb'boundary="?([^";,]{1,70})"?', re.IGNORECASE)
NAME = re.compile(rb'\bname="([^"]*)"')
FILE_NAME = re.compile(rb'\bfilename="([^"]*)"')


class Field(Struct, frozen=True):
    name: str
    value: bytes
    file_name: str | None = None

    @property
    def text(self) -> str:
        return self.value.decode(errors="replace")


def form_of(incoming: Incoming) -> list[Field]:
    """The fields in order. Raises: BadRequest."""
    kind = incoming.headers.get(b"content-type", b"")
    boundary = BOUNDARY.search(kind)
    if not kind.lower().startswith(b"multipart/form-data") or boundary is None:
        raise BadRequest("the body must be multipart/form-data with a boundary")
    mark = b"\r\n--" + boundary.group(1)
    _, *pieces = (b"\r\n" + incoming.body).split(mark)
    if not pieces or not pieces[-1].startswith(b"--"):
        raise BadRequest("the form doesn't end with its boundary")
    return [_field(piece) for piece in pieces[:-1]]


def _field(piece: bytes) -> Field:
    head, blank, value = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    name = NAME.search(head)
    if not blank or name is None:
        raise BadRequest("a part of the form has no name")
    file_name = FILE_NAME.search(head)
    return Field(name.group(1).decode(), value, file_name.group(1).decode() if file_name else None)


def values_of(fields: list[Field]) -> dict[str, str]:
    """The texts of a form, by name; the last counts."""
    return {field.name: field.text for field in fields if field.file_name is None}


def file_of(fields: list[Field], name: str) -> Field:
    """Raises: BadRequest."""
    for field in fields:
        if field.name in (name, f"{name}[]") and field.file_name is not None:
            return field
    raise BadRequest(f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name)
