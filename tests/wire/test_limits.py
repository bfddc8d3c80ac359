import pytest

from antiphon.core.content import Content, Message, ResponseFormat, Text, Tool
from antiphon.core.error import TooLarge
from antiphon.wire.limits import SCHEMA_BYTES, check_schemas

SAID = (Message(role="user", parts=(Text(text="a"),), form="text"),)
HALF = {"type": "object", "description": "x" * (SCHEMA_BYTES // 2)}


def content(*tools: Tool, form: ResponseFormat | None = None) -> Content:
    return Content(dialect="openai_chat", messages=SAID, tools=tools, response_format=form)


def test_schemas_within_the_bound_are_taken() -> None:
    check_schemas(content(Tool(name="a", parameters=HALF)), 2 * SCHEMA_BYTES)


def test_the_tool_that_passes_the_bound_is_named() -> None:
    with pytest.raises(TooLarge, match=r"tools\[1\]\.parameters") as error:
        check_schemas(content(Tool(name="a", parameters=HALF), Tool(name="b", parameters=HALF)), 2 * SCHEMA_BYTES)

    assert (error.value.said_code, error.value.param) == ("schema_too_large", "tools[1].parameters")


def test_the_form_of_the_answer_counts_too() -> None:
    form = ResponseFormat(kind="json_schema", name="a", schema=HALF)

    with pytest.raises(TooLarge, match=r"response_format\.schema"):
        check_schemas(content(Tool(name="a", parameters=HALF), form=form), 2 * SCHEMA_BYTES)


def test_a_body_that_is_shorter_than_the_bound_is_not_looked_at() -> None:
    check_schemas(content(Tool(name="a", parameters=HALF), Tool(name="b", parameters=HALF)), SCHEMA_BYTES)
