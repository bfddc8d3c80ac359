"""Where the values of arguments come from: who gets something, and what is touched, is for the person to say.

A value is vouched for when the person, the operator or a trusted tool said it; a name or id also when it is a whole field of
a structured result, since it can only choose among what is there; a number also when it is such a field, and an amount up to
the largest of them. An address is vouched for by a stranger's result only as a whole field of a record that the person
pointed at, given by a tool of the plan: the participants of the meeting of that name. Never by text.
A tool that only reads may follow an address that a step of the plan is to take from another step's result, if it is followed
letter by letter: then it tells nobody anything.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from msgspec import Struct

from antiphon.agents.safety import words
from antiphon.agents.safety.addresses import addresses
from antiphon.agents.safety.known import Known
from antiphon.agents.safety.labels import ALL
from antiphon.agents.safety.lock import tools_of
from antiphon.agents.state import AgentPlan
from antiphon.core.tool import Tool

_ACCOUNTS = frozenset({"account", "iban", "card", "wallet", "routing", "user", "customer"})
_KEY = re.compile(r"['\"`](\w+)['\"`]")
"""A word in quotes in a description."""


class Ways(Struct, frozen=True):
    """What the plan says of results."""

    read: frozenset[str] = frozenset()
    """Tools whose records may give addresses."""
    followed: frozenset[str] = frozenset()
    """Tools from whose results this tool may follow addresses."""


def unvouched(tool: Tool, arguments: Mapping[str, Any], known: Known, plan: AgentPlan | None = None) -> Iterator[str]:
    """Names of arguments whose values nobody vouches for; dots lead inside.

    Args:
        plan: The one that was made before anything untrusted was read.
    """
    followed = planned_from(tool.name, plan) if tool.effect == "pure" else frozenset[str]()
    ways = Ways(tools_of(plan), followed)
    own = frozenset(listed(tool.parameters)) | frozenset(_KEY.findall(tool.description))
    for path, value in leaves(arguments):
        if value is None or isinstance(value, bool) or value in own:
            continue
        if _at_risk(path, tool.risky):
            good = _number(path, value, known) if isinstance(value, int | float) else _text(path, value, known, ways)
        else:
            good = tool.effect == "pure" or isinstance(value, int | float) or _content(value, known)
        if not good:
            yield path


def listed(schema: Any) -> Iterator[str]:
    """What a schema itself names: fields, choices, and what its descriptions put in quotes. They are the operator's words."""
    if isinstance(schema, dict):
        form = cast("dict[str, Any]", schema)
        fields: object = form.get("properties")
        if isinstance(fields, dict):
            yield from (str(name) for name in cast("dict[str, Any]", fields))
        choices: object = form.get("enum")
        about: object = form.get("description")
        yield from _KEY.findall(about if isinstance(about, str) else "")
        for one in (*(cast("list[object]", choices) if isinstance(choices, list) else ()), form.get("const")):
            if isinstance(one, str):
                yield one
        for inner in form.values():
            yield from listed(inner)
    elif isinstance(schema, list):
        for inner in cast("list[Any]", schema):
            yield from listed(inner)


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


def _text(path: str, value: str, known: Known, ways: Ways) -> bool:
    if not value.strip() or known.said(value):
        return True
    if value.isdecimal() and _identifies(path) and known.named(value):
        return True
    if found := addresses(value):
        return all(
            known.said_address(one) or known.pointed(one, ways.read) or known.read(one, ways.followed) for one in found
        )
    return known.named(value) or known.worded(value)


def _identifies(path: str) -> bool:
    """Whether an argument takes ids of things, not accounts: long digits are no address there."""
    named = words.nouns(path.rpartition(".")[2])
    return bool(named & {"id", "ids"}) and not named & (words.PEOPLE | words.PLACES | _ACCOUNTS)


def _content(value: str, known: Known) -> bool:
    return all(known.said_address(one) for one in addresses(value))
