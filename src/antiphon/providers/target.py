"""A deployment made ready to be called: where it is, what it can do, how it is said."""

from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from antiphon.core.body import Body
from antiphon.core.deployment import Deployment
from antiphon.core.ports import Origin, Outbound
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.core.secret import Secret
from antiphon.net.dial import proxy_authorization
from antiphon.providers.profile import Profile
from antiphon.wire.json import loads
from antiphon.wire.openai_chat.edits import edits


class Account(Struct, frozen=True, gc=False, kw_only=True):
    """How we are known to a provider."""

    name: str
    profile: Profile
    base_url: str
    key: Secret | None = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    proxy: str | None = None
    ca_file: str | None = None
    connections: int = 1000


class Target(Struct, frozen=True, gc=False, kw_only=True):
    """A deployment, its address, and everything of its request that is the same each time."""

    deployment: Deployment
    profile: Profile
    origin: Origin
    head: bytes


def target(deployment: Deployment, account: Account) -> Target:
    """Prepare a deployment once, when the configuration is read."""
    url = urlsplit(account.base_url)
    tls = url.scheme == "https"
    origin = Origin(
        host=url.hostname or "",
        port=url.port or (443 if tls else 80),
        tls=tls,
        ca_file=account.ca_file,
        proxy=account.proxy,
        connections=account.connections,
    )
    return Target(
        deployment=deployment, profile=account.profile, origin=origin, head=_head(deployment, account, tls=tls)
    )


def _head(deployment: Deployment, account: Account, *, tls: bool) -> bytes:
    """Request line and headers, up to what changes with each request."""
    url = urlsplit(account.base_url)
    profile = account.profile
    path = url.path.rstrip("/") + profile.chat_path.replace("{model}", quote(deployment.model, safe=""))
    query = urlencode({**dict(profile.query), **account.query})
    place = f"{path}?{query}" if query else path
    if account.proxy and not tls:
        place = f"http://{url.netloc}{place}"
    lines = [f"POST {place} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
    if account.key:
        lines.append(f"{profile.auth_header}: {profile.auth_prefix}{account.key.reveal()}")
    if account.proxy and not tls:
        lines.extend(proxy_authorization(account.proxy))
    lines.extend(f"{name}: {value}" for name, value in account.headers.items())
    lines += [
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        "User-Agent: antiphon",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


class Said(Struct, frozen=True, gc=False, kw_only=True):
    """A request in an upstream's words."""

    outbound: Outbound
    hide_usage: bool
    """The stream's usage was asked for by us alone."""
    losses: tuple[Loss, ...] = ()


def say(request: Request, target: Target, prompt: str | None, trace: bytes = b"") -> Said:
    """Put a request into the words of one deployment.

    Args:
        prompt: Text of a system message to put before all others.
        trace: Header lines that carry the trace on.
    """
    head, profile = request.head, target.profile
    ask_usage = head.stream and not head.wants_usage and profile.usage_in_stream == "stream_options"
    body = request.body.edited(edits(request, model=target.deployment.model, ask_usage=ask_usage, prompt=prompt))
    losses: tuple[Loss, ...] = ()
    if profile.rejects:
        body, losses = _without(body, profile)
    outbound = Outbound(
        origin=target.origin,
        head=target.head + trace if trace else target.head,
        body=body.segments,
        size_bytes=body.size_bytes,
        timeouts=target.deployment.timeouts,
    )
    return Said(outbound=outbound, hide_usage=ask_usage, losses=losses)


def _without(body: Body, profile: Profile) -> tuple[Body, tuple[Loss, ...]]:
    """Leave out the fields that a provider answers with an error, and say so."""
    fields = loads(body.whole())
    dropped = [name for name in profile.rejects if name in fields]
    if not dropped:
        return body, ()
    for name in dropped:
        del fields[name]
    losses = tuple(
        Loss(field=name, why=f"{profile.name} refuses it", effect="left out of the request") for name in dropped
    )
    return Body((msgspec.json.encode(fields),)), losses
