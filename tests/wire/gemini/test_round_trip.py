"""What comes in this dialect goes out as it was; and nothing that is JSON breaks a reader."""

from base64 import b64encode
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, UpstreamError
from antiphon.core.request import Request, Spots
from antiphon.wire.codec import Asked, Terms
from antiphon.wire.gemini.answers import decode_response
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.gemini.decode import decode
from antiphon.wire.gemini.encode import encode
from antiphon.wire.gemini.reply import encode_response
from antiphon.wire.gemini.schema import json_schema, openapi, same
from antiphon.wire.losses import Losses

GEMINI = Gemini()
TERMS = Terms(model="gemini-3-pro")
ASKED = Asked(endpoint="/v1beta/models/m:generateContent", model="m")
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
B64 = st.binary(max_size=9).map(lambda raw: b64encode(raw).decode())
MIME = st.sampled_from(["image/png", "audio/wav", "audio/mpeg", "audio/L16;rate=24000", "video/mp4", "application/pdf"])
URI = st.sampled_from(
    ["https://a.example/x.png", "gs://bucket/x", "https://generativelanguage.googleapis.com/v1beta/files/a"]
)
PROOF = st.fixed_dictionaries({}, optional={"thoughtSignature": B64})


def obj(needed: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(needed, optional=optional or {})


def both(one: st.SearchStrategy[dict[str, Any]], two: st.SearchStrategy[dict[str, Any]]) -> Any:
    return st.builds(lambda a, b: {**a, **b}, one, two)


CALL = obj({"name": TEXT}, {"id": st.text("abc123_-", min_size=1, max_size=5), "args": OBJECT})
MEDIA = obj({"inlineData": obj({"mimeType": MIME, "data": B64}, {"displayName": TEXT})}) | obj(
    {"fileData": obj({"fileUri": URI}, {"mimeType": MIME, "displayName": TEXT})}
)
PART = both(
    obj({"text": TEXT}, {"thought": st.booleans()})
    | obj({"functionCall": CALL})
    | both(MEDIA, obj({}, {"videoMetadata": OBJECT, "mediaResolution": OBJECT, "thought": st.just(True)}))
    | obj({"executableCode": OBJECT})
    | obj({"codeExecutionResult": OBJECT})
    | obj({"toolCall": OBJECT})
    | OBJECT,
    PROOF,
)
RESULT = obj(
    {
        "functionResponse": obj(
            {"name": TEXT},
            {
                "id": TEXT,
                "response": OBJECT | obj({"result": TEXT}) | obj({"output": TEXT}) | obj({"error": JSON}),
                "parts": st.lists(MEDIA, max_size=2),
                "scheduling": TEXT,
            },
        )
    }
)
CONTENT = obj(
    {"role": st.sampled_from(["user", "model"])}, {"parts": st.lists(PART | RESULT, max_size=4), "xUnknown": JSON}
)
SCHEMA: st.SearchStrategy[Any] = st.deferred(
    lambda: obj(
        {"type": st.sampled_from(["STRING", "OBJECT", "ARRAY", "INTEGER", "NUMBER", "BOOLEAN"])},
        {
            "nullable": st.booleans(),
            "enum": st.lists(TEXT, max_size=2),
            "minItems": st.sampled_from(["1", 2]),
            "properties": st.dictionaries(TEXT, SCHEMA, max_size=2),
            "propertyOrdering": st.lists(TEXT, max_size=2),
            "anyOf": st.lists(SCHEMA, max_size=2),
            "items": SCHEMA,
            "example": JSON,
        },
    )
)
FUNCTION = obj(
    {"name": TEXT},
    {"description": TEXT, "parameters": SCHEMA, "parametersJsonSchema": OBJECT, "behavior": TEXT, "response": SCHEMA},
)
TOOL = obj({"functionDeclarations": st.lists(FUNCTION, max_size=3)}) | obj(
    {},
    {
        "functionDeclarations": st.lists(FUNCTION, min_size=1, max_size=2),
        "googleSearch": OBJECT,
        "googleSearchRetrieval": OBJECT,
        "codeExecution": OBJECT,
        "urlContext": OBJECT,
        "computerUse": OBJECT,
        "fileSearch": OBJECT,
        "googleMaps": OBJECT,
        "mcpServers": st.lists(OBJECT, max_size=1),
    },
)
CONFIG = obj(
    {},
    {
        "temperature": st.floats(0, 2),
        "topP": st.floats(0, 1),
        "topK": st.integers(1, 100) | st.just(40.0) | st.just(0.5),
        "candidateCount": st.integers(1, 4),
        "maxOutputTokens": st.integers(1, 1000),
        "stopSequences": st.lists(TEXT, max_size=2),
        "seed": st.integers(0, 9),
        "presencePenalty": st.floats(-2, 2),
        "responseMimeType": st.sampled_from(["text/plain", "application/json", "text/x.enum"]),
        "responseSchema": SCHEMA,
        "responseJsonSchema": OBJECT,
        "responseModalities": st.just(["TEXT"]),
        "speechConfig": OBJECT,
        "thinkingConfig": obj(
            {},
            {
                "thinkingBudget": st.integers(-1, 99),
                "thinkingLevel": st.sampled_from(["LOW", "high", "OTHER"]),
                "includeThoughts": st.booleans(),
            },
        ),
        "responseLogprobs": st.booleans(),
        "logprobs": st.integers(0, 5),
    },
)
REQUEST = obj(
    {"contents": st.lists(CONTENT, max_size=4)},
    {
        "systemInstruction": obj({}, {"parts": st.lists(obj({"text": TEXT}), max_size=2), "role": TEXT}),
        "tools": st.lists(TOOL, max_size=3),
        "toolConfig": obj(
            {},
            {
                "functionCallingConfig": obj(
                    {},
                    {
                        "mode": st.sampled_from(["AUTO", "ANY", "NONE", "VALIDATED", "any"]),
                        "allowedFunctionNames": st.lists(TEXT, max_size=2),
                        "streamFunctionCallArguments": st.booleans(),
                    },
                ),
                "retrievalConfig": OBJECT,
            },
        ),
        "generationConfig": CONFIG,
        "safetySettings": st.lists(OBJECT, max_size=1),
        "cachedContent": TEXT,
        "labels": st.dictionaries(TEXT, TEXT, max_size=1),
        "serviceTier": st.sampled_from(["flex", "standard", "unspecified"]),
        "xUnknown": JSON,
    },
)
CANDIDATE = obj(
    {"content": obj({"role": st.just("model")}, {"parts": st.lists(PART, max_size=3)})},
    {
        "index": st.integers(0, 3),
        "finishReason": st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "SPII", "MALFORMED_FUNCTION_CALL", "OTHER"]),
        "safetyRatings": st.lists(OBJECT, max_size=1),
        "groundingMetadata": obj(
            {},
            {
                "groundingChunks": st.lists(obj({"web": obj({}, {"uri": TEXT, "title": TEXT})}) | OBJECT, max_size=2),
                "groundingSupports": st.lists(
                    obj(
                        {"segment": obj({}, {"startIndex": st.integers(0, 9), "endIndex": st.integers(0, 9)})},
                        {"groundingChunkIndices": st.lists(st.integers(0, 2), max_size=2)},
                    ),
                    max_size=2,
                ),
            },
        ),
        "citationMetadata": obj(
            {"citations": st.lists(obj({}, {"uri": TEXT, "endIndex": st.integers(0, 9)}), max_size=2)}
        ),
        "logprobsResult": obj(
            {
                "chosenCandidates": st.lists(
                    obj({"token": TEXT, "logProbability": st.floats(-9, 0)}, {"tokenId": st.integers(0, 9)}), max_size=2
                )
            }
        )
        | OBJECT,
        "avgLogprobs": st.floats(-9, 0),
    },
)
ANSWER = obj(
    {"candidates": st.lists(CANDIDATE, min_size=1, max_size=2)},
    {
        "usageMetadata": obj(
            {},
            {
                "promptTokenCount": st.integers(0, 99),
                "candidatesTokenCount": st.integers(0, 99),
                "thoughtsTokenCount": st.integers(0, 99),
                "totalTokenCount": st.integers(0, 99),
                "trafficType": TEXT,
            },
        ),
        "modelVersion": TEXT,
        "responseId": TEXT,
        "createTime": st.sampled_from(["2026-11-27T12:00:00.5Z", "never"]),
        "promptFeedback": obj({}, {"blockReason": st.sampled_from(["SAFETY"])}),
    },
)
many = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@many
@given(REQUEST)
def test_a_request_comes_out_as_it_went_in(body: dict[str, Any]) -> None:
    content = decode(body)
    losses = Losses()
    again = encode(content, TERMS, losses)

    assert decode(msgspec.json.decode(msgspec.json.encode(again))) == content
    assert losses.told() == ()
    assert encode(decode(again), TERMS, losses) == again


@many
@given(ANSWER)
def test_an_answer_comes_out_as_it_went_in(body: dict[str, Any]) -> None:
    answer, _ = decode_response(body)
    losses = Losses()
    again = encode_response(answer, losses)

    assert decode_response(again)[0] == answer
    assert losses.told() == ()


@many
@given(SCHEMA)
def test_a_schema_of_the_older_form_goes_there_and_back(schema: dict[str, Any]) -> None:
    newer = json_schema(schema)

    assert same(openapi(newer))
    assert json_schema(openapi(newer)) == newer


NAMES = st.sampled_from(
    [
        "contents",
        "parts",
        "role",
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "function_call",
        "functionResponse",
        "args",
        "name",
        "id",
        "response",
        "inlineData",
        "mimeType",
        "data",
        "fileData",
        "fileUri",
        "systemInstruction",
        "system_instruction",
        "generationConfig",
        "tools",
        "toolConfig",
        "functionDeclarations",
        "parameters",
        "parametersJsonSchema",
        "properties",
        "anyOf",
        "type",
        "functionCallingConfig",
        "mode",
        "topK",
        "logprobs",
        "allowedFunctionNames",
        "thinkingConfig",
        "thinkingLevel",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "stopSequences",
        "candidates",
        "content",
        "finishReason",
        "index",
        "usageMetadata",
        "promptTokenCount",
        "candidatesTokenCount",
        "promptTokensDetails",
        "modality",
        "groundingMetadata",
        "groundingChunks",
        "groundingSupports",
        "segment",
        "startIndex",
        "groundingChunkIndices",
        "citationMetadata",
        "citations",
        "logprobsResult",
        "chosenCandidates",
        "topCandidates",
        "token",
        "logProbability",
        "promptFeedback",
        "blockReason",
        "error",
        "code",
        "status",
        "details",
        "retryDelay",
        "partialArgs",
        "jsonPath",
        "stringValue",
        "willContinue",
        "modelVersion",
        "responseId",
        "createTime",
        "serviceTier",
        "maxOutputTokens",
        "candidateCount",
        "tokenCount",
        "web",
        "uri",
        "googleSearch",
        "codeExecution",
        "propertyOrdering",
        "nullable",
        "enum",
        "defs",
    ]  # noqa: SIM905  # they are read as words
)
ANY: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "STOP", "ANY", "image/png", "$.a[0].b", "model", "application/json", "2026-11-27", "3s"])
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
BODY = st.dictionaries(NAMES, ANY, max_size=5) | REQUEST.flatmap(
    lambda body: st.builds(lambda name, value: {**body, name: value}, st.sampled_from(sorted(body)), ANY)
)


@many
@given(BODY)
def test_any_json_is_a_request_or_a_bad_one(value: dict[str, Any]) -> None:
    body = Body((msgspec.json.encode(value),))
    for read in (
        lambda: GEMINI.read(body, ASKED),
        lambda: list(GEMINI.read_long(body, ASKED)),
        lambda: GEMINI.read_count(body, ASKED),
        lambda: GEMINI.encode(GEMINI.decode(request(body)), TERMS, Losses()),
    ):
        with suppress(BadRequest):
            read()


def request(body: Body) -> Request:
    head, _ = GEMINI.read(Body((b'{"contents":[]}',)), ASKED)
    return Request(head=head, body=body, spots=Spots(model=(0, 0)), digest="")


@many
@given(st.dictionaries(NAMES, ANY, max_size=5) | ANSWER)
def test_any_json_is_an_answer_or_a_failure(value: dict[str, Any]) -> None:
    body = msgspec.json.encode(value)
    head, _ = GEMINI.read(Body((b'{"contents":[]}',)), ASKED)
    with suppress(UpstreamError):
        GEMINI.facts(body)
        answer, _ = GEMINI.decode_answer(body)
        assert msgspec.json.decode(GEMINI.encode_answer(answer, head, Losses()))


@many
@given(st.lists(st.dictionaries(NAMES, ANY, max_size=5) | ANSWER, max_size=3))
def test_any_stream_of_json_is_read_or_a_failure(values: list[dict[str, Any]]) -> None:
    stream = b"".join(b"data: " + msgspec.json.encode(value) + b"\r\n\r\n" for value in values)
    head, _ = GEMINI.read(Body((b'{"contents":[]}',)), ASKED)
    encoder, decoder, relay = GEMINI.encoder(head, Losses()), GEMINI.decoder(), GEMINI.relay(hides_usage=False)
    with suppress(UpstreamError):
        for event in (*decoder.feed(stream), *decoder.end()):
            encoder.event(event)
        assert encoder.end().endswith(b"}\r\n\r\n")
    with suppress(UpstreamError):
        assert stream.startswith(relay.feed(stream))
        relay.end()


@pytest.mark.parametrize("text", [b"", b"[]", b"nonsense", b'{"contents":', b"\xff"])
def test_what_is_no_object_is_a_bad_request(text: bytes) -> None:
    with pytest.raises(BadRequest):
        GEMINI.read(Body((text,)), ASKED)
