"""The MCP gateway: what each method of the protocol does, in both of its eras."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct, structs

from antiphon import __version__
from antiphon.agents.mcp.news import PARTS
from antiphon.agents.mcp.peer import Progress
from antiphon.agents.mcp.watching import Watchers
from antiphon.agents.mind import Ask, Mind
from antiphon.calls.story import Story
from antiphon.control import mcp_state
from antiphon.control.mcp_offer import Offered, Offering, held, shown
from antiphon.control.mcp_relay import LISTS, MISSING, ask, listed, refusal, relayed
from antiphon.control.mcp_runs import Leg, answer_of, begin, elicitation, left, task
from antiphon.control.mcp_state import Waits
from antiphon.control.tool_calls import Ticketed
from antiphon.core.arrival import Arrival
from antiphon.core.content import Message as Turn
from antiphon.core.content import Text
from antiphon.core.error import AntiphonError, ApprovalPending, BadRequest, NotFound
from antiphon.core.principal import Principal
from antiphon.core.tool import ToolCall, ToolContext, ToolResult
from antiphon.wire import mcp, trace
from antiphon.wire.mcp import Era, McpError, Message, mapping

ENDPOINT = "/mcp"
PAGE = 200
HOLD_S = 20.0
"""How long one leg of a call waits for people, or for a run, before the client is to ask again, in the modern era."""
WAIT_S = 3600.0
"""The same where a client's user has said to wait, in the older era; the deadline of requests holds too."""
MOST_QUESTIONS = 20
"""That one call asks of a client of the older era."""
TTL_MS = 5000
SERVER = {"name": "antiphon", "title": "Antiphon", "version": __version__}
HOW = (
    "Tools and prompts of several servers, named SERVER__NAME, and their resources, mcp://SERVER/URI; agents are agent__NAME "
    "and models model__NAME. Some calls wait for a person's approval."
)
APPROVAL, RECEIPT, KEY = "antiphon/approval", "antiphon/receipt", "antiphon/idempotencyKey"
"""In `_meta`."""


class Heard(Protocol):
    """Hears how a call goes on."""

    def __call__(self, progress: float, total: float | None, message: str) -> None: ...


Elicit = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Given a request's method and params. Gives the result: `action`, and `content` where it is `accept`."""


class McpCall(Struct, frozen=True, kw_only=True):
    """One request of a client."""

    message: Message
    era: Era
    principal: Principal
    arrival: Arrival
    scope: str = ""
    """The server, `agent` or `model` that the path names; empty: everything."""
    heard: Heard
    elicit: Elicit | None = None
    """Asks the client's user amid a call, in the older era; None: it can't."""

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the client can do, in the modern era."""
        return mapping(self.message.meta.get(mcp.META_CAPABILITIES))

    @property
    def takes_tasks(self) -> bool:
        return mcp.TASKS in mapping(self.capabilities.get("extensions"))

    @property
    def takes_questions(self) -> bool:
        """Its user can be asked by a form."""
        return self.elicit is not None or mcp.asks_by_form(self.capabilities)

    def again(self, responses: Mapping[str, Any], state: Any, arrival: Arrival) -> "McpCall":
        """The same with what its user said."""
        params = {**self.message.params, "inputResponses": responses, "requestState": state}
        return structs.replace(self, message=structs.replace(self.message, params=params), arrival=arrival)


class McpGateway(Struct, frozen=True, kw_only=True):
    """Answers clients under one revision."""

    offering: Offering
    watchers: Watchers
    mind: Mind | None = None
    """Asks models; None: none is offered."""
    keep_ms: int | None = None
    """How long runs are kept after their end."""
    hold_s: float = HOLD_S

    async def answer(self, call: McpCall) -> Mapping[str, Any]:
        """The result of a request. Raises: McpError, AntiphonError."""
        method, params = call.message.method, call.message.params
        match method:
            case "server/discover" if call.era == "modern":
                return _cached({"supportedVersions": [mcp.MODERN, *mcp.LEGACY], **self._about(call)})
            case "initialize" if call.era == "legacy":
                wanted = params.get("protocolVersion")
                version = wanted if wanted in mcp.LEGACY else mcp.LEGACY[0]
                return {"protocolVersion": version, "serverInfo": SERVER, **self._about(call)}
            case "ping" if call.era == "legacy":
                return {}
            case "tools/list":
                found = self.offering.listed(call.principal, call.scope)
                return self._paged(call, "tools", [(one.name, shown(one)) for one in found], {})
            case "resources/list" | "resources/templates/list" | "prompts/list":
                return await self._relayed_list(call)
            case "resources/read" | "prompts/get" | "completion/complete":
                return await self._relay(call)
            case "tools/call":
                return await self._call(call)
            case "tasks/get" | "tasks/update" | "tasks/cancel" if call.era == "modern":
                return await self._task(call)
            case _:
                raise McpError(mcp.UNKNOWN_METHOD, f"the method {method[:64]!r} is not served here")

    def _about(self, call: McpCall) -> dict[str, Any]:
        able: dict[str, Any] = {"tools": {}}
        if self.offering.servers is not None:
            able = {part: {"listChanged": True} for part in PARTS} | {"completions": {}}
        if call.era == "modern" and self.offering.runs is not None:
            able["extensions"] = {mcp.TASKS: {}}
        return {"capabilities": able, "instructions": HOW}

    async def _relayed_list(self, call: McpCall) -> dict[str, Any]:
        method = call.message.method
        _, key, address = LISTS[method]
        found = await listed(self.offering, call.principal, call.scope, method, call.arrival.id)
        meta = {MISSING: found.missing} if found.missing else {}
        return self._paged(call, key, [(str(one[address]), one) for one in found.items], meta)

    def _paged(
        self, call: McpCall, key: str, items: Sequence[tuple[str, Mapping[str, Any]]], meta: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The page of a sorted list that a client asks for. A cursor is the name of the last item before it."""
        cursor = call.message.params.get("cursor")
        start = 0 if cursor is None else sum(1 for name, _ in items if name <= str(cursor))
        page = items[start : start + PAGE]
        out: dict[str, Any] = {key: [one for _, one in page]}
        if start + PAGE < len(items):
            out["nextCursor"] = page[-1][0]
        if meta:
            out["_meta"] = dict(meta)
        return _cached(out) if call.era == "modern" else out

    # --- calls

    async def _call(self, call: McpCall) -> Mapping[str, Any]:
        """Raises: McpError."""
        params = call.message.params
        name, arguments = params.get("name"), params.get("arguments", {})
        one = self.offering.one(call.principal, call.scope, name) if isinstance(name, str) else None
        if one is None:
            raise McpError(mcp.INVALID_PARAMS, f"there is no tool {str(name)[:64]!r} that you may use; see tools/list")
        if not isinstance(arguments, dict):
            raise McpError(mcp.INVALID_PARAMS, "`arguments` must be an object")
        said: dict[str, Any] = {**mapping(arguments)}
        if call.era == "modern":
            mcp.check_params(one.tool.parameters, said, call.arrival.headers)
        return await self._asking(call, one, said)

    async def _relay(self, call: McpCall) -> Mapping[str, Any]:
        """Raises: McpError."""
        params, method = call.message.params, call.message.method
        one, said = await relayed(self.offering, call.principal, call.scope, method, params, call.era, call.arrival.id)
        return await self._asking(call, one, said)

    async def _asking(self, call: McpCall, one: Offered, said: dict[str, Any]) -> Mapping[str, Any]:
        """The result of a call. A client of the older era is asked meanwhile what one of the modern era comes back with."""
        found = await _Calling(self, call, one, said).go()
        for _ in range(MOST_QUESTIONS):
            if call.elicit is None or found.get("resultType") != "input_required":
                break
            responses = {
                name: await call.elicit(str(asked["method"]), mapping(asked["params"]))
                for name, asked in mapping(found.get("inputRequests")).items()
            }
            desk = self.offering.desk.desk
            arrival = desk.gateway.arrival(ENDPOINT, "mcp", desk.now_s, call.arrival.headers)
            call = call.again(responses, found["requestState"], arrival)
            found = await _Calling(self, call, one, said).go()
        return found

    async def _task(self, call: McpCall) -> Mapping[str, Any]:
        runs, params = self.offering.runs, call.message.params
        if not call.takes_tasks:
            raise McpError(
                mcp.MISSING_CAPABILITY,
                f"the extension {mcp.TASKS} is missing among the client's capabilities",
                {"requiredCapabilities": {"extensions": {mcp.TASKS: {}}}},
            )
        try:
            if runs is None:
                raise NotFound("no agents are run here")
            run = await runs.show(call.principal, str(params.get("taskId")))
        except NotFound as error:
            raise McpError(mcp.INVALID_PARAMS, error.message) from error
        match call.message.method:
            case "tasks/cancel":
                await left(runs, call.principal, run.id)
            case "tasks/update" if run.wait is not None:
                action, answer = answer_of(params.get("inputResponses"), run.wait.key, "answer")
                if action == "accept":
                    await runs.answer(call.principal, run.id, run.wait.key, answer)
                elif action:
                    await left(runs, call.principal, run.id)
            case "tasks/get":
                return {"resultType": "complete", **task(run, call.principal, self.keep_ms, _result)}
            case _:
                pass
        return {"resultType": "complete"}

    def seal(self, call: McpCall, waits: Waits, digest: str) -> str:
        process = self.offering.desk.desk.gateway.process
        now_ns = process.clock.now_ns()
        return mcp_state.spelled(waits, call.principal, digest, now_ns, process.sealer.stamp)

    def open(self, call: McpCall, digest: str) -> Waits:
        """Raises: McpError."""
        process, text = self.offering.desk.desk.gateway.process, call.message.params.get("requestState")
        found = mcp_state.read(text, call.principal, digest, process.clock.now_ns(), process.sealer.stamp)
        ticket = call.message.meta.get(APPROVAL)
        return Waits(approval=ticket) if text is None and isinstance(ticket, str) else found


class _Calling:
    """One call of a tool on its way. It is its own end too: the desk tells it what went wrong."""

    def __init__(self, gateway: McpGateway, call: McpCall, one: Offered, arguments: dict[str, Any]) -> None:
        self._gateway, self._call, self._one, self._arguments = gateway, call, one, arguments
        self._desk = gateway.offering.desk
        self._digest = mcp_state.call_digest(one.tool.name, arguments)
        self._before = gateway.open(call, self._digest)
        self._leg: Leg | None = None
        self._result: ToolResult | None = None
        self._error: AntiphonError | None = None

    async def go(self) -> Mapping[str, Any]:
        """The result to be sent."""
        call = self._call
        if self._declined():
            return self._ended(ToolResult(failed="declined", text="nobody wants to wait for it; it was not done"))
        if self._one.kind == "agent" and call.takes_tasks and not self._before.run:
            return await self._as_task()
        await self._told(self._work)
        if self._error is not None:
            return self._failed(self._error)
        assert self._result is not None
        asks = call.era == "modern" or (call.elicit is not None and self._leg is not None and self._leg.question)
        if self._leg is not None and self._leg.waits is not None and asks:
            return self._again(self._leg.waits, self._leg.question)
        return self._ended(self._result)

    async def _told(self, work: Any) -> None:
        """Do the work as a story of the desk."""
        desk, meta = self._desk.desk, self._call.message.meta
        parent, state = (str(meta.get(name, "")).encode("ascii", "replace") for name in ("traceparent", "tracestate"))
        story = desk.story(self._call.arrival, self._call.principal, trace.decode(parent, state))
        await desk.run(story, self, work(story))

    def error(self, error: AntiphonError, receipt_id: str) -> None:
        self._error = error

    def _declined(self) -> bool:
        responses = self._call.message.params.get("inputResponses")
        action, wait = answer_of(responses, "approval", "wait")
        return action in ("decline", "cancel") or (action == "accept" and wait is False)

    async def _work(self, story: Story) -> None:
        one, desk = self._one, self._desk
        tools = self._gateway.offering.tools
        call = ToolCall(id=story.arrival.id, name=one.tool.name, arguments=self._arguments)
        if one.kind == "tool":
            call, wrong = tools.check(call)
            if wrong:
                raise BadRequest(f"arguments of {one.name}: {'; '.join(wrong)}")
        elif one.kind != "relay":
            held(one, self._arguments)
        key = self._call.message.meta.get(KEY)
        ticketed = Ticketed(
            approval=self._before.approval,
            wait_s=self._wait_s(),
            key=f"mcp/{self._call.principal.subject()}/{key}" if isinstance(key, str) and key else "",
        )
        self._result = await desk.call(story, one.tool, call, ticketed, self._do)
        if self._leg is not None:
            story.notes = (*story.notes, f"run: {self._leg.run}")
        if self._result.failed:
            error = AntiphonError(f"{one.name}: {self._result.failed}", code="tool_failed", status=502)
            desk.desk.close(story, "failed", 200, error)
        else:
            desk.desk.close(story, "ok", 200)

    def _wait_s(self) -> float:
        """How long people are waited for now."""
        if self._asks_first():
            return 0.0
        if self._call.elicit is not None and self._before.asked:
            return WAIT_S
        return self._desk.approving.wait_s if self._call.era == "legacy" else self._gateway.hold_s

    def _asks_first(self) -> bool:
        """The caller is to be asked whether it bears to wait for people."""
        return self._call.takes_questions and not (self._before.approval or self._before.asked)

    async def _do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        match self._one.kind:
            case "tool":
                return await self._tool(arguments, context)
            case "model":
                return await self._model(arguments, context)
            case "agent":
                return await self._agent(arguments, context)
            case "relay":
                assert self._one.relay is not None
                return await ask(self._one.relay, arguments, context)

    async def _tool(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        watchers = self._gateway.watchers
        if "progressToken" in self._call.message.meta:
            watchers.watch(context.key, self._call.heard)
        try:
            call = ToolCall(id=context.step, name=self._one.tool.name, arguments=arguments)
            return await self._gateway.offering.tools.call(call, context)
        finally:
            watchers.leave(context.key)

    async def _model(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        mind = self._gateway.mind
        if mind is None:
            raise NotFound("no model is asked here")
        said = [("system", arguments.get("instructions")), ("user", arguments["prompt"])]
        found = await mind.ask(
            Ask(
                model=self._one.of,
                messages=tuple(
                    Turn(role=role, parts=(Text(text=str(text)),), form="text") for role, text in said if text
                ),
                principal=context.principal,
                run="",
                step="",
                key=context.key,
                output_tokens=int(arguments.get("output_tokens") or 4096),
                data_class=context.data_class,
                session=context.session,
                until_s=context.until_s,
                trace=context.trace,
            )
        )
        return ToolResult(text=found.text, failed=found.failed, retryable=found.retryable)

    async def _agent(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        runs = self._gateway.offering.runs
        assert runs is not None
        now_s, legacy = self._desk.desk.now_s, self._call.era == "legacy"
        until_s = context.until_s if legacy else min(context.until_s, now_s + self._gateway.hold_s)
        progress: Progress | None = self._call.heard if "progressToken" in self._call.message.meta else None
        self._leg = leg = Leg(
            runs=runs, principal=context.principal, until_s=until_s, progress=progress, trace=context.trace
        )
        answer = None
        if self._before.key:
            action, answer = answer_of(self._call.message.params.get("inputResponses"), self._before.key, "answer")
            if action in ("decline", "cancel"):
                await left(runs, context.principal, self._before.run)
        try:
            return await leg.go(self._one.of, arguments, self._before, context.key, answer)
        except asyncio.CancelledError:
            if leg.run and not legacy and not self._desk.desk.gateway.process.cutting():
                await left(runs, context.principal, leg.run)
            raise

    async def _as_task(self) -> Mapping[str, Any]:
        """Begin a run, and answer with it as a task at once."""
        runs, principal = self._gateway.offering.runs, self._call.principal
        assert runs is not None
        made: dict[str, Any] = {}

        async def do(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
            run = await begin(runs, principal, self._one.of, arguments, context.key, context.trace)
            made.update(task(run, principal, self._gateway.keep_ms, _result))
            return ToolResult(text=run.id)

        async def work(story: Story) -> None:
            held(self._one, self._arguments)
            call = ToolCall(id=story.arrival.id, name=self._one.tool.name, arguments=self._arguments)
            await self._desk.call(story, self._one.tool, call, Ticketed(approval=self._before.approval), do)
            story.notes = (*story.notes, f"run: {made['taskId']}")
            self._desk.desk.close(story, "ok", 200)

        await self._told(work)
        if self._error is not None:
            return self._failed(self._error)
        return {"resultType": "task", **made}

    # --- ends

    def _failed(self, error: AntiphonError) -> Mapping[str, Any]:
        if isinstance(error, ApprovalPending) and (self._call.era == "modern" or self._asks_first()):
            return self._again(Waits(approval=error.approval, asked=True), "")
        if self._one.kind == "relay":
            data = {"code": error.shown_code, RECEIPT: self._call.arrival.id}
            if isinstance(error, ApprovalPending):
                data[APPROVAL] = error.approval
            raise McpError(mcp.INTERNAL_ERROR, error.message, data)
        said = ToolResult(failed=error.shown_code, text=error.message)
        more = {APPROVAL: error.approval} if isinstance(error, ApprovalPending) else {}
        return self._ended(said, more)

    def _again(self, waits: Waits, question: str) -> Mapping[str, Any]:
        """The client is to ask again, with what its user says where somebody is to be asked."""
        out: dict[str, Any] = {
            "resultType": "input_required",
            "requestState": self._gateway.seal(self._call, waits, self._digest),
            "_meta": {RECEIPT: self._call.arrival.id},
        }
        if question and self._call.takes_questions:
            out["inputRequests"] = {waits.key: elicitation(question, answer=True)}
        elif waits.approval and not self._before.asked and self._call.takes_questions:
            said = f"{self._one.name} waits for a person's approval ({waits.approval}). Wait for it?"
            out["inputRequests"] = {"approval": elicitation(said, answer=False)}
        return out

    def _ended(self, result: ToolResult, more: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        meta = {RECEIPT: self._call.arrival.id, **(more or {})}
        if self._one.kind == "relay":
            return self._relayed(result, meta)
        if self._leg is not None and self._leg.run:
            meta["antiphon/run"] = self._leg.run
        out = _result(result)
        out["_meta"] = meta
        if self._call.era == "legacy":
            del out["resultType"]
        return out

    def _relayed(self, result: ToolResult, meta: dict[str, Any]) -> Mapping[str, Any]:
        """Raises: McpError, where it failed."""
        if result.failed:
            raise refusal(result, self._call.era)
        out: dict[str, Any] = {**mapping(result.data), "_meta": meta}
        if self._call.era == "modern":
            out["resultType"] = "complete"
            if self._call.message.method == "resources/read":
                out |= {"ttlMs": 0, "cacheScope": "private"}
        return out


def _result(result: ToolResult) -> dict[str, Any]:
    """A result in the protocol's words."""
    out: dict[str, Any] = {
        "resultType": "complete",
        "content": [{"type": "text", "text": result.text}],
        "isError": bool(result.failed),
    }
    if mcp.is_object(result.data):
        out["structuredContent"] = result.data
        if not result.text:
            out["content"] = [{"type": "text", "text": msgspec.json.encode(result.data).decode()}]
    return out


def _cached(result: dict[str, Any]) -> dict[str, Any]:
    """What a client may keep for a while, for itself."""
    meta = {mcp.META_SERVER: SERVER, **mapping(result.get("_meta"))}
    return {**result, "resultType": "complete", "ttlMs": TTL_MS, "cacheScope": "private", "_meta": meta}
