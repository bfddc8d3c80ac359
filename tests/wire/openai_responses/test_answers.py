"""Whole answers: read from an upstream, written for a caller, and the errors in their place."""

import json
from typing import Any

import pytest
from openai.types.responses import Response as SdkResponse

from antiphon.core.body import Body
from antiphon.core.content import Audio, Citation, Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.error import (
    BadRequest,
    OverLimit,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamRefused,
)
from antiphon.core.request import Head, Request
from antiphon.core.response import Choice, Delta, Event, Response
from antiphon.core.usage import Usage
from antiphon.wire.codec import Asked
from antiphon.wire.losses import Losses
from antiphon.wire.openai_responses.codec import OpenAIResponses

CODEC = OpenAIResponses()
HEAD = Head(dialect="openai_responses", endpoint="/v1/responses", model="m", output_tokens=50, user="u")
ITEMS = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"},
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {
                "type": "output_text",
                "text": "Hi",
                "annotations": [
                    {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 2}
                ],
                "logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}],
            }
        ],
    },
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"},
]
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 6,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 16,
}
BODY = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "gpt-x",
    "output": ITEMS,
    "usage": USAGE,
    "tools": [],
}


def read(**changes: Any) -> Response:
    return CODEC.decode_answer(json.dumps({**BODY, **changes}).encode())[0]


def answer(*parts: Part, **fields: Any) -> Response:
    message = Message(role="assistant", parts=parts)
    choice = Choice(index=0, message=message, finish_reason=fields.pop("reason", "stop"))
    return Response(dialect="gemini", id="abc", model="g", created_s=9, choices=(choice,), **fields)


def written(said: Response) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = json.loads(CODEC.encode_answer(said, HEAD, losses))
    SdkResponse.model_validate(body, strict=True)
    return body, [loss.field for loss in losses.told()]


def test_an_answer_is_read() -> None:
    said = read()
    thoughts, text, search, call = said.choices[0].message.parts

    assert isinstance(thoughts, Reasoning)
    assert (thoughts.id, thoughts.signature, thoughts.redacted) == ("rs_1", "enc", True)
    assert isinstance(text, Text)
    assert (text.text, text.citations[0].url) == ("Hi", "https://a")
    assert search == Unknown(kind="web_search_call", raw=ITEMS[2])
    assert isinstance(call, ToolCall)
    assert (call.id, call.name, call.arguments) == ("c1", "f", "{}")
    assert said.choices[0].logprobs == {"content": ITEMS[1]["content"][0]["logprobs"]}  # type: ignore[index]
    assert (said.id, said.model, said.created_s) == ("resp_1", "gpt-x", 7)
    assert said.usage == Usage(input_tokens=10, output_tokens=6, cached_tokens=4, reasoning_tokens=5)
    assert said.choices[0].finish_reason == "tool_calls"


def test_an_answer_that_was_read_is_written_as_it_came() -> None:
    body, losses = written(read())

    assert {name: body[name] for name in BODY} == BODY
    assert losses == []


@pytest.mark.parametrize(
    ("changes", "reason", "raw"),
    [
        ({"output": ITEMS[:2]}, "stop", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "other", "steered"),
        ({"status": "cancelled"}, "other", "cancelled"),
    ],
)
def test_why_an_answer_ended(changes: dict[str, Any], reason: str, raw: str | None) -> None:
    said = read(**changes)
    body, _ = written(said)

    assert (said.choices[0].finish_reason, said.choices[0].finish_raw) == (reason, raw)
    assert {name: body[name] for name in changes} == changes


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"nope", UpstreamMalformed),
        (b"[]", UpstreamMalformed),
        (b"{}", UpstreamMalformed),
        (b'{"output":3}', UpstreamMalformed),
        (b'{"error":{"message":"m"}}', UpstreamError),
        (b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"},"output":[]}', UpstreamLimited),
        (b'{"status":"failed","error":{"code":"invalid_prompt","message":"m"},"output":[]}', UpstreamRefused),
        (b'{"status":"failed"}', UpstreamError),
    ],
)
def test_what_is_no_answer_is_an_error_both_ways(body: bytes, kind: type[UpstreamError]) -> None:
    for reader in (CODEC.facts, CODEC.decode_answer):
        with pytest.raises(UpstreamError) as raised:
            reader(body)
        assert type(raised.value) is kind


def test_facts_are_read_without_the_rest() -> None:
    facts = CODEC.facts(json.dumps(BODY).encode())

    assert (facts.model, facts.usage) == ("gpt-x", Usage(**{**_counts(), "cached_tokens": 4, "reasoning_tokens": 5}))


def _counts() -> dict[str, int]:
    return {"input_tokens": 10, "output_tokens": 6}


def test_a_foreign_answer_is_what_the_sdk_reads() -> None:
    body, losses = written(
        answer(
            Reasoning(text="hm", signature="s1", signed_by="anthropic_messages"),
            Reasoning(text="", signature="s2", signed_by="anthropic_messages", redacted=True),
            Text(text="Hi", citations=(Citation(kind="url", url="https://a"),)),
            Refusal(text="no"),
            ToolCall(id="t1", name="f", arguments="{}", signature="s3", signed_by="gemini"),
            ToolCall(id="t2", name="sh", arguments="ls", kind="custom"),
            reason="tool_calls",
            usage=Usage(input_tokens=3, output_tokens=2),
        )
    )
    base = body["id"].removeprefix("resp_")

    assert losses == []
    assert [(item["type"], item["id"]) for item in body["output"]] == [
        ("reasoning", f"rs_{base}00"),
        ("reasoning", f"rs_{base}01"),
        ("message", f"msg_{base}02"),
        ("reasoning", f"rs_{base}03"),
        ("function_call", f"fc_{base}04"),
        ("custom_tool_call", f"ctc_{base}05"),
    ]
    assert (body["max_output_tokens"], body["user"], body["usage"]["total_tokens"]) == (50, "u", 5)


def test_foreign_proofs_come_back_from_the_caller_where_they_were() -> None:
    parts = (
        Reasoning(text="hm\n\nm", signature="s1", signed_by="anthropic_messages"),
        Reasoning(text="", signature="s2", signed_by="anthropic_messages", redacted=True),
        Text(text="Hi", signature="s3", signed_by="gemini"),
        ToolCall(id="t1", name="f", arguments="{}", signature="s4", signed_by="gemini"),
    )
    items = written(answer(*parts))[0]["output"]
    text = json.dumps({"model": "m", "input": items}).encode()
    body = Body((text,))
    head, spots = CODEC.read(body, Asked(endpoint="/v1/responses"))
    (message,) = CODEC.decode(Request(head=head, body=body, spots=spots, digest="")).messages

    back = [(type(p), p.signature, p.signed_by) for p in message.parts if not isinstance(p, Unknown | Refusal)]  # type: ignore[union-attr]
    assert back == [(type(p), p.signature, p.signed_by) for p in parts]
    assert isinstance(message.parts[0], Reasoning)
    assert (message.parts[0].text, message.parts[0].summary) == ("hm\n\nm", False)
    assert isinstance(message.parts[1], Reasoning)
    assert message.parts[1].redacted


def test_only_the_first_of_several_answers_is_told() -> None:
    choices = tuple([Choice(index=at, message=Message(role="assistant", parts=(Text(text=str(at)),))) for at in (0, 1)])
    body, losses = written(Response(dialect="openai_chat", id="x", model="m", created_s=1, choices=choices))

    assert [item["content"][0]["text"] for item in body["output"]] == ["0"]
    assert losses == ["answer.choices"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_last_resort_is_an_answer_without_a_model(stream: bool) -> None:
    body = CODEC.last_resort("Sorry", "rcpt_1", 5, stream=stream)
    last = body if not stream else body.split(b"data: ")[-1]
    said = json.loads(last)
    response = SdkResponse.model_validate(said["response"] if stream else said, strict=True)

    assert (response.output_text, response.model, response.usage) == ("Sorry", "antiphon/last-resort", None)


def test_errors_have_openais_shape_and_an_event_of_their_own() -> None:
    error = OverLimit("slow down")

    assert json.loads(CODEC.error(error))["error"]["code"] == "rate_limit_exceeded"
    assert CODEC.error_event(error) == (
        b'event: error\ndata: {"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null,'
        b'"sequence_number":2147483647}\n\n'
    )


def test_what_the_upstream_says_of_a_refused_request_is_passed_on() -> None:
    error = BadRequest("x")
    CODEC.pass_on(error, b'{"error":{"message":"bad","param":"input","code":"invalid_value"}}')

    assert (error.message, error.param, error.shown_code) == ("bad", "input", "invalid_value")


def test_a_reason_that_has_no_word_is_a_loss() -> None:
    body, losses = written(answer(Text(text="a"), reason="other"))

    assert (body["status"], losses) == ("completed", ["answer.finish_reason"])


def test_another_dialects_texts_are_one_as_in_a_stream() -> None:
    cited = Citation(kind="url", url="https://a", title="A", start=1, end=2)
    unplaced = Citation(kind="url", url="https://b", title="B")
    odd = Unknown(kind="executableCode", raw={})
    said = answer(
        Text(text="abc"),
        odd,
        Text(text="def", citations=(cited, unplaced)),
        Audio(data="AA", transcript="g"),
        Refusal(text="no"),
        Text(text="h"),
    )
    body, losses = written(said)
    (item,) = body["output"]

    assert [part.get("text") or part["refusal"] for part in item["content"]] == ["abcdefg", "no", "h"]
    places = [(one["start_index"], one["end_index"]) for one in item["content"][0]["annotations"]]
    assert places == [(4, 5), (3, 6)]
    assert losses == ["answer.executableCode", "answer.audio"]
    assert [kind["type"] for kind in _streamed(said)] == ["output_text", "refusal", "output_text"]


def _streamed(said: Response) -> list[dict[str, Any]]:
    """The content of the one message that a stream of the same parts is."""
    parts = said.choices[0].message.parts
    deltas = [
        Delta(
            text=part.text if isinstance(part, Text) else None,
            refusal=part.text if isinstance(part, Refusal) else None,
            audio=part if isinstance(part, Audio) else None,
            unknown=(part,) if isinstance(part, Unknown) else (),
        )
        for part in parts
    ]
    encoder = CODEC.encoder(HEAD, Losses())
    out = [encoder.event(Event(dialect="gemini", id="abc", model="g", created_s=9, deltas=(one,))) for one in deltas]
    last = (b"".join(out) + encoder.end()).split(b"data: ")[-1]
    (item,) = json.loads(last)["response"]["output"]
    texts = [part.get("text") or part["refusal"] for part in item["content"]]
    assert texts == ["abcdefg", "no", "h"]
    return item["content"]
