"""One caller's bytes into whole requests, each within the listener's bounds."""

import time
from typing import Protocol

import httptools

from antiphon.net.exchange import Exchange, Side
from antiphon.net.settings import BODY_RATE_BYTES_S
from antiphon.net.site import Site

NEW, IDLE, HEAD, BODY = range(4)
"""Nothing came yet; between two requests; amid a head; amid a body."""
METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"))
ONCE = frozenset((b"host", b"content-length", b"transfer-encoding", b"authorization", b"content-type", b"expect"))
"""Headers that a second line would make ambiguous."""
_FRAMED = frozenset((b"content-length", b"transfer-encoding"))
MAX_REPEATS = 100
"""Most further lines of headers that a request has already: each is joined to those before it."""
PIECES = 512
SMALL_BYTES = 65_536
"""A run of `PIECES` pieces below this size becomes one: tiny chunks would cost many times their bytes."""
SLASH = 47


class Refused(Exception):
    """Ends the parsing of a connection; raised within the parser's calls only."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Owner(Side, Protocol):
    """What the intake needs of its connection."""

    def received(self, exchange: Exchange, keep_alive: bool) -> None:
        """A request is whole. Raises: Refused when it can't wait its turn."""

    def invite(self) -> None:
        """The caller holds its body back until it hears `100 Continue`."""

    def refuse(self, status: int, message: str) -> None: ...


class Intake:
    """Parses what one connection sends. Framing follows RFC 9112; what it calls faulty ends the connection."""

    __slots__ = (
        "_begun_bytes",
        "_fed_bytes",
        "_headers",
        "_incoming",
        "_keep_alive",
        "_owner",
        "_parser",
        "_put_off",
        "_read_bytes",
        "_repeats",
        "_site",
        "_switching",
        "_target",
        "body_bytes",
        "early",
        "phase",
        "since_s",
    )

    def __init__(self, owner: Owner, site: Site) -> None:
        self._owner = owner
        self._site = site
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._target = b""
        self._incoming: Exchange | None = None
        self._put_off: Exchange | None = None
        self._keep_alive = True
        self._repeats = 0
        self._read_bytes = 0
        self._fed_bytes = 0
        """Bytes of the reads since a head began, that one counted whole; or since the last piece of a body, that
        one left out."""
        self._begun_bytes = 0
        """Bytes of the read in which the head began."""
        self._switching = False
        self.early = bytearray()
        """What came behind a request to switch to WebSocket."""
        self.phase = NEW
        self.since_s = site.now_s
        """When the phase began, or when the request before it had its answer."""
        self.body_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take bytes in; whole requests go to the owner, and so does what is wrong with them."""
        if self._parser is None:
            self._hold(data)
            return
        self._read_bytes = len(data)
        self._fed_bytes += self._read_bytes
        rest = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            self._fail(error)
            return
        if rest is not None:
            self._go_on_without_upgrade(rest)
        elif self._fed_bytes > self._site.bounds.max_header_bytes:
            self._overfed()

    def _hold(self, data: bytes) -> None:
        """Keep what comes behind a request to switch to WebSocket, for whoever takes it up."""
        if self._switching:
            self.early += data
            if len(self.early) > self._site.bounds.max_header_bytes:
                self._switching = False
                self._owner.refuse(400, "bytes came before the switch to WebSocket was answered")

    def drain(self) -> None:
        """Nothing to do: requests end by themselves."""

    def _fail(self, error: httptools.HttpParserError) -> None:
        cause = error.__context__
        if isinstance(cause, Refused):
            self._owner.refuse(cause.status, cause.message)
            return
        if cause is None:
            self._owner.refuse(400, f"this is not HTTP/1.1 as RFC 9112 has it: {error}")
        else:
            self._owner.refuse(500, "this request could not be taken in")
            self._site.loop.call_exception_handler({"message": "a request could not be taken in", "exception": cause})

    def _overfed(self) -> None:
        """Bytes that are no body are bounded also before they make a whole line."""
        most = self._site.bounds.max_header_bytes
        if self.phase == HEAD:
            if self._fed_bytes - self._begun_bytes <= most and _head_bytes(b"", self._target, self._headers) <= most:
                return
            self._owner.refuse(431, f"the headers are longer than {most} bytes")
        elif self.phase == BODY:
            self._owner.refuse(431, f"chunk extensions or trailers are longer than {most} bytes")
        else:
            self._owner.refuse(400, f"{most} bytes came and no request among them")

    def stop(self) -> None:
        """Take nothing more in."""
        self._parser = None
        self._switching = False
        self._incoming = self._put_off = None

    def late(self, now_s: float) -> tuple[int, str] | None:
        """What has waited too long: a refusal, or status 0 for a connection that is to be closed without a word."""
        bounds = self._site.bounds
        waited_s = now_s - self.since_s
        if self.phase == IDLE:
            return (0, "") if waited_s >= bounds.idle_timeout_s else None
        if self.phase == BODY:
            allowed_s = bounds.body_timeout_s + self.body_bytes / BODY_RATE_BYTES_S
            return (408, "the body did not come in time; send it faster") if waited_s >= allowed_s else None
        if waited_s < bounds.header_timeout_s:
            return None
        return (0, "") if self.phase == NEW else (408, "the headers did not come in time")

    # --- the parser's calls

    def on_message_begin(self) -> None:
        self.phase = HEAD
        self.since_s = self._site.now_s
        self._fed_bytes = self._begun_bytes = self._read_bytes

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self._headers:
            self._repeated(name, value.rstrip())
        else:
            self._headers[name] = value.rstrip()

    def _repeated(self, name: bytes, value: bytes) -> None:
        if name in ONCE:
            raise Refused(400, f"the header {name.decode('latin-1')} came twice")
        self._repeats += 1
        if self._repeats > MAX_REPEATS:
            raise Refused(431, f"more than {MAX_REPEATS} headers are repeated")
        self._headers[name] = b"%b, %b" % (self._headers[name], value)

    def on_headers_complete(self) -> None:
        headers, target, bounds, parser = self._headers, self._target, self._site.bounds, self._parser
        self._headers, self._target = {}, b""
        if self._put_off is not None or parser is None:
            self._incoming, self._put_off = self._put_off, None
            self.phase = BODY
            return
        method = parser.get_method()
        most = bounds.max_header_bytes
        if self._fed_bytes > most and _head_bytes(method, target, headers) > most:
            raise Refused(431, f"the headers are longer than {most} bytes")
        keep_alive = parser.should_keep_alive()
        modern, upgrades = True, False
        if not keep_alive or b"connection" in headers:
            modern, upgrades = _modern(parser.get_http_version()), parser.should_upgrade()
        if method not in METHODS or target[0] != SLASH:
            target = _path(target, method)
        if modern and b"host" not in headers:
            raise Refused(400, "the header Host is missing")
        if b"transfer-encoding" in headers:
            _check_coding(headers[b"transfer-encoding"], modern)
        if int(headers.get(b"content-length", 0)) > bounds.max_body_bytes:
            raise Refused(413, f"the body is longer than {bounds.max_body_bytes} bytes")
        exchange = Exchange(self._owner, method, target, headers, modern)
        self._keep_alive = keep_alive and modern
        self._repeats = self._fed_bytes = self.body_bytes = 0
        self.phase = BODY
        self.since_s = self._site.now_s
        if upgrades:
            exchange.websocket = method == b"GET" and headers.get(b"upgrade", b"").lower() == b"websocket"
            self._put_off = exchange
        else:
            self._incoming = exchange
        if b"expect" in headers:
            self._expected(headers, modern)

    def _expected(self, headers: dict[bytes, bytes], modern: bool) -> None:
        if headers[b"expect"].lower() != b"100-continue":
            raise Refused(417, "the only expectation that is met is 100-continue")
        if modern and (b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"):
            self._owner.invite()

    def on_body(self, body: bytes) -> None:
        exchange = self._incoming
        if exchange is None:
            return
        self._fed_bytes = 0
        self.body_bytes += len(body)
        if self.body_bytes > self._site.bounds.max_body_bytes:
            raise Refused(413, f"the body is longer than {self._site.bounds.max_body_bytes} bytes")
        pieces = exchange.body
        pieces.append(body)
        if len(pieces) % PIECES == 0:
            last = b"".join(pieces[-PIECES:])
            if len(last) < SMALL_BYTES:
                pieces[-PIECES:] = [last]

    def on_message_complete(self) -> None:
        exchange = self._incoming
        if exchange is None:
            return
        self._incoming = None
        self.phase = IDLE
        exchange.received_s = time.perf_counter()
        if self._headers:
            self._headers = {}  # trailers: RFC 9110 6.5.1 forbids to take them for headers
        self._owner.received(exchange, self._keep_alive)

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Serve requests that ask for another protocol as if they did not, as RFC 9110 7.8 allows.

        Java's HttpClient asks for h2c with every first request. The parser ends its work after such a
        head; another one, told nothing but how the body is framed, reads on.
        """
        while (exchange := self._put_off) is not None:
            if exchange.websocket and exchange.headers.keys().isdisjoint(_FRAMED):
                self._switch(exchange, rest)
                return
            framing = b"content-length: %b" % exchange.headers.get(b"content-length", b"0")
            if b"transfer-encoding" in exchange.headers:
                framing = b"transfer-encoding: chunked"
            offset = len(rest)
            try:
                self._parser = parser = httptools.HttpRequestParser(self)
                parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % framing)
                self._read_bytes = len(rest)
                parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                offset = upgrade.args[0]
            except httptools.HttpParserError as error:
                self._fail(error)
                return
            rest = rest[offset:]

    def _switch(self, exchange: Exchange, rest: bytes) -> None:
        """A request for a WebSocket is the last of its connection, whatever it is answered."""
        self._put_off = self._parser = None
        self._switching = True
        self.early += rest
        self.phase = IDLE
        exchange.received_s = time.perf_counter()
        try:
            self._owner.received(exchange, False)
        except Refused as refused:
            self._owner.refuse(refused.status, refused.message)


def _head_bytes(method: bytes, target: bytes, headers: dict[bytes, bytes]) -> int:
    """Size of a head whose lines have been read, blanks around values left out."""
    line = len(method) + len(target) + len(b"  HTTP/1.1\r\n\r\n")
    return line + sum(len(name) + len(value) + 4 for name, value in headers.items())


def _check_coding(coding: bytes, modern: bool) -> None:
    """Refuse bodies whose end could be read in two ways, or that can't be read."""
    if not modern:
        raise Refused(400, "HTTP/1.0 has no Transfer-Encoding")
    coding = coding.lower()
    if coding != b"chunked":
        status = 501 if coding.rpartition(b",")[2].strip() == b"chunked" else 400
        raise Refused(
            status, f"the only Transfer-Encoding that is read is chunked, not {coding[:80].decode('latin-1')!r}"
        )


def _modern(version: str) -> bool:
    """Whether a version is 1.1 rather than 1.0."""
    if version not in ("1.0", "1.1"):
        raise Refused(505, f"HTTP/{version} is not served here; send HTTP/1.1")
    return version == "1.1"


def _path(target: bytes, method: bytes) -> bytes:
    """The path that a served method asks for, also out of a whole URL: RFC 9112 3.2.2 has servers take it."""
    if method not in METHODS:
        raise Refused(501, f"the method {method.decode('latin-1')} is not served here")
    scheme, _, rest = target.partition(b"://")
    if scheme.lower() in (b"http", b"https") and rest[:1] not in (b"", b"/", b"?"):
        slash = rest.find(b"/")
        question = rest.find(b"?")
        if slash >= 0 and (question < 0 or slash < question):
            return rest[slash:]
        return b"/" + rest[question:] if question >= 0 else b"/"
    if target == b"*" and method == b"OPTIONS":
        return target
    raise Refused(400, f"the target {target[:80].decode('latin-1')!r} is neither a path nor a URL")
