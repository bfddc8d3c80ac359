"""What this dialect says survives being read and written again, up to the grouping of items."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.request import Head
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.answers import decode_response
from antiphon.wire.openai_responses.decode import decode
from antiphon.wire.openai_responses.encode import encode
from antiphon.wire.openai_responses.told import encode_response

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
HEAD = Head(dialect="openai_responses", endpoint="/v1/responses", model="m")
TEXT = st.text(max_size=5)
ID = st.from_regex(r"[a-z]{1,3}_[0-9a-f]{4}", fullmatch=True)
FREE_ID = st.from_regex(r"[a-z]{1,3}_c[0-9a-f]{4}", fullmatch=True)
"""Of calls of free text: a call and its result are of one kind."""
JSON: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)


def shape(required: dict[str, Any], **optional: Any) -> SearchStrategy[dict[str, Any]]:
    fixed = {name: value if isinstance(value, SearchStrategy) else st.just(value) for name, value in required.items()}
    return st.fixed_dictionaries(fixed, optional={**optional, "x_other": JSON})


ANNOTATION = st.one_of(
    shape(
        {"type": "url_citation", "url": TEXT, "title": TEXT, "start_index": st.integers(0, 9), "end_index": st.just(9)}
    ),
    shape({"type": "file_citation", "file_id": TEXT, "filename": TEXT, "index": st.integers(0, 9)}),
    shape({"type": "container_file_citation", "container_id": TEXT, "file_id": TEXT, "filename": TEXT}),
    shape({"type": "file_path", "file_id": TEXT, "index": st.just(0)}),
    shape({"type": "x_citation"}),
)
CACHE = shape({"mode": "explicit"}, ttl=st.just("30m"))
HEARD = st.one_of(
    shape({"type": "input_text", "text": TEXT}, prompt_cache_breakpoint=CACHE),
    shape({"type": "input_image", "detail": "auto"}, image_url=TEXT.filter(bool), file_id=TEXT),
    shape({"type": "input_file"}, file_data=TEXT, file_id=TEXT, filename=TEXT, file_url=TEXT),
    shape({"type": "input_audio", "input_audio": shape({"data": TEXT, "format": "wav"})}),
    shape({"type": "input_x"}),
)
LOGPROB = st.lists(shape({"token": TEXT, "logprob": st.just(-0.5)}), min_size=1, max_size=2)
SPOKEN = st.one_of(
    shape({"type": "output_text", "text": TEXT, "annotations": st.lists(ANNOTATION, max_size=2)}, logprobs=LOGPROB),
    shape({"type": "refusal", "refusal": TEXT}),
)
MESSAGE = shape(
    {"type": "message", "role": st.sampled_from(["user", "system", "developer"])}
    | {"content": TEXT | st.lists(HEARD, max_size=2)}
)
SAID = st.one_of(
    shape({"type": "message", "role": "assistant", "content": TEXT | st.lists(SPOKEN, min_size=1, max_size=2)}),
    shape(
        {"type": "message", "role": "assistant", "id": ID, "status": "completed"}
        | {"content": st.lists(SPOKEN, min_size=1, max_size=2)},
        phase=st.just("commentary"),
    ),
)
SUMMARY = st.fixed_dictionaries({"type": st.just("summary_text"), "text": TEXT.filter(bool)})
TOLD = st.fixed_dictionaries({"type": st.just("reasoning_text"), "text": TEXT.filter(bool)})
THOUGHTS = st.one_of(
    shape(
        {"type": "reasoning", "id": ID, "summary": st.lists(SUMMARY, max_size=3)},
        encrypted_content=st.just("gAAAAB=="),
        status=st.just("completed"),
    ),
    shape({"type": "reasoning", "id": ID, "summary": [], "content": st.lists(TOLD, min_size=1, max_size=2)}),
    shape(
        {
            "type": "reasoning",
            "id": ID,
            "summary": st.just([]) | st.lists(SUMMARY, min_size=1),
            "content": st.none() | st.lists(JSON, min_size=1),
        }
    ),
)
CALL = st.one_of(
    shape(
        {"type": "function_call", "id": ID, "status": "completed", "call_id": ID, "name": TEXT, "arguments": TEXT},
        caller=st.just({"type": "direct"}) | st.just({"type": "program", "caller_id": "c"}),
        namespace=TEXT,
    ),
    shape({"type": "function_call", "call_id": ID, "name": TEXT, "arguments": TEXT}),
    shape({"type": "custom_tool_call", "call_id": FREE_ID, "name": TEXT, "input": TEXT}, id=ID),
)
RESULT = st.one_of(
    shape({"type": "function_call_output", "call_id": ID, "output": TEXT | st.lists(HEARD, max_size=2)}),
    shape({"type": "custom_tool_call_output", "call_id": FREE_ID, "output": TEXT}, id=ID),
    shape({"type": "computer_call_output", "call_id": ID, "output": OBJECT}),
    shape({"type": "item_reference", "id": ID}),
)
HOSTED = shape({"type": st.sampled_from(["web_search_call", "mcp_call", "image_generation_call", "x_item"]), "id": ID})
TURN = st.one_of(
    MESSAGE.map(lambda item: [item]),
    RESULT.map(lambda item: [item]),
    st.tuples(THOUGHTS, SAID, CALL).map(list),
    st.tuples(THOUGHTS, CALL, THOUGHTS, CALL, SAID).map(list),
    st.tuples(SAID, SAID, CALL, SAID).map(list),
    st.tuples(HOSTED, SAID).map(list),
)
TOOL = st.one_of(
    shape({"type": "function", "name": TEXT}, parameters=OBJECT, strict=st.none() | st.booleans(), description=TEXT),
    shape({"type": "custom", "name": TEXT}, format=OBJECT),
    shape({"type": st.sampled_from(["web_search", "web_search_preview", "computer_use_preview", "mcp", "x_tool"])}),
    shape({"type": "code_interpreter", "container": TEXT}),
)
CHOICE = st.one_of(
    st.sampled_from(["auto", "none", "required"]),
    shape({"type": "function", "name": TEXT}),
    shape({"type": "allowed_tools", "mode": "auto", "tools": st.just([{"type": "function", "name": "f"}])}),
    shape({"type": "allowed_tools", "mode": "required", "tools": st.just([{"type": "mcp", "server_label": "s"}])}),
    shape({"type": "file_search"}),
)
BODY = st.fixed_dictionaries(
    {"model": st.just("m"), "input": st.lists(TURN, max_size=4).map(lambda turns: [i for turn in turns for i in turn])},
    optional={
        "instructions": TEXT,
        "tools": st.lists(TOOL, max_size=2),
        "tool_choice": CHOICE,
        "parallel_tool_calls": st.booleans(),
        "text": shape(
            {}, verbosity=st.just("low"), format=shape({"type": "json_schema", "name": TEXT, "schema": OBJECT})
        ),
        "reasoning": shape({}, effort=st.just("low"), summary=st.sampled_from(["auto", "detailed"])),
        "max_output_tokens": st.integers(1, 99),
        "temperature": st.just(0.5),
        "top_p": st.just(1),
        "top_logprobs": st.integers(0, 5),
        "include": st.lists(
            st.sampled_from(["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"])
        ),
        "metadata": st.dictionaries(TEXT, TEXT, max_size=2),
        "user": TEXT,
        "safety_identifier": TEXT,
        "prompt_cache_key": TEXT,
        "service_tier": st.just("flex"),
        "store": st.booleans(),
        "background": st.just(value=False),
        "previous_response_id": ID,
        "truncation": st.sampled_from(["auto", "disabled"]),
        "stream_options": OBJECT,
        "x_other": JSON,
    },
)


def written(body: dict[str, Any]) -> dict[str, Any]:
    losses = Losses()
    out = encode(decode(body), Terms(model="m"), losses)
    assert losses.told() == ()
    return out


@given(BODY)
@often
def test_a_request_comes_out_as_it_came(body: dict[str, Any]) -> None:
    assert written(body) == body


@given(BODY)
@often
def test_what_was_written_says_the_same(body: dict[str, Any]) -> None:
    assert decode(written(body)) == decode(body)


SAID_WHOLE = shape(
    {"type": "message", "role": "assistant", "id": ID, "status": "completed"}
    | {
        "content": st.lists(
            shape(
                {"type": "output_text", "text": TEXT, "annotations": st.lists(ANNOTATION, max_size=1)}
                | {"logprobs": st.just([]) | LOGPROB}
            ),
            min_size=1,
            max_size=2,
        )
    }
)
CALL_WHOLE = shape(
    {"type": "function_call", "id": ID, "status": "completed", "call_id": ID}
    | {"name": TEXT.filter(bool), "arguments": TEXT}
)
OUTPUT = st.one_of(
    st.just([]),
    st.tuples(THOUGHTS, SAID_WHOLE, CALL_WHOLE).map(list),
    st.tuples(THOUGHTS, CALL_WHOLE, SAID_WHOLE).map(list),
    st.tuples(SAID_WHOLE, SAID_WHOLE).map(list),
    st.tuples(HOSTED, SAID_WHOLE).map(list),
)
ANSWER = st.fixed_dictionaries(
    {
        "id": st.just("resp_1a"),
        "object": st.just("response"),
        "model": TEXT,
        "created_at": st.integers(0, 2**40),
        "error": st.none(),
        "output": OUTPUT,
        "status": st.just("completed"),
        "incomplete_details": st.none(),
        "usage": st.none(),
        "instructions": JSON,
        "tools": JSON,
        "x_other": JSON,
    }
)


@given(ANSWER)
@often
def test_an_answer_comes_out_as_it_came(body: dict[str, Any]) -> None:
    out = encode_response(decode_response(body), HEAD, Losses())

    assert {name: out[name] for name in body} == body


NAMES = (
    *("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "user"),
    *("max_output_tokens", "store", "background", "temperature", "truncation", "conversation"),
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON))
@often
def test_any_request_is_read_or_refused(body: dict[str, Any]) -> None:
    with suppress(BadRequest):
        encode(decode(body), Terms(model="m"), Losses())


@given(st.fixed_dictionaries({"output": JSON}, optional={"status": JSON, "error": JSON, "usage": JSON, "id": JSON}))
@often
def test_any_answer_is_read_or_refused(body: dict[str, Any]) -> None:
    with suppress(UpstreamError):
        encode_response(decode_response(body), HEAD, Losses())
