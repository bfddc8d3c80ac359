"""How sensitive a request is said to be, before anybody looks at what it says."""

import re
from collections.abc import Iterable, Mapping

from msgspec import MsgspecError, Raw, Struct, json

from antiphon.core.body import Body
from antiphon.core.data_class import DATA_CLASSES, DataClass, data_class_of, highest
from antiphon.core.error import BadRequest
from antiphon.guards.port import Text
from antiphon.guards.texts_json import KEY
from antiphon.wire.json import loads

DATA_CLASS = b"x-antiphon-data-class"
PURPOSE = b"x-antiphon-purpose"
MAX_PURPOSE = 64
_QUOTED = b'"data_class"'
_ESCAPED = re.compile(rb"\\u00[567]")
"""A letter or an underline that is written as an escape: no writer of JSON has to."""
_LABEL = re.compile(r"(?:^|\.)metadata\.data_class(?:$|[.\[])")


class _Body(Struct):
    metadata: Raw = Raw(b"")


_body = json.Decoder(_Body).decode


def labelled(headers: Mapping[bytes, bytes]) -> DataClass | None:
    """The class that a request's header gives it; None: none does. Raises: BadRequest, naming the header."""
    said = headers.get(DATA_CLASS)
    return None if said is None else _known(said.decode("latin-1"), DATA_CLASS.decode())


def purpose(headers: Mapping[bytes, bytes]) -> str:
    """What a request is for, in the caller's word; empty: it doesn't say. Raises: BadRequest, naming the header."""
    said = headers.get(PURPOSE)
    if said is None:
        return ""
    if len(said) > MAX_PURPOSE or not said.isascii():
        wrong = f"{PURPOSE.decode()} is longer than {MAX_PURPOSE} characters, or no ASCII; write a word for it"
        raise BadRequest(wrong, param=PURPOSE.decode())
    return said.decode().strip().lower()


def in_metadata(said: object) -> DataClass | None:
    """The class that a request's metadata give it; None: they give none. Raises: BadRequest, naming the field."""
    if said is None:
        return None
    return _known(said if isinstance(said, str) else json.encode(said).decode(), "metadata.data_class")


def in_body(body: Body) -> DataClass | None:
    """The same of a JSON body. Blocks for about 2 ms a megabyte. Raises: BadRequest, where one is said in two ways."""
    if not may_label(body):
        return None
    try:
        metadata = bytes(_body(body.whole()).metadata)
    except (MsgspecError, UnicodeDecodeError):
        return None
    return in_metadata(loads(metadata).get("data_class")) if metadata[:1] == b"{" else None


def in_texts(texts: Iterable[Text]) -> DataClass | None:
    """The highest class that any metadata among texts give. Raises: BadRequest, naming the field."""
    labels = [one for one in texts if _LABEL.search(one.where)]
    if not labels:
        return None
    said = [one.text for one in labels if one.steps[-1:] != (KEY,)]
    return highest(*map(in_metadata, said or ["no text"]))


def may_label(body: Body) -> bool:
    """Whether a label may stand in a body, in whichever way its letters are written."""
    raw = body.whole()
    return _QUOTED in raw or (b"\\u00" in raw and _ESCAPED.search(raw) is not None)


def _known(said: str, param: str) -> DataClass:
    found = data_class_of(said)
    if found is None:
        raise BadRequest(f"{param} is {said[:32]!r}; write one of {', '.join(DATA_CLASSES)}", param=param)
    return found
