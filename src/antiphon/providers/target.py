"""A deployment made ready to be called: where it is, what it can do, how it is said."""

from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.ports import Origin, Outbound
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.core.secret import Secret
from antiphon.net.dial import proxy_authorization
from antiphon.providers.profile import Profile
from antiphon.wire.openai_chat.edits import edits
from antiphon.wire.openai_chat.head import named


class Account(Struct, frozen=True, gc=False, kw_only=True):
    """How we are known to a provider."""

    name: str
    profile: Profile
    base_url: str
    keys: tuple[Secret, ...] = ()
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
    heads: tuple[bytes, ...]
    """One for each of the account's keys, in their order; one where it has none."""
    account: str = ""
    secrets: tuple[Secret, ...] = ()
    """The account's keys, in the order of `heads`."""


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
        deployment=deployment,
        profile=account.profile,
        origin=origin,
        heads=tuple(_head(deployment, account, key, tls=tls) for key in account.keys or (None,)),
        account=account.name,
        secrets=account.keys,
    )


def _head(deployment: Deployment, account: Account, key: Secret | None, *, tls: bool) -> bytes:
    """Request line and headers, up to what changes with each request."""
    url = urlsplit(account.base_url)
    profile = account.profile
    path = url.path.rstrip("/") + profile.chat_path.replace("{model}", quote(deployment.model, safe=""))
    query = urlencode({**dict(profile.query), **account.query})
    place = f"{path}?{query}" if query else path
    if account.proxy and not tls:
        place = f"http://{url.netloc}{place}"
    lines = [f"POST {place} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
    if account.proxy and not tls:
        lines.extend(proxy_authorization(account.proxy))
    headers = {"Accept": "application/json, text/event-stream", "User-Agent": "antiphon"}
    if key:
        headers[profile.auth_header] = f"{profile.auth_prefix}{key.reveal()}"
    own = {name.lower() for name in account.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in own} | account.headers
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, "Content-Type: application/json", ""]).encode("latin-1")


class Said(Struct, frozen=True, gc=False, kw_only=True):
    """A request in an upstream's words."""

    outbound: Outbound
    hide_usage: bool
    """The stream's usage was asked for by us alone."""
    losses: tuple[Loss, ...] = ()


class How(Struct, frozen=True, gc=False, kw_only=True):
    """How one attempt puts a request."""

    prompt: str | None = None
    """Text of a system message to put before all others."""
    trace: bytes = b""
    """Header lines that carry the trace on."""
    so_far: str = ""
    """The start of an answer that is to be gone on with."""


PLAINLY = How()


def say(
    request: Request, target: Target, how: How = PLAINLY, *, key: int = 0, timeouts: Timeouts | None = None
) -> Said:
    """Put a request into the words of one deployment.

    Args:
        key: Place of the credential among the account's.
        timeouts: Of this attempt; None: the deployment's own.
    """
    head, profile = request.head, target.profile
    ask_usage = head.stream and not head.wants_usage and profile.usage_in_stream == "stream_options"
    quirks = _quirks(request, profile) if profile.rejects or profile.output_limit_field else _NONE
    changes = edits(
        request,
        model=target.deployment.model,
        ask_usage=ask_usage,
        prompt=how.prompt,
        drop=quirks.drop,
        rename=quirks.rename,
        so_far=how.so_far,
        continuing=profile.continues or "assistant",
    )
    body = request.body.edited(changes)
    outbound = Outbound(
        origin=target.origin,
        head=target.heads[key] + how.trace if how.trace else target.heads[key],
        body=body.segments,
        size_bytes=body.size_bytes,
        timeouts=timeouts or target.deployment.timeouts,
    )
    return Said(outbound=outbound, hide_usage=ask_usage, losses=quirks.losses)


class _Quirks(Struct, frozen=True, gc=False):
    """What of a request goes to a provider under another name, or not at all."""

    drop: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    losses: tuple[Loss, ...] = ()


_NONE = _Quirks()
_LIMIT = "max_completion_tokens"


def _quirks(request: Request, profile: Profile) -> _Quirks:
    """What a provider would answer with an error, found in this request."""
    known = profile.output_limit_field
    fields = named(request, profile.rejects if known is None else (*profile.rejects, _LIMIT))
    drop = [name for name in profile.rejects if name in fields]
    losses = [_left_out(name, f"{profile.name} refuses it") for name in drop]
    limit = fields.get(_LIMIT)
    if known is None or limit is None or _LIMIT in drop:
        return _Quirks(tuple(drop), {}, tuple(losses))
    why = f"{profile.name} knows {known} only"
    if known not in fields:
        losses.append(Loss(field=_LIMIT, why=why, effect=f"sent as {known}"))
        return _Quirks(tuple(drop), {_LIMIT: known}, tuple(losses))
    if request.body.slice(limit.start, limit.end).strip() == b"null":
        return _Quirks((*drop, _LIMIT), {}, (*losses, _left_out(_LIMIT, why)))
    sent = Loss(field=_LIMIT, why=why, effect=f"sent as {known}, in place of the one that was there")
    return _Quirks((*drop, known), {_LIMIT: known}, (*losses, sent))


def _left_out(field: str, why: str) -> Loss:
    return Loss(field=field, why=why, effect="left out of the request")
