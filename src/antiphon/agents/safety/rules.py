"""The rules over one agent's actions, in the order in which they are asked:

1. what there is not, what the caller's key doesn't list, what policies forbid to the caller or to the agent, and what would
   be given a higher class of data than it takes, is refused;
2. what a person already approved, this very action, goes on;
3. what destroys, what its document or its agent puts before people, and what policies put before people, is approved;
4. as long as nothing of strangers was read, all else goes on: nobody but the person had a say in it;
5. after that, the plan lock, the provenance of arguments, and sends that name nobody whom the person named, are asked.

A model's text is never judged: whatever it was talked into, the same calls pass.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.gate import Gate, Ruling
from antiphon.agents.safety.addresses import addresses
from antiphon.agents.safety.known import Known
from antiphon.agents.safety.labels import addressed
from antiphon.agents.safety.lock import agents_of, locked, outside
from antiphon.agents.safety.names import fits
from antiphon.agents.safety.provenance import unvouched
from antiphon.agents.safety.spotlight import mark, spotlight
from antiphon.agents.state import Action, Observation, State
from antiphon.core.data_class import RANKS, highest
from antiphon.core.tool import Origins, Tool, ToolResult
from antiphon.core.verdict import Verdict
from antiphon.governance.tool_calls import too_sensitive
from antiphon.policy.verdict import KEY_MODELS

May = Callable[[Tool, Origins], Verdict]
"""Whether policies let the caller and the agent use a tool, given what was read so far."""
ALLOW = Ruling(ruled="allow")
_SAID = {
    "plan_lock": "the plan that was made before reading others' text has no use for it",
    "destructive": "it may destroy or spend",
    "confirm": "a person approves each such call",
    "trifecta": "it sends to nobody whom the person named, after private data and others' text were read",
    "argument": "these values come from others' text, not from the person",
}


class Rules(Gate):
    """Of one agent in somebody's name."""

    def __init__(
        self,
        document: AgentDocument,
        find: Callable[[str], Tool | None],
        may: May | None = None,
        *,
        secret: str = "",
    ) -> None:
        """Args:
        find: Tools by name.
        may: None: there are no policies.
        secret: Of the installation; marks around strangers' text are keyed with it.
        """
        self._document, self._spec = document, document.spec
        self._find, self._may, self._secret = find, may, secret

    def rule(self, action: Action, tool: Tool | None, state: State) -> Ruling:
        if action.kind != "tool":
            return self._other(action, state)
        if tool is None or action.call is None:
            return Ruling(ruled="refuse", reasons=("quarantined",), say="There is no such tool, or it is switched off.")
        seen = _both(state.seen, action.origins)
        verdict = None if self._may is None else self._may(tool, seen)
        if verdict is not None and not verdict.allowed:
            return _forbidden(tool, verdict)
        data_class = highest(seen.data_class, state.data_class)
        if tool.takes is not None and RANKS[data_class] > RANKS[tool.takes]:
            return Ruling(ruled="refuse", reasons=("takes",), say=too_sensitive(tool.name, tool.takes, data_class))
        if action.key in state.allowed_once:
            return ALLOW
        asked = tuple(self._asked(tool, verdict))
        doubts = tuple(self._doubts(action, tool, state, seen)) if seen.untrusted else ()
        if not asked and not doubts:
            return ALLOW
        refused = not asked and self._spec.safety.on_refused == "refuse"
        return self._ruling(tool.name, (*asked, *doubts), verdict, refused=refused)

    def _asked(self, tool: Tool, verdict: Verdict | None) -> Iterator[str]:
        if tool.destructive:
            yield "destructive"
        if tool.confirm == "always" or fits(tool.name, self._spec.approvals.tools):
            yield "confirm"
        if verdict is not None and verdict.obligations.approve:
            yield from (f"policy:{one}" for one in verdict.reasons or ("approve",))

    def _doubts(self, action: Action, tool: Tool, state: State, seen: Origins) -> Iterator[str]:
        assert action.call is not None
        safety = self._spec.safety
        if safety.plan_lock and outside(tool, state, self._find):
            yield "plan_lock"
        doubted: tuple[str, ...] = ()
        if safety.provenance:
            known = Known(state, self._document)
            plan = locked(state)
            doubted = tuple(dict.fromkeys(unvouched(tool, action.call.arguments, known, plan)))
            yield from (f"argument:{name}" for name in doubted)
        leaves = safety.trifecta != "allow" and tool.sends and seen.private and not doubted
        if leaves and not (safety.provenance and addressed(tool, action.call.arguments)):
            yield "trifecta"

    def _other(self, action: Action, state: State) -> Ruling:
        if action.key in state.allowed_once:
            return ALLOW
        seen = _both(state.seen, action.origins)
        if action.kind == "finish" and self._spec.approvals.finish:
            return self._ruling("the answer", ("confirm",), None, refused=False)
        if action.kind == "finish" and seen.untrusted and seen.private and self._spec.safety.provenance:
            return self._leak(action, state)
        bound = self._spec.safety.plan_lock and seen.untrusted
        if action.kind == "agent" and bound and action.to not in agents_of(locked(state)):
            refused = self._spec.safety.on_refused == "refuse"
            return self._ruling(f"agent {action.to}", ("plan_lock",), None, refused=refused)
        return ALLOW

    def _leak(self, action: Action, state: State) -> Ruling:
        """An answer whose links nobody wrote: shown to the person, they could carry away what was read."""
        known = Known(state, self._document)
        made = [one for one in addresses(action.text) if "/" in one.partition("://")[2] or one.startswith("www.")]
        if all(known.said_address(one) or known.anywhere(one) for one in made):
            return ALLOW
        say = "The answer has links that are in no source, letter by letter. Leave them out, or give them as they were read."
        return Ruling(ruled="refuse", reasons=("argument:answer",), say=say)

    def _ruling(self, what: str, reasons: Sequence[str], verdict: Verdict | None, *, refused: bool) -> Ruling:
        why = "; ".join(dict.fromkeys(_SAID.get(one.partition(":")[0], one) for one in reasons))
        named = ", ".join(one.partition(":")[2] for one in reasons if one.startswith("argument:"))
        told = f"{why} ({named})" if named else why
        if refused:
            say = f"{what} was not done: {told}. Do it another way, or ask the person."
            return Ruling(ruled="refuse", reasons=tuple(reasons), say=say)
        obligations = None if verdict is None else verdict.obligations
        approve = obligations is not None and bool(obligations.approve)
        return Ruling(
            ruled="approve",
            reasons=tuple(reasons),
            say=f"{what}: {told}",
            needed=max(
                self._spec.approvals.needed, obligations.approvals if obligations is not None and approve else 1
            ),
            approvers=self._spec.approvals.approvers or (obligations.approve if obligations is not None else ""),
        )

    def labelled(self, action: Action, tool: Tool | None, result: ToolResult, state: State) -> Origins:
        seen, own = _both(state.seen, action.origins), result.origins
        untrusted = own.untrusted
        if action.kind == "tool":
            name = action.call.name if action.call is not None else ""
            own = msgspec.structs.replace(own, sources=(*own.sources, f"tool/{name}"))
            untrusted = untrusted or tool is None or tool.untrusted or (seen.untrusted and self._echoes(action, state))
        elif action.kind in ("agent", "code"):
            untrusted = untrusted or seen.untrusted
        if action.kind == "code":
            own = _both(own, seen)
        return Origins(
            sources=tuple(sorted(set(own.sources))),
            untrusted=untrusted,
            private=own.private or (tool is not None and tool.private),
            data_class=highest(own.data_class, action.origins.data_class, None if tool is None else tool.data_class),
        )

    def _echoes(self, action: Action, state: State) -> bool:
        """Whether a trusted tool was given what a stranger may have said: it may give that back, in an error at least."""
        if action.call is None:
            return False
        known = Known(state, self._document)
        everything = Tool(name="", description="", parameters={}, risky=("*",))
        return any(True for _ in unvouched(everything, action.call.arguments, known))

    def shown(self, observation: Observation, state: State) -> str:
        if not observation.origins.untrusted:
            return observation.text
        if self._spec.safety.untrusted == "quarantine" and observation.handle:
            size = len(observation.text)
            return f"[{size} characters written by others, in {observation.handle}: ask about it with ask_value]"
        return spotlight(observation.text, mark(state.run or state.goal, self._secret))


def _forbidden(tool: Tool, verdict: Verdict) -> Ruling:
    """What the key of whoever began the run, or policies forbid."""
    reasons = ("rights", *(f"policy:{one}" for one in verdict.reasons))
    if KEY_MODELS in verdict.reasons:
        say = f"The key that this run was begun with lists tools, and not tool/{tool.name}. Go on without it."
        return Ruling(ruled="refuse", reasons=reasons, say=say)
    return Ruling(ruled="refuse", reasons=reasons, say=f"Policies don't allow {tool.name} here. Go on without it.")


def _both(one: Origins, other: Origins) -> Origins:
    return Origins(
        sources=tuple(sorted({*one.sources, *other.sources})),
        untrusted=one.untrusted or other.untrusted,
        private=one.private or other.private,
        data_class=highest(one.data_class, other.data_class),
    )
