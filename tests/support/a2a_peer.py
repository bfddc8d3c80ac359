"""An agent elsewhere: a2a-sdk's own server, in a process-wide thread, in both bindings and both versions."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Part,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.utils.signing import create_agent_card_signer
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route

from antiphon.net.listener import bind


class Echo(AgentExecutor):
    """Says back what it is told; `ask` asks first, `fail` fails, `hang` never ends, `slow` ends once it is let go,
    `files URL` gives one by its bytes and one by its URL.
    """

    def __init__(self, heard: "Heard") -> None:
        self._heard = heard

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        text = context.get_user_input()
        assert context.task_id
        assert context.context_id
        if context.current_task is None:
            submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await event_queue.enqueue_event(Task(id=context.task_id, context_id=context.context_id, status=submitted))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        if text == "fail":
            await updater.failed(updater.new_agent_message([Part(text="I can't")]))
        elif text == "ask":
            await updater.requires_input(updater.new_agent_message([Part(text="Which colour?")]))
        elif text == "hang":
            await asyncio.Event().wait()
        else:
            if text == "slow":
                await updater.start_work(updater.new_agent_message([Part(text="half done")]))
                while not self._heard.go_on.is_set():
                    await asyncio.sleep(0.01)
            if text.startswith("files "):
                await updater.add_artifact([Part(raw=b"\x00\x01", filename="../a.bin", media_type="image/png")])
                await updater.add_artifact([Part(url=text.removeprefix("files "), media_type="text/csv")])
            await updater.add_artifact([Part(text=f"echo: {text}")])
            await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id
        assert context.context_id
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


class Heard:
    """What the server was asked."""

    def __init__(self) -> None:
        self.heads: list[tuple[str, str, dict[str, str]]] = []
        self.down = False
        """It answers 503 to everything."""
        self.cuts = 0
        """So many streams break off after their first event."""
        self.go_on = threading.Event()
        self.key = ec.generate_private_key(ec.SECP256R1())
        """Signs cards of `/signed`; those of `/forged` were changed since."""

    @property
    def jwk(self) -> dict[str, Any]:
        """The key to verify by."""
        return {**json.loads(ECAlgorithm.to_jwk(self.key.public_key())), "kid": "one"}


def _card(base: str, binding: str, version: str, *, streams: bool = True) -> AgentCard:
    return AgentCard(
        name="echo",
        description="Says it back.",
        version="1",
        capabilities=AgentCapabilities(streaming=streams),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="Echo", description="Echo", tags=["echo"])],
        supported_interfaces=[AgentInterface(url=f"{base}/rpc", protocol_binding=binding, protocol_version=version)]
        if binding == "JSONRPC"
        else [AgentInterface(url=base, protocol_binding=binding, protocol_version=version)],
    )


async def _table(request: Request) -> PlainTextResponse:
    """A file, for whoever has the right key."""
    well = request.headers.get("authorization") == "Bearer t0k"
    return PlainTextResponse("a,b" if well else "", status_code=200 if well else 401)


def _application(base: str, heard: Heard) -> Any:
    def mounted(
        name: str, binding: str, version: str, *, says: bool = True, streams: bool = True, signs: str = ""
    ) -> Mount:
        card = _card(f"{base}/{name}", binding, version, streams=says)
        if signs:
            head: Any = {"kid": "one", "alg": "ES256", "jku": None, "typ": "JOSE"}
            create_agent_card_signer(heard.key, head)(card)
            card.description = signs
        able = _card(f"{base}/{name}", binding, version, streams=streams)
        handler = DefaultRequestHandler(agent_executor=Echo(heard), task_store=InMemoryTaskStore(), agent_card=able)
        routes = [
            *create_agent_card_routes(card),
            *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True),
            *create_rest_routes(handler),
        ]
        return Mount(f"/{name}", routes=routes)

    inner = Starlette(
        routes=[
            mounted("rpc", "JSONRPC", "1.0"),
            mounted("rest", "HTTP+JSON", "1.0"),
            mounted("old", "JSONRPC", "0.3"),
            Route("/made/table.csv", _table),
            Route("/keys.json", lambda _: JSONResponse({"keys": [heard.jwk]})),
            mounted("signed", "JSONRPC", "1.0", signs="Says it back."),
            mounted("forged", "JSONRPC", "1.0", signs="Says something else."),
            mounted("polled", "JSONRPC", "1.0", says=False, streams=False),
            mounted("boasts-rpc", "JSONRPC", "1.0", streams=False),
            mounted("boasts-rest", "HTTP+JSON", "1.0", streams=False),
        ]
    )

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            heard.heads.append((request.method, request.url.path, dict(request.headers)))
            if heard.down:
                await JSONResponse({}, status_code=503)(scope, receive, send)
                return

        async def cutting(message: Any) -> None:
            streams = any(value.startswith(b"text/event-stream") for _, value in message.get("headers", ()))
            if streams and heard.cuts:
                heard.cuts -= 1
                scope["cut"] = True
            await send(message)
            if scope.get("cut") and message["type"] == "http.response.body":
                raise ConnectionAbortedError

        await inner(scope, receive, cutting if scope["type"] == "http" else send)

    return application


@contextmanager
def peer() -> Iterator[tuple[str, Heard]]:
    """Base URL (`/rpc`, `/rest`, `/old` and others below it), and what it hears."""
    sock = bind("127.0.0.1", 0)
    base, heard = f"http://127.0.0.1:{sock.getsockname()[1]}", Heard()
    config = uvicorn.Config(
        _application(base, heard), log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    try:
        yield base, heard
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
