"""Answers of the console, and the headers that each of them has."""

from antiphon.net.exchange import Exchange

HTML = b"content-type: text/html; charset=utf-8\r\n"
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere."""
SAFE = b"".join((
    b"content-security-policy: ", POLICY, b"\r\n",
    b"x-content-type-options: nosniff\r\n",
    b"x-frame-options: DENY\r\n",
    b"referrer-policy: same-origin\r\n",
    b"cross-origin-opener-policy: same-origin\r\n",
    b"cross-origin-resource-policy: same-origin\r\n",
    b"permissions-policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n",
))  # fmt: skip
UNKEPT = b"cache-control: no-store\r\n"
"""Of whatever has data in it."""


def page(exchange: Exchange, status: int, text: str, more: bytes = b"") -> None:
    """Answer with a page that nobody keeps."""
    exchange.respond(status, HTML + UNKEPT + SAFE + more, text.encode("utf-8", "replace"))


def led(exchange: Exchange, path: str, more: bytes = b"") -> None:
    """Lead the browser to a path of the console: one of our own, never what the request said."""
    exchange.respond(303, b"location: %b\r\n" % path.encode("ascii") + UNKEPT + SAFE + more, b"")
