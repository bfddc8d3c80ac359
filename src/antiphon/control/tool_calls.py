"""Calls of tools that callers make themselves: governed, approved, paid, recorded."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct, structs

from antiphon.agents.rights import effects_of
from antiphon.calls.ask import PRIORITY, lane
from antiphon.calls.story import Story
from antiphon.calls.tool_attempts import ToolAttempts
from antiphon.control.desk import Desk
from antiphon.core.approval import Approval, Wish
from antiphon.core.error import AntiphonError, ApprovalPending, ApprovalRefused, BadRequest, NotAllowed, NotFound
from antiphon.core.ports import Approvals
from antiphon.core.principal import Principal
from antiphon.core.ticket import Whose
from antiphon.core.tool import Tool, ToolCall, ToolContext, ToolResult
from antiphon.governance.approving import ApprovingSettings, wish_of
from antiphon.governance.tool_calls import AdmittedCall, passed, route_of
from antiphon.policy.asked import Context, Resource
from antiphon.wire.lineage import end_user, lineage

S_NS = 10**9
_spell = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
Do = Callable[[dict[str, Any], ToolContext], Any]
"""Does a tool's work, once awaited: a ToolResult."""


class Ticketed(Struct, frozen=True, kw_only=True):
    """What a caller comes with when it asks again."""

    approval: str = ""
    """Id of the approval that it was told to wait for."""
    wait_s: float = 0.0
    """How long it bears waiting for people now."""
    key: str = ""
    """Idempotency key of its own; empty: each call is another."""


class ToolDesk(Struct, frozen=True, kw_only=True):
    """One revision's way to tools."""

    desk: Desk
    attempts: ToolAttempts
    approvals: Approvals | None = None
    """None: nobody can approve, and what needs it is refused."""
    approving: ApprovingSettings
    barred: Callable[[Principal, str], str] = lambda _principal, _tool: ""
    """Why a tool is switched off for a caller; empty: it isn't. From memory."""

    def sees(self, principal: Principal, tool: Tool) -> bool:
        """Whether a caller may use a tool, as far as that doesn't depend on a single call."""
        if not principal.may_ask(asked_as(tool)) or self.barred(principal, tool.name):
            return False
        governor = self.desk.gateway.revision.governor
        if governor is None:
            return True
        context = Context(data_class=principal.data_class or "public", operation="tool", tools=frozenset((tool.name,)))
        return governor.policies.may(principal, "use_tool", resource_of(tool), context).allowed

    async def call(self, story: Story, tool: Tool, call: ToolCall, ticketed: Ticketed, do: Do) -> ToolResult:
        """Make a call whose arguments were checked. The result is as the caller may see it.

        Raises: AntiphonError; ApprovalPending, where people have to approve it first. Run it by `Desk.run`, or close the story.
        """
        principal = story.principal
        if not principal.may_ask(asked_as(tool)):
            raise NotAllowed(
                f"the key {principal.key!r} is limited to models and tools, and lists no {asked_as(tool)}",
                code="tool_not_allowed",
            )
        why = self.barred(principal, tool.name)
        if why:
            raise NotAllowed(f"the tool {tool.name} is switched off: {why}", code="tool_quarantined")
        admitted = await self._admitted(story, tool, call)
        limit = self.desk.limit(story, stream=False)
        arguments = admitted.arguments
        reasons = (*admitted.approve, *(("tool.destructive",) if tool.destructive or tool.confirm == "always" else ()))
        if reasons:
            until_s = min(limit.at_s, self.desk.now_s + ticketed.wait_s)
            arguments = await self._approved(story, tool, arguments, reasons, ticketed.approval, until_s)
        headers, said = story.arrival.headers, _spell(arguments)
        turn = lane(headers, principal.priority) if PRIORITY in headers else principal.priority
        whose = Whose(
            principal=principal,
            model=route_of(tool.name),
            route="",
            end_user=end_user(headers),
            lineage=lineage(headers),
        )
        attempt = await self.attempts.begin(story, tool, limit, lane=turn, size_bytes=len(said), whose=whose)
        context = ToolContext(
            principal=principal,
            run="",
            step=story.arrival.id,
            key=ticketed.key or story.arrival.id,
            until_s=min(limit.at_s, self.desk.now_s + tool.timeout_s),
            data_class=story.data_class or "public",
            session=lineage(headers).session,
            trace=story.span,
        )
        result: ToolResult = await do(arguments, context)
        if result.failed:
            broke = AntiphonError(f"{tool.name}: {result.failed}", code="tool_failed", status=502)
            self.attempts.failed(attempt, broke, unknown=result.unknown)
        else:
            self.attempts.came(attempt)
            story.served = attempt
            story.cost_nano_usd = attempt.cost_nano_usd
        return await asyncio.to_thread(self._seen, story, admitted, result)

    async def _admitted(self, story: Story, tool: Tool, call: ToolCall) -> AdmittedCall:
        governor, headers = self.desk.gateway.revision.governor, story.arrival.headers
        if governor is None:
            return AdmittedCall(arguments=dict(call.arguments))
        return await governor.tool_calls.admit(story, resource_of(tool), tool, _spell(call.arguments), lineage(headers))

    def _seen(self, story: Story, admitted: AdmittedCall, result: ToolResult) -> ToolResult:
        """A result as guards let it through."""
        if admitted.behind is None:
            return result
        shown = _decode(passed(story, admitted.behind, _spell({"text": result.text, "data": result.data})))
        return structs.replace(result, text=str(shown.get("text") or ""), data=shown.get("data"))

    # --- people

    async def _approved(
        self,
        story: Story,
        tool: Tool,
        arguments: dict[str, Any],
        reasons: tuple[str, ...],
        ticket: str,
        until_s: float,
    ) -> dict[str, Any]:
        """Have people approve a call, which then uses the approval up. Returns: the arguments that were approved."""
        if self.approvals is None:
            raise ApprovalRefused(
                f"{tool.name} needs a person's approval, and nobody is asked here; turn `approvals` on"
            )
        wish = self._wish(story, tool, arguments, reasons)
        found = await self._named(self.approvals, wish, ticket) if ticket else await self.approvals.ask(wish)
        story.approval = found.id
        if found.state == "waiting" and until_s > self.desk.now_s:
            found = await self.approvals.wait(wish.tenant, found.id, until_s)
        match found.state:
            case "waiting":
                raise ApprovalPending(
                    f"people have to approve {tool.name}; make the same call again once GET /v1/approvals/{found.id} says so",
                    approval=found.id,
                    retry_after_s=self.approving.retry_after_s,
                )
            case "approved" | "modified":
                if found.wish.digest != wish.digest:
                    raise ApprovalRefused(
                        f"the approval {found.id} is for another call; make the one that was approved"
                    )
            case state:
                notes = next((vote.note for vote in reversed(found.votes) if vote.note), "")
                raise ApprovalRefused(
                    f"the approval {found.id} of {tool.name} is {state}{f': {notes}' if notes else ''}"
                )
        if not await self.approvals.use(wish.tenant, found.id):
            raise ApprovalRefused(f"the approval {found.id} was for one call, which was made; ask again without it")
        return _changed(found) if found.state == "modified" else arguments

    async def _named(self, approvals: Approvals, wish: Wish, ticket: str) -> Approval:
        found = await approvals.find(wish.tenant, ticket)
        if found is None or found.wish.by != wish.by or found.wish.action != wish.action:
            raise NotFound(f"there is no approval {ticket[:64]!r} of yours")
        return found

    def _wish(self, story: Story, tool: Tool, arguments: dict[str, Any], reasons: tuple[str, ...]) -> Wish:
        settings, now_ns = self.approving, self.desk.gateway.process.clock.now_ns()
        shown = _spell({"action": "use_tool", "tool": tool.name, "hash": tool.version, "arguments": arguments})
        if len(shown) > settings.most_shown_bytes:
            raise BadRequest(f"nobody can approve a call of more than {settings.most_shown_bytes} bytes")
        return wish_of(story, "use_tool", tool.name, shown, reasons, settings, now_ns)


def _changed(found: Approval) -> dict[str, Any]:
    """The arguments that were approved in place of those that were asked for. Raises: ApprovalRefused."""
    try:
        arguments = _decode(found.instead).get("arguments")
    except msgspec.MsgspecError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ApprovalRefused(f"what was approved in place of {found.id} has no `arguments`; ask again")
    return {**arguments}


def asked_as(tool: Tool) -> str:
    """What a key's list of models has to hold: `tool/NAME`, `agent/NAME`, or the model's own name."""
    kind, _, name = tool.source.partition("/")
    return tool.source if kind == "agent" else name if kind == "model" else route_of(tool.name)


def resource_of(tool: Tool) -> Resource:
    """A tool as policies see it."""
    return Resource(kind="Tool", name=tool.name, effects=effects_of(tool), data_class=tool.data_class or "public")
