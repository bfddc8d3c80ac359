"""A lab model that calls tools and speaks by rules, asked over HTTP."""

import json
from typing import Any

import pytest
from msgspec import convert

from antiphon.core.error import BadRequest
from antiphon.providers.lab.decode import decode
from antiphon.providers.lab.run import running
from antiphon.providers.lab.script import Played, Script
from antiphon.providers.lab.settings import LabModel, LabSettings, ScriptRule

RULES = [
    {
        "when": "form == 'plan'",
        "say": {"steps": [{"name": "count", "tools": "{{ offered }}"}], "text": "{{ offered | length }} tools"},
    },
    {
        "when": "'count' in offered and 'count' not in called",
        "calls": [{"tool": "count", "arguments": {"month": "{{ user.split()[-1] }}", "top": 3}}],
    },
    {
        "when": "last == 'count'",
        "say": "{{ results.count.rows | sum(attribute='n') }} complaints: {% for row in results.count.rows %}"
        "{{ row.cause }} {{ row.n }}{{ ', ' if not loop.last }}{% endfor %}.",
    },
    {"when": "'break' in user", "say": "{{ results.nothing.n }}"},
]
TOOLS = [{"type": "function", "function": {"name": "count", "parameters": {"type": "object"}}}]
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}}],
}
RESULT = 'DATA>> {"rows": [{"cause": "late", "n": 4}, {"cause": "broken", "n": 2}]} <<DATA'


def rules(*plain: Any) -> list[ScriptRule]:
    return convert(list(plain), list[ScriptRule])


def played(*messages: Any, script: Any = RULES, **more: Any) -> Played | None:
    body = {"model": "lab", "messages": list(messages), **more}
    return Script(rules(*script)).play(decode(json.dumps(body).encode()))


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_a_tool_is_called_with_values_of_the_request() -> None:
    found = played(user("Sum up 2026-10"), tools=TOOLS)

    assert found == Played(calls=(("count", '{"month": "2026-10", "top": 3}'),))


def test_what_is_said_is_worked_out_of_what_the_tool_returned() -> None:
    messages = [user("Sum up 2026-10"), CALLED, {"role": "tool", "tool_call_id": "c1", "content": RESULT}]

    assert played(*messages, tools=TOOLS) == Played(text="6 complaints: late 4, broken 2.")


def test_an_answer_with_a_form_is_json_whose_single_places_keep_their_kind() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "plan", "schema": {}}}
    found = played(user("Plan"), tools=TOOLS, response_format=form)

    assert found is not None
    assert json.loads(found.text) == {"steps": [{"name": "count", "tools": ["count"]}], "text": "1 tools"}


def test_where_no_rule_holds_the_model_makes_its_answer_up() -> None:
    assert played(user("Hello")) is None


@pytest.mark.parametrize("said", ["{{ ().__class__.__bases__ }}", "{{ results.nothing.n }}", "{{ 1 / 0 }}"])
def test_a_rule_that_can_t_be_worked_out_is_told_of(said: str) -> None:
    with pytest.raises(BadRequest, match=r"the lab's script\[0\] can't be worked out"):
        played(user("x"), script=[{"say": said}])


@pytest.mark.parametrize("rule", [{"when": "user ==", "say": "x"}, {"say": "{% for %}"}])
def test_a_rule_that_is_no_template_is_refused_when_it_is_loaded(rule: Any) -> None:
    with pytest.raises(ValueError, match="rule 0: "):
        Script(rules(rule))


async def test_a_served_model_plays_its_script_whole_and_as_a_stream_and_says_that_it_is_simulated() -> None:
    import openai

    settings = LabSettings(models={"lab": LabModel(script=rules(*RULES), tokens_per_s=1e6)})
    async with (
        running(settings) as lab,
        openai.AsyncOpenAI(base_url=f"{lab.url}/v1", api_key="k", max_retries=0) as client,
    ):
        asked: Any = {"model": "lab", "messages": [user("Sum up 2026-10")], "tools": TOOLS}
        raw = await client.chat.completions.with_raw_response.create(**asked)
        call = raw.parse().choices[0].message.tool_calls[0]
        stream = await client.chat.completions.create(stream=True, **asked)
        pieces = [one async for one in stream]

    assert raw.headers["x-antiphon-lab"] == "simulated"
    assert (call.function.name, json.loads(call.function.arguments)) == ("count", {"month": "2026-10", "top": 3})
    finishes = [one.choices[0].finish_reason for one in pieces if one.choices]
    assert finishes[-1] == "tool_calls"
