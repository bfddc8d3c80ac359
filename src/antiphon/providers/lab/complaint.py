"""What is wrong with a field of a request, as msgspec found it."""

import re
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct, json

from antiphon.core.error import BadRequest

PATH = re.compile(r" - at `\$\.?(.*)`$")
MISSING = re.compile(r"required field `(\w+)`")
UNKNOWN = re.compile(r"unknown field `([^`]+)`")
T = TypeVar("T")
FIELDS = json.Decoder(dict[str, Raw])


class Complaint(Exception):
    """A field that can't be taken; `path` in dots, `kind` is missing, unknown or wrong."""

    def __init__(self, path: str, kind: str, said: str) -> None:
        super().__init__(said)
        self.path = path
        self.kind = kind
        self.said = said


def complaint(error: msgspec.ValidationError, within: str) -> Complaint:
    """`within`: the path of what was read."""
    said = str(error)
    at = PATH.search(said)
    path = re.sub(r"\[(\d+)\]", r".\1", at.group(1) if at else "")
    missing, unknown = MISSING.search(said), UNKNOWN.search(said)
    named = missing or unknown
    names = [within, path, named.group(1) if named else ""]
    kind = "missing" if missing else "unknown" if unknown else "wrong"
    return Complaint(".".join(name.strip(".") for name in names if name), kind, PATH.sub("", said))


def read(decoder: json.Decoder[T], raw: bytes | Raw, within: str = "") -> T:
    """Raises: Complaint; BadRequest when it is no JSON at all."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise complaint(error, within) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The request body is not valid JSON: {error}") from None
    except RecursionError:
        raise BadRequest("The request body is nested too deeply") from None


class Named(Struct, frozen=True):
    """Anything with a type."""

    type: str | None = None


NAMED = json.Decoder(Named)
