"""What is wrong with an agent and its tools together, found when it is loaded.

Source of the trifecta: Willison 2025, "The lethal trifecta for AI agents": private data, strangers' text and a way out.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.safety.labels import spends
from antiphon.agents.safety.names import fits
from antiphon.core.tool import Tool


class Problem(Struct, frozen=True, kw_only=True):
    """Something to mend or to know."""

    code: str
    """`trifecta`, `unlocked`, `open`, `spends`."""
    say: str
    fatal: bool = False
    """The agent is not loaded."""


def lint(document: AgentDocument, tools: Sequence[Tool]) -> tuple[Problem, ...]:
    """Problems of an agent with its tools.

    Args:
        tools: All that there are; those that the agent names are looked at.
    """
    own = [tool for tool in tools if fits(tool.name, document.spec.tools)]
    return (*_trifecta(document, own), *_open(document, own), *_spends(document, own))


def _trifecta(document: AgentDocument, own: Sequence[Tool]) -> Iterator[Problem]:
    private = [tool.name for tool in own if tool.private]
    untrusted = [tool.name for tool in own if tool.untrusted]
    sends = [tool.name for tool in own if tool.sends]
    if not (private and untrusted and sends) or document.spec.safety.trifecta == "allow":
        return
    told = f"it reads private data ({_few(private)}), reads what strangers write ({_few(untrusted)}) and sends ({_few(sends)})"
    if document.spec.safety.trifecta == "refuse":
        remedy = "take one of the three away, or set `safety.trifecta` to `approve`"
        yield Problem(code="trifecta", say=f"{told}: {remedy}", fatal=True)
        return
    yield Problem(code="trifecta", say=f"{told}: sends to whom the person didn't name are approved by a person")


def _open(document: AgentDocument, own: Sequence[Tool]) -> Iterator[Problem]:
    safety = document.spec.safety
    untrusted = any(tool.untrusted for tool in own)
    acts = [tool.name for tool in own if tool.effect != "pure"]
    if untrusted and acts and not safety.provenance:
        say = f"`safety.provenance` is off: what strangers write can choose the arguments of {_few(acts)}"
        yield Problem(code="unlocked", say=say)
    if untrusted and acts and not safety.plan_lock:
        say = f"`safety.plan_lock` is off: what strangers write can have {_few(acts)} called"
        yield Problem(code="unlocked", say=say)
    for tool in own:
        if (
            tool.effect != "pure"
            and not _approved(document, tool)
            and not tool.risky
            and tool.parameters.get("properties")
        ):
            say = f"tool {tool.name} acts and has no risky argument: anything it is given is let through; name them in `risky`"
            yield Problem(code="open", say=say)


def _spends(document: AgentDocument, own: Sequence[Tool]) -> Iterator[Problem]:
    """Tools that seem to move money with nobody's approval. None is taken for `destructive` by itself: what a payment is
    worth asking about is the operator's to say.
    """
    found = [tool.name for tool in own if spends(tool) and not _approved(document, tool)]
    if found:
        say = (
            f"{_few(found)} may move money, and no person approves it: name it in the agent's `approvals.tools`, or say "
            "`destructive: true` or `confirm: always` of the tool"
        )
        yield Problem(code="spends", say=say)


def _approved(document: AgentDocument, tool: Tool) -> bool:
    """Whether a person approves each call of a tool."""
    return tool.destructive or tool.confirm == "always" or fits(tool.name, document.spec.approvals.tools)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
