"""Which of the listener's limits each server holds: probed one by one, with the limits of limits.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inbound.upstream import FLOOD_BYTES, ProbedUpstream
from inbound.wire import AUTH, Caller, Heard
from lib.memory import take
from lib.rig import Subject

MB = 1_000_000
MAX_CONNECTIONS = 64
KEPT_BYTES = 8 * MB
GRACE_S = 1.5  # deadlines are looked at a few times a second
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + AUTH
GET = b"GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n"


@dataclass(frozen=True)
class Finding:
    """Whether a limit holds, and what was seen."""

    held: bool
    seen: str


Probe = Callable[[Subject, ProbedUpstream], Finding]


def _refused(heard: Heard) -> bool:
    return heard.closed or any(status >= 400 for status in heard.statuses)


def header_bytes(subject: Subject, _: ProbedUpstream) -> Finding:
    """1 MB of headers; the limit is 32 KB."""
    with Caller(subject.port) as caller:
        sent = caller.send(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nX-Pad: " + b"a" * MB, timeout_s=0.5)
        heard = caller.hear(0.4)
    return Finding(_refused(heard), f"{heard.words()}, {sent / MB:.2f} MB taken")


def body_announced(subject: Subject, _: ProbedUpstream) -> Finding:
    """Content-Length of 1 GB; the limit is 1 MB."""
    with Caller(subject.port) as caller:
        caller.send(POST + b"Content-Length: 1000000000\r\n\r\n")
        heard = caller.hear(0.7, answers=1)
    return Finding(413 in heard.statuses, heard.words())


def body_chunked(subject: Subject, _: ProbedUpstream) -> Finding:
    """64 MB in chunks, with no length; the limit is 1 MB. What is refused may be read, but not kept."""
    before = take(subject.pid).pss_bytes
    with Caller(subject.port) as caller:
        caller.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = caller.send((b"10000\r\n" + b"a" * 65_536 + b"\r\n") * 1000, timeout_s=0.5)
        grown = take(subject.pid).pss_bytes - before
        heard = caller.hear(0.5, answers=1)
    seen = f"{heard.words()}, {sent / MB:.1f} MB taken, memory grew by {max(grown, 0) / MB:.1f} MB"
    return Finding(grown < KEPT_BYTES and _refused(heard), seen)


def silence(subject: Subject, _: ProbedUpstream) -> Finding:
    """A connection that says nothing; the limit is 1 s."""
    with Caller(subject.port) as caller:
        heard = caller.hear(5)
    return Finding(heard.closed and heard.seconds < 1 + GRACE_S, heard.words())


def slow_header(subject: Subject, _: ProbedUpstream) -> Finding:
    """Half a head, then a byte every 0.2 s; the limit is 1 s."""
    began_s = time.monotonic()
    with Caller(subject.port) as caller:
        caller.send(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nX-Slow: ")
        heard = caller.hear(0.2)
        while not heard.closed and time.monotonic() - began_s < 5:
            caller.send(b"a")
            heard = Heard(heard.data + (more := caller.hear(0.2)).data, more.closed, time.monotonic() - began_s)
    return Finding(heard.closed and heard.seconds < 1 + GRACE_S, heard.words())


def slow_body(subject: Subject, _: ProbedUpstream) -> Finding:
    """10 bytes of 1,000, then nothing; the limit is 1 s."""
    with Caller(subject.port) as caller:
        caller.send(POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 10)
        heard = caller.hear(5, answers=1)
    return Finding(_refused(heard) and heard.seconds < 1 + GRACE_S, heard.words())


def idle(subject: Subject, _: ProbedUpstream) -> Finding:
    """A kept connection after one answer; the limit is 2 s, not the 1 s that headers have."""
    with Caller(subject.port) as caller:
        caller.send(GET)
        first = caller.hear(1, answers=1)
        heard = caller.hear(6)
    held = 200 in first.statuses and heard.closed and 1.7 < heard.seconds < 2 + GRACE_S
    return Finding(held, f"{'closed' if heard.closed else 'still open'} after {heard.seconds:.1f} s")


def pipelined_order(subject: Subject, _: ProbedUpstream) -> Finding:
    """Three requests in one segment are answered in order."""
    with Caller(subject.port) as caller:
        caller.send(GET + b"GET /nothing HTTP/1.1\r\nHost: bench\r\n\r\n" + GET)
        heard = caller.hear(1, answers=3)
    return Finding(heard.statuses == [200, 404, 200], f"answered {heard.statuses}")


def pipelined_bound(subject: Subject, _: ProbedUpstream) -> Finding:
    """500,000 requests sent behind one that hangs; 4 may wait. What is refused may be read, but not kept."""
    before = take(subject.pid).pss_bytes
    with Caller(subject.port) as caller:
        caller.chat(f"HANG {subject.name}-pipelined")
        time.sleep(0.2)
        sent = caller.send(GET * 500_000, timeout_s=0.5)
        grown = take(subject.pid).pss_bytes - before
    return Finding(grown < KEPT_BYTES, f"{sent / MB:.1f} MB taken, memory grew by {max(grown, 0) / MB:.1f} MB")


def back_pressure(subject: Subject, upstream: ProbedUpstream) -> Finding:
    """A caller that reads nothing of a stream of 268 MB: the upstream has to be slowed down."""
    name = f"{subject.name}-pressure"
    before = take(subject.pid).pss_bytes
    with Caller(subject.port, receive_bytes=65_536) as caller:
        caller.chat(f"FLOOD {name}", stream=True)
        time.sleep(1.5)
        grown = take(subject.pid).pss_bytes - before
    sent = upstream.seen[name].sent_bytes
    seen = f"{sent / MB:.0f} MB of {FLOOD_BYTES / MB:.0f} taken in 1.5 s, memory grew by {max(grown, 0) / MB:.0f} MB"
    return Finding(sent < FLOOD_BYTES / 16, seen)


def send_timeout(subject: Subject, upstream: ProbedUpstream) -> Finding:
    """The same caller is cut off after 2 s, and its upstream let go."""
    name = f"{subject.name}-send"
    with Caller(subject.port, receive_bytes=65_536) as caller:
        caller.chat(f"FLOOD {name}", stream=True)
        time.sleep(3 + GRACE_S)
        is_open, released = caller.held_open, upstream.seen[name].closed
    seen = f"caller's connection {'still open' if is_open else 'closed'}, upstream's {'closed' if released else 'open'}"
    return Finding(released and not is_open, seen)


def max_connections(subject: Subject, _: ProbedUpstream) -> Finding:
    """72 callers at once; the limit is 64."""
    time.sleep(3)  # connections of earlier probes have gone by then
    callers = [Caller(subject.port) for _ in range(MAX_CONNECTIONS + 8)]
    for caller in callers:
        caller.send(GET)
    time.sleep(0.3)
    heard = [status for caller in callers for status in caller.hear(0.02, answers=1).statuses]
    for caller in callers:
        caller.close()
    served, refused = heard.count(200), heard.count(503)
    seen = f"{served} served, {refused} refused by 503, {len(callers) - len(heard)} left waiting"
    return Finding(served <= MAX_CONNECTIONS, seen)


def _gone(subject: Subject, upstream: ProbedUpstream, word: str, *, stream: bool) -> Finding:
    name = f"{subject.name}-gone-{word.lower()}"
    with Caller(subject.port) as caller:
        caller.chat(f"{word} {name}", stream=stream)
        time.sleep(0.5)
    began_s = time.monotonic()
    while not upstream.seen[name].closed and time.monotonic() - began_s < 2:
        time.sleep(0.002)
    took_s = time.monotonic() - began_s
    closed = upstream.seen[name].closed
    return Finding(
        closed, f"upstream let go after {1000 * took_s:.0f} ms" if closed else "upstream still held after 2 s"
    )


def gone_whole(subject: Subject, upstream: ProbedUpstream) -> Finding:
    """A caller that leaves before its answer ends its upstream call."""
    return _gone(subject, upstream, "HANG", stream=False)


def gone_stream(subject: Subject, upstream: ProbedUpstream) -> Finding:
    """A caller that leaves in the middle of a stream ends its upstream call."""
    return _gone(subject, upstream, "DRIP", stream=True)


def refusal_explained(subject: Subject, _: ProbedUpstream) -> Finding:
    """What is no HTTP is refused with an error that names a receipt."""
    with Caller(subject.port) as caller:
        caller.send(b"NOT HTTP AT ALL\r\n\r\n")
        heard = caller.hear(1)
    return Finding(b"x-antiphon-receipt" in heard.data, f"{heard.words()}, {len(heard.data)} bytes")


PROBES: dict[str, Probe] = {
    "header limit": header_bytes,
    "body limit, announced": body_announced,
    "body limit, chunked": body_chunked,
    "silent connection": silence,
    "slow headers": slow_header,
    "slow body": slow_body,
    "idle": idle,
    "pipelining, in order": pipelined_order,
    "pipelining, bounded": pipelined_bound,
    "back-pressure": back_pressure,
    "send timeout": send_timeout,
    "max connections": max_connections,
    "client gone, whole answer": gone_whole,
    "client gone, stream": gone_stream,
    "refusal names a receipt": refusal_explained,
}
CONFIG = Path(__file__).with_name("limits.yaml")
