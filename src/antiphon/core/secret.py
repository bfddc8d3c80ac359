"""A text that must never be printed."""

import hmac
from hashlib import sha256
from typing import final


@final
class Secret:
    """Holds a credential. It has no readable form: only `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends or hashes it."""
        return self._text

    def digest(self) -> bytes:
        """SHA-256 of the text, 32 bytes: what is kept and compared."""
        return sha256(self._text.encode()).digest()

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.digest(), other.digest())

    def __hash__(self) -> int:
        return hash(self.digest())

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled; pass the reference that it was read from")
