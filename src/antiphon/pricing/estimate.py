"""How many tokens a text will be, about: for soft budgets, learned from what upstreams reported."""

from collections.abc import Mapping
from math import ceil, exp, log, sqrt
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

Script = Literal["latin", "accented", "code", "cjk", "other"]
BYTES_A_TOKEN: Mapping[Script, float] = MappingProxyType(
    {"latin": 4.2, "accented": 3.5, "code": 3.3, "cjk": 3.0, "other": 4.0}
)
"""Where to begin, before a model was seen. Source: "What are tokens and how to count them?" of OpenAI, about 4 characters
of English; the others by the bytes of their characters in UTF-8. All of it is soon learned over."""
SAMPLE_BYTES = 4096
SYMBOLS = b"{}()[]<>=;_/\\|&*#"
CODE_SHARE = 0.08
FOREIGN_SHARE = 0.03
MOST_MODELS = 1024
LEAST_WEIGHT = 0.05
"""Of the newest observation, once there are many: what is older than about 40 of them counts for little."""
FIRST_SPREAD = 0.35
LEAST_SPREAD = 0.02
BAND = 2.5
"""Spreads on either side: about 99 of 100 fall between, if errors are normal."""
_ASCII = bytes(range(128))


class Estimate(Struct, frozen=True, gc=False):
    """Tokens, and between which two numbers they are likely to be."""

    tokens: int
    low: int
    high: int


class Learned(Struct, frozen=True, gc=False, kw_only=True):
    """How one model counts, beside what its script lets expect: in logarithms, so that twice and half are as far off."""

    mean: float = 0.0
    variance: float = FIRST_SPREAD**2
    seen: int = 0

    def after(self, expected: float, tokens: int) -> "Learned":
        """What is known after one more request: exponentially weighted mean and variance.

        Source: Welford's update with a constant weight, Finch 2009, "Incremental calculation of weighted mean and
        variance", section 9.
        """
        if expected <= 0 or tokens <= 0:
            return self
        weight = max(1 / (self.seen + 1), LEAST_WEIGHT)
        off = log(tokens / expected) - self.mean
        spread = self.variance if self.seen else 0.0
        return Learned(
            mean=self.mean + weight * off,
            variance=(1 - weight) * (spread + weight * off * off) if self.seen else self.variance,
            seen=self.seen + 1,
        )

    def tokens_of(self, size_bytes: int, script: Script = "latin") -> int:
        """The likeliest number of tokens of a text of this size."""
        return ceil(size_bytes / BYTES_A_TOKEN[script] * exp(self.mean))


NEW = Learned()


class Estimator:
    """What was learned of each model; the ones that were not seen for longest are forgotten beyond a number."""

    def __init__(self, most: int = MOST_MODELS) -> None:
        self._most = most
        self._learned: dict[str, Learned] = {}

    def estimate(self, model: str, size_bytes: int, script: Script = "latin") -> Estimate:
        """How many tokens a text of this size will be for a model.

        Args:
            size_bytes: Of the text, or of a body with it; the same kind has to be learned from.
        """
        known = self._learned.get(model, NEW)
        expected = size_bytes / BYTES_A_TOKEN[script]
        reach = BAND * max(sqrt(known.variance), LEAST_SPREAD)
        likely = expected * exp(known.mean)
        return Estimate(ceil(likely), int(likely * exp(-reach)), ceil(likely * exp(reach)))

    def learn(self, model: str, size_bytes: int, tokens: int, script: Script = "latin") -> None:
        """Take in what an upstream reported: `tokens` with cached ones, but without those of media."""
        known = self._learned.pop(model, NEW)
        self._learned[model] = known.after(size_bytes / BYTES_A_TOKEN[script], tokens)
        if len(self._learned) > self._most:
            del self._learned[next(iter(self._learned))]

    def __len__(self) -> int:
        return len(self._learned)


def script(text: bytes) -> Script:
    """What a text is written in, by its first 4 KB of UTF-8."""
    sample = text[:SAMPLE_BYTES]
    if not sample:
        return "latin"
    foreign = sample.translate(None, _ASCII)
    if len(foreign) < FOREIGN_SHARE * len(sample):
        symbols = len(sample) - len(sample.translate(None, SYMBOLS))
        return "code" if symbols > CODE_SHARE * len(sample) else "latin"
    leads = [byte for byte in foreign if byte >= 0xC0]
    if 2 * sum(0xE3 <= byte <= 0xED for byte in leads) > len(leads):
        return "cjk"
    if 2 * sum(0xC2 <= byte <= 0xC8 for byte in leads) > len(leads):
        return "accented"
    return "other"
