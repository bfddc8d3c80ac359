"""The lab's prompt cache: which starts of conversations a model has seen.

A request's cached tokens are those of its longest start, in whole messages, that an earlier request to
the same model began with: 0 below 1,024, then in steps of 128.
Source: OpenAI, guide "Prompt caching", read 2025-11 ("1024 tokens or more … in increments of 128 tokens").
"""

from collections import OrderedDict
from hashlib import sha256

from antiphon.providers.lab.request import Asked

LEAST_TOKENS = 1024
STEP_TOKENS = 128
REMEMBERED = 20_000
"""Most starts that are kept, about 150 bytes each; the one unused longest goes first."""


class Prefixes:
    """What was seen by all models of one lab."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

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
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return known - known % STEP_TOKENS if known >= LEAST_TOKENS else 0
