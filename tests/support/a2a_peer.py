"""An agent elsewhere: a2a-sdk's own server, in a process-wide thread, in both bindings and both versions."""

import asyncio
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
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount

from antiphon.net.listener import bind


class Echo(AgentExecutor):
    """Says back what it is told; `ask` asks first, `fail` fails, `hang` never ends, `talk` answers with a message."""

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


def _card(base: str, binding: str, version: str) -> AgentCard:
    return AgentCard(
        name="echo",
        description="Says it back.",
        version="1",
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="Echo", description="Echo", tags=["echo"])],
        supported_interfaces=[AgentInterface(url=f"{base}/rpc", protocol_binding=binding, protocol_version=version)]
        if binding == "JSONRPC"
        else [AgentInterface(url=base, protocol_binding=binding, protocol_version=version)],
    )


def _application(base: str, heard: Heard) -> Any:
    def mounted(name: str, binding: str, version: str) -> Mount:
        card = _card(f"{base}/{name}", binding, version)
        handler = DefaultRequestHandler(agent_executor=Echo(), task_store=InMemoryTaskStore(), agent_card=card)
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
        ]
    )

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            heard.heads.append((request.method, request.url.path, dict(request.headers)))
            if heard.down:
                await JSONResponse({}, status_code=503)(scope, receive, send)
                return
        await inner(scope, receive, send)

    return application


@contextmanager
def peer() -> Iterator[tuple[str, Heard]]:
    """Base URL (`/rpc`, `/rest`, `/old` below it), and what it hears."""
    sock = bind("127.0.0.1", 0)
    base, heard = f"http://127.0.0.1:{sock.getsockname()[1]}", Heard()
    config = uvicorn.Config(_application(base, heard), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), daemon=True)
    thread.start()
    try:
        yield base, heard
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()
