"""What a caller says of the cache, in the header `Cache-Control`. Source: RFC 9111, section 5.2.1."""

from collections.abc import Mapping

from msgspec import Struct

from antiphon.core.error import BadRequest

HEADER = b"cache-control"
_MOST_S = 2**31
"""What a longer age counts as. Source: RFC 9111, section 1.2.2."""


class CacheControl(Struct, frozen=True, gc=False, kw_only=True):
    """What a request allows."""

    reads: bool = True
    """An answer that is kept may be given."""
    keeps: bool = True
    """Its own answer may be kept."""
    asks: bool = True
    """It may be sent to a model, where no answer is kept."""
    max_age_s: int | None = None
    """An older answer is none."""


PLAIN = CacheControl()


def read(headers: Mapping[bytes, bytes]) -> CacheControl:
    """Read a request's header; words that aren't known say nothing. Raises: BadRequest, naming it."""
    said = headers.get(HEADER)
    if said is None:
        return PLAIN
    words = dict(_word(one) for one in said.lower().split(b","))
    stores = b"no-store" not in words
    age = words.get(b"max-age")
    if age is not None and not (age.isdigit() and age.isascii()):
        shown = age[:32].decode("latin-1")
        raise BadRequest(f"cache-control has max-age={shown!r}; write a whole number of seconds", param="cache-control")
    return CacheControl(
        reads=stores and b"no-cache" not in words,
        keeps=stores,
        asks=b"only-if-cached" not in words,
        max_age_s=None if age is None else min(int(age[:12]), _MOST_S),
    )


def _word(text: bytes) -> tuple[bytes, bytes]:
    name, _, value = text.strip().partition(b"=")
    return name.strip(), value.strip().strip(b'"')
