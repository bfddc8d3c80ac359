"""People who are signed in by a browser: a session stands for the credential that they signed in by.

The credential is kept in this process's memory as long as the session lasts, so that each request asks anew whom it
stands for: one that is revoked or has expired ends its sessions with it. No session outlives the process.
"""

import hmac
import secrets
from collections import OrderedDict
from hashlib import sha256

from msgspec import Struct

from antiphon.core.clock import Clock
from antiphon.core.secret import Secret

TOKEN_BYTES = 32
MOST = 1_000
"""Sessions at once; the one that was used longest ago makes room."""


class Session(Struct, frozen=True, kw_only=True):
    """One browser."""

    digest: bytes
    """SHA-256 of the token that its cookie holds."""
    credential: Secret
    csrf: str
    """What its forms have to send along."""
    until_s: float
    """On the steady clock."""


class SignedIn:
    """Sessions of one process. Blocks on nothing."""

    def __init__(self, clock: Clock, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, credential: Secret, lasts_s: float) -> tuple[str, Session]:
        """Returns: the token for the cookie, and the session."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(
            digest=_digest(token),
            credential=credential,
            csrf=secrets.token_urlsafe(TOKEN_BYTES),
            until_s=self._clock.steady_s() + lasts_s,
        )
        self._sessions[session.digest] = session
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
        return token, session

    def find(self, token: str) -> Session | None:
        """The session of a token; None: there is none, or its time is over."""
        session = self._sessions.get(_digest(token))
        if session is None:
            return None
        if session.until_s <= self._clock.steady_s():
            self.end(session)
            return None
        self._sessions.move_to_end(session.digest)
        return session

    def end(self, session: Session) -> None:
        """Know it no more."""
        self._sessions.pop(session.digest, None)

    def __len__(self) -> int:
        return len(self._sessions)


def meant(session: Session, said: str) -> bool:
    """Whether a form was sent by a page of this session."""
    return hmac.compare_digest(session.csrf.encode(), said.encode())


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
