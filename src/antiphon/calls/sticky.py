"""Sends what belongs together to the same deployment, without overloading it."""

from collections.abc import Mapping
from hashlib import blake2b
from math import ceil

from antiphon.calls.balance import usable
from antiphon.calls.chance import rank
from antiphon.calls.choice import NONE, Choice, Group


def session_key(tenant: str, session: str) -> int:
    """A key for a session; each tenant's are its own."""
    return _key(tenant, b"session", session.encode())


def prefix_key(tenant: str, messages: bytes, prefix_bytes: int) -> int:
    """A key for the first messages of a prompt, of which `prefix_bytes` tell prompts apart.

    Providers cache by prefix, and OpenAI routes by a hash of about its first 256 tokens
    (platform.openai.com/docs/guides/prompt-caching): some 1,024 bytes.
    """
    return _key(tenant, b"prefix", messages[:prefix_bytes])


def stick(group: Group, key: int, load_bound: float, barred: Mapping[str, str] = NONE) -> Choice:
    """Choose the key's home, or the next in the key's own order while the home is barred or full.

    A contender is full when one more request would exceed `load_bound` times its fair share of those in flight,
    rounded up. Rendezvous hashing rather than a ring: contenders are few, weights are exact, nothing has to be
    built, and the order of fallbacks comes with it. Of n contenders one that comes or goes moves a share of 1/n.

    Source: Mirrokni, Thorup, Zadimoghaddam 2018 (arXiv 2016, 1608.01350), "Consistent hashing with bounded loads".
    """
    _, field = usable(group, barred)
    order = tuple(sorted(field, key=lambda one: rank(key, one.deployment, one.weight)))
    chosen = None
    if order:
        share = load_bound * (sum([one.live.in_flight for one in order]) + 1) / sum([one.weight for one in order])
        open_ = (one for one in order if one.live.in_flight < ceil(share * one.weight))
        chosen = next(open_, order[0])
    return Choice(chosen, "sticky", key, order, (), group.levels, group.idle, barred)


def _key(tenant: str, kind: bytes, said: bytes) -> int:
    return int.from_bytes(blake2b(tenant.encode() + b"\0" + said, digest_size=8, person=kind).digest(), "little")
