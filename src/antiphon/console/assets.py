"""Files that pages are made of. They are read when the process begins, and asked for by name out of a table."""

from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from antiphon.console.reply import SAFE
from antiphon.core.error import NotFound
from antiphon.net.exchange import Exchange

DIRECTORY = Path(__file__).parent / "static"
PREFIX = b"/console/static/"
KINDS = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


class Asset(Struct, frozen=True, kw_only=True):
    """One file."""

    body: bytes
    headers: bytes
    tag: bytes


def read() -> dict[bytes, Asset]:
    """All of them, by name."""
    return {path.name.encode(): _asset(path) for path in sorted(DIRECTORY.iterdir()) if path.suffix in KINDS}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    tag = b'"%b"' % sha256(body).hexdigest()[:16].encode()
    headers = b"content-type: %b\r\netag: %b\r\ncache-control: no-cache\r\n" % (KINDS[path.suffix], tag)
    return Asset(body=body, headers=headers + SAFE, tag=tag)


def serve(exchange: Exchange, assets: dict[bytes, Asset]) -> None:
    """Answer with a file. Raises: NotFound."""
    asset = assets.get(exchange.path.removeprefix(PREFIX))
    if asset is None:
        raise NotFound("the console has no such file")
    if exchange.headers.get(b"if-none-match") == asset.tag:
        exchange.begin(304, asset.headers)
        exchange.end()
    else:
        exchange.respond(200, asset.headers, asset.body)
