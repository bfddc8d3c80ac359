"""Ids of tool calls as Anthropic takes them, for calls that came in another dialect."""

import re
from hashlib import sha256

from msgspec import Struct

_TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Source: platform.claude.com/docs, error "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'" (2026-11)."""
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")


class _Pending(Struct, frozen=True, gc=False):
    """A call that has no result yet."""

    said: str
    sent: str
    name: str


class Ids:
    """The ids of one request: the same for a call and its result, and the same each time the request is sent."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._pending: list[_Pending] = []

    def call(self, said: str, name: str) -> str:
        """The id to send for a call."""
        sent = said if _TAKEN.fullmatch(said) else _mapped(said) if said else f"call_{len(self._used)}"
        number = 2
        unique = sent
        while unique in self._used:
            unique = f"{sent}_{number}"
            number += 1
        self._used.add(unique)
        self._pending.append(_Pending(said, unique, name))
        return unique

    def result(self, said: str, name: str) -> str | None:
        """The id of the call that a result is of: by its id, else by name and order. None: it is of none that waits."""
        for pending in self._pending:
            if pending.said == said if said else pending.name == name:
                self._pending.remove(pending)
                return pending.sent
        if not said and not name and self._pending:
            return self._pending.pop(0).sent
        return None

    @property
    def waits(self) -> bool:
        """Whether a call has no result yet."""
        return bool(self._pending)

    def waiting(self) -> list[str]:
        """Ids of the calls that have no result, which are then forgotten."""
        waiting = [pending.sent for pending in self._pending]
        self._pending.clear()
        return waiting


def _mapped(said: str) -> str:
    digest = sha256(said.encode(errors="replace")).hexdigest()[:12]
    return f"{_OTHER.sub('_', said)[:48]}_{digest}"
