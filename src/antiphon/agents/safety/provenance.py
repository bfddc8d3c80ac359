"""Where the values of arguments come from: who gets something, and what is touched, is for the person to say.

A value is vouched for when the person, the operator or a trusted tool said it; a name or id also when it is a whole field of
a structured result, since it can only choose among what is there; a number also when it is such a field, and an amount up to
the largest of them. An address is never vouched for by a stranger's result, wherever in it it stands.
A tool that only reads may follow an address that a step of the plan is to take from another step's result, if it is followed
letter by letter: then it tells nobody anything.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from antiphon.agents.safety import words
from antiphon.agents.safety.addresses import addresses
from antiphon.agents.safety.known import Known
from antiphon.agents.safety.labels import ALL
from antiphon.agents.state import AgentPlan
from antiphon.core.tool import Tool


def unvouched(tool: Tool, arguments: Mapping[str, Any], known: Known, plan: AgentPlan | None = None) -> Iterator[str]:
    """Names of arguments whose values nobody vouches for; dots lead inside."""
    flows = planned_from(tool.name, plan) if tool.effect == "pure" else frozenset[str]()
    for path, value in leaves(arguments):
        if value is None or isinstance(value, bool):
            continue
        if _at_risk(path, tool.risky):
            good = _number(path, value, known) if isinstance(value, int | float) else _text(value, known, flows)
        else:
            good = tool.effect == "pure" or isinstance(value, int | float) or _content(value, known)
        if not good:
            yield path


def planned_from(tool: str, plan: AgentPlan | None) -> frozenset[str]:
    """Tools whose results the steps that use a tool were planned to go on from."""
    if plan is None:
        return frozenset()
    by_name = {step.name: step for step in plan.steps}
    before = {name for step in plan.steps if tool in step.tools for name in step.after}
    return frozenset(found for name in before if name in by_name for found in by_name[name].tools) - {tool}


def leaves(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Scalars of arguments, each with its path; places in lists don't count, keys of objects are values too."""
    for name, value in arguments.items():
        yield from _inside(str(name), value)


def _inside(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield path, key
            yield from _inside(f"{path}.{key}", inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _inside(path, inner)
    else:
        yield path, value


def _at_risk(path: str, risky: tuple[str, ...]) -> bool:
    return any(name in (ALL, path) or path.startswith(f"{name}.") for name in risky)


def _number(path: str, value: float, known: Known) -> bool:
    if known.number(value):
        return True
    return bool(words.nouns(path.rpartition(".")[2]) & words.AMOUNTS) and known.bounded(value)


def _text(value: str, known: Known, flows: frozenset[str]) -> bool:
    if not value.strip():
        return True
    if found := addresses(value):
        return known.said(value) or all(known.said_address(one) or known.read(one, flows) for one in found)
    return known.said(value) or known.named(value) or known.worded(value)


def _content(value: str, known: Known) -> bool:
    return all(known.said_address(one) for one in addresses(value))
