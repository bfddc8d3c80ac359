"""What a source of identity gives: something to say who we are with, for a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

MARGIN_S = 30.0
"""A credential that expires sooner may do so on its way."""
DUE_S = 240.0
"""How long before it expires a credential is renewed.

Under five minutes: until then azure-identity 1.27.0 gives the same token again (`DEFAULT_REFRESH_OFFSET`); botocore
1.44.8 renews below fifteen.
"""


class Grant(ABC):
    """Says who we are, until it expires."""

    expires_s: float | None
    """UTC, seconds since the epoch; None: never, as far as is known."""

    @abstractmethod
    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        """As `Signer.lines`."""


@final
class Token(Grant):
    """A bearer token: the same line for each request."""

    def __init__(self, token: str, expires_s: float | None, more: str = "") -> None:
        """`more`: further header lines, each with its line end."""
        self.expires_s = expires_s
        self._lines = f"Authorization: Bearer {token}\r\n{more}".encode("latin-1")

    def lines(self, method: str, host: str, path: str, query: str, body: Sequence[bytes]) -> bytes:
        return self._lines


class Source(ABC):
    """Where grants come from: a library that blocks while it asks."""

    name: str
    """For messages: `Microsoft Entra ID`."""
    remedy: str
    """What to look at when it gives none."""

    @abstractmethod
    def fetch(self) -> Grant:
        """Get a grant; called in a thread, by one at a time. Raises whatever the library raises."""
