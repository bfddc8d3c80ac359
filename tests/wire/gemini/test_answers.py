"""Whole answers both ways, errors, and the operator's own text."""

from typing import Any

import msgspec
import pytest

from antiphon.core.body import Body
from antiphon.core.content import Audio, Citation, Image, Message, Reasoning, Text, ToolCall, Unknown
from antiphon.core.error import (
    BadRequest,
    NotFound,
    OverLimit,
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamMalformed,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.core.request import Head
from antiphon.core.response import Choice, Response
from antiphon.core.usage import Usage
from antiphon.wire.codec import Asked
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.gemini.proof import seal, unseal
from antiphon.wire.gemini.usage import MAX_TOKENS, encode_usage, usage_of
from antiphon.wire.losses import Losses

GEMINI = Gemini()
HEAD: Head = GEMINI.read(Body((b'{"contents":[]}',)), Asked(endpoint="/x", model="m"))[0]

PLAIN = (
    b'{"candidates":[{"content":{"parts":[{"text":"Hm.","thought":true},{"text":"Hello","thoughtSignature":"c2ln"}],'
    b'"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":3,'
    b'"totalTokenCount":17,"cachedContentTokenCount":6,"thoughtsTokenCount":4},"modelVersion":"gemini-3-pro",'
    b'"responseId":"r1"}'
)
READ = Response(
    dialect="gemini",
    id="r1",
    model="gemini-3-pro",
    created_s=0,
    choices=(
        Choice(
            index=0,
            message=Message(
                role="assistant",
                parts=(
                    Reasoning(text="Hm.", summary=True),
                    Text(text="Hello", signature="c2ln", signed_by="gemini"),
                ),
            ),
            finish_reason="stop",
        ),
    ),
    usage=Usage(input_tokens=10, output_tokens=7, cached_tokens=6, reasoning_tokens=4),
)


def read(body: dict[str, Any]) -> Response:
    return GEMINI.decode_answer(msgspec.json.encode(body))[0]


def written(answer: Response) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = GEMINI.encode_answer(answer, HEAD, losses)
    return msgspec.json.decode(body), [loss.field for loss in losses.told()]


def candidate(**more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": "Hello"}], "role": "model"}, "index": 0, **more}]}


def choice(*parts: Any, **more: Any) -> Response:
    message = Message(role="assistant", parts=parts)
    answer = Choice(index=0, message=message, **{"finish_reason": "stop", **more})
    return Response(dialect="openai_chat", id="c", model="gpt", created_s=0, choices=(answer,))


def test_an_answer_has_these_bytes_both_ways() -> None:
    answer, facts = GEMINI.decode_answer(PLAIN)

    assert answer == READ
    assert (facts.model, facts.usage, facts.usage_note) == ("gemini-3-pro", READ.usage, "")
    assert GEMINI.encode_answer(answer, HEAD, Losses()) == PLAIN
    assert GEMINI.facts(PLAIN) == facts


REASONS = [
    ("STOP", "stop", None),
    ("MAX_TOKENS", "length", None),
    ("SAFETY", "content_filter", None),
    ("RECITATION", "content_filter", "RECITATION"),
    ("BLOCKLIST", "content_filter", "BLOCKLIST"),
    ("PROHIBITED_CONTENT", "content_filter", "PROHIBITED_CONTENT"),
    ("SPII", "content_filter", "SPII"),
    ("IMAGE_SAFETY", "content_filter", "IMAGE_SAFETY"),
    ("LANGUAGE", "other", "LANGUAGE"),
    ("MALFORMED_FUNCTION_CALL", "other", "MALFORMED_FUNCTION_CALL"),
    ("UNEXPECTED_TOOL_CALL", "other", "UNEXPECTED_TOOL_CALL"),
    ("OTHER", "other", None),
    ("NEW_WORD", "other", "NEW_WORD"),
]


@pytest.mark.parametrize(("word", "reason", "raw"), REASONS)
def test_reasons_have_their_words(word: str, reason: str, raw: str | None) -> None:
    answer = read(candidate(finishReason=word))

    assert (answer.choices[0].finish_reason, answer.choices[0].finish_raw) == (reason, raw)
    assert written(answer) == (candidate(finishReason=word), [])


def test_an_answer_that_calls_a_function_ends_for_the_call() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}
    body = {"candidates": [{"content": {"parts": [call], "role": "model"}, "finishReason": "STOP", "index": 0}]}
    answer = read({**body, "responseId": "r1"})
    other = read({**body, "responseId": "r2"})
    (part,) = answer.choices[0].message.parts

    assert isinstance(part, ToolCall)
    assert (part.name, part.arguments, part.signature, part.signed_by) == ("f", '{"a":1}', "c2ln", "gemini")
    assert part.id.startswith("call_g_")
    assert part.id != getattr(other.choices[0].message.parts[0], "id", "")
    assert answer.choices[0].finish_reason == "tool_calls"
    assert written(answer) == ({**body, "responseId": "r1"}, [])


def test_a_refused_prompt_is_an_answer_without_content() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}}
    answer = read(body)

    assert answer.choices == (
        Choice(index=0, message=Message(role="assistant", form="none"), finish_reason="content_filter"),
    )
    assert answer.usage == Usage(input_tokens=4)
    assert written(answer) == (body, [])
    assert GEMINI.facts(msgspec.json.encode(body)).usage == answer.usage


@pytest.mark.parametrize(
    "body", [b"{}", b'{"candidates":[]}', b'{"usageMetadata":{}}', b"[]", b"x", b'{"candidates":1}']
)
def test_an_answer_of_nothing_is_malformed(body: bytes) -> None:
    for way in (GEMINI.facts, GEMINI.decode_answer):
        with pytest.raises(UpstreamMalformed):
            way(body)


def test_sources_are_citations_in_characters_and_back_in_bytes() -> None:
    metadata = {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 3, "endIndex": 8, "text": "fünf"}, "groundingChunkIndices": [0]}
        ],
    }
    body = {
        "candidates": [
            {
                "content": {"parts": [{"text": "é fünf."}], "role": "model"},
                "index": 0,
                "groundingMetadata": metadata,
            }
        ]
    }
    answer = read(body)

    assert answer.choices[0].message.parts == (
        Text(
            text="é fünf.",
            citations=(Citation(kind="url", url="https://a.example", title="A", start=2, end=6),),
        ),
    )
    assert answer.choices[0].extra == {}
    assert written(answer) == (body, [])


def test_searches_are_counted_and_the_rest_of_the_metadata_stays() -> None:
    metadata = {"webSearchQueries": ["a", "b"], "searchEntryPoint": {"renderedContent": "<p>"}}
    body = {
        **candidate(groundingMetadata=metadata, citationMetadata={"citations": [{"uri": "https://b", "endIndex": 5}]}),
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    }
    answer = read(body)

    assert answer.usage == Usage(input_tokens=1, output_tokens=1, searches=2)
    assert answer.choices[0].extra["groundingMetadata"] == metadata
    assert answer.choices[0].message.parts == (
        Text(text="Hello", citations=(Citation(kind="url", url="https://b", start=0, end=5),)),
    )
    assert written(answer) == (body, [])
    assert GEMINI.facts(msgspec.json.encode(body)).usage == answer.usage


def test_chances_have_their_canonical_form_and_go_back() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}]}],
    }
    answer = read(candidate(logprobsResult=result, avgLogprobs=-0.5))
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169], "token_id": 7}

    assert answer.choices[0].logprobs == {"content": [{**token, "top_logprobs": [token]}]}
    assert answer.choices[0].extra == {"avgLogprobs": -0.5}
    assert written(answer) == (candidate(logprobsResult=result, avgLogprobs=-0.5), [])


def test_media_and_own_parts_of_an_answer_have_their_words() -> None:
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
        {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": "QQ=="}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ]
    body = {"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}]}
    answer = read(body)

    assert answer.choices[0].message.parts == (
        Image(url="data:image/png;base64,QQ=="),
        Audio(data="QQ==", format="pcm16"),
        Unknown(kind="executableCode", raw=parts[2]),
    )
    assert written(answer) == (body, [])


def test_another_dialects_answer_is_written_with_its_losses() -> None:
    answer = msgspec.structs.replace(
        choice(
            Reasoning(text="hm", signature="c2ln", signed_by="anthropic_messages"),
            Text(text="Hi", citations=(Citation(kind="url", url="https://a", title="A", start=0, end=2),)),
            ToolCall(id="call_1", name="f", arguments='{"a":1}'),
            finish_reason="tool_calls",
        ),
        created_s=1_790_000_000,
        fingerprint="fp",
        usage=Usage(input_tokens=10, output_tokens=7, cached_tokens=6, cache_write_tokens=1, reasoning_tokens=4),
        extra={"service_tier": "default"},
    )
    body, losses = written(answer)

    assert body == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm", "thought": True, "thoughtSignature": seal("c2ln", "anthropic_messages")},
                        {"text": "Hi"},
                        {
                            "functionCall": {"id": "call_1", "name": "f", "args": {"a": 1}},
                            "thoughtSignature": "skip_thought_signature_validator",
                        },
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
                    "groundingSupports": [
                        {"segment": {"partIndex": 1, "endIndex": 2, "text": "Hi"}, "groundingChunkIndices": [0]}
                    ],
                },
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 3,
            "totalTokenCount": 17,
            "cachedContentTokenCount": 6,
            "thoughtsTokenCount": 4,
        },
        "createTime": "2026-09-21T14:13:20Z",
        "modelVersion": "gpt",
        "responseId": "c",
    }
    assert losses == ["answer.usage.cache_write_tokens", "answer.system_fingerprint", "answer.service_tier"]


@pytest.mark.parametrize(
    ("signature", "by", "redacted"),
    [("c2ln", "gemini", False), ("c2ln", "anthropic_messages", False), ("c2ln", "anthropic_messages", True)],
)
def test_a_sealed_proof_comes_back_as_it_was_and_is_base64(signature: str, by: str, redacted: bool) -> None:
    sealed = seal(signature, by, redacted=redacted)
    url_safe = sealed.replace("+", "-").replace("/", "_")

    assert unseal(sealed) == unseal(url_safe) == (signature, by, redacted)


USAGES: list[tuple[Any, Usage | None, str]] = [
    (
        {
            "promptTokenCount": 10,
            "toolUsePromptTokenCount": 5,
            "candidatesTokenCount": 4,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3}, {"modality": "IMAGE", "tokenCount": 2}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 4}],
        },
        Usage(
            input_tokens=15,
            output_tokens=4,
            input_audio_tokens=3,
            input_image_tokens=2,
            output_image_tokens=4,
        ),
        "",
    ),
    ({"trafficType": "ON_DEMAND"}, None, ""),
    ({"totalTokenCount": 3}, None, "usage has no promptTokenCount"),
    ({"promptTokenCount": -1}, None, "usage.promptTokenCount is -1, which is no count of tokens"),
    ({"promptTokenCount": 1.5}, None, "usage.promptTokenCount is 1.5, which is no count of tokens"),
    ({"promptTokenCount": True}, None, "usage.promptTokenCount is True, which is no count of tokens"),
    ({"promptTokenCount": MAX_TOKENS + 1}, None, "usage.promptTokenCount is 1000000001, which is no count of tokens"),
    (
        {"promptTokenCount": 1, "cachedContentTokenCount": 2},
        None,
        "usage says 2 cached tokens of 1 promptTokenCount",
    ),
    (
        {"promptTokenCount": 1, "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 2}]},
        None,
        "usage says 2 audio tokens of 1 promptTokenCount",
    ),
    ({"promptTokenCount": 1, "promptTokensDetails": 3}, None, "usage.promptTokensDetails is not a list"),
    (7, None, "usageMetadata is not an object"),
]


@pytest.mark.parametrize(("raw", "usage", "note"), USAGES)
def test_usage_is_read_or_why_it_is_not_believed(raw: Any, usage: Usage | None, note: str) -> None:
    assert usage_of(raw) == (usage, note)


def test_a_written_usage_is_read_as_it_was() -> None:
    usage = Usage(
        input_tokens=20,
        output_tokens=12,
        cached_tokens=5,
        reasoning_tokens=3,
        input_audio_tokens=4,
        input_image_tokens=2,
        output_audio_tokens=6,
        output_image_tokens=1,
    )

    assert usage_of(encode_usage(usage)) == (usage, "")


FAILURES: list[tuple[dict[str, Any], type[UpstreamError], float | None]] = [
    ({"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "3.5s"}]}, UpstreamLimited, 3.5),
    ({"code": 503, "status": "UNAVAILABLE"}, UpstreamOverloaded, None),
    ({"code": 504}, UpstreamTimeout, None),
    ({"status": "INVALID_ARGUMENT"}, UpstreamRefused, None),
    ({"code": 403, "status": "PERMISSION_DENIED"}, UpstreamAuth, None),
    ({"code": 500, "status": "INTERNAL"}, UpstreamError, None),
    ({"code": [], "status": {}}, UpstreamError, None),
]


@pytest.mark.parametrize(("error", "kind", "retry_after_s"), FAILURES)
def test_an_error_in_a_good_answer_is_a_failure_of_its_kind(
    error: dict[str, Any], kind: type[UpstreamError], retry_after_s: float | None
) -> None:
    body = msgspec.json.encode({"error": {**error, "message": "a secret prompt"}})
    for way in (GEMINI.facts, GEMINI.decode_answer):
        with pytest.raises(UpstreamError) as caught:
            way(body)

        assert type(caught.value) is kind
        assert caught.value.retry_after_s == retry_after_s
        assert "secret" in caught.value.message
        assert "secret" not in caught.value.noted


def test_errors_are_googles() -> None:
    error = BadRequest("`contents` is missing", param="contents")

    assert GEMINI.error(error) == (
        b'{"error":{"code":400,"message":"`contents` is missing","status":"INVALID_ARGUMENT","details":['
        b'{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"INVALID_REQUEST","domain":"antiphon"},'
        b'{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents",'
        b'"description":"`contents` is missing"}]}]}}'
    )
    assert GEMINI.error_event(error) == b"data: " + GEMINI.error(error) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OverLimit("x", retry_after_s=2), "RESOURCE_EXHAUSTED"),
        (NotFound("x"), "NOT_FOUND"),
        (UpstreamTimeout("x"), "DEADLINE_EXCEEDED"),
        (BadRequest("x", status=418), "INVALID_ARGUMENT"),
        (UpstreamError("x", status=599), "INTERNAL"),
    ],
)
def test_an_errors_status_is_by_its_code(error: Any, status: str) -> None:
    said = msgspec.json.decode(GEMINI.error(error))["error"]

    assert (said["code"], said["status"]) == (error.said_status, status)
    assert any("retryDelay" in detail for detail in said["details"]) == (error.retry_after_s is not None)


@pytest.mark.parametrize("listed", [False, True])
def test_what_an_upstream_says_of_a_refused_request_is_passed_on(listed: bool) -> None:
    said = {
        "code": 400,
        "message": "Bad role",
        "status": "INVALID_ARGUMENT",
        "details": [{"fieldViolations": [{"field": "contents[0].role"}]}],
    }
    error = UpstreamRefused("refused")
    GEMINI.pass_on(error, msgspec.json.encode([{"error": said}] if listed else {"error": said}))

    assert (error.message, error.param, error.shown_code) == ("Bad role", "contents[0].role", "INVALID_ARGUMENT")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"x"}', b'{"error":{"message":5}}'])
def test_what_is_no_error_is_not_passed_on(body: bytes) -> None:
    error = UpstreamRefused("refused")
    GEMINI.pass_on(error, body)

    assert (error.message, error.shown_code) == ("refused", "upstream_refused")


def test_the_operators_text_is_told_apart() -> None:
    whole = GEMINI.last_resort("Sorry.", "r1", 5, stream=False)

    assert whole == (
        b'{"candidates":[{"content":{"role":"model","parts":[{"text":"Sorry."}]},"finishReason":"STOP","index":0}],'
        b'"modelVersion":"antiphon/last-resort","responseId":"r1"}'
    )
    assert GEMINI.last_resort("Sorry.", "r1", 5, stream=True) == b"data: " + whole + b"\r\n\r\n"
