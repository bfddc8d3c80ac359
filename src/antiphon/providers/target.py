"""A deployment made ready to be called: where it is, what it can do, how it is said."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from antiphon.core.deployment import Deployment, Timeouts
from antiphon.core.error import BadRequest, CannotCarry
from antiphon.core.ports import Origin, Outbound, Runner
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect, Request
from antiphon.core.secret import Secret
from antiphon.net.dial import proxy_authorization
from antiphon.pricing.media import UNKNOWN, Family, family
from antiphon.providers.auth.signer import Signer
from antiphon.providers.clouds import clouded
from antiphon.providers.profile import Profile, Way
from antiphon.wire.codec import JSON, AnyCodec, AnyUpstream, Quirks, Terms
from antiphon.wire.codecs import CODECS, UPSTREAMS
from antiphon.wire.losses import Losses
from antiphon.wire.passage import Passage, meaning

_WRITTEN = frozenset({"", "configured"})
_LAST_WORD = re.compile("[/:]")
_JSON_LINE = b"Content-Type: application/json\r\n"


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
    networks: tuple[str, ...] = ()
    signer: Signer | None = None


class Spoken(Struct, frozen=True, kw_only=True):
    """How a deployment is spoken to by callers of one dialect."""

    way: Way
    passage: Passage
    heads: tuple[bytes, ...]
    """Request line and headers for each of the account's keys, in their order; one where it has none."""
    stream_heads: tuple[bytes, ...]
    """The same for streams."""
    actions: Mapping[str, tuple[bytes, ...]]
    """`heads` by the last word of the caller's path, where that changes them."""
    versions: tuple[tuple[bytes, bytes], ...]
    """Headers of the profile that a caller may say in its place: how they begin, and the whole line. No line: the account
    says another, which no caller changes."""
    plain: Terms
    """Of a request that nothing is added to."""
    plain_stream: Terms


class Target(Struct, frozen=True, kw_only=True):
    """A deployment, its address, and everything of its request that is the same each time."""

    deployment: Deployment
    profile: Profile
    origin: Origin
    ways: Mapping[Dialect, Spoken]
    """By the caller's dialect."""
    account: str = ""
    secrets: tuple[Secret, ...] = ()
    """The account's keys, in the order of every way's heads."""
    signer: Signer | None = None
    """Says who we are where a key alone won't do."""
    family: Family = UNKNOWN
    """How its model reads pictures, sound and files."""
    price_source: str = ""
    """Where its price comes from; empty: the configuration, or it has none."""
    runner: Runner | None = None
    """Answers in the place of an upstream: the deployment is an agent. What its run uses is counted call by call, so that
    the call of the agent itself counts for nothing."""


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
        networks=account.networks,
        connections=account.connections,
    )
    fit = [way for way in account.profile.ways if re.search(way.models, deployment.model)]
    return Target(
        deployment=deployment,
        profile=account.profile,
        origin=origin,
        ways={
            own: _spoken(deployment, account, way, codec) for own, codec in CODECS.items() if (way := _way(fit, codec))
        },
        account=account.name,
        secrets=account.keys,
        signer=account.signer,
        family=family(account.profile.name, deployment.model),
        price_source="" if deployment.price is None or deployment.price.source in _WRITTEN else deployment.price.source,
    )


def _way(ways: list[Way], own: AnyCodec) -> Way | None:
    """The way that serves callers of a dialect: their own, else the first that says the same; None: there is none."""
    same = [way for way in ways if way.dialect == own.name]
    alike = [way for way in ways if UPSTREAMS[way.dialect].operation == own.served_by]
    return next(iter((*same, *alike)), None)


def _spoken(deployment: Deployment, account: Account, way: Way, own: AnyCodec) -> Spoken:
    profile = account.profile
    upstream: AnyUpstream = UPSTREAMS[way.dialect]
    quirks = Quirks(
        who=profile.name,
        rejects=profile.rejects,
        output_limit_field=profile.output_limit_field,
        asks_usage=profile.usage_in_stream == "stream_options",
        continuing=profile.continues or "assistant",
        thoughts=profile.thoughts,
        variant=way.variant,
    )
    plain = Terms(model=deployment.model, output_tokens=deployment.output_tokens, quirks=quirks)
    keys = account.keys or (None,)

    def heads(path: str) -> tuple[bytes, ...]:
        return tuple(_head(deployment, account, key, path) for key in keys)

    said = {name.lower() for name in account.headers}
    usual = way.path.replace("{action}", next(iter(way.actions), ""))
    return Spoken(
        way=way,
        passage=Passage(
            own, None if upstream.name == own.name else upstream, deployment.model, framed=way.variant == "bedrock"
        ),
        heads=heads(usual),
        stream_heads=heads(way.stream_path or usual),
        actions={action: heads(way.path.replace("{action}", action)) for action in way.actions},
        versions=tuple(
            (f"{name}: ".encode(), b"" if name.lower() in said else f"{name}: {value}\r\n".encode())
            for name, value in profile.headers.items()
        ),
        plain=plain,
        plain_stream=Terms(model=plain.model, stream=True, output_tokens=plain.output_tokens, quirks=quirks),
    )


def _head(deployment: Deployment, account: Account, key: Secret | None, where: str) -> bytes:
    """Request line and headers, up to what changes with each request."""
    url = urlsplit(account.base_url)
    profile, proxied = account.profile, account.proxy and url.scheme != "https"
    end, _, asked = where.partition("?")
    path = url.path.rstrip("/") + end.replace("{model}", quote(deployment.model, safe=""))
    query = "&".join(part for part in (asked, urlencode({**dict(profile.query), **account.query})) if part)
    place = f"{path}?{query}" if query else path
    if proxied:
        place = f"http://{url.netloc}{place}"
    lines = [f"POST {place} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}"]
    if proxied and account.proxy:
        lines.extend(proxy_authorization(account.proxy))
    headers = {"Accept": "application/json, text/event-stream", "User-Agent": "antiphon", **profile.headers}
    if key:
        headers[profile.auth_header] = f"{profile.auth_prefix}{key.reveal()}"
    own = {name.lower() for name in account.headers}
    headers = {name: value for name, value in headers.items() if name.lower() not in own} | account.headers
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join([*lines, ""]).encode("latin-1") + _JSON_LINE


class Said(Struct, frozen=True, gc=False, kw_only=True):
    """A request in an upstream's words."""

    outbound: Outbound
    passage: Passage
    """The answer's way back."""
    hides_usage: bool = False
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


def say(request: Request, target: Target, how: How = PLAINLY, key: int = 0, timeouts: Timeouts | None = None) -> Said:
    """Put a request into the words of one deployment.

    Args:
        key: Place of the credential among the account's.
        timeouts: Of this attempt; None: the deployment's own.
    Raises: CannotCarry, where this deployment can't be told what the answer depends on; BadRequest, where nobody can.
    """
    head = request.head
    spoken = target.ways[head.dialect]
    terms, heads = (spoken.plain_stream, spoken.stream_heads) if head.stream else (spoken.plain, spoken.heads)
    if how is not PLAINLY:
        terms = _terms(terms, how)
    passage = spoken.passage
    if spoken.actions:
        heads = _acting(spoken, head.endpoint, heads)
    line = heads[key]
    if passage.other is not None:
        known = request.body.written.get((passage.other.name, terms))
        body, losses = known or _translated(request, passage.own, passage.other, terms)
        segments, size, hides = (body,), len(body), False
    else:
        put = passage.own.put(request, terms)
        segments, size, losses, hides = put.body.segments, put.body.size_bytes, put.losses, put.hides_usage
        if put.content_type != JSON:
            line = line.removesuffix(_JSON_LINE) + b"Content-Type: %b\r\n" % put.content_type
        if request.lines:
            line = _versioned(line, request.lines, spoken.versions)
    if terms.quirks.variant:
        body = clouded(b"".join(segments), terms, request.lines)
        segments, size = (body,), len(body)
    if target.signer is not None:
        line += _signed(target.signer, line, segments)
    outbound = Outbound(
        origin=target.origin,
        head=line + how.trace if how.trace else line,
        body=segments,
        size_bytes=size,
        timeouts=timeouts or target.deployment.timeouts,
    )
    return Said(outbound=outbound, passage=passage, hides_usage=hides, losses=losses)


def write(request: Request, target: Target, how: How = PLAINLY) -> None:
    """Translate a long request ahead of `say`, which then finds it done. It may be called from a thread.

    Raises: CannotCarry, BadRequest.
    """
    spoken = target.ways[request.head.dialect]
    passage, terms = spoken.passage, _terms(spoken.plain_stream if request.head.stream else spoken.plain, how)
    if passage.other is not None:
        done = _translated(request, passage.own, passage.other, terms)
        request.body.written[passage.other.name, terms] = done


def _terms(terms: Terms, how: How) -> Terms:
    if how.prompt is None and not how.so_far:
        return terms
    return Terms(
        model=terms.model,
        stream=terms.stream,
        prompt=how.prompt,
        so_far=how.so_far,
        output_tokens=terms.output_tokens,
        quirks=terms.quirks,
    )


def _acting(spoken: Spoken, endpoint: str, usual: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Heads for what a caller's path asks to be done.

    Raises: CannotCarry, where its own dialect has a path for that and this deployment has not.
    """
    action = _LAST_WORD.split(endpoint)[-1]
    heads = spoken.actions.get(action)
    if heads is None and spoken.passage.other is None:
        raise CannotCarry(
            f"the model that would answer has no endpoint for {action}; ask for another model", param="model"
        )
    return usual if heads is None else heads


def _versioned(line: bytes, lines: bytes, versions: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """A head with the caller's own lines: each in place of the profile's of that name, and none in place of the account's."""
    for name, whole in versions:
        if not any(one.startswith(name) for one in lines.splitlines()):
            continue
        if whole:
            line = line.replace(whole, b"")
        else:
            lines = b"".join(one for one in lines.splitlines(keepends=True) if not one.startswith(name))
    return line + lines


def _signed(signer: Signer, head: bytes, body: tuple[bytes, ...]) -> bytes:
    """Raises: UpstreamAuth."""
    first, second, *_ = head.split(b"\r\n", 2)
    method, place, _ = first.decode("latin-1").split(" ")
    path, _, query = place.removeprefix(f"http://{second.decode('latin-1').partition(': ')[2]}").partition("?")
    return signer.lines(method, second.decode("latin-1").partition(": ")[2], path, query, body)


def _translated(request: Request, own: AnyCodec, other: AnyUpstream, terms: Terms) -> tuple[bytes, tuple[Loss, ...]]:
    """Raises: CannotCarry, BadRequest."""
    content, losses = meaning(request, own), Losses()
    for line in request.lines.splitlines():
        name = line.partition(b":")[0].decode("latin-1")
        if not name.endswith("-version"):  # of the dialect alone
            losses.add(name, f"{terms.quirks.who} has no such header")
    try:
        body = other.encode(content, terms, losses)
    except BadRequest as error:
        raise CannotCarry(error.message, param=error.param) from error
    return body, losses.told()
