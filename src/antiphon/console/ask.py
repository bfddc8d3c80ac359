"""One request of a browser, read and checked."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.control.signed_in import Session
from antiphon.core.error import BadRequest, NotAllowed, WrongMediaType
from antiphon.net.exchange import Exchange

FORM = b"application/x-www-form-urlencoded"
MOST_FIELDS = 32
LONGEST_COOKIE = 200
_NONE: Mapping[str, str] = MappingProxyType({})


class Ask(Struct, frozen=True, kw_only=True):
    """Who asks, for what."""

    sight: Sight
    session: Session
    names: tuple[str, ...]
    """What stands in the path for its placeholders."""
    query: Mapping[str, str] = _NONE
    form: Mapping[str, str] = _NONE
    fragment: bool = False
    """A part of a page is asked for, by a script."""


def query_of(exchange: Exchange) -> Mapping[str, str]:
    """Values by name; of a name that comes twice the last. Raises: BadRequest."""
    return _pairs(exchange.query)


def form_of(exchange: Exchange) -> Mapping[str, str]:
    """The fields of a form. Raises: BadRequest, WrongMediaType."""
    kind = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != FORM:
        raise WrongMediaType("the console takes forms: send application/x-www-form-urlencoded")
    return _pairs(b"".join(exchange.body))


def cookie_of(exchange: Exchange, name: str) -> str:
    """The value of a cookie; empty: it did not come."""
    for pair in exchange.headers.get(b"cookie", b"").decode("latin-1").replace(",", ";").split(";"):
        found, _, value = pair.strip().partition("=")
        if found == name:
            return value[:LONGEST_COOKIE]
    return ""


def from_here(exchange: Exchange) -> None:
    """A form has to come from a page of this very origin, as the browser tells; one that only names the origin is compared
    with the host that it asked, which a proxy may have changed. Raises: NotAllowed.
    """
    site, origin = exchange.headers.get(b"sec-fetch-site"), exchange.headers.get(b"origin")
    if site is not None:
        ours = site in (b"same-origin", b"none")
    else:
        ours = origin is None or _netloc(origin) == exchange.headers.get(b"host")
    if not ours:
        raise NotAllowed("this form was sent by another site; open the console and send it from there")


def _netloc(origin: bytes) -> bytes:
    try:
        return urlsplit(origin.decode("latin-1")).netloc.encode("latin-1")
    except ValueError:
        return b""


def _pairs(text: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadRequest("the fields of this request can't be read") from None
    if any("\0" in value for pair in pairs for value in pair):
        raise BadRequest("a field of this request has a NUL in it")
    return dict(pairs)
