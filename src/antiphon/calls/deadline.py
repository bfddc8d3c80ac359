"""When a request must be over, as a value that is passed down.

Three things bound a request as a whole: what it asks for, its route, and the server's cap. A deployment bounds each
attempt. The earliest counts, and the receipt says which it was.

What SDKs send is weaker than it looks. Their timers end when the answer's head has come (Node) or start anew with
every piece (Python), so of a stream they bound the silence and never the whole:

| header | who | unit | bounds |
| --- | --- | --- | --- |
| `x-antiphon-timeout` | anyone | `1.5`, `30s`, `500ms`, `2m` | the whole request |
| `x-server-timeout` | google-genai | s | the whole request |
| `x-stainless-timeout` | openai and anthropic for Node | whole s, cut off: 0 is less than one | time to the head |
| `x-stainless-read-timeout` | openai and anthropic for Python | s | each silence |

Sources: openai 3.52.0 for Python, `_base_client.py`, `_build_headers`; openai-node pull request 1442 (April 2025,
seconds); browserbase/sdk-node issue 206 (the same generated code: the timer ends with the head); google-genai for
JavaScript and Python (`X-Server-Timeout`, seconds rounded up). All read in November 2026.
"""

import re
from collections.abc import Mapping
from math import inf
from typing import Literal

from msgspec import Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.error import AntiphonError, BadRequest, DeadlineExceeded

Bound = Literal["request", "route", "server", "recipe"]
"""Who set the deadline."""

OURS = b"x-antiphon-timeout"
GEMINI = b"x-server-timeout"
NODE = b"x-stainless-timeout"
PYTHON = b"x-stainless-read-timeout"

NODE_LEAST_S = 1.0
"""What `x-stainless-timeout: 0` stands for: the SDK cuts the fraction off."""

_WRITTEN = re.compile(rb"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m)?")
_UNIT_S = {b"": 1.0, b"s": 1.0, b"ms": 0.001, b"m": 60.0}
LATE_S = 0.05
"""Deadlines are looked at this often (`net.client.SWEEP_S`), so a difference below it is none."""
MIN_S = 0.001
"""The shortest timeout that is taken: below it no answer can come."""


class Deadline(Struct, frozen=True, gc=False, kw_only=True):
    """When a request, or one attempt of it, must be over. Times are seconds on the steady clock."""

    at_s: float
    bound: Bound
    allowed_s: float
    """From the request's arrival to `at_s`."""
    capped_from_s: float | None = None
    """What the request asked for, where it got less."""
    header: str = ""
    """The header that asked."""
    head_at_s: float | None = None
    """When the caller gives up unless an answer has begun; None: not before `at_s`."""
    silence_s: float | None = None
    """The longest pause in a stream that the caller bears; None: any."""

    def over(self, now_s: float) -> bool:
        """Whether less is left than an answer takes."""
        return self.at_s - now_s < MIN_S

    def head_by_s(self, *, begun: bool) -> float:
        """When an answer's head must have come; `begun`: the caller has one already."""
        return self.at_s if begun or self.head_at_s is None else min(self.head_at_s, self.at_s)

    def ample(self, timeouts: Timeouts, now_s: float) -> bool:
        """Whether an attempt's own timeouts are all shorter than what is left."""
        return self.at_s - now_s + LATE_S >= timeouts.total_s and self.head_at_s is self.silence_s is None

    def left_s(self, now_s: float) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at_s - now_s)


class Wish(Struct, frozen=True, gc=False):
    """What a request's headers ask for, in seconds; infinity: nothing."""

    total_s: float
    header: bytes
    """The one that `total_s` comes from."""
    head_s: float = inf
    silence_s: float = inf


def decide(
    headers: Mapping[bytes, bytes], now_s: float, server_s: float, route_s: float | None = None, stream: bool = False
) -> Deadline:
    """The deadline of a request that came in at `now_s`.

    Args:
        headers: The request's, names in lower case.
        server_s: The server's cap, seconds.
        route_s: The route's bound, seconds; None: it has none.
        stream: Whether a stream was asked for: SDKs bound its pauses, but the whole of a whole answer.
    Raises: BadRequest, naming the header and the remedy.
    """
    if route_s is None and not (OURS in headers or PYTHON in headers or NODE in headers or GEMINI in headers):
        return Deadline(at_s=now_s + server_s, bound="server", allowed_s=server_s)
    wish = read(headers, stream=stream)
    allowed_s, bound = server_s, "server"
    if route_s is not None and route_s < allowed_s:
        allowed_s, bound = route_s, "route"
    asked_s, capped_from_s = wish.total_s, None
    if asked_s < allowed_s:
        allowed_s, bound = asked_s, "request"
    elif allowed_s < asked_s < inf:
        capped_from_s = asked_s
    return Deadline(
        at_s=now_s + allowed_s,
        bound=bound,
        allowed_s=allowed_s,
        capped_from_s=capped_from_s,
        header=wish.header.decode(),
        head_at_s=now_s + wish.head_s if wish.head_s < allowed_s else None,
        silence_s=wish.silence_s if wish.silence_s < allowed_s else None,
    )


def read(headers: Mapping[bytes, bytes], *, stream: bool) -> Wish:
    """What the headers ask for. Raises: BadRequest."""
    total_s, header = inf, b""
    if (said := headers.get(OURS)) is not None:
        total_s, header = _ours(said), OURS
    if (said := headers.get(GEMINI)) is not None and (gemini_s := _seconds(said, GEMINI)) < total_s:
        total_s, header = gemini_s, GEMINI
    silence_s = inf if (said := headers.get(PYTHON)) is None else _seconds(said, PYTHON)
    node_s = inf if (said := headers.get(NODE)) is None else _seconds(said, NODE, least_s=NODE_LEAST_S)
    head_s, asker = (silence_s, PYTHON) if silence_s <= node_s else (node_s, NODE)
    if stream:
        return Wish(total_s, header, head_s, silence_s)
    return Wish(head_s, asker) if head_s < total_s else Wish(total_s, header)


def attempt(deadline: Deadline, timeouts: Timeouts, *, now_s: float, begun: bool = False) -> Timeouts | None:
    """The timeouts of an attempt that starts now: each the least of its own and what is left.

    Args:
        timeouts: The deployment's own.
        begun: The caller has the answer's head already (a stream that goes on elsewhere).
    Returns: None when nothing is left; then no attempt may be made.
    """
    left_s = deadline.at_s - now_s
    head_s = deadline.head_by_s(begun=begun) - now_s
    if head_s < MIN_S:
        return None
    silence_s = deadline.silence_s
    if silence_s is None and timeouts.total_s <= head_s + LATE_S:
        return timeouts
    return Timeouts(
        connect_s=min(timeouts.connect_s, head_s),
        first_byte_s=min(timeouts.first_byte_s, head_s),
        between_bytes_s=min(timeouts.between_bytes_s, left_s, left_s if silence_s is None else silence_s),
        total_s=min(timeouts.total_s, left_s),
    )


def hurried(deadline: Deadline, timeouts: Timeouts, *, now_s: float, ran_s: float, head: bool) -> bool:
    """Whether an attempt that timed out did so by its request's bounds, which says nothing of the upstream.

    Args:
        timeouts: The deployment's own.
        ran_s: Seconds that the attempt took.
        head: The answer's head had come.
    """
    if deadline.over(now_s):
        return True
    if not head:
        late = deadline.head_at_s is not None and deadline.head_at_s - now_s < MIN_S
        return late and ran_s < timeouts.first_byte_s
    return deadline.silence_s is not None and deadline.silence_s < timeouts.between_bytes_s and ran_s < timeouts.total_s


def exceeded(deadline: Deadline, cause: AntiphonError | None = None, *, over: bool = True) -> DeadlineExceeded:
    """The error of a request whose own time ended it.

    Args:
        cause: What its attempt was told of it.
        over: All its time has passed; else what an SDK allows until the head, or between two pieces.
    """
    if over:
        who = f"the header {deadline.header}" if deadline.bound == "request" else f"the {deadline.bound}"
        said = f"no whole answer came within the {deadline.allowed_s:g} s that {who} allows"
    else:
        said = "the caller's own client had given up by then: its timeout, which it sends in a header, had passed"
    error = DeadlineExceeded(said)
    error.spent = True
    if cause is not None:
        error.noted = f"{error.noted}; {cause.noted}"
        error.__cause__ = cause
    return error


def told(deadline: Deadline) -> bytes:
    """The response header `x-antiphon-timeout` as a line; empty when the request got all that it asked for.

    Its value is, for example, `600; asked=900; by=server`, in seconds.
    """
    if deadline.capped_from_s is None:
        return b""
    value = f"{deadline.allowed_s:g}; asked={deadline.capped_from_s:g}; by={deadline.bound}"
    return b"x-antiphon-timeout: %b\r\n" % value.encode()


def _ours(value: bytes) -> float:
    match = _WRITTEN.fullmatch(value)
    seconds = 0.0 if match is None else float(match[1]) * _UNIT_S[match[2] or b""]
    if seconds < MIN_S:
        raise _malformed(value, OURS, "write seconds above 0, or a number with `ms`, `s` or `m`: 1.5, 500ms, 30s, 2m")
    return seconds


UNSET = b"NOT_GIVEN"
"""What anthropic-python 2.14.0 says for streams whose time its caller left open (`lib/streaming`, seen 2026-11)."""


def _seconds(value: bytes, header: bytes, *, least_s: float | None = None) -> float:
    """An SDK's number of seconds; `least_s` stands for 0. Infinity is taken: it bounds nothing."""
    if value == UNSET:
        return inf
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if seconds >= MIN_S:
        return seconds
    if least_s is not None and value == b"0":
        return least_s
    raise _malformed(value, header, "set a timeout above 0 seconds in the SDK, or leave the header out")


def _malformed(value: bytes, header: bytes, remedy: str) -> BadRequest:
    shown = value[:64].decode("latin-1")
    name = header.decode()
    return BadRequest(f"the header {name} says {shown!r}, which is no time to wait; {remedy}", param=name)
