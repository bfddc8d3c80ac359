"""Whole answers that have to be JSON of a schema. No reference out of the schema is followed."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from antiphon.core.finding import Side
from antiphon.guards.port import Asked, Detector, Granularity, Match, Text
from antiphon.guards.settings_content import SchemaSettings

KIND = "schema"
MOST_BYTES = 1_048_576
"""Of a schema, and of what its patterns are compiled to."""


class BadSchema(Exception):
    """A schema can't be used; the text says why."""


def read(settings: SchemaSettings) -> Any:
    """The schema itself. Raises: BadSchema."""
    if settings.schema is not None:
        return settings.schema
    file = Path(settings.file or "")
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BadSchema(f"can't be read: {error.strerror}") from error
    if len(text) > MOST_BYTES:
        raise BadSchema(f"has {len(text)} bytes: at most {MOST_BYTES}")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadSchema(f"is no JSON: {error}") from error


class SchemaDetector(Detector):
    """A text that isn't what the schema says is one match."""

    granularity: Granularity = "whole"

    def __init__(self, settings: SchemaSettings) -> None:
        """Raises: BadSchema."""
        library = import_module("jsonschema_rs")
        try:
            self._validator: Any = library.validator_for(
                read(settings), pattern_options=library.RegexOptions(size_limit=MOST_BYTES), offline=True
            )
        except (library.ReferencingError, ValueError, TypeError) as error:
            raise BadSchema(f"is no schema: {getattr(error, 'message', '') or error}") from error

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        if side == "answer" and text.channel != "assistant":
            return ()
        return self.find(text.text)

    def find(self, text: str) -> Sequence[Match]:
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return (Match(0, len(text), KIND, "schema.no_json"),)
        if self._validator.is_valid(value):
            return ()
        return (Match(0, len(text), KIND, "schema.invalid"),)
