"""A document of agents as the store has it, which is read without knowing what documents say."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.objects import Object


class Stored(Struct, frozen=True, kw_only=True):
    """A document, and whose it is."""

    tenant: str
    document: dict[str, Any]


read_spec = msgspec.json.Decoder(Stored).decode


def read_document(one: Object) -> Stored:
    """What an object says."""
    return read_spec(one.spec)
