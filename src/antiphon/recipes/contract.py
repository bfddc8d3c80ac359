"""Whether an answer keeps a contract, and what of it the contract is about."""

import ast
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from typing import Any

from msgspec import Struct

from antiphon.core.content import Content
from antiphon.core.sandbox import Ran, Sandbox
from antiphon.recipes import contract_parts as parts
from antiphon.recipes.contract_parts import Broken
from antiphon.recipes.extract import choice_key, exact_key, last_code, last_json, parsed, said_text, strict_json
from antiphon.recipes.members import request_text
from antiphon.recipes.port import Answer, Question
from antiphon.recipes.schema import BadSchema, JsonSchema
from antiphon.recipes.settings_contract import ChoiceSettings, CodeSettings, ContractSettings, ExactSettings


class Checked(Struct, frozen=True, kw_only=True):
    """What came of checking an answer."""

    broken: tuple[Broken, ...] = ()
    extracted: str | None = None
    """The choice, value, JSON or program in it; None: the contract is about none of these, or there is none."""
    tier: str = ""
    """Of the sandbox that its program ran in; empty: nothing ran."""

    @property
    def ok(self) -> bool:
        """It keeps the contract."""
        return not self.broken

    @property
    def mendable(self) -> bool:
        """Another answer could keep all that this one breaks."""
        return all(one.told for one in self.broken)

    @property
    def why(self) -> str:
        """What it breaks; nothing of it is quoted."""
        return "; ".join(f"{one.part}: {one.why}" for one in self.broken)


async def check(
    contract: ContractSettings, answer: Answer, question: Question, *, sandbox: Sandbox | None = None
) -> Checked:
    """Check an answer. One that asks for tools keeps every contract.

    Args:
        sandbox: Where tests of programs run; None: nowhere, and a program with tests breaks its contract.
    """
    if answer.calls_tools:
        return Checked()
    text = answer.text
    broken: list[Broken] = []
    extracted: str | None = None
    for settings, look in _LOOKS:
        asked = getattr(contract, settings)
        if asked is not None:
            found, wrong = look(contract, asked, text, question)
            broken += wrong
            extracted = found if extracted is None else extracted
    if contract.length is not None:
        broken += parts.length(contract.length, answer)
    if contract.regex:
        broken += parts.regex(contract.regex, text)
    if contract.citations is not None:
        broken += parts.citations(contract.citations, answer, question.content)
    tier = ""
    if contract.code is not None and contract.code.tests and not any(one.part == "code" for one in broken):
        async for ran, wrong in _tested(contract.code, last_code(text) or "", question.seed, sandbox):
            tier = ran.tier if ran is not None else tier
            broken += wrong
    return Checked(broken=tuple(broken), extracted=extracted, tier=tier)


_Look = Callable[[ContractSettings, Any, str, Question], tuple[str | None, list[Broken]]]


def _choice(
    _: ContractSettings, choice: ChoiceSettings, text: str, question: Question
) -> tuple[str | None, list[Broken]]:
    found = choice_key(text, choice, request_text(question.content))
    if found is not None:
        return found, []
    of = ", ".join(choice.options) or "one of the options' letters"
    how = "one or more" if choice.multiple else "exactly one"
    return None, [Broken("choice", "no option can be told from it", f"It must choose {how} of these: {of}.")]


def _exact(_: ContractSettings, exact: ExactSettings, text: str, __: Question) -> tuple[str | None, list[Broken]]:
    found = said_text(text) if exact.type == "text" else exact_key(text, exact)
    if found is not None:
        return found, []
    kind = {"number": "a number", "date": "a day, written as YYYY-MM-DD", "text": "a short text"}[exact.type]
    return None, [
        Broken("exact", f"no {exact.type} can be told from it", f'It must end with "The answer is" and {kind}.')
    ]


def _json(contract: ContractSettings, _: Any, text: str, question: Question) -> tuple[str | None, list[Broken]]:
    schema = schema_of(contract, question.content)
    if schema is None:
        return None, []
    whole = strict_json(text.strip())
    found = (whole[0], text.strip()) if whole is not None else last_json(text)
    if found is None or (whole is None and rendered_as(contract) == "as_is"):
        return None, [Broken("json_schema", "it isn't JSON", "All of it must be one JSON value, and nothing else.")]
    try:
        faults = JsonSchema(schema).faults(found[0])
    except BadSchema as error:
        return found[1], [Broken("json_schema", "the schema can't be used", "", str(error))]
    return found[1], [
        Broken(
            "json_schema", f"not as {fault.where or 'the schema'} says", f"The JSON breaks its schema: {fault.said}."
        )
        for fault in faults
    ]


def schema_of(contract: ContractSettings, content: Content) -> Any:
    """The schema that an answer is held to; None: none, as the request asks for none."""
    asked = contract.json_schema
    if asked is None:
        return None
    if asked.source is None:
        return asked.schema
    form = content.response_format
    if form is None or form.kind in {"text", "other"}:
        return None
    return form.schema if form.schema is not None else {"type": "object"}


def rendered_as(contract: ContractSettings) -> str:
    """What is released of an answer: JSON alone where nothing else is said and a schema is asked for."""
    return contract.render or ("extracted" if contract.json_schema is not None else "as_is")


def _code(_: ContractSettings, code: CodeSettings, text: str, __: Question) -> tuple[str | None, list[Broken]]:
    program = last_code(text)
    if program is None:
        return None, [Broken("code", "there is no program in it", "It must have a program in a block of code.")]
    if not (code.compiles or code.entry):
        return program, []
    return program, list(_read(program, code.entry))


def _read(program: str, entry: str) -> Iterator[Broken]:
    """What is wrong with a program before it runs. It is compiled, and nothing of it runs."""
    try:
        tree = parsed(program)
    except SyntaxError as error:
        where = "" if error.lineno is None else f"line {error.lineno}: "
        told = f"The program doesn't compile: {where}{error.msg}."
        yield Broken("code", f"it doesn't compile: {type(error).__name__}", told)
        return
    except (ValueError, RecursionError, MemoryError) as error:
        yield Broken("code", f"it doesn't compile: {type(error).__name__}", "The program doesn't compile.")
        return
    defined = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    if entry and entry not in defined:
        yield Broken("code", "it doesn't define its entry", f"The program must define {entry} at its top.")


_LOOKS: tuple[tuple[str, _Look], ...] = (
    ("choice", _choice),
    ("exact", _exact),
    ("json_schema", _json),
    ("code", _code),
)


async def _tested(
    code: CodeSettings, program: str, seed: int, sandbox: Sandbox | None
) -> AsyncIterator[tuple[Ran | None, list[Broken]]]:
    """Run a program's tests, each on its own, until one fails.

    A run counts when it prints, at its very end, what the program can't know: one that ends early has not passed.
    """
    if sandbox is None:
        yield None, [Broken("code", "no sandbox runs its tests", "")]
        return
    for place, test in enumerate(code.tests, 1):
        mark = sha256(f"{seed}:{place}:{program}".encode("utf-8", "replace")).hexdigest()[:24]
        ran = await sandbox.run(f"{program}\n\n{test}\n\nprint({mark!r})\n", language=code.language)
        if ran.exit == 0 and ran.stdout.rstrip().endswith(mark):
            yield ran, []
            continue
        yield ran, [_failed(ran, place, len(code.tests), test)]
        return


def _failed(ran: Ran, place: int, count: int, test: str) -> Broken:
    if ran.refused:
        return Broken("code", f"no sandbox runs its tests: {ran.refused}", "")
    how = "took too long" if ran.timed_out else "failed"
    said = ran.stderr.strip().splitlines()[-3:]
    detail = "\n".join(said)[-600:]
    return Broken("code", f"test {place} of {count} {how}", f"The program's test\n{test}\n{how}: {detail}")
