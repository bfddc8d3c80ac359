"""Streams, written for callers and read from upstreams; what is written, the SDK's own accumulator reads."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response as SdkResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from antiphon.core.content import Citation, Unknown
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamLimited, UpstreamMalformed
from antiphon.core.request import Head
from antiphon.core.response import Delta, Event, FinishReason, ToolCallDelta
from antiphon.core.usage import Usage
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.kept import keep
from antiphon.wire.openai_responses.proofs import read_proof
from antiphon.wire.openai_responses.reading import EventReader
from antiphon.wire.openai_responses.stream import EventWriter

HEAD = Head(dialect="openai_responses", endpoint="/v1/responses", model="m", stream=True)
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def event(*deltas: Delta, dialect: Any = "anthropic_messages", **fields: Any) -> Event:
    return Event(dialect=dialect, id="msg_1", model="claude", created_s=7, deltas=deltas, **fields)


def named(item: str) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    keep(extra, "id", item)
    return extra


def written(events: Iterable[Event]) -> tuple[bytes, Losses]:
    losses = Losses()
    writer = EventWriter(HEAD, losses)
    return b"".join([writer.event(one) for one in events]) + writer.end(), losses


def objects(stream: bytes) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for number, text in enumerate(stream.decode().split("\n\n")[:-1]):
        first, data = text.split("\n")
        said = json.loads(data.removeprefix("data: "))
        assert first == f"event: {said['type']}"
        assert said["sequence_number"] == number
        out.append(said)
    return out


def sdk(stream: bytes) -> Any:
    """What the SDK makes of a stream, each event checked against its type."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for said in objects(stream):
        state.handle_event(EVENTS.validate_python(said))
    return state._completed_response


def read(stream: bytes, cuts: Sequence[int] = ()) -> tuple[list[Event], EventReader]:
    reader = EventReader()
    out: list[Event] = []
    at = 0
    for cut in (*sorted(cuts), len(stream)):
        out.extend(reader.feed(stream[at:cut]))
        at = max(at, cut)
    out.extend(reader.end())
    return out, reader


STORY = (
    event(Delta(role="assistant")),
    event(Delta(reasoning="Let me ")),
    event(Delta(reasoning="think.")),
    event(Delta(signature="c2ln", signed_by="anthropic_messages")),
    event(Delta(text="Hel")),
    event(Delta(text="lo")),
    event(Delta(citations=(Citation(kind="url", url="https://a", title="A", start=0, end=5),))),
    event(Delta(tool_calls=(ToolCallDelta(index=0, id="toolu_1", name="f"),))),
    event(Delta(tool_calls=(ToolCallDelta(index=0, arguments='{"a":'),))),
    event(Delta(tool_calls=(ToolCallDelta(index=1, id="toolu_2", name="g"),))),
    event(Delta(tool_calls=(ToolCallDelta(index=0, arguments="1}"),))),
    event(Delta(tool_calls=(ToolCallDelta(index=1, arguments="{}"),))),
    event(Delta(finish_reason="tool_calls"), usage=Usage(input_tokens=9, output_tokens=4, cached_tokens=2)),
)
KINDS = [
    *("created", "in_progress", "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
    *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done"),
    *("output_item.done", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
    *("output_text.annotation.added", "output_text.done", "content_part.done", "output_item.done"),
    *("output_item.added", "function_call_arguments.delta", "output_item.added", "function_call_arguments.delta"),
    *("function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
    *("function_call_arguments.done", "output_item.done", "completed"),
]


def test_the_events_come_in_the_order_that_clients_know() -> None:
    stream, losses = written(STORY)

    assert [said["type"].removeprefix("response.") for said in objects(stream)] == KINDS
    assert losses.told() == ()


def test_the_sdk_makes_one_response_of_it() -> None:
    response = sdk(written(STORY)[0])

    assert response.id.startswith("resp_")
    assert response.status == "completed"
    assert response.output_text == "Hello"
    thoughts, message, first, second = response.output
    assert [part.text for part in thoughts.summary] == ["Let me think."]
    assert read_proof(thoughts.encrypted_content) == ("c2ln", "anthropic_messages", "thoughts")
    assert message.content[0].annotations[0].url == "https://a"
    assert (first.call_id, first.name, first.arguments) == ("toolu_1", "f", '{"a":1}')
    assert (second.call_id, second.name, second.arguments) == ("toolu_2", "g", "{}")
    assert (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens) == (9, 2)


def test_the_bytes_of_a_short_answer() -> None:
    stream, _ = written([event(Delta(text="Hi")), event(Delta(text="!", finish_reason="stop"))])
    lines = stream.split(b"\n\n")
    base = objects(stream)[0]["response"]["id"].removeprefix("resp_").encode()

    assert lines[4] == (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_%b00",'
        b'"output_index":0,"content_index":0,"logprobs":[],"delta":"Hi","sequence_number":4}' % base
    )
    assert lines[6] == (
        b'event: response.output_text.done\ndata: {"type":"response.output_text.done","item_id":"msg_%b00",'
        b'"output_index":0,"content_index":0,"text":"Hi!","logprobs":[],"sequence_number":6}' % base
    )


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("other", "completed", None),
        (None, "completed", None),
    ],
)
def test_why_an_answer_ended_is_its_status(reason: FinishReason | None, status: str, why: str | None) -> None:
    last = objects(written([event(Delta(text="x")), event(Delta(finish_reason=reason, finish_raw="odd"))])[0])[-1]

    assert last["type"] == f"response.{status}"
    assert last["response"]["status"] == status
    assert last["response"]["incomplete_details"] == (why and {"reason": why})
    SdkResponse.model_validate(last["response"])


def test_an_empty_stream_is_an_empty_response() -> None:
    assert sdk(written([])[0]).output == []


@pytest.mark.parametrize(
    ("deltas", "proofs"),
    [
        ([Delta(signature="R", signed_by="anthropic_messages", redacted=True)], ["anthropic_messages:redacted:R"]),
        ([Delta(text="x"), Delta(signature="T", signed_by="gemini")], ["gemini:text:T"]),
        (
            [Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="f", signature="C", signed_by="gemini"),))],
            ["gemini:call:C"],
        ),
        (
            [
                Delta(reasoning="a"),
                Delta(signature="1", signed_by="anthropic_messages"),
                Delta(reasoning="b"),
                Delta(signature="2", signed_by="anthropic_messages"),
            ],
            ["anthropic_messages:1", "anthropic_messages:2"],
        ),
    ],
)
def test_foreign_proofs_stand_sealed_in_reasoning_items(deltas: list[Delta], proofs: list[str]) -> None:
    response = sdk(written([event(delta) for delta in deltas])[0])

    assert [item.encrypted_content for item in response.output if item.type == "reasoning"] == proofs


@pytest.mark.parametrize(
    ("delta", "field"),
    [
        (Delta(index=1, text="second"), "answer.choices"),
        (Delta(unknown=(Unknown(kind="server_tool_use", raw={"type": "server_tool_use"}),)), "answer.server_tool_use"),
        (Delta(stop_sequence="END"), "answer.stop_sequence"),
        (Delta(text="x", citations=(Citation(kind="document", quoted="q"),)), "answer.citations"),
    ],
)
def test_what_has_no_place_is_told(delta: Delta, field: str) -> None:
    assert [loss.field for loss in written([event(delta)])[1].told()] == [field]


def test_a_refusal_and_logprobs_and_a_free_text_call_have_their_events() -> None:
    logprob = {"token": "x", "logprob": -1.0, "bytes": [120], "top_logprobs": []}
    stream, _ = written(
        [
            event(Delta(text="x", logprobs={"content": [logprob]})),
            event(Delta(refusal="No")),
            event(Delta(tool_calls=(ToolCallDelta(index=0, id="c", name="sh", arguments="ls", custom=True),))),
        ]
    )
    response = sdk(stream)

    assert response.output[0].content[0].logprobs[0].token == "x"
    assert response.output[0].content[1].refusal == "No"
    assert (response.output[1].type, response.output[1].input) == ("custom_tool_call", "ls")


def test_what_was_written_is_read_the_same() -> None:
    stream, _ = written(STORY)
    events, reader = read(stream)

    said = [delta for one in events for delta in one.deltas]
    assert reader.done
    assert "".join([delta.reasoning or "" for delta in said]) == "Let me think."
    assert "".join([delta.text or "" for delta in said]) == "Hello"
    assert [delta.citations[0].url for delta in said if delta.citations] == ["https://a"]
    calls = [call for delta in said for call in delta.tool_calls]
    assert [call.name for call in calls if call.name] == ["f", "g"]
    assert "".join([call.arguments or "" for call in calls if call.index == 0]) == '{"a":1}'
    assert events[-1].usage == Usage(input_tokens=9, output_tokens=4, cached_tokens=2)
    assert events[-1].deltas[0].finish_reason == "tool_calls"


@given(st.lists(st.integers(0, 6000), max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_cuts_make_no_difference(cuts: list[int]) -> None:
    stream, _ = written(STORY)

    assert read(stream, cuts)[0] == read(stream)[0]


def test_reading_and_writing_keeps_items_ids_and_kinds() -> None:
    hosted = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "q"},
    }
    own = [
        event(Delta(reasoning="s", delta_extra=named("rs_9")), dialect="openai_responses"),
        event(Delta(signature="enc", signed_by="openai_responses"), dialect="openai_responses"),
        event(Delta(unknown=(Unknown(kind="web_search_call", raw=hosted),)), dialect="openai_responses"),
        event(Delta(text="a", delta_extra=named("msg_7")), dialect="openai_responses"),
        event(Delta(text="b", delta_extra=named("msg_8")), dialect="openai_responses"),
        event(Delta(reasoning="t", reasoning_label="reasoning_text"), dialect="openai_responses"),
        event(Delta(finish_reason="other", finish_raw="max_messages"), dialect="openai_responses"),
    ]
    stream, _ = written(own)
    again, _ = written(read(stream)[0])
    items = objects(stream)[-1]["response"]["output"]

    assert again == stream
    assert [item["id"] for item in items[:4]] == ["rs_9", "ws_1", "msg_7", "msg_8"]
    assert items[0]["encrypted_content"] == "enc"
    assert items[4]["content"] == [{"type": "reasoning_text", "text": "t"}]
    assert objects(stream)[-1]["response"]["incomplete_details"] == {"reason": "max_messages"}


def line(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def test_items_that_come_whole_are_said_once() -> None:
    message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"}
    thoughts = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]}
    stream = b"".join(
        [
            line("response.output_item.done", output_index=at, item=item)
            for at, item in enumerate([thoughts, message, call])
        ]
    )
    events, _ = read(stream + line("response.completed", response={"id": "r", "status": "completed"}))

    said = [delta for one in events for delta in one.deltas]
    assert (said[0].reasoning, said[1].text) == ("s", "Hi")
    assert (said[2].tool_calls[0].name, said[2].tool_calls[0].arguments) == ("f", "{}")


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (line("response.failed", response={"error": {"code": "rate_limit_exceeded", "message": "m"}}), UpstreamLimited),
        (line("response.failed", response={"error": {"code": "server_error", "message": "m"}}), UpstreamError),
        (line("error", code="rate_limit_exceeded", message="m", param=None), UpstreamLimited),
        (b'data: {"error":{"type":"server_error","message":"m"}}\n\n', UpstreamError),
    ],
)
def test_a_failure_amid_a_stream_is_known(last: bytes, kind: type[UpstreamError]) -> None:
    reader = EventReader()
    assert reader.feed(last) == []

    assert type(reader.failure) is kind
    assert reader.failure.message == "the upstream answered an error: m"


def test_a_stream_that_ends_early_is_broken() -> None:
    reader = EventReader()
    reader.feed(line("response.created", response={"id": "r"}))

    with pytest.raises(UpstreamBroken):
        reader.end()


def test_an_event_that_is_no_json_is_malformed() -> None:
    with pytest.raises(UpstreamMalformed):
        EventReader().feed(b"data: {\n\n")


KIND_NAMES = st.sampled_from(sorted({f"response.{kind}" for kind in KINDS} | {"error", "response.x", ""}))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
ODD = st.dictionaries(
    st.sampled_from(["delta", "output_index", "item", "response", "annotation", "logprobs", "error", "summary_index"]),
    JSON
    | st.fixed_dictionaries({"type": st.sampled_from(["message", "function_call", "reasoning", "x"]), "content": JSON}),
)


@given(st.lists(st.tuples(KIND_NAMES, ODD), max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_odd_events_are_passed_over(lines: list[tuple[str, dict[str, Any]]]) -> None:
    losses = Losses()
    writer, reader = EventWriter(HEAD, losses), EventReader()
    try:
        for kind, fields in lines:
            for one in reader.feed(b"data: %b\n\n" % json.dumps({"type": kind, **fields}).encode()):
                writer.event(one)
        writer.end()
        reader.end()
    except UpstreamError:
        pass


def test_a_call_goes_on_behind_a_text_unless_it_is_whole() -> None:
    def called(index: int, arguments: str, name: str | None = None) -> Event:
        call = ToolCallDelta(index=index, id=name and f"call_{index}", name=name, arguments=arguments)
        return event(Delta(tool_calls=(call,)), dialect="openai_chat")

    stream, losses = written(
        [
            called(0, '{"a"', "f"),
            called(1, "{}", "g"),
            event(Delta(text="hm"), dialect="openai_chat"),
            called(0, ":1}"),
            called(1, " "),
            event(Delta(finish_reason="tool_calls"), dialect="openai_chat"),
        ]
    )
    kinds = [said["type"] for said in objects(stream)]
    assert kinds.index("response.function_call_arguments.done") < kinds.index("response.output_text.delta")
    output = sdk(stream).output
    assert [(item.type, getattr(item, "arguments", None)) for item in output] == [
        ("function_call", '{"a":1}'),
        ("function_call", "{}"),
        ("message", None),
    ]
    assert losses.told() == ()


@pytest.mark.parametrize(("dialect", "told"), [("gemini", ["answer.finish_reason"]), ("openai_responses", [])])
def test_a_reason_that_has_no_word_is_a_loss(dialect: str, told: list[str]) -> None:
    _, losses = written([event(Delta(text="a"), Delta(finish_reason="other", finish_raw="odd"), dialect=dialect)])

    assert [loss.field for loss in losses.told()] == told
