"""How sensitive a request is said to be, before anybody looks at what it says."""

from collections.abc import Mapping

from antiphon.core.data_class import DATA_CLASSES, DataClass, data_class_of
from antiphon.core.error import BadRequest

DATA_CLASS = b"x-antiphon-data-class"
PURPOSE = b"x-antiphon-purpose"
MAX_PURPOSE = 64


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
    """The class that a request's metadata give it. Raises: BadRequest, naming the field."""
    return _known(said, "metadata.data_class") if isinstance(said, str) else None


def _known(said: str, param: str) -> DataClass:
    found = data_class_of(said)
    if found is None:
        raise BadRequest(f"{param} is {said[:32]!r}; write one of {', '.join(DATA_CLASSES)}", param=param)
    return found
