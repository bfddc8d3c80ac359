"""One request to the admin API, read and checked."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from msgspec import Struct

from antiphon.control.callers import Callers
from antiphon.control.registry import MOST_PAGE, Condition, Owner
from antiphon.control.who import FIRST, Who
from antiphon.core.error import BadRequest, WrongMediaType
from antiphon.core.objects import OBJECT_KINDS, ObjectKind
from antiphon.net.exchange import Exchange
from antiphon.wire import json

PAGE = 100
NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})
MOST_VERSION = 2**63 - 1


class Ask(Struct, frozen=True, kw_only=True):
    """Who asks, for what."""

    who: Who
    names: tuple[str, ...]
    """What stands in the path for its placeholders."""
    said: bytes = b""
    """The query."""
    headers: Mapping[bytes, bytes] = NO_HEADERS
    body: bytes = b""

    @property
    def by(self) -> str:
        """What records call who asks."""
        return self.who.by

    def fields(self, *known: str) -> dict[str, Any]:
        """The body, one JSON object; of these fields alone where they are given. Raises: BadRequest."""
        text = self.body
        kind = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if text and kind != b"application/json":
            raise WrongMediaType("the body must be application/json")
        fields = json.loads(text) if text else {}
        strange = [name for name in fields if known and name not in known]
        if strange:
            raise BadRequest(
                f"unknown field `{strange[0][:64]}`; allowed here: {', '.join(known) or 'nothing'}",
                param=strange[0][:64],
            )
        return fields

    def text(self, fields: dict[str, Any], name: str, default: str) -> str:
        """A field that holds text. Raises: BadRequest."""
        value = fields.get(name, default)
        if not isinstance(value, str):
            raise BadRequest(f"{name}: write text", param=name)
        return value

    def query(self, *known: str) -> dict[str, str]:
        """Values of the query, by name, each once. Raises: BadRequest."""
        said = parse_qs(self.said.decode("latin-1"), keep_blank_values=True)
        for name, values in said.items():
            if name not in known:
                allowed = ", ".join(known) or "nothing"
                raise BadRequest(f"unknown parameter `{name[:64]}`; allowed here: {allowed}", param=name[:64])
            if len(values) > 1:
                raise BadRequest(f"the parameter `{name}` comes {len(values)} times; send it once", param=name)
            if "\0" in values[0]:
                raise BadRequest(f"the parameter `{name}` has a NUL in it; no name has one", param=name)
        return {name: values[0] for name, values in said.items()}

    def condition(self) -> Condition:
        """What `If-Match` or `If-None-Match` say. Raises: BadRequest."""
        headers = self.headers
        match, none = headers.get(b"if-match"), headers.get(b"if-none-match")
        if none is not None:
            if none.strip() != b"*" or match is not None:
                raise BadRequest("If-None-Match: send `*` alone, to make what isn't there", param="if-none-match")
            return "new"
        if match is None:
            return "any"
        said = match.strip().removeprefix(b'"').removesuffix(b'"')
        if not said.isdigit() or len(said) > 19 or not 0 < int(said) <= MOST_VERSION:
            raise BadRequest('If-Match: send the version of the object, as `If-Match: "17"`', param="if-match")
        return int(said)


def page_of(query: dict[str, str]) -> int:
    """How many are asked for. Raises: BadRequest."""
    return number(query, "limit", PAGE, most=MOST_PAGE)


def number(query: dict[str, str], name: str, default: int, *, most: int = MOST_VERSION) -> int:
    """A whole number above 0 of the query. Raises: BadRequest."""
    said = query.get(name)
    if said is None:
        return default
    if not (said.isascii() and said.isdigit()) or len(said) > 19 or not 0 < int(said) <= most:
        raise BadRequest(f"{name}: write a whole number from 1 to {most}", param=name)
    return int(said)


def kind_of(query: dict[str, str]) -> ObjectKind | None:
    """The kind that is asked for. Raises: BadRequest."""
    said = query.get("kind")
    if said is None:
        return None
    known = OBJECT_KINDS
    if said not in known:
        raise BadRequest(f"kind: write one of {', '.join(known)}", param="kind")
    return said


def owner_of(query: dict[str, str]) -> Owner | None:
    """The owner that is asked for. Raises: BadRequest."""
    said = query.get("owner")
    if said is not None and said not in ("yaml", "api"):
        raise BadRequest("owner: write yaml or api", param="owner")
    return said


def token_of(exchange: Exchange) -> bytes | None:
    """The credential that came with a request; None: none did."""
    said = exchange.headers.get(b"authorization")
    return said[7:].strip() if said is not None and said[:7].lower() == b"bearer " else None


async def who(exchange: Exchange, callers: Callers, bootstrap: bytes) -> Who:
    """Who asks: whoever has the first admin key, whose SHA-256 this is, or a caller, perhaps without a role.

    Raises: NotAuthenticated, OverLimit, Unavailable.
    """
    token = token_of(exchange)
    if token is not None and hmac.compare_digest(sha256(token).digest(), bootstrap):
        return FIRST
    return await callers.who(token, exchange.peer)
