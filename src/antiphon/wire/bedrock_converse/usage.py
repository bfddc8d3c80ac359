"""What Bedrock says that a call used.

Source: docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, 2026-11: `inputTokens` counts only what was
neither read from nor written to the cache. It is so in what is billed, too: `totalTokens` is not looked at.
"""

import msgspec
from msgspec import Raw, Struct

from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.usage import MAX_TOKENS


class _Kept(Struct, gc=False):
    ttl: str
    tokens: int = msgspec.field(name="inputTokens")


class _Counts(Struct, gc=False, rename="camel"):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_Kept] | None = None


_counts = msgspec.json.Decoder(_Counts)


def usage_of(raw: Raw) -> tuple[Usage | None, str]:
    """Read a `usage` object. Returns: The usage, or None and why it can't be believed; None and empty: there is none."""
    if bytes(raw) == b"null":
        return None, ""
    try:
        said = _counts.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return None, f"usage can't be read: {error}"
    read, written = said.cache_read_input_tokens or 0, said.cache_write_input_tokens or 0
    hour = sum(kept.tokens for kept in said.cache_details or () if kept.ttl == "1h")
    counts = (said.input_tokens, said.output_tokens, read, written, hour)
    if min(counts) < 0 or max(counts) > MAX_TOKENS:
        return None, "usage has a count that is no count of tokens"
    if hour > written:
        return None, f"usage says {hour} cache-write tokens for an hour of {written}"
    return (
        Usage(
            input_tokens=said.input_tokens + read + written,
            output_tokens=said.output_tokens,
            cached_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=hour,
        ),
        "",
    )
