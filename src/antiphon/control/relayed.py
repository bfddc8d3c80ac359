"""An answer passed on as it comes, whatever it is."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from msgspec.structs import replace

from antiphon.calls.attempt import Try
from antiphon.calls.story import Story
from antiphon.control.desk import Desk, Refusals
from antiphon.control.passthrough_meter import Reading
from antiphon.core.error import AntiphonError, GuardBlocked, UpstreamError
from antiphon.core.ports import Inbound
from antiphon.core.usage import Usage
from antiphon.pricing.cost import cost
from antiphon.providers.failure import failure
from antiphon.providers.raw import Raw
from antiphon.wire.codecs import CODECS

HOPS = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade content-length expect http2-settings".split()
)
"""Headers of one connection. Source: RFC 9110 7.6.1."""
_SITE = frozenset((b"set-cookie", b"server", b"date", b"alt-svc", b"strict-transport-security", b"via"))
"""Of an answer's headers those that speak of the upstream's site rather than of the answer."""
BAD = 400


class Out(Refusals, Protocol):
    """Where an answer goes."""

    def begin(self, status: int, headers: bytes) -> None: ...

    def write(self, piece: bytes) -> None: ...

    def last(self) -> bytes:
        """What `end` is to be given: whatever still has to be looked at is looked at now. Raises: GuardBlocked, GuardFailed."""
        ...

    def end(self, last: bytes = b"") -> None: ...

    def ends_by(self, cut: Callable[[GuardBlocked], bytes]) -> None:
        """Have an answer that was begun, and that a guard then blocks, end with what `cut` makes of the error."""
        ...

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None: ...


async def relay(desk: Desk, story: Story, raw: Raw, attempt: Try, reading: Reading, out: Out) -> None:
    """Pass an attempt's answer on. Raises: AntiphonError, when it broke off."""
    inbound = attempt.inbound
    if inbound is None:
        raise ValueError("an attempt that was sent has an answer")
    caller, status = desk.gateway.process.caller, inbound.status
    story.served = attempt
    lines = answered(inbound.headers, story.arrival.id, raw.name)
    reading.begin(status, inbound.headers)
    try:
        size_bytes = await _pass(inbound, reading, story, lines, out)
    except AntiphonError as error:
        caller.errands.broke(attempt, error, priced(story, raw, attempt, reading))
        raise
    except BaseException:
        caller.settle(attempt, priced(story, raw, attempt, reading), cut=True)
        raise
    finally:
        out.on_pressure(None)
        inbound.close()
    if not story.begun:
        story.begun = True
        out.begin(status, lines)
    reading.end()
    last = _last(desk, story, raw, attempt, reading, out)
    count(story, attempt, size_bytes)
    attempt.error = error = judged(inbound, raw, reading.head)
    caller.settle(attempt, priced(story, raw, attempt, reading))
    desk.close(story, "ok" if error is None else "failed", status, error, release=partial(out.end, last))


def _last(desk: Desk, story: Story, raw: Raw, attempt: Try, reading: Reading, out: Out) -> bytes:
    """What ends an answer. Raises: GuardBlocked, GuardFailed; the attempt is then settled."""
    try:
        return out.last()
    except AntiphonError:
        desk.gateway.process.caller.settle(attempt, priced(story, raw, attempt, reading))
        raise


async def _pass(inbound: Inbound, reading: Reading, story: Story, lines: bytes, out: Out) -> int:
    """Hand every piece on within the read that brings it. Returns: how many bytes there were."""
    size_bytes = 0

    def take(piece: bytes) -> None:
        nonlocal size_bytes
        size_bytes += len(piece)
        if not story.begun:
            story.begun = True
            out.begin(inbound.status, lines)
        reading.feed(piece)
        out.write(piece)

    out.on_pressure(inbound.pause)
    await inbound.relay(take)
    return size_bytes


def judged(inbound: Inbound, raw: Raw, body: bytes) -> UpstreamError | None:
    """What an error answer means, for the receipt: the caller has it as it is. None: it is no error."""
    if inbound.status < BAD:
        return None
    return failure(inbound.status, inbound.headers, body, raw.target.deployment.name, CODECS["openai_chat"])


def priced(story: Story, raw: Raw, attempt: Try, reading: Reading) -> Usage | None:
    """Note what an answer used, at the price of the model that it names, or else the request."""
    usage = reading.usage
    deployment = raw.models.get(reading.model) or raw.models.get(reading.named)
    model = reading.model or reading.named
    if model and not attempt.settled:
        price = None if deployment is None or usage is None else deployment.price
        stands = replace(attempt.target.deployment, model=model, price=price)
        attempt.target = replace(attempt.target, deployment=stands)
        attempt.spot.record = replace(attempt.spot.record, model=model)
        attempt.spot.record = replace(attempt.spot.record, model=model)
    story.served_model, story.usage = reading.model, usage
    if usage is not None and deployment is not None and deployment.price is not None:
        story.cost_nano_usd = cost(deployment.price, usage)
    return usage


def coding_of(headers: Mapping[bytes, bytes]) -> bytes:
    """How a body is compressed, as its headers say; empty: it is not."""
    said = headers.get(b"content-encoding", b"").strip().lower()
    return b"" if said == b"identity" else said


def count(story: Story, attempt: Try, size_bytes: int) -> None:
    """Note how many bytes went each way."""
    story.notes = (*story.notes, f"bytes: {attempt.size_bytes} were sent, {size_bytes} came back")


def answered(headers: Mapping[bytes, bytes], receipt_id: str, account: str) -> bytes:
    """An answer's header lines: the upstream's, less those of its connection and its site."""
    hops = HOPS | _named(headers)
    lines = b"".join(
        b"%b: %b\r\n" % (name, value)
        for name, value in headers.items()
        if name not in hops and name not in _SITE and not name.startswith(b"x-antiphon-")
    )
    return lines + f"x-antiphon-receipt: {receipt_id}\r\nx-antiphon-provider: {account}\r\n".encode()


def _named(headers: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Headers that `Connection` names: they are of one connection too."""
    return frozenset(name.strip().lower() for name in headers.get(b"connection", b"").split(b","))


def carried(headers: Mapping[bytes, bytes], withheld: frozenset[bytes]) -> bytes:
    """A request's header lines that go on: less those of its connection, its caller, and the credential's place."""
    stay = HOPS | _CALLERS | withheld | _named(headers)
    return b"".join(
        b"%b: %b\r\n" % (name, value)
        for name, value in headers.items()
        if name not in stay and not name.startswith(_STAY)
    )


_CALLERS = frozenset(
    b"host authorization x-api-key api-key x-goog-api-key cookie accept-encoding user-agent forwarded x-real-ip "
    b"traceparent tracestate baggage via origin referer openai-organization openai-project x-goog-user-project "
    b"true-client-ip remote-user x-remote-user x-rewrite-url x-http-method x-http-method-override "
    b"x-method-override".split()
)
"""What stays here: who calls us and how, and whose account is charged; what has a server take a request for another one, by
path or by method, than was allowed. An answer comes uncompressed, so that what it used can be read."""
_STAY = (
    *(b"x-antiphon-", b"x-forwarded-", b"sec-", b"proxy-", b"x-amz-"),
    *(b"cf-", b"x-auth-request-", b"x-client-", b"x-cluster-client-", b"x-original-", b"x-ssl-", b"ssl-client-"),
)
