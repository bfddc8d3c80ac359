"""Vectors without a meaning but this: texts that share words are near each other.

Each word adds to eight places of the vector, which a hash names; the sum has the length 1.
"""

import math
import re
import struct
from base64 import b64encode
from hashlib import sha256

WORD = re.compile(r"\w+")
DEFAULT_DIMENSIONS = 256
MOST_DIMENSIONS = 4096
PLACES = 8
"""Places of a vector that each word adds to."""


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector."""
    sums = [0.0] * dimensions
    for word in (*WORD.findall(text.lower()), f"\x1f{text}"):
        digest = sha256(word.encode()).digest()
        for place in range(PLACES):
            at, sign = struct.unpack_from(">HB", digest, place * 3)
            sums[at % dimensions] += 1.0 if sign & 1 else -1.0
    length = math.sqrt(math.fsum(value * value for value in sums))
    if not length:
        return [1.0] + [0.0] * (dimensions - 1)
    return [value / length for value in sums]


def likeness(query: str, text: str) -> float:
    """Between 0 and 1: the share of the query's words that the text has, less a little for what else it says."""
    asked, said = set(WORD.findall(query.lower())), set(WORD.findall(text.lower()))
    shared = len(asked & said)
    return round((shared + 0.01) / (len(asked) + 0.02 + 0.01 * len(said)), 6)


def in_base64(values: list[float]) -> str:
    """Little-endian 32-bit floats, as OpenAI writes them."""
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
