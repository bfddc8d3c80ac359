"""An agent elsewhere as its card and its methods: over JSON-RPC or the HTTP binding, 1.0 or 0.3, whatever it offers."""

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.agents.a2a.signing import keys_in, verified
from antiphon.core.deployment import Timeouts
from antiphon.core.error import StaleConnection, UpstreamError, UpstreamMalformed, UpstreamRefused
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.net.egress import origin_of
from antiphon.wire.a2a import old
from antiphon.wire.a2a.words import OLD_VERSION, VERSION, Card, Interface, Item, Message, Task, plain
from antiphon.wire.sse import SseReader
from antiphon.wire.sse import data_of as event_data

CARD_PATH = "/.well-known/agent-card.json"
CONNECT_S = 5.0
FRESH_S = 300.0
"""For so long a card holds; it is asked again by its ETag."""
MOST_CARD_BYTES = 262_144
HTTP_OK, HTTP_SAME, HTTP_BROKE = 200, 304, 500
NONE: Mapping[str, str] = {}
EVENTS = "text/event-stream"
_BINDINGS = ("JSONRPC", "HTTP+JSON")
_NO_STREAM = frozenset({-32004, -32601, 404, 405, 501})
"""Codes and statuses of those whose card says that they stream, and who don't."""
Hear = Callable[[Item], bool]
"""Takes in what a stream tells; whether that is enough."""


class NoStream(UpstreamRefused):
    """What was asked for can't be done by whom it was asked of; a stream, where that was it, was not begun."""


class Face(Struct, frozen=True, kw_only=True):
    """How a peer is spoken to."""

    url: str
    binding: str
    old: bool


class _Asked(Struct, frozen=True, kw_only=True):
    """A method on its way."""

    verb: str
    url: str
    body: bytes | None
    method: str
    """As the interface calls it."""
    version: str


class _Known(Struct, frozen=True, kw_only=True):
    card: Card
    face: Face
    etag: bytes
    until_s: float


class Peer:
    """One remote agent."""

    def __init__(self, spec: RemoteAgentSpec, transport: Transport, steady_s: Callable[[], float]) -> None:
        self._spec, self._transport, self._steady_s = spec, transport, steady_s
        self._known: _Known | None = None
        self._calls = 0

    @property
    def url(self) -> str:
        return self._spec.url

    @property
    def last(self) -> Card | None:
        """Its card as it was last seen."""
        return None if self._known is None else self._known.card

    async def card(self, until_s: float) -> Card:
        """Raises: UpstreamError, UpstreamMalformed."""
        return (await self._fresh(until_s)).card

    async def _fresh(self, until_s: float) -> _Known:
        known = self._known
        if known is not None and self._steady_s() < known.until_s:
            return known
        lines = {"If-None-Match": known.etag.decode("latin-1")} if known is not None and known.etag else {}
        url = self._spec.url.rstrip("/") + CARD_PATH
        inbound = await self._send("GET", url, None, lines, until_s)
        try:
            if inbound.status == HTTP_SAME and known is not None:
                self._known = msgspec.structs.replace(known, until_s=self._steady_s() + FRESH_S)
                return self._known
            body = await _body(inbound, MOST_CARD_BYTES)
        finally:
            inbound.close()
        card = _read_card(_object(body) if not self._signed else await self._verified(_object(body), until_s))
        etag = inbound.headers.get(b"etag", b"")
        made = _Known(card=card, face=self._face(card), etag=etag, until_s=self._steady_s() + FRESH_S)
        self._known = made
        return made

    @property
    def _signed(self) -> bool:
        """Whether its card has to be."""
        return bool(self._spec.card_keys or self._spec.card_keys_url)

    async def _verified(self, said: dict[str, Any], until_s: float) -> dict[str, Any]:
        """What of a card is signed by whom the operator trusts. Raises: UpstreamError; UpstreamMalformed, where nothing is."""
        keys = [*self._spec.card_keys]
        if self._spec.card_keys_url:
            inbound = await self._send("GET", self._spec.card_keys_url, None, {}, until_s, ours=False)
            try:
                keys += keys_in(await _body(inbound, MOST_CARD_BYTES))
            except ValueError as error:
                raise UpstreamMalformed(f"the keys at {self._spec.card_keys_url} can't be read: {error}") from error
            finally:
                inbound.close()
        found = verified(said, keys)
        if found is None:
            raise UpstreamMalformed(
                f"the card of {self._spec.url} is signed by none of the keys that `card_keys` and `card_keys_url` name"
            )
        return found

    def _face(self, card: Card) -> Face:
        """The best of its interfaces. Raises: UpstreamMalformed, where none can be used."""
        own = urlsplit(self._spec.url)
        found: list[tuple[bool, int, Face]] = []
        for one in card.supported_interfaces:
            url = urlsplit(one.url)
            if (url.scheme, url.netloc) != (own.scheme, own.netloc) or one.protocol_binding not in _BINDINGS:
                continue
            before = one.protocol_version.startswith(OLD_VERSION)
            if before and one.protocol_binding != "JSONRPC":
                continue
            face = Face(url=one.url, binding=one.protocol_binding, old=before)
            found.append((before, _BINDINGS.index(one.protocol_binding), face))
        if not found:
            raise UpstreamMalformed(
                f"the card of {self._spec.url} names no interface at {own.netloc} of JSON-RPC, or of HTTP+JSON {VERSION}"
            )
        return min(found, key=lambda one: one[:2])[2]

    # --- methods

    async def send(self, message: Message, until_s: float, lines: Mapping[str, str] = NONE) -> Item:
        """Begin or go on with a task; it is not waited for. `lines`: headers beside. Raises: UpstreamError."""
        params = {"message": plain(message), "configuration": {"returnImmediately": True}}
        return _item(await self._call("SendMessage", params, ("POST", "/message:send"), until_s, lines))

    async def stream(self, message: Message, until_s: float, hear: Hear, lines: Mapping[str, str] = NONE) -> None:
        """The same as `send`, with news of the task until they end, or are enough. Raises: NoStream, UpstreamError."""
        await self._follow(
            "SendStreamingMessage", {"message": plain(message)}, ("POST", "/message:stream"), until_s, hear, lines
        )

    async def subscribe(self, task: str, until_s: float, hear: Hear) -> None:
        """News of a task that is there, until they end, or are enough. Raises: NoStream, UpstreamError."""
        place = "GET", f"/tasks/{quote(task, safe='')}:subscribe"
        await self._follow("SubscribeToTask", {"id": task}, place, until_s, hear)

    async def get(self, task: str, until_s: float) -> Task:
        """Raises: UpstreamError."""
        place = "GET", f"/tasks/{quote(task, safe='')}"
        return _task(await self._call("GetTask", {"id": task}, place, until_s))

    async def file(self, url: str, most_bytes: int, until_s: float) -> bytes:
        """A file at the remote agent's own site, with its credential. Raises: UpstreamError."""
        inbound = await self._send("GET", url, None, {"Accept": "*/*"}, until_s)
        try:
            return await _body(inbound, most_bytes)
        finally:
            inbound.close()

    async def cancel(self, task: str, until_s: float) -> None:
        """Raises: UpstreamError."""
        place = "POST", f"/tasks/{quote(task, safe='')}:cancel"
        await self._call("CancelTask", {"id": task}, place, until_s)

    async def _call(
        self,
        method: str,
        params: dict[str, Any],
        place: tuple[str, str],
        until_s: float,
        lines: Mapping[str, str] = NONE,
    ) -> Any:
        face = (await self._fresh(until_s)).face
        asked = self._asked(face, method, params, place)
        inbound = await self._send(asked.verb, asked.url, asked.body, {**lines, "A2A-Version": asked.version}, until_s)
        try:
            said = _object(await _body(inbound, self._spec.most_answer_bytes))
        finally:
            inbound.close()
        return said if face.binding == "HTTP+JSON" else _result(said, asked.method)

    async def _follow(
        self,
        method: str,
        params: dict[str, Any],
        place: tuple[str, str],
        until_s: float,
        hear: Hear,
        lines: Mapping[str, str] = NONE,
    ) -> None:
        face = (await self._fresh(until_s)).face
        asked = self._asked(face, method, params, place)
        headers = {**lines, "A2A-Version": asked.version, "Accept": f"{EVENTS}, application/json"}
        inbound = await self._send(asked.verb, asked.url, asked.body, headers, until_s)
        try:
            if inbound.status != HTTP_OK or not inbound.headers.get(b"content-type", b"").startswith(EVENTS.encode()):
                said = _object(await _body(inbound, self._spec.most_answer_bytes))
                hear(_item(said if face.binding == "HTTP+JSON" else _result(said, asked.method)))
                return
            reader = SseReader(max_event_bytes=self._spec.most_answer_bytes)

            def take(piece: bytes) -> bool:
                for event in reader.feed(piece):
                    data = event_data(event)
                    if data:
                        said = _object(data)
                        told = _told(said) if face.binding == "HTTP+JSON" else _result(said, asked.method)
                        if hear(_item(told)):
                            return True
                return False

            await inbound.lead(take)
        finally:
            inbound.close()

    def _asked(self, face: Face, method: str, params: dict[str, Any], place: tuple[str, str]) -> "_Asked":
        """A method as an interface takes it."""
        if face.binding == "HTTP+JSON":
            verb, path = place
            body = None if verb == "GET" else msgspec.json.encode(params)
            return _Asked(verb=verb, url=face.url.rstrip("/") + path, body=body, method=method, version=VERSION)
        self._calls += 1
        version = VERSION
        if face.old:
            method, params = old.asking(method, params)
            version = OLD_VERSION
        call = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": params}
        return _Asked(verb="POST", url=face.url, body=msgspec.json.encode(call), method=method, version=version)

    async def _send(
        self, verb: str, url: str, body: bytes | None, lines: dict[str, str], until_s: float, *, ours: bool = True
    ) -> Inbound:
        """`ours`: with what it knows us by."""
        outbound = self._outbound(verb, url, body, lines, until_s, ours=ours)
        try:
            return await self._transport.send(outbound)
        except StaleConnection:
            return await self._transport.send(outbound, fresh=True)

    def _outbound(
        self, verb: str, url: str, body: bytes | None, lines: dict[str, str], until_s: float, *, ours: bool
    ) -> Outbound:
        spec, place = self._spec, urlsplit(url)
        headers = {"Host": place.netloc, "Accept": "application/json", "User-Agent": "antiphon", **lines}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if spec.token is not None and ours:
            headers["Authorization"] = f"Bearer {spec.token.reveal()}"
        headers |= {name: value.reveal() for name, value in spec.headers.items() if ours}
        path = (place.path or "/") + (f"?{place.query}" if place.query else "")
        head = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        left_s = max(0.001, until_s - self._steady_s())
        return Outbound(
            origin=origin_of(url, ca_file=spec.ca_file or None, networks=tuple(spec.networks)),
            head="".join(f"{line}\r\n" for line in head).encode("latin-1"),
            body=() if body is None else (body,),
            size_bytes=0 if body is None else len(body),
            timeouts=Timeouts(
                connect_s=min(CONNECT_S, left_s), first_byte_s=left_s, between_bytes_s=left_s, total_s=left_s
            ),
        )


def _object(said: bytes) -> dict[str, Any]:
    """Raises: UpstreamMalformed."""
    try:
        return msgspec.json.decode(said, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"the remote agent's answer is no JSON object: {error}") from error


def _result(answer: dict[str, Any], method: str) -> Any:
    """What a call of JSON-RPC gave, as 1.0 says it. Raises: UpstreamRefused, UpstreamMalformed."""
    _told(answer)
    if "result" not in answer:
        raise UpstreamMalformed("the remote agent's answer has neither `result` nor `error`")
    return old.answered_by(method, answer["result"]) if method in old.METHODS else answer["result"]


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    """The same, where it is no error. Raises: UpstreamRefused."""
    error = answer.get("error")
    if isinstance(error, dict):
        raise refused(cast("dict[str, Any]", error), HTTP_OK)
    return answer


def _item(value: Any) -> Item:
    """Raises: UpstreamMalformed."""
    try:
        return msgspec.convert(value, Item)
    except msgspec.ValidationError as error:
        raise UpstreamMalformed(f"the remote agent's answer is neither task nor message: {error}") from error


async def _body(inbound: Inbound, most_bytes: int) -> bytes:
    """Raises: UpstreamRefused, where it is an error."""
    body = await inbound.read(most_bytes)
    if inbound.status == HTTP_OK:
        return body
    try:
        said = msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except msgspec.MsgspecError:
        said = None
    error = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if not error and inbound.status >= HTTP_BROKE:
        raise UpstreamError(f"the remote agent answered {inbound.status}", upstream_status=inbound.status)
    raise refused(error, inbound.status)


def refused(error: dict[str, Any], status: int) -> UpstreamRefused:
    """What a peer says of what it was asked."""
    said, code = str(error.get("message") or f"status {status}")[:500], error.get("code", status)
    unable = code in _NO_STREAM or status in _NO_STREAM or "UNSUPPORTED_OPERATION" in _reasons(error)
    kind = NoStream if unable else UpstreamRefused
    made = kind(f"the remote agent refused: {said}")
    made.noted = f"the remote agent refused: {code}"
    return made


def _reasons(error: dict[str, Any]) -> set[str]:
    """What the HTTP binding says beside a status."""
    details = error.get("details")
    found = cast("list[Any]", details) if isinstance(details, list) else []
    return {str(cast("dict[str, Any]", one).get("reason")) for one in found if isinstance(one, dict)}


def _read_card(said: dict[str, Any]) -> Card:
    """A card of either version. Raises: UpstreamMalformed."""
    try:
        card = msgspec.convert(said, Card)
    except msgspec.ValidationError as error:
        raise UpstreamMalformed(f"the remote agent's card can't be read: {error}") from error
    if card.supported_interfaces or not isinstance(said.get("url"), str):
        return card
    binding = str(said.get("preferredTransport") or "JSONRPC")
    one = Interface(url=said["url"], protocol_binding=binding, protocol_version=OLD_VERSION)
    return msgspec.structs.replace(card, supported_interfaces=(one,))


def _task(value: Any) -> Task:
    """Raises: UpstreamMalformed."""
    try:
        return msgspec.convert(value, Task)
    except msgspec.ValidationError as error:
        raise UpstreamMalformed(f"the remote agent's task can't be read: {error}") from error
