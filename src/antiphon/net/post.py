"""A JSON object posted to a URL of the operator's, signed."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from msgspec import Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.ports import Outbound
from antiphon.core.secret import Secret
from antiphon.net.egress import origin_of


class Hook(Struct, frozen=True, kw_only=True):
    """Where objects are posted, and how."""

    url: Secret
    timeout_s: float
    secret: Secret | None = None
    """Signs; None: unsigned."""
    headers: Mapping[str, Secret] = {}
    networks: tuple[str, ...] = ()
    ca_file: str | None = None


def posted(body: bytes, hook: Hook, now_s: int) -> Outbound:
    """A body as it is sent."""
    url = urlsplit(hook.url.reveal())
    place = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [
        f"POST {place} HTTP/1.1",
        f"Host: {url.netloc.rpartition('@')[2]}",
        "Content-Type: application/json",
        *(f"{name}: {value.reveal()}" for name, value in hook.headers.items()),
    ]
    if hook.secret is not None:
        lines.append(f"x-antiphon-signature: {signature(body, hook.secret.reveal(), now_s)}")
    limit_s = hook.timeout_s
    return Outbound(
        origin=origin_of(hook.url.reveal(), ca_file=hook.ca_file, networks=hook.networks),
        head="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
        body=(body,),
        size_bytes=len(body),
        timeouts=Timeouts(connect_s=limit_s, first_byte_s=limit_s, between_bytes_s=limit_s, total_s=limit_s),
    )


def signature(body: bytes, secret: str, now_s: int) -> str:
    """How a receiver can tell that a body is ours, and new."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (now_s, body), sha256).hexdigest()
    return f"t={now_s},v1={digest}"
