"""An account's credentials: which of them the next request goes out with."""

from collections.abc import Collection, Sequence
from math import inf
from typing import Literal, final

from msgspec import Struct

from antiphon.calls.chance import drawn, mixed
from antiphon.calls.minute import Minute
from antiphon.core.secret import Secret
from antiphon.providers.credentials import ProviderKeySettings, key_name

Rest = Literal["cooling", "dead"]
Health = Literal["alive"] | Rest
KEYS = 0x4B4559
"""Salt of the draw among keys, so that it does not follow the draw among deployments."""


@final
class Key:
    """One credential with its live counters. `name` is what may be printed of it."""

    __slots__ = (
        "_concurrency",
        "_requests",
        "_requests_limit",
        "_tokens",
        "_tokens_limit",
        "dead",
        "in_flight",
        "limited",
        "name",
        "place",
        "secret",
        "until_s",
        "weight",
        "why",
    )

    def __init__(self, settings: ProviderKeySettings, position: int) -> None:
        """`position` counts from 1; it names a key that has no name."""
        self.secret: Secret = settings.key
        self.in_flight = 0
        self.until_s = -inf
        """When it may be used again: in the past while alive; infinity: when the configuration is read again."""
        self.dead = False
        """It was refused, or is out of quota: what makes it rest is no passing thing."""
        self.why = ""
        """Why it was marked last."""
        self._requests, self._tokens = Minute(), Minute()
        self.configure(settings, position)

    def configure(self, settings: ProviderKeySettings, position: int) -> None:
        """Go on under a new revision's settings for the same secret."""
        self.secret = settings.key  # equal to the one before; the same object as this revision's targets hold
        self.name = key_name(settings, position)
        self.place = position - 1
        self.weight = settings.weight
        self._requests_limit = settings.requests_per_minute
        self._tokens_limit = settings.tokens_per_minute
        self._concurrency = settings.concurrency
        self.limited = not (self._requests_limit is self._tokens_limit is self._concurrency is None)

    def began(self, now_s: float, tokens: int = 0) -> None:
        """A request goes out with it, expected to use so many tokens, input and output."""
        self.in_flight += 1
        if self.limited:
            self._requests.add(1, now_s)
            self._tokens.add(tokens, now_s)

    def ended(self, now_s: float, more_tokens: int = 0) -> None:
        """A request is over; `more_tokens` is what it used beyond what was expected, negative when it used less.

        Raises: ValueError, when none had begun.
        """
        if self.in_flight < 1:
            raise ValueError(f"{self.name}: a request ended that never began")
        self.in_flight -= 1
        if self.limited:
            self._tokens.add(more_tokens, now_s)

    def health(self, now_s: float) -> Health:
        if self.until_s <= now_s:
            return "alive"
        return "dead" if self.dead else "cooling"

    def mark(self, rest: Rest, why: str, now_s: float, until_s: float = 0.0) -> None:
        """Note what an answer said of it: it rests until a time.

        A dead key stays dead until then, by default until the configuration is read again; a shorter cooling does
        not end a longer one.
        """
        if rest == "dead":
            self.until_s, self.why, self.dead = max(until_s or inf, self.until_s), why, True
        elif self.health(now_s) != "dead" and until_s > max(self.until_s, now_s):
            self.until_s, self.why, self.dead = min(until_s, LONGEST_S + now_s), why, False

    def headroom(self, now_s: float) -> float:
        """What is left of its tightest limit, from 0 to 1; 0 when one more request has no room."""
        left = 1.0
        if self._concurrency is not None:
            left = 1.0 - self.in_flight / self._concurrency
        if self._requests_limit is not None:
            left = min(left, 1.0 - self._requests.used(now_s) / self._requests_limit)
        if self._tokens_limit is not None:
            left = min(left, 1.0 - self._tokens.used(now_s) / self._tokens_limit)
        return max(left, 0.0)

    def free_at_s(self, now_s: float) -> float:
        """When it may be used again as far as is known; a full `concurrency` may free at any time, so now."""
        free_s = max(now_s, self.until_s)
        if self._requests_limit is not None:
            free_s = max(free_s, self._requests.free_at_s(self._requests_limit - 1, now_s))
        if self._tokens_limit is not None:
            free_s = max(free_s, self._tokens.free_at_s(self._tokens_limit - 1, now_s))
        return free_s

    def state(self, now_s: float) -> str:
        """What a receipt says of it: its name, and why it can't be used; never a part of its secret."""
        match self.health(now_s):
            case "dead":
                return f"{self.name}: dead ({self.why})"
            case "cooling":
                return f"{self.name}: cooling for {self.until_s - now_s:.3g} s ({self.why})"
            case "alive":
                return f"{self.name}: {'alive' if self.headroom(now_s) > 0 else 'at its limit'}"


LONGEST_S = 86_400.0
"""A key cools for a day at most; what is longer is a mistake of whoever said it."""


class NoKey(Struct, frozen=True, gc=False):
    """No key can be used now."""

    soonest_s: float | None
    """When one may be, in steady seconds; None: not until the configuration is read again."""
    why: str
    """Each key's state."""


class KeyPool:
    """Hands out an account's keys: alive ones with room, by weight and headroom. Times are steady seconds.

    A reload makes a new pool after the old one: keys that both have keep their counters and go on cooling,
    but one that was dead is tried again.
    """

    __slots__ = ("_single", "keys", "only")

    def __init__(self, settings: Sequence[ProviderKeySettings], before: "KeyPool | None" = None) -> None:
        """Raises: ValueError, when there is no key or two share a name."""
        names = [key_name(one, position) for position, one in enumerate(settings, 1)]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"keys are one at least, each with its own name; not {names}")
        kept = {key.secret: key for key in before.keys if not key.dead} if before else {}
        keys: list[Key] = []
        for position, one in enumerate(settings, 1):
            key = kept.pop(one.key, None)
            if key is None:
                key = Key(one, position)
            else:
                key.configure(one, position)
            keys.append(key)
        self.keys = tuple(keys)
        self._single = keys[0] if len(keys) == 1 else None
        self.only = None if self._single is None or self._single.limited else self._single
        """The key where there is one alone, without limits of its own."""

    def ready(self, now_s: float) -> bool:
        """Whether a request could go out now."""
        single = self._single
        if single is not None and not single.limited:
            return single.until_s <= now_s
        return any(key.until_s <= now_s and (not key.limited or key.headroom(now_s) > 0) for key in self.keys)

    def pick(self, now_s: float, seed: int, without: Collection[str] = frozenset[str]()) -> Key | NoKey:
        """Choose a key. The same arguments and counters give the same key.

        Args:
            seed: Chance, a number below 2**32.
            without: Names of keys that this request can't use.
        """
        single = self._single
        if single is not None and single.name not in without:
            if single.until_s <= now_s and (not single.limited or single.headroom(now_s)):
                return single
            return self._none(now_s)
        keys = [key for key in self.keys if key.until_s <= now_s and key.name not in without]
        weights = [key.weight * key.headroom(now_s) if key.limited else key.weight for key in keys]
        if any(weights):
            return keys[drawn(weights, mixed(seed, KEYS))]
        return self._none(now_s)

    def _none(self, now_s: float) -> NoKey:
        waits = [key.free_at_s(now_s) for key in self.keys if key.until_s != inf]
        return NoKey(min(waits, default=None), "; ".join(key.state(now_s) for key in self.keys))


def named(pool: KeyPool | None, key: Key | None) -> str:
    """A key's name as receipts have it: empty where its account has no other."""
    return key.name if key is not None and pool is not None and len(pool.keys) > 1 else ""
