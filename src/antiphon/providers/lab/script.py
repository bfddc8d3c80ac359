"""Scripted answers: rules over a request say which tools are called, and what is said, with values that tools returned.

A condition is an expression of Jinja, a text its template; both see

| name | what it is |
| --- | --- |
| `system`, `user` | text of the system messages; of the last user message |
| `task`, `given` | text of the first user message, and the JSON in it |
| `offered` | names of the request's tools |
| `called` | names of the tools that were called in the conversation, in order |
| `last` | name of the tool whose result the conversation ends with; empty: it ends with none |
| `results` | by tool, its newest result: JSON or the rows of a table where it is that, else the text |
| `texts` | the same as text |
| `json(text)`, `rows(text)` | the last JSON object or list in a text; the rows of a table (lines such as `a, b` with bars between) in it |
| `form` | name of the JSON Schema that the answer must have; empty: it is text |

A text that is one `{{ … }}` alone gives its value as JSON has it; any other gives text. Templates are held in Jinja's
sandbox. Source: Jinja 3.1, `sandbox.ImmutableSandboxedEnvironment`.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.providers.lab.request import Asked
from antiphon.providers.lab.settings import ScriptRule

ALONE = re.compile(r"\{\{((?:(?!\}\}).)*)\}\}", re.DOTALL)
START = re.compile(r"[\[{]")
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,9})?")
Names = Mapping[str, Any]
Made = Callable[[Names], Any]


class _Function(Struct, frozen=True):
    name: str = ""


class _Called(Struct, frozen=True):
    id: str = ""
    function: _Function = _Function()


_called = msgspec.json.Decoder(_Called)
_json = json.JSONDecoder()


class Played(Struct, frozen=True, kw_only=True):
    """What a rule came to."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """Tools to call: name, and arguments as JSON."""


class _Rule(Struct, frozen=True):
    number: int
    when: Made
    say: Made | None
    calls: tuple[tuple[str, Made], ...]


class Script:
    """The rules of one model, ready to play."""

    def __init__(self, rules: list[ScriptRule]) -> None:
        """Raises: ValueError, naming the rule that is no template."""
        self._rules = tuple(_rule(number, one) for number, one in enumerate(rules))

    def play(self, asked: Asked) -> Played | None:
        """What the first rule that holds says; None: none does. Raises: BadRequest, where a rule can't be worked out."""
        names = _names(asked)
        for rule in self._rules:
            try:
                if not rule.when(names):
                    continue
                said = None if rule.say is None else rule.say(names)
                text = "" if said is None else said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
                calls = tuple((name, _arguments(made(names))) for name, made in rule.calls)
            except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
                raise BadRequest(
                    f"the lab's script[{rule.number}] can't be worked out: {error}", param="script"
                ) from error
            return Played(text=text, calls=calls)
        return None


def _arguments(made: Any) -> str:
    """Arguments as JSON. Raises: ValueError, where a template gave no JSON."""
    value: Any = json.loads(made) if isinstance(made, str) else made or cast("Any", {})
    return json.dumps(value, ensure_ascii=False)


def _rule(number: int, rule: ScriptRule) -> _Rule:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    try:
        when = environment.compile_expression(rule.when or "true", undefined_to_none=False)
        say = None if rule.say is None else _made(environment, rule.say)
        calls = tuple((call.tool, _made(environment, call.arguments)) for call in rule.calls)
    except TemplateError as error:
        raise ValueError(f"rule {number}: {error}") from error
    return _Rule(number, lambda names: when(**names), say, calls)


def _made(environment: ImmutableSandboxedEnvironment, value: Any) -> Made:
    """What gives a value its places filled in."""
    if isinstance(value, str):
        alone = ALONE.fullmatch(value.strip())
        if alone is not None:
            expression = environment.compile_expression(alone[1], undefined_to_none=False)
            return lambda names: expression(**names)
        template = environment.from_string(value)
        return template.render
    if isinstance(value, dict):
        fields = {name: _made(environment, one) for name, one in cast("dict[str, Any]", value).items()}
        return lambda names: {name: made(names) for name, made in fields.items()}
    if isinstance(value, list):
        items = [_made(environment, one) for one in cast("list[Any]", value)]
        return lambda names: [made(names) for made in items]
    return lambda _: value


def _names(asked: Asked) -> Names:
    """What conditions and templates see."""
    names: dict[str, str] = {}
    called: list[str] = []
    texts: dict[str, str] = {}
    last = ""
    for message in asked.messages:
        for raw in message.tool_calls or ():
            call = _called.decode(raw)
            names[call.id] = call.function.name
            called.append(call.function.name)
        if message.role == "tool":
            last = names.get(message.tool_call_id or "", "")
            texts[last] = message.text
    form = asked.chat.response_format
    task = next((one.text for one in asked.messages if one.role == "user"), "")
    return {
        "task": task,
        "given": _last(task),
        "json": _last,
        "rows": _rows,
        "system": "\n".join(one.text for one in asked.messages if one.role in ("system", "developer")),
        "user": asked.last_user_text,
        "offered": [tool.name for tool in asked.chat.tools or ()],
        "called": called,
        "last": last if asked.tool_results else "",
        "results": {name: _value(text) for name, text in texts.items()},
        "texts": texts,
        "form": form.json_schema.name if form is not None and form.json_schema is not None else "",
    }


def _value(text: str) -> Any:
    """The rows of a table, or the JSON that a text holds; else the text."""
    rows = _rows(text)
    if rows:
        return rows
    for place in START.finditer(text):
        found = _at(text, place.start())
        if found is not None and _ends(text[found[1] :]):
            return found[0]
    return text


def _ends(rest: str) -> bool:
    """Whether nothing but marks stands behind a value."""
    return not rest.strip() or rest.lstrip().startswith(("<<", "["))


def _at(text: str, place: int) -> tuple[Any, int] | None:
    try:
        return _json.raw_decode(text, place)
    except ValueError:
        return None


def _last(text: str) -> Any:
    """The last JSON object or list in a text that stands in no other; None: there is none."""
    found, end = None, 0
    for place in START.finditer(text):
        read = None if place.start() < end else _at(text, place.start())
        if read is not None:
            found, end = read
    return found


def _rows(text: str) -> list[dict[str, Any]]:
    """Rows of the first table in a text: a line of names, and lines with as many cells."""
    lines = [line.split(" | ") for line in text.splitlines()]
    at = next((at for at, cells in enumerate(lines) if len(cells) > 1), None)
    if at is None:
        return []
    head = lines[at]
    found: list[dict[str, Any]] = []
    for cells in lines[at + 1 :]:
        if len(cells) != len(head):
            break
        found.append({name: _cell(cell) for name, cell in zip(head, cells, strict=True)})
    return found


def _cell(text: str) -> Any:
    """A number where it is one."""
    if NUMBER.fullmatch(text) is None:
        return text
    return float(text) if "." in text else int(text)
