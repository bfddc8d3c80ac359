"""Labels of a tool where nobody said them: from its name, description and schema, and from a trusted server's hints.

They err on the safe side: a verb that is not known acts, what comes back may have been written by strangers and is private,
and every argument of what acts is risky but what is said, when, and how much of it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from antiphon.agents.safety import words
from antiphon.core.tool import Effect, Tool

ALL = "*"
_OWN = re.compile(
    r"\b(?:current|logged[- ]in)\s+(?:user|account|bank account|customer)\b|\b(?:the\s+)?user'?s?\s+(?:own\s+)?"
    r"(?:information|info|profile|account|settings|details)\b|\bcontacts?\b",
    re.IGNORECASE,
)
_WEB = re.compile(r"\b(?:web ?page|web ?site|url|internet|online|http)\b", re.IGNORECASE)
_SCALAR = frozenset({"number", "integer", "boolean", "null"})


def infer(tool: Tool, said: frozenset[str] = frozenset(), hints: Mapping[str, Any] | None = None) -> Tool:
    """Fill in labels.

    Args:
        said: Fields that the operator gave; they stay as they are.
        hints: Annotations of an MCP server that the operator trusts: `readOnlyHint`, `destructiveHint`,
            `idempotentHint`, `openWorldHint`. Those of others must not be given here.
    """
    hints = hints or {}
    effect = tool.effect if "effect" in said else _effect(tool, hints)
    acts = effect != "pure"
    found: dict[str, Any] = {
        "effect": effect,
        "destructive": acts and bool(hints.get("destructiveHint", _destroys(tool))),
        "sends": _sends(tool, acts),
        "untrusted": _untrusted(tool, acts, hints),
        "private": _private(tool, acts),
    }
    kept = {name: value for name, value in found.items() if name not in said}
    labelled = msgspec.structs.replace(tool, **kept)
    if "risky" in said:
        return labelled
    return msgspec.structs.replace(labelled, risky=tuple(risky(labelled)))


def _effect(tool: Tool, hints: Mapping[str, Any]) -> Effect:
    read_only = hints.get("readOnlyHint")
    if read_only is None:
        read_only = _verb(tool) in words.READS
    if read_only:
        return "pure"
    return "idempotent" if hints.get("idempotentHint") is True else "at_most_once"


def _verb(tool: Tool) -> str:
    """What it does: the first word of its own name that is a verb known here, else the first of all."""
    own = words.parts(tool.name.rpartition("__")[2])
    known = words.READS | words.DESTROYS | words.SENDS
    return next((word for word in own if word in known), own[0] if own else "")


def _destroys(tool: Tool) -> bool:
    return any(word in words.DESTROYS for word in words.parts(tool.name.rpartition("__")[2]))


def spends(tool: Tool) -> bool:
    """Whether a tool that acts looks as if it moved money: by its name, by an argument, or by what it does with a sum."""
    if tool.effect == "pure":
        return False
    named, told = words.nouns(tool.name.rpartition("__")[2]), words.nouns(tool.description)
    given = frozenset(word for name in properties(tool.parameters) for word in words.nouns(name))
    if (named | given) & words.PAYS:
        return True
    return bool(given & words.SUMS) and bool((named | told) & (words.PAYS | words.MOVES))


def _sends(tool: Tool, acts: bool) -> bool:
    arguments = [words.nouns(name) for name in properties(tool.parameters)]
    if not acts:
        return any(named & words.PLACES for named in arguments) and bool(
            _WEB.search(tool.description) or words.nouns(tool.name) & words.PUBLIC or _has_url(tool.parameters)
        )
    own = frozenset(words.parts(tool.name.rpartition("__")[2]))
    return bool(own & words.SENDS) or any(named & (words.PLACES | words.PEOPLE) for named in arguments)


def _has_url(schema: Mapping[str, Any]) -> bool:
    return any(
        form.get("format") in ("uri", "url", "hostname") or words.nouns(name) & {"url", "uri", "host", "endpoint"}
        for name, form in properties(schema).items()
    )


def _untrusted(tool: Tool, acts: bool, hints: Mapping[str, Any]) -> bool:
    if acts or hints.get("openWorldHint") is False:
        return False
    named = words.nouns(tool.name)
    if tool.result is not None and tool.result.get("type") in _SCALAR:
        return False
    if _has_url(tool.parameters) or named & words.PUBLIC:
        return True
    return not (named & words.OWN or _clock(tool) or _OWN.search(tool.description))


def _private(tool: Tool, acts: bool) -> bool:
    named = words.nouns(tool.name)
    return not acts and not (_has_url(tool.parameters) or named & words.PUBLIC or _clock(tool))


def _clock(tool: Tool) -> bool:
    """Whether it tells the time and nothing else."""
    named = words.nouns(tool.name.rpartition("__")[2]) - words.READS - {"current", "what"}
    return bool(named) and named <= words.CLOCK


def risky(tool: Tool) -> Iterator[str]:
    """The arguments that decide whom or what it touches."""
    if tool.effect == "pure" and not tool.sends:
        return
    fields = properties(tool.parameters)
    if tool.effect != "pure" and not fields and tool.parameters.get("additionalProperties") is not False:
        yield ALL
        return
    for name, form in fields.items():
        if tool.effect == "pure":
            if words.nouns(name) & words.PLACES or form.get("format") in ("uri", "url", "hostname"):
                yield name
        elif not _harmless(name, form):
            yield name


def addressed(tool: Tool, arguments: Mapping[str, Any]) -> bool:
    """Whether what a sending tool is given says who gets it: one that names people or places sends to those that are
    given, and to nobody where none is; of others some risky argument has to be given.
    """
    names = [name for name in properties(tool.parameters) if words.nouns(name) & (words.PLACES | words.PEOPLE)]
    return bool(names) or any(arguments.get(name.partition(".")[0]) for name in tool.risky)


def _harmless(name: str, form: Mapping[str, Any]) -> bool:
    named = words.nouns(name)
    kinds = _kinds(form)
    if kinds and kinds <= {"boolean", "null", "enum", "date", "date-time", "time"}:
        return True
    if named & (words.PLACES | words.PEOPLE):
        return False
    return bool(named & (words.CONTENT | words.TIMES)) or named <= words.SIZES


def _kinds(form: Mapping[str, Any]) -> frozenset[str]:
    """What a value of this form can be: its types, its format for texts that have one, `enum` where all are listed."""
    choices: object = form.get("anyOf") or form.get("oneOf")
    if isinstance(choices, list):
        inner = cast("list[object]", choices)
        return frozenset(kind for one in inner if isinstance(one, dict) for kind in _kinds(cast("dict[str, Any]", one)))
    if "enum" in form or "const" in form:
        return frozenset({"enum"})
    said: object = form.get("type", "any")
    types = [str(one) for one in cast("list[object]", said)] if isinstance(said, list) else [str(said)]
    return frozenset(str(form.get("format", one)) if one == "string" else one for one in types)


def properties(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The named arguments of a schema."""
    found: object = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    return {str(name): form for name, form in found.items() if isinstance(form, dict)}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
