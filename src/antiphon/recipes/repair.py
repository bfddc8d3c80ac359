"""An answer is held to its contract: released, repaired, or refused."""

import json
from typing import Any

from msgspec.structs import replace

from antiphon.core.content import Content, Message, Text
from antiphon.core.error import AntiphonError, ContractViolated
from antiphon.core.receipt import Noted
from antiphon.core.sandbox import Sandbox
from antiphon.recipes.contract import Checked, check, rendered_as
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.settings_contract import ContractSettings

REPAIR = "repair"
PROMPT_VERSION = 1
PROMPT = """Your answer above can't be used:
{complaints}
Answer the request again. Keep what was right, and mend this. Write the whole answer, without a word about the mending."""
_MOST_QUOTED = 100_000
"""Characters of an answer that are shown to the model again; of a longer one the end is left out."""


async def hold(
    contract: ContractSettings, answer: Answer, question: Question, calls: Calls, *, sandbox: Sandbox | None = None
) -> Answer:
    """Hold an answer to a contract, as the contract says.

    What keeps it is released as `render` says. What doesn't is told to the seat that gave it, which answers again, at most
    `repairs` times and within the envelope; then the last answer is released, or the one that keeps most, or none.

    Args:
        answer: A whole one. One that streams, or asks for tools, is returned as it is.
    Raises: ContractViolated, with `on_violation: refuse` alone.
    """
    if answer.streams or answer.calls_tools:
        return answer
    tried = [(answer, await check(contract, answer, question, sandbox=sandbox))]
    calls.rate(answer, "contract", float(tried[0][1].ok))
    repairs = 0 if contract.on_violation == "warn" else contract.repairs
    while not tried[-1][1].ok and tried[-1][1].mendable and len(tried) <= repairs:
        again = await _again(tried[-1], len(tried), question, calls)
        if again is None:
            break
        if again.calls_tools:
            return again
        tried.append((again, await check(contract, again, question, sandbox=sandbox)))
        calls.note(Noted(step=again.step, what="repaired" if tried[-1][1].ok else "violated", why=tried[-1][1].why))
    given, found = _chosen(contract, tried)
    if found.ok:
        if found.tier:
            calls.note(Noted(step=given.step, what="tested", why=f"in the sandbox {found.tier}"))
        return released(contract, given, found)
    ran = f"; tested in the sandbox {found.tier}" if found.tier else ""
    calls.note(Noted(step=given.step, what="violated", why=found.why + ran))
    if contract.on_violation == "refuse":
        raise _refused(found)
    return given


def _refused(found: Checked) -> ContractViolated:
    remedy = "ask again, or ask for what a model can give"
    error = ContractViolated(f"no answer keeps the output contract ({found.why}); {remedy}")
    more = "; ".join(one.more for one in found.broken if one.more)
    if more:
        error.message = f"no answer keeps the output contract ({found.why}: {more}); mend the request"
    return error


def _chosen(contract: ContractSettings, tried: list[tuple[Answer, Checked]]) -> tuple[Answer, Checked]:
    """The first that keeps the contract; else the last, or by `best` the first of those that break least of it."""
    if contract.on_violation == "best":
        return min(tried, key=lambda one: len(one[1].broken))
    return next((one for one in tried if one[1].ok), tried[-1])


async def _again(last: tuple[Answer, Checked], number: int, question: Question, calls: Calls) -> Answer | None:
    """Ask the seat that gave an answer again. None: it couldn't be asked, or gave none."""
    answer, found = last
    asked = Asked(
        step=REPAIR if number == 1 else f"{REPAIR}-{number}",
        seat=answer.seat,
        content=complaint(question.content, answer, found),
    )
    try:
        return await calls.ask(asked)
    except AntiphonError as error:
        calls.note(Noted(step=asked.step, what="failed", why=error.said_code))
        return None


def complaint(content: Content, answer: Answer, found: Checked) -> Content:
    """The caller's request, the answer, and what is wrong with it."""
    complaints = "\n".join(f"- {one.told}" for one in found.broken)
    said = answer.text[:_MOST_QUOTED] or "(nothing)"
    return replace(
        content,
        messages=(
            *content.messages,
            Message(role="assistant", parts=(Text(text=said),), form="text"),
            Message(role="user", parts=(Text(text=PROMPT.format(complaints=complaints)),), form="text"),
        ),
        sampling=replace(content.sampling, n=None),
    )


def released(contract: ContractSettings, answer: Answer, found: Checked) -> Answer:
    """An answer that keeps its contract, as it is released."""
    how = rendered_as(contract)
    if how == "as_is" or found.extracted is None:
        return answer
    return with_text(answer, rendered(contract, found.extracted) if how == "json" else found.extracted)


def rendered(contract: ContractSettings, extracted: str) -> str:
    """What was extracted, as JSON. A number stays one where JSON's readers give back the same digits."""
    if contract.choice is not None:
        return _as_json(extracted.split(",") if contract.choice.multiple else extracted)
    if contract.exact is None:
        return extracted if contract.json_schema is not None else _as_json(extracted)
    if contract.exact.type == "number" and "/" not in extracted:
        value = json.loads(extracted)
        return _as_json(value if json.dumps(value) == extracted else extracted)
    return _as_json(extracted)


def _as_json(value: Any) -> str:
    return json.dumps({"answer": value}, ensure_ascii=False)


def with_text(answer: Answer, text: str) -> Answer:
    """The same answer with another text. Thoughts and parts that are no text stay; citations and log-probabilities are of
    the text that was, and go.
    """
    if text == answer.text or not answer.response.choices:
        return answer
    first, *others = answer.response.choices
    parts = list(first.message.parts)
    place = next((at for at, part in enumerate(parts) if isinstance(part, Text)), len(parts))
    kept = [part for part in parts if not isinstance(part, Text)]
    message = replace(first.message, parts=(*kept[:place], Text(text=text), *kept[place:]))
    choice = replace(first, message=message, logprobs=None)
    return replace(
        answer,
        response=replace(answer.response, choices=(choice, *others)),
        text=text,
        logprobs=None,
        margins=None,
    )
