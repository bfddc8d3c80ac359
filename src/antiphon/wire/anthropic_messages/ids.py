"""Ids of tool calls as Anthropic takes them, for calls that came in another dialect."""

import re
from collections import deque
from hashlib import sha256

_TAKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Source: platform.claude.com/docs, error "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'" (2026-11)."""
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")


class Ids:
    """The ids of one request: the same for a call and its result, and the same each time the request is sent.

    Each call and each result takes the same time, however many there are, and however they are called.
    """

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._numbers: dict[str, int] = {}
        """The number to try next for an id that is taken."""
        self._pending: set[str] = set()
        """Ids as they are sent, of calls that have no result yet. The lists below still hold those that have one."""
        self._in_order: deque[str] = deque()
        self._by_said: dict[str, deque[str]] = {}
        self._by_name: dict[str, deque[str]] = {}

    def call(self, said: str, name: str) -> str:
        """The id to send for a call."""
        sent = self._unused(said if _TAKEN.fullmatch(said) else _mapped(said) if said else f"call_{len(self._used)}")
        self._pending.add(sent)
        self._in_order.append(sent)
        self._by_said.setdefault(said, deque()).append(sent)
        self._by_name.setdefault(name, deque()).append(sent)
        return sent

    def _unused(self, sent: str) -> str:
        unique, number = sent, self._numbers.get(sent, 2)
        while unique in self._used:
            unique = f"{sent}_{number}"
            number += 1
        self._numbers[sent] = number
        self._used.add(unique)
        return unique

    def result(self, said: str, name: str) -> str | None:
        """The id of the call that a result is of: by its id, else by name and order. None: it is of none that waits."""
        found = self._first(self._by_said.get(said) if said else self._by_name.get(name))
        if found is None and not said and not name:
            found = self._first(self._in_order)
        return found

    def _first(self, ids: deque[str] | None) -> str | None:
        """The first that waits, which then waits no more."""
        while ids:
            sent = ids.popleft()
            if sent in self._pending:
                self._pending.remove(sent)
                return sent
        return None

    @property
    def waits(self) -> bool:
        """Whether a call has no result yet."""
        return bool(self._pending)

    def waiting(self) -> list[str]:
        """Ids of the calls that have no result, which are then forgotten."""
        waiting = [sent for sent in self._in_order if sent in self._pending]
        self._pending.clear()
        self._in_order.clear()
        return waiting


def _mapped(said: str) -> str:
    digest = sha256(said.encode(errors="replace")).hexdigest()[:12]
    return f"{_OTHER.sub('_', said)[:48]}_{digest}"
