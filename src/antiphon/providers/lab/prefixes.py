"""The lab's prompt cache: which starts of conversations a model has seen.

A request's cached tokens are those of its longest start, in whole messages, that an earlier request to
the same model began with: 0 below 1,024, then in steps of 128.
Source: OpenAI, guide "Prompt caching", read 2025-11 ("1024 tokens or more … in increments of 128 tokens").
"""

from collections import OrderedDict
from hashlib import sha256

from msgspec import Struct

from antiphon.providers.lab.request import Asked, Unit

LEAST_TOKENS = 1024
STEP_TOKENS = 128
REMEMBERED = 20_000
"""Most starts that are kept, about 150 bytes each; the one unused longest goes first."""


class Cached(Struct, frozen=True):
    """Tokens that came from the cache, and that went into it."""

    read: int = 0
    written: int = 0
    ttl: str = ""
    """How long those written are kept."""


class Prefixes:
    """What was seen by all models of one lab."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached(self, asked: Asked) -> Cached:
        """What of a request is cached, which is remembered for the next."""
        if asked.units is None:
            return Cached(self.cached_tokens(asked))
        return self._marked(asked.chat.model, asked.units)

    def _marked(self, model: str, units: tuple[Unit, ...]) -> Cached:
        """Anthropic's way: all up to a mark is kept, from 1,024 tokens on.

        Source: https://docs.claude.com/en/docs/build-with-claude/prompt-caching, read 2026-11.
        """
        read = size = last = 0
        ttl = ""
        digest = sha256(b"marked\x1f" + model.encode())
        for unit in units[:REMEMBERED]:
            digest.update(b"\x1f%d\x1f" % len(unit.raw))
            digest.update(unit.raw)
            size += unit.tokens
            if size < LEAST_TOKENS:
                continue
            start = digest.digest()
            if start in self._seen:
                read = size
                self._seen.move_to_end(start)
            if unit.ttl is not None:
                self._seen[start] = None
                last, ttl = size, unit.ttl
        self._trim()
        return Cached(read, max(0, last - read), ttl)

    def cached_tokens(self, asked: Asked) -> int:
        """Cached tokens of a request, which is remembered for the next."""
        known = 0
        size = 0
        digest = sha256(asked.chat.model.encode())
        for raw, message in zip(asked.raw_messages[:REMEMBERED], asked.messages, strict=False):
            digest.update(b"\x1f%d\x1f" % len(raw))
            digest.update(raw)
            size += message.tokens
            start = digest.digest()
            if start in self._seen:
                known = size
                self._seen.move_to_end(start)
            else:
                self._seen[start] = None
        self._trim()
        return known - known % STEP_TOKENS if known >= LEAST_TOKENS else 0

    def _trim(self) -> None:
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
