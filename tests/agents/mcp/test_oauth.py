"""Signing in to servers that want tokens: a real authorization server and a real resource, spoken to over real sockets."""

import asyncio
import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tool_servers import ALICE, CALLBACK, Place, context

from antiphon.agents.hands import ToolFailed
from antiphon.agents.mcp.document import OAuthSpec, ToolServerSpec
from antiphon.agents.mcp.tokens import returned
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal

BOB = Principal(tenant="acme", key="bob-key", user="bob")
WHO = {"name": "who", "description": "Says who asks.", "inputSchema": {"type": "object", "properties": {}}}


class Guarded(ThreadingHTTPServer):
    """A resource and its authorization server in one: it remembers whom it let in."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        self.codes: dict[str, tuple[str, str]] = {}
        self.tokens: dict[str, str] = {}
        self.refreshes: dict[str, str] = {}
        self.granted = 0
        self.asked: list[dict[str, str]] = []
        self.issuer = self.base

    def give(self, user: str, **more: Any) -> dict[str, Any]:
        self.granted += 1
        token, refresh = f"t{self.granted}", f"r{self.granted}"
        self.tokens[token] = user
        self.refreshes[refresh] = user
        return {"access_token": token, "token_type": "Bearer", "refresh_token": refresh, "expires_in": 3600, **more}


class Handler(BaseHTTPRequestHandler):
    server: Guarded
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        base = self.server.base
        match urlsplit(self.path).path:
            case "/.well-known/oauth-protected-resource/mcp":
                found = {"resource": f"{base}/mcp", "authorization_servers": [base], "scopes_supported": ["tools"]}
                self._say(200, found)
            case "/.well-known/oauth-authorization-server":
                ends = {"authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token"}
                self._say(200, {"issuer": self.server.issuer, "code_challenge_methods_supported": ["S256"], **ends})
            case _:
                self._say(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/token":
            self._token({name: values[0] for name, values in parse_qs(body.decode()).items()})
            return
        user = self.server.tokens.get(self.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            self._say(
                401,
                {},
                {
                    "www-authenticate": f'Bearer resource_metadata="{self.server.base}/.well-known/oauth-protected-resource/mcp"'
                },
            )
            return
        said = json.loads(body)
        results: dict[str, Any] = {
            "server/discover": {"supportedVersions": ["2026-07-28"], "capabilities": {}},
            "tools/list": {"tools": [WHO]},
            "tools/call": {"content": [{"type": "text", "text": user}]},
        }
        self._say(200, {"jsonrpc": "2.0", "id": said["id"], "result": results[said["method"]]})

    def _token(self, said: dict[str, str]) -> None:
        server = self.server
        server.asked.append(said)
        match said["grant_type"]:
            case "client_credentials":
                pair = b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
                self._say(200, server.give("gateway")) if pair == "us:s3cret" else self._say(401, {})
            case "refresh_token" if said["refresh_token"] in server.refreshes:
                self._say(200, server.give(server.refreshes.pop(said["refresh_token"])))
            case "authorization_code" if said["code"] in server.codes:
                user, challenge = server.codes.pop(said["code"])
                made = urlsafe_b64encode(sha256(said["code_verifier"].encode()).digest()).rstrip(b"=").decode()
                self._say(200, server.give(user)) if made == challenge else self._say(400, {})
            case _:
                self._say(400, {"error": "invalid_grant"})

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(raw)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    with Guarded() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.close()


def mine(guarded: Guarded) -> ToolServerSpec:
    return ToolServerSpec(url=f"{guarded.base}/mcp", oauth=OAuthSpec(client_id="us"))


async def signed_in(place: Place, guarded: Guarded, who: Principal, user: str) -> None:
    """Go the whole way of a user: to the authorization server, back with a code, and to the gateway with that."""
    url = await place.servers.way_in(who, "who", context().until_s)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["redirect_uri"] == CALLBACK
    assert asked["resource"] == f"{guarded.base}/mcp"
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "tools")
    guarded.codes["c-" + user] = user, asked["code_challenge"]
    shown = await returned(place.tokens, asked["state"], "c-" + user, guarded.issuer)
    assert await place.servers.sign_in(who, shown, context().until_s) == "who"
    assert await place.servers.way_in(who, "who", context().until_s) == ""


async def test_each_user_asks_in_their_own_name(place: Place, guarded: Guarded) -> None:
    servers = await place.have(who=mine(guarded))
    assert servers.standings("acme")[0].sign_in
    assert place.hands == {}
    await signed_in(place, guarded, ALICE, "alice@idp")
    hand = place.hands["who__who"]
    assert (await hand.do({}, context())).text == "alice@idp"
    with pytest.raises(ToolFailed, match="has to be signed in to first") as refused:
        await hand.do({}, context(BOB))
    assert refused.value.code == "refused"
    await signed_in(place, guarded, BOB, "bob@idp")
    assert [(await hand.do({}, context(who))).text for who in (ALICE, BOB)] == ["alice@idp", "bob@idp"]
    assert hand.personal
    assert all(b"t1" not in value for _, value, _ in place.store.values("acme", "mcp/tokens", place.clock.now_ns()))


async def test_a_token_that_is_refused_is_renewed_once_for_all_who_wait(place: Place, guarded: Guarded) -> None:
    await place.have(who=mine(guarded))
    await signed_in(place, guarded, ALICE, "alice@idp")
    guarded.tokens.clear()
    hand = place.hands["who__who"]
    found = await asyncio.gather(*(hand.do({}, context()) for _ in range(8)))
    assert {one.text for one in found} == {"alice@idp"}
    assert [one["grant_type"] for one in guarded.asked] == ["authorization_code", "refresh_token"]


async def test_the_gateway_itself_gets_in_by_its_credentials(place: Place, guarded: Guarded) -> None:
    oauth = OAuthSpec(client_id="us", client_secret="s3cret", whose="gateway")
    await place.have(who=ToolServerSpec(url=f"{guarded.base}/mcp", oauth=oauth))
    assert (await place.hands["who__who"].do({}, context())).text == "gateway"
    assert guarded.asked[0]["resource"] == f"{guarded.base}/mcp"


async def test_a_sign_in_is_finished_by_whoever_began_it_and_once(place: Place, guarded: Guarded) -> None:
    await place.have(who=mine(guarded))
    url = await place.servers.way_in(ALICE, "who", context().until_s)
    state = parse_qs(urlsplit(url).query)["state"][0]
    with pytest.raises(BadRequest, match="another authorization server"):
        await returned(place.tokens, state, "c", "https://evil.example")
    with pytest.raises(BadRequest, match="begin again"):
        await returned(place.tokens, state, "c", guarded.issuer)
    url = await place.servers.way_in(ALICE, "who", context().until_s)
    state = parse_qs(urlsplit(url).query)["state"][0]
    shown = await returned(place.tokens, state, "c", guarded.issuer)
    with pytest.raises(BadRequest, match="another's sign-in"):
        await place.servers.sign_in(BOB, shown, context().until_s)


async def test_an_authorization_server_of_another_name_is_not_trusted(place: Place, guarded: Guarded) -> None:
    guarded.issuer = "https://evil.example"
    oauth = OAuthSpec(client_id="us", client_secret="s3cret", whose="gateway")
    servers = await place.have(who=ToolServerSpec(url=f"{guarded.base}/mcp", oauth=oauth))
    assert "another authorization server" in servers.standings("acme")[0].trouble
