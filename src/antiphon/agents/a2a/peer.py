"""An agent elsewhere as its card and its methods: over JSON-RPC or the HTTP binding, 1.0 or 0.3, whatever it offers."""

from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from antiphon.agents.a2a.document import RemoteAgentSpec
from antiphon.core.deployment import Timeouts
from antiphon.core.error import StaleConnection, UpstreamMalformed, UpstreamRefused
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.net.egress import origin_of
from antiphon.wire.a2a import old
from antiphon.wire.a2a.words import OLD_VERSION, VERSION, Card, Interface, Item, Message, Task, plain

CARD_PATH = "/.well-known/agent-card.json"
CONNECT_S = 5.0
FRESH_S = 300.0
"""For so long a card holds; it is asked again by its ETag."""
MOST_CARD_BYTES = 262_144
HTTP_OK, HTTP_SAME = 200, 304
NONE: Mapping[str, str] = {}
_BINDINGS = ("JSONRPC", "HTTP+JSON")


class Face(Struct, frozen=True, kw_only=True):
    """How a peer is spoken to."""

    url: str
    binding: str
    old: bool


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
        card = _read_card(body)
        etag = inbound.headers.get(b"etag", b"")
        made = _Known(card=card, face=self._face(card), etag=etag, until_s=self._steady_s() + FRESH_S)
        self._known = made
        return made

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
        result = await self._call("SendMessage", params, ("POST", "/message:send"), until_s, lines)
        try:
            return msgspec.convert(result, Item)
        except msgspec.ValidationError as error:
            raise UpstreamMalformed(f"the remote agent's answer is neither task nor message: {error}") from error

    async def get(self, task: str, until_s: float) -> Task:
        """Raises: UpstreamError."""
        place = "GET", f"/tasks/{quote(task, safe='')}"
        return _task(await self._call("GetTask", {"id": task}, place, until_s))

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
        if face.binding == "HTTP+JSON":
            verb, path = place
            body = None if verb == "GET" else msgspec.json.encode(params)
            return await self._answer(
                verb, face.url.rstrip("/") + path, body, until_s, {**lines, "A2A-Version": VERSION}
            )
        self._calls += 1
        said, version = params, VERSION
        if face.old:
            method, said = old.asking(method, params)
            version = OLD_VERSION
        call = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": said}
        answer = await self._answer(
            "POST", face.url, msgspec.json.encode(call), until_s, {**lines, "A2A-Version": version}
        )
        error = answer.get("error")
        if isinstance(error, dict):
            raise refused(cast("dict[str, Any]", error), HTTP_OK)
        if "result" not in answer:
            raise UpstreamMalformed("the remote agent's answer has neither `result` nor `error`")
        return old.answered_by(method, answer["result"]) if face.old else answer["result"]

    async def _answer(
        self, verb: str, url: str, body: bytes | None, until_s: float, lines: dict[str, str]
    ) -> dict[str, Any]:
        inbound = await self._send(verb, url, body, lines, until_s)
        try:
            said = await _body(inbound, self._spec.most_answer_bytes)
        finally:
            inbound.close()
        try:
            return msgspec.json.decode(said, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise UpstreamMalformed(f"the remote agent's answer is no JSON object: {error}") from error

    async def _send(self, verb: str, url: str, body: bytes | None, lines: dict[str, str], until_s: float) -> Inbound:
        outbound = self._outbound(verb, url, body, lines, until_s)
        try:
            return await self._transport.send(outbound)
        except StaleConnection:
            return await self._transport.send(outbound, fresh=True)

    def _outbound(self, verb: str, url: str, body: bytes | None, lines: dict[str, str], until_s: float) -> Outbound:
        spec, place = self._spec, urlsplit(url)
        headers = {"Host": place.netloc, "Accept": "application/json", "User-Agent": "antiphon", **lines}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if spec.token is not None:
            headers["Authorization"] = f"Bearer {spec.token.reveal()}"
        headers |= {name: value.reveal() for name, value in spec.headers.items()}
        head = [f"{verb} {place.path or '/'} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
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
    raise refused(error, inbound.status)


def refused(error: dict[str, Any], status: int) -> UpstreamRefused:
    """What a peer says of what it was asked."""
    said = str(error.get("message") or f"status {status}")[:500]
    made = UpstreamRefused(f"the remote agent refused: {said}")
    made.noted = f"the remote agent refused: {error.get('code', status)}"
    return made


def _read_card(body: bytes) -> Card:
    """A card of either version. Raises: UpstreamMalformed."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
        card = msgspec.convert(said, Card)
    except msgspec.MsgspecError as error:
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
