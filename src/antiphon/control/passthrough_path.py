"""The path and the query that a caller asks a provider for, checked before either is compared with anything."""

import re
from urllib.parse import unquote

from antiphon.core.error import BadRequest

MAX_PATH_BYTES = 4096
MAX_QUERY_BYTES = 16_384
MOST_DECODINGS = 4
"""An upstream may decode a path more than once: ours is looked at as if it did, so often."""
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")
_ENCODED_CONTROL = re.compile(rb"%(?:0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9/:@!$&'()*+,;=~\-._ %\u0080-\uffff]*")


def path_of(said: bytes) -> str:
    """A path behind the base URL, decoded once, with a slash at its start.

    Args:
        said: As the request line has it, from the slash behind the provider's name on.
    Raises: BadRequest, with the code `invalid_path`.
    """
    if len(said) > MAX_PATH_BYTES:
        raise _refused(f"is longer than {MAX_PATH_BYTES} bytes")
    if not said.startswith(b"/"):
        raise _refused("is missing; write it behind the provider's name, as in /passthrough/NAME/models")
    path = said.decode("latin-1")
    if "\\" in path or re.search("%(?:2f|5c)", path, re.IGNORECASE):
        raise _refused("holds an encoded slash or a backslash")
    once = unquote(path, errors="replace")
    if "\ufffd" in once:
        raise _refused("is not UTF-8")
    _check(once)
    deeper = once
    for _ in range(MOST_DECODINGS):
        before, deeper = deeper, unquote(deeper, errors="replace")
        if deeper == before:
            break
        _check(deeper)
        if "\\" in deeper or deeper.count("/") != once.count("/"):
            raise _refused("holds a slash that is encoded twice")
    else:
        raise _refused("is encoded again and again")
    return once


def _check(path: str) -> None:
    if _CONTROLS.search(path.replace(" ", "")) or not _PLAIN.fullmatch(path):
        raise _refused("holds a character that no path has")
    if "?" in path or "#" in path:
        raise _refused("holds an encoded ? or #")
    if "//" in path:
        raise _refused("has an empty step; whole URLs are not taken: the provider's address is in the configuration")
    if any(step.partition(";")[0].strip(" ") in (".", "..") for step in path.split("/")):
        raise _refused("has a step . or .., which would lead out of where it may")


def query_of(said: bytes) -> str:
    """A query as it came. Raises: BadRequest, with the code `invalid_query`."""
    if len(said) > MAX_QUERY_BYTES:
        raise BadRequest(f"the query is longer than {MAX_QUERY_BYTES} bytes", code="invalid_query")
    if _ENCODED_CONTROL.search(said) or any(byte <= 0x20 or byte >= 0x7F for byte in said) or b"#" in said:
        raise BadRequest(
            "the query holds a line end or another character that none has; leave it out", code="invalid_query"
        )
    return said.decode("ascii")


def _refused(why: str) -> BadRequest:
    return BadRequest(f"the path behind the provider's name {why}", code="invalid_path")
