"""Slows down whoever guesses credentials, and nobody else.

An address that sent `failures` unknown credentials, all different, is held off: for `first_s`, and after each further one
twice as long, up to `most_s`. While it is held off, what is unknown is answered 429; what is known passes, so that nobody can
lock out others behind the same address. The one exception are credentials that are short enough to be guessed
(`core.ports.GUESSED`): they pass from an address that is held off only where they passed from there before.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from antiphon.control.settings_identity import ThrottleSettings

MOST = 10_000
"""Addresses, beginnings of credentials, and short credentials with their address, each; the oldest makes room."""
REMEMBERED = 8
"""Wrong credentials of one address that don't count when they come again: a client that wasn't told to stop guesses nothing."""
BEGINNING = 8
"""Characters of a credential by which guesses at one key are told, wherever they come from."""
OF_ONE_KEY = 10
"""How many times as many guesses as from one address may begin alike."""
_V6_NETWORK = 64


class _Count:
    __slots__ = ("guesses", "last_s", "recent", "until_s")

    def __init__(self) -> None:
        self.guesses = 0
        self.last_s = 0.0
        self.until_s = 0.0
        """Held off until then."""
        self.recent: tuple[bytes, ...] = ()


class Throttle:
    """Of one process. All times are seconds on the steady clock. Bounded, whatever comes."""

    def __init__(self, settings: ThrottleSettings, steady_s: Callable[[], float], most: int = MOST) -> None:
        self.settings = settings
        self._steady_s = steady_s
        self._most = most
        self._counts: OrderedDict[str | bytes, _Count] = OrderedDict()
        self._passed: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def failed(self, address: str, credential: bytes, digest: bytes) -> float:
        """An unknown credential came. Returns: seconds that its sender is held off; 0: it isn't, and is told what is wrong."""
        most = self.settings.failures
        by_address = self._guessed(network(address), digest, most)
        by_key = self._guessed(credential[:BEGINNING], digest, most * OF_ONE_KEY)
        return max(by_address, by_key)

    def _guessed(self, key: str | bytes, digest: bytes, most: int) -> float:
        now_s, settings = self._steady_s(), self.settings
        count = self._counts.pop(key, None)
        if count is None or now_s - max(count.last_s, count.until_s) >= settings.forget_s:
            count = _Count()
        self._counts[key] = count
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        if count.until_s > now_s:
            return count.until_s - now_s
        if digest in count.recent:
            return 0.0
        count.recent = (*count.recent[1 - REMEMBERED :], digest)
        count.guesses += 1
        count.last_s = now_s
        if count.guesses >= most:
            count.until_s = now_s + min(settings.first_s * 2.0 ** min(count.guesses - most, 32), settings.most_s)
        return 0.0

    def held_s(self, address: str) -> float:
        """Seconds that an address is held off still; 0: it isn't."""
        count = self._counts.get(network(address))
        return 0.0 if count is None else max(0.0, count.until_s - self._steady_s())

    def passes(self, address: str, digest: bytes) -> float:
        """A short credential came that is known. Returns: seconds after which it is taken; 0: it is taken."""
        here = network(address)
        held_s = self.held_s(address)
        if held_s and (here, digest) not in self._passed:
            return held_s
        self._passed[here, digest] = None
        self._passed.move_to_end((here, digest))
        if len(self._passed) > self._most:
            self._passed.popitem(last=False)
        return 0.0

    @property
    def size(self) -> int:
        """Addresses and beginnings that are counted."""
        return len(self._counts)


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Whom an address stands for: one IPv4 address, or the network of 64 bits that an IPv6 host picks its own from."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> (128 - _V6_NETWORK) << (128 - _V6_NETWORK)))
