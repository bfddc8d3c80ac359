"""Untrusted text read by a model without tools, which answers by a schema: what comes back is a value, not a text to obey.

Source: the dual-model pattern, Willison 2023, and Beurer-Kellner et al. 2025, "Design Patterns for Securing LLM Agents
against Prompt Injections", arXiv 2506.08837.
"""

from typing import Any, cast

import msgspec

from antiphon.agents.document import AgentDocument
from antiphon.agents.mind import Ask, Said
from antiphon.agents.safety.spotlight import TOLD, mark, spotlight
from antiphon.agents.state import Value
from antiphon.core.content import Message, ResponseFormat, Text
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.tool import Origins
from antiphon.recipes.schema import BadSchema, JsonSchema

MOST_TEXT = 200
"""Characters of a text in an answer that the planning model may see; longer ones stay behind the answer's handle."""
ANSWER = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
"""Schema where the question comes without one."""
_SYSTEM = (
    "Answer the question from the data alone, as JSON by the schema. If the data doesn't say, answer with null or an empty "
    "value. " + TOLD
)


def question(
    asked: str,
    value: Value,
    schema: dict[str, Any] | None,
    *,
    document: AgentDocument,
    principal: Principal,
    run: Run,
    step: str,
    key: str,
) -> Ask:
    """The call of the role `quarantine` that reads a value: no tools, a schema, nothing of the run but the question."""
    shown = f"Question: {asked}\n\n{spotlight(value.text, mark(run.id))}"
    return Ask(
        model=document.model("quarantine"),
        messages=(_message("system", _SYSTEM), _message("user", shown)),
        principal=principal,
        run=run.id,
        step=step,
        key=key,
        role="quarantine",
        tool_choice="none",
        parallel=False,
        response_format=ResponseFormat(kind="json_schema", name="answer", schema=schema or ANSWER, strict=True),
        output_tokens=document.spec.output_tokens,
        data_class=value.origins.data_class,
        agent=document.name,
        session=run.session,
        tainted=True,
    )


def _message(role: str, text: str) -> Message:
    return Message(role=role, parts=(Text(text=text),), form="text")


def answered(said: Said, value: Value, schema: dict[str, Any] | None) -> tuple[Value | None, str]:
    """The answer as a value, as untrusted as what was read.

    Returns: None and why, where the answer isn't what the schema asks for.
    """
    if said.failed:
        return None, f"the model that reads it failed: {said.failed}"
    try:
        data = msgspec.json.decode(said.text.encode())
        fits = JsonSchema(schema or ANSWER).allows(data)
    except (msgspec.MsgspecError, BadSchema):
        fits, data = False, None
    if not fits:
        return None, "the answer of the model that reads it is not what the schema asks for"
    origins = Origins(
        sources=tuple(sorted({*value.origins.sources, "model/quarantine"})),
        untrusted=value.origins.untrusted,
        private=value.origins.private,
        data_class=value.origins.data_class,
    )
    return Value(text=msgspec.json.encode(data).decode(), data=data, origins=origins, about="answer on a value"), ""


def curbed(data: Any, handle: str) -> Any:
    """An answer as the planning model is shown it: long and many-lined texts are behind the handle."""
    if isinstance(data, str):
        return data if len(data) <= MOST_TEXT and "\n" not in data else f"[{len(data)} characters in {handle}]"
    if isinstance(data, dict):
        return {name: curbed(inner, handle) for name, inner in cast("dict[str, Any]", data).items()}
    if isinstance(data, list):
        return [curbed(inner, handle) for inner in cast("list[Any]", data)]
    return data
