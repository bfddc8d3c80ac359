"""Tools over HTTP: one request a call, within egress rules; redirects are not followed."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.operation import Operation, Parameter, is_token, written
from antiphon.agents.tools.secrets import Secrets, revealed
from antiphon.agents.tools.settings_http import AuthSpec, HttpSpec
from antiphon.agents.tools.text import result_of
from antiphon.core.clock import Clock
from antiphon.core.deployment import Timeouts
from antiphon.core.error import BadRequest
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.core.tool import Effect, Tool, ToolContext, ToolResult
from antiphon.wire import trace

_SAID_CHARS = 2000
_IN_PATH = re.compile(r"\{([^{}]+)\}")
_TEXTS = ("text/", "application/xml", "application/xhtml", "application/yaml", "application/javascript")


class HttpHand(Hand):
    """Makes requests of one operation."""

    def __init__(
        self,
        tool: Tool,
        operation: Operation,
        transport: Transport,
        clock: Clock,
        *,
        take: str = "",
        most_response_bytes: int = 1_048_576,
    ) -> None:
        self.tool = tool
        self._operation, self._transport, self._clock = operation, transport, clock
        self._origin = operation.origin
        self._take, self._most_bytes = take, most_response_bytes

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        request = written(self._operation, arguments, context.key)
        left_s = max(context.until_s - self._clock.steady_s(), 0.001)
        outbound = Outbound(
            origin=self._origin,
            head=request.head + trace.encode(context.trace),
            body=(request.body,),
            size_bytes=len(request.body),
            timeouts=Timeouts(connect_s=min(left_s, 10.0), first_byte_s=left_s, between_bytes_s=left_s, total_s=left_s),
        )
        inbound = await self._transport.send(outbound, fresh=self.tool.effect == "at_most_once")
        try:
            body = await inbound.read(self._most_bytes)
        finally:
            inbound.close()
        if not 200 <= inbound.status < 300:
            raise self._refusal(inbound, body)
        return self._result(inbound, body)

    def _result(self, inbound: Inbound, body: bytes) -> ToolResult:
        kind = inbound.headers.get(b"content-type", b"").decode("latin-1").lower()
        if not body:
            return ToolResult(text=f"Done ({inbound.status}, no content).", data=None)
        if "json" in kind or body[:1] in {b"{", b"["}:
            try:
                data = msgspec.json.decode(body)
            except (msgspec.DecodeError, RecursionError):
                data = None
            if data is not None:
                return result_of(pointed(data, self._take))
        if not kind or kind.startswith(_TEXTS) or "json" in kind:
            return result_of(body.decode("utf-8", "replace"))
        return ToolResult(text=f"The answer is {len(body)} bytes of {kind.split(';')[0]}, which isn't text.", cut=True)

    def _refusal(self, inbound: Inbound, body: bytes) -> ToolFailed:
        status, said = inbound.status, body.decode("utf-8", "replace")[:_SAID_CHARS].strip()
        told = f"{self.tool.name} answered {status}" + (f": {said}" if said else ".")
        changes = self.tool.effect != "pure"
        match status:
            case 404 | 410:
                return ToolFailed("not_found", told)
            case 408 | 425 | 429:
                return ToolFailed("unavailable", told, retryable=True)
            case _ if status >= 500:
                return ToolFailed("unavailable", told, retryable=status != 501, unknown=changes and status != 501)
            case _ if 300 <= status < 400:
                return ToolFailed("redirected", f"{self.tool.name} leads elsewhere ({status}), which is not followed.")
            case _:
                return ToolFailed("refused", told)


def pointed(data: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; the whole, where it leads nowhere. Source: RFC 6901."""
    at: Any = data
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(at, Mapping) and name in at:
            at = cast("Mapping[str, Any]", at)[name]
        elif isinstance(at, list) and name.isdecimal() and int(name) < len(cast("list[Any]", at)):
            at = cast("list[Any]", at)[int(name)]
        else:
            return data
    return at


def http_effect(method: str, idempotency_header: str) -> Effect:
    """What calling twice does, by RFC 9110 9.2.2 and the header that carries a key."""
    if method in {"GET", "HEAD"}:
        return "pure"
    return "idempotent" if method in {"PUT", "DELETE"} or idempotency_header else "at_most_once"


def http_hand(tool: Tool, spec: HttpSpec, transport: Transport, clock: Clock, secrets: Secrets) -> HttpHand:
    """A tool of one request. Raises: BadRequest, where something of it doesn't fit."""
    start = spec.url.index("/", spec.url.index("//") + 2) if "/" in spec.url.partition("//")[2] else len(spec.url)
    server, path = spec.url[:start], spec.url[start:] or "/"
    in_path = _IN_PATH.findall(path)
    names = list(cast("dict[str, Any]", tool.parameters.get("properties") or {}))
    for name in in_path:
        if name not in names:
            raise BadRequest(f"{{{name}}} in the path is no argument; describe it under parameters.properties")
    usual = "query" if spec.method in {"GET", "HEAD", "DELETE"} else "body"
    parameters = tuple(
        Parameter(argument=name, name=name, place="path" if name in in_path else spec.places.get(name, usual))
        for name in names
    )
    for name, place in spec.places.items():
        if name not in names:
            raise BadRequest(f"places.{name} is no argument; describe it under parameters.properties")
        if place == "header" and not is_token(name):
            raise BadRequest(f"places.{name} can't be the name of a header")
    operation = Operation(
        method=spec.method,
        server=server,
        path=path,
        parameters=parameters,
        body=spec.body if any(one.place == "body" for one in parameters) else "none",
        idempotency_header=spec.idempotency_header,
        networks=tuple(spec.networks),
        ca_file=spec.ca_file,
    )
    operation = signed_in(operation, spec.headers, spec.auth, secrets)
    return HttpHand(tool, operation, transport, clock, take=spec.take, most_response_bytes=spec.most_response_bytes)


def signed_in(operation: Operation, headers: Mapping[str, str], auth: AuthSpec | None, secrets: Secrets) -> Operation:
    """An operation with its fixed headers, and with what says who asks. Raises: BadRequest."""
    fixed = {"User-Agent": "antiphon", "Accept": "application/json, text/*;q=0.9, */*;q=0.1"}
    fixed |= {name: revealed(value, secrets) for name, value in headers.items()}
    query: dict[str, str] = {}
    if auth is not None:
        value = revealed(auth.value, secrets)
        match auth.kind:
            case "bearer":
                fixed["Authorization"] = f"Bearer {value}"
            case "basic":
                fixed["Authorization"] = "Basic " + b64encode(f"{auth.user}:{value}".encode()).decode()
            case "header":
                fixed[auth.name] = value
            case "query":
                query[auth.name] = value
    for name, value in fixed.items():
        if not is_token(name) or any(one in value for one in "\r\n\0") or not value.isascii():
            raise BadRequest(f"the header {name!r} can't be sent: names are tokens, values visible ASCII")
    return replace(operation, headers={**operation.headers, **fixed}, query={**operation.query, **query})
