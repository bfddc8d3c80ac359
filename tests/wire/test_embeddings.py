"""Embeddings: three dialects, any of them for callers and upstreams."""

import itertools
import json
import struct
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse
from operations import asked, compact, refusing, sent, survives

from antiphon.core.embed import EmbedAnswer, EmbedAsk, Vector
from antiphon.core.error import BadRequest, UpstreamError, UpstreamMalformed
from antiphon.core.request import Head
from antiphon.core.usage import Usage
from antiphon.wire.codec import AnyCodec, Codec, Terms
from antiphon.wire.cohere_embeddings.codec import CohereEmbeddings
from antiphon.wire.gemini_embeddings.codec import GeminiEmbeddings
from antiphon.wire.losses import Losses
from antiphon.wire.openai_embeddings.codec import OpenAIEmbeddings
from antiphon.wire.vectors import base64_of, numbers_of, run

EmbedCodec = Codec[EmbedAsk, EmbedAnswer]
OPENAI, GEMINI, COHERE = OpenAIEmbeddings(), GeminiEmbeddings(), CohereEmbeddings()
ALL: tuple[EmbedCodec, ...] = (OPENAI, GEMINI, COHERE)
ONE, BATCH = "/v1beta/models/m:embedContent", "/v1beta/models/m:batchEmbedContents"
TERMS = Terms(model="up")


def part(*texts: str) -> dict[str, Any]:
    return {"content": {"parts": [{"text": text} for text in texts]}}


OWN: tuple[tuple[EmbedCodec, str, dict[str, Any]], ...] = (
    (OPENAI, "/", {"model": "m", "input": "a"}),
    (OPENAI, "/", {"model": "m", "input": ["a", "é"], "dimensions": 3, "encoding_format": "base64", "user": "u"}),
    (OPENAI, "/", {"model": "m", "input": [1, 2, 3]}),
    (OPENAI, "/", {"model": "m", "input": [[1, 2], [3]], "encoding_format": "float"}),
    (OPENAI, "/", {"model": "m", "input": [{"image": "https://x"}], "input_type": "query", "x": [1]}),
    (OPENAI, "/", {"model": "m", "input": ["a"], "task": "retrieval.passage", "encoding_format": "int8"}),
    (GEMINI, BATCH, {"requests": [{"model": "models/m", **part("a")}]}),
    (
        GEMINI,
        BATCH,
        {
            "requests": [
                {"model": "models/m", **part("a", "b"), "taskType": "RETRIEVAL_DOCUMENT", "title": title}
                for title in ("s", "t")
            ]
        },
    ),
    (
        GEMINI,
        BATCH,
        {
            "requests": [
                {
                    "model": "models/m",
                    "content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}, {"x": 1}]},
                    "embedContentConfig": {"taskType": "CLUSTERING", "outputDimensionality": 3, "autoTruncate": True},
                }
            ]
        },
    ),
    (COHERE, "/v2/embed", {"model": "m", "texts": ["a", "b"], "input_type": "search_query"}),
    (
        COHERE,
        "/v2/embed",
        {
            "model": "m",
            "inputs": [
                {
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
                    ]
                }
            ],
            "input_type": "image",
            "embedding_types": ["float", "int8"],
            "output_dimension": 256,
            "truncate": "END",
        },
    ),
    (COHERE, "/v2/embed", {"model": "m", "texts": ["a"], "input_type": "clustering", "embedding_types": ["base64"]}),
)


def renamed(body: Any, model: str) -> Any:
    """A body with another model everywhere."""
    if isinstance(body, list):
        return [renamed(item, model) for item in body]
    if not isinstance(body, dict):
        return body
    name = f"models/{model}" if body.get("model", "").startswith("models/") else model
    return {key: name if key == "model" else renamed(value, model) for key, value in body.items()}


@pytest.mark.parametrize("cut", [0, 1, 100])
@pytest.mark.parametrize(("codec", "endpoint", "body"), OWN)
def test_only_the_model_is_changed_on_the_way(codec: EmbedCodec, endpoint: str, body: Any, cut: int) -> None:
    request = asked(codec, body, endpoint=endpoint, model="m" if codec is GEMINI else "", cut=cut)
    assert (request.head.model, request.head.stream, request.head.dialect) == ("m", False, codec.name)
    put = sent(codec, request, "up")
    assert put.body.whole() == compact(renamed(body, "up"))
    assert put.losses == ()


@pytest.mark.parametrize(("codec", "endpoint", "body"), OWN)
def test_what_is_read_comes_out_as_it_was(codec: EmbedCodec, endpoint: str, body: Any) -> None:
    losses = Losses()
    request = asked(codec, body, endpoint=endpoint, model="m" if codec is GEMINI else "")
    out = codec.encode(codec.decode(request), Terms(model="m"), losses)
    assert json.loads(out) == body
    assert losses.told() == ()


def translated(source: EmbedCodec, body: Any, target: EmbedCodec, endpoint: str = "/") -> tuple[Any, dict[str, str]]:
    losses = Losses()
    request = asked(source, body, endpoint=endpoint, model="m")
    out = target.encode(source.decode(request), TERMS, losses)
    return json.loads(out), {loss.field: loss.effect for loss in losses.told()}


def test_openai_to_gemini() -> None:
    body = {"model": "m", "input": ["a", "b"], "dimensions": 8, "input_type": "query", "user": "u", "y": 1}
    out, losses = translated(OPENAI, {**body, "encoding_format": "base64"}, GEMINI)
    assert out == {
        "requests": [
            {"model": "models/up", **part(text), "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 8}
            for text in "ab"
        ]
    }
    assert losses == {"encoding_format": "answered as numbers", "user": "left out", "y": "left out"}


def test_openai_to_cohere() -> None:
    out, losses = translated(OPENAI, {"model": "m", "input": "a", "dimensions": 8, "encoding_format": "base64"}, COHERE)
    assert out == {
        "model": "up",
        "texts": ["a"],
        "output_dimension": 8,
        "embedding_types": ["base64"],
        "input_type": "search_document",
    }
    assert losses == {"input_type": "sent as search_document"}


def test_gemini_to_openai() -> None:
    body = {**part("a", "b"), "taskType": "FACT_VERIFICATION", "title": "t", "outputDimensionality": 4}
    out, losses = translated(GEMINI, body, OPENAI, ONE)
    assert out == {"model": "up", "input": "a\nb", "dimensions": 4}
    assert losses == {"task": "left out", "title": "left out", "input[0]": "its texts were joined"}


def test_gemini_to_cohere() -> None:
    image = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    body = {"content": {"parts": [{"text": "a"}, image], "role": "user"}, "taskType": "SEMANTIC_SIMILARITY"}
    out, losses = translated(GEMINI, body, COHERE, ONE)
    url = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert out == {
        "model": "up",
        "inputs": [{"content": [{"type": "text", "text": "a"}, url]}],
        "embedding_types": ["float"],
        "input_type": "clustering",
    }
    assert losses == {"taskType": "sent as clustering"}


def test_cohere_to_gemini_and_openai() -> None:
    body = {"model": "m", "texts": ["a"], "input_type": "search_document", "truncate": "END", "output_dimension": 2}
    out, losses = translated(COHERE, body, GEMINI)
    assert out == {
        "requests": [{"model": "models/up", **part("a"), "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 2}]
    }
    assert losses == {"truncate": "left out"}
    out, losses = translated(COHERE, body, OPENAI)
    assert out == {"model": "up", "input": ["a"], "dimensions": 2}
    assert losses == {"truncate": "left out", "input_type": "left out"}


@pytest.mark.parametrize("target", [GEMINI, COHERE], ids=lambda one: one.name)
@pytest.mark.parametrize("given_input", [[1, 2], [[1], [2]], [{"image": "x"}]])
def test_inputs_that_a_target_can_not_embed_are_refused(target: EmbedCodec, given_input: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        translated(OPENAI, {"model": "m", "input": given_input}, target)
    assert caught.value.param == "input[0]"


def test_an_image_is_no_text() -> None:
    body = {"model": "m", "images": ["data:image/png;base64,AA=="], "input_type": "image"}
    with pytest.raises(BadRequest, match="texts only"):
        translated(COHERE, body, OPENAI)
    out, _ = translated(COHERE, body, GEMINI)
    assert out["requests"][0]["content"] == {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}


def test_a_batch_whose_requests_ask_for_different_vectors_is_refused() -> None:
    body = {"requests": [part("a"), {**part("b"), "outputDimensionality": 3}]}
    with pytest.raises(BadRequest) as caught:
        GEMINI.decode(asked(GEMINI, body, endpoint=BATCH, model="m"))
    assert caught.value.param == "requests[1]"


@pytest.mark.parametrize("cut", [0, 3])
@pytest.mark.parametrize(
    ("codec", "endpoint", "body", "param"),
    [
        (OPENAI, "/", {"model": "m"}, "input"),
        (OPENAI, "/", {"model": "m", "input": 5}, "input"),
        (OPENAI, "/", {"input": "a"}, "model"),
        (GEMINI, ONE, {"requests": []}, "content"),
        (GEMINI, BATCH, part("a"), "requests"),
        (COHERE, "/", {"model": "m", "input_type": "search_query"}, "texts"),
        (COHERE, "/", {"model": "m", "texts": "a"}, "texts"),
    ],
)
def test_what_is_wrong_in_the_head_is_named(codec: AnyCodec, endpoint: str, body: Any, param: str, cut: int) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(codec, body, endpoint=endpoint, model="m" if codec is GEMINI else "", cut=cut)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("codec", "endpoint", "body", "param"),
    [
        (OPENAI, "/", {"model": "m", "input": ["a", 1]}, "input[1]"),
        (OPENAI, "/", {"model": "m", "input": "a", "dimensions": "3"}, "dimensions"),
        (GEMINI, ONE, {"content": {"parts": []}}, "content.parts"),
        (GEMINI, BATCH, {"requests": [{"content": {"parts": [{"text": 1}]}}]}, "requests[0].content.parts[0].text"),
        (GEMINI, BATCH, {"requests": []}, "requests"),
        (COHERE, "/", {"model": "m", "texts": ["a", 1]}, "texts[1]"),
        (COHERE, "/", {"model": "m", "inputs": [{"content": []}]}, "inputs[0].content"),
    ],
)
def test_what_is_wrong_further_in_is_named_when_it_is_read(
    codec: EmbedCodec, endpoint: str, body: Any, param: str
) -> None:
    request = asked(codec, body, endpoint=endpoint, model="m")
    with pytest.raises(BadRequest) as caught:
        codec.decode(request)
    assert caught.value.param == param


def test_a_field_that_the_upstream_refuses_is_left_out() -> None:
    losses = Losses()
    request = asked(OPENAI, {"model": "m", "input": "a", "user": "u"})
    out = OPENAI.encode(OPENAI.decode(request), Terms(model="up", quirks=refusing("user")), losses)
    assert json.loads(out) == {"model": "up", "input": "a"}
    assert [loss.field for loss in losses.told()] == ["user"]


FLOATS = [[0.5, -1.25, 3.0], [1e-7, 2, 0.1]]
BASE64 = [b64encode(struct.pack("<3f", *vector)).decode() for vector in FLOATS]
ANSWERS: dict[str, dict[str, Any]] = {
    "openai_embeddings": {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(FLOATS)],
        "model": "e",
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    },
    "gemini_embeddings": {
        "embeddings": [{"values": vector} for vector in FLOATS],
        "usageMetadata": {"promptTokenCount": 5},
    },
    "cohere_embeddings": {
        "response_type": "embeddings_by_type",
        "embeddings": {"float": FLOATS},
        "id": "x",
        "meta": {"billed_units": {"input_tokens": 5}},
    },
}


def head(codec: EmbedCodec, endpoint: str = BATCH) -> Head:
    return Head(dialect=codec.name, endpoint=endpoint, model="asked")


@pytest.mark.parametrize(("source", "target"), list(itertools.product(ALL, ALL)))
def test_vectors_keep_every_digit_between_any_two_dialects(source: EmbedCodec, target: EmbedCodec) -> None:
    answer, facts = source.decode_answer(json.dumps(ANSWERS[source.name]).encode())
    assert facts.usage == source.facts(compact(ANSWERS[source.name])).usage == Usage(input_tokens=5)
    losses = Losses()
    out = json.loads(target.encode_answer(answer, head(target), losses))
    wanted = dict(ANSWERS[target.name])
    if target is OPENAI and source is not OPENAI:
        wanted["model"] = "asked"
    if target is COHERE:
        wanted["id"] = answer.id
    assert out == wanted
    assert losses.told() == ()


@pytest.mark.parametrize("codec", [OPENAI, COHERE], ids=lambda one: one.name)
def test_base64_stays_as_it_is(codec: EmbedCodec) -> None:
    body = json.loads(json.dumps(ANSWERS[codec.name]))
    if codec is OPENAI:
        for item, vector in zip(body["data"], BASE64, strict=True):
            item["embedding"] = vector
    else:
        body["embeddings"] = {"base64": BASE64}
    answer, _ = codec.decode_answer(compact(body))
    assert json.loads(codec.encode_answer(answer, head(codec), Losses())) == body
    gemini = json.loads(GEMINI.encode_answer(answer, head(GEMINI), Losses()))
    assert [item["values"] for item in gemini["embeddings"]] == [
        list(struct.unpack("<3f", struct.pack("<3f", *vector))) for vector in FLOATS
    ]


def test_the_sdk_reads_what_is_written() -> None:
    answer, _ = GEMINI.decode_answer(compact(ANSWERS["gemini_embeddings"]))
    read = CreateEmbeddingResponse.model_validate_json(OPENAI.encode_answer(answer, head(OPENAI), Losses()))
    assert [item.embedding for item in read.data] == FLOATS
    assert read.usage.prompt_tokens == 5


def test_gemini_often_says_no_usage_and_openais_callers_read_one() -> None:
    body = compact({"embedding": {"values": [1]}})
    answer, facts = GEMINI.decode_answer(body)
    assert facts.usage is None
    assert facts.usage_note
    assert GEMINI.facts(body) == facts
    losses = Losses()
    out = json.loads(OPENAI.encode_answer(answer, head(OPENAI), losses))
    assert out["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert [(loss.field, loss.effect) for loss in losses.told()] == [("answer.usage", "sent as 0")]


def test_one_vector_is_answered_as_one_to_geminis_callers() -> None:
    answer, _ = OPENAI.decode_answer(compact(ANSWERS["openai_embeddings"]))
    out = GEMINI.encode_answer(answer, head(GEMINI, ONE), Losses())
    assert json.loads(out) == {"embedding": {"values": FLOATS[0]}, "usageMetadata": {"promptTokenCount": 5}}


def test_vectors_are_put_in_the_order_of_their_inputs() -> None:
    body = compact({"data": [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [0]}]})
    answer, _ = OPENAI.decode_answer(body)
    assert [vector.numbers for vector in answer.vectors] == [b"[0]", b"[1]"]


def test_a_long_answer_is_read_and_written_in_slices() -> None:
    vector = [index / 7 for index in range(3072)]
    body = compact({**ANSWERS["openai_embeddings"], "data": [{"embedding": vector, "index": i} for i in range(60)]})
    work = OPENAI.decode_long(body)
    steps = sum(1 for _ in work)
    assert steps >= 60
    answer, _ = run(OPENAI.decode_long(body))
    pieces = list(OPENAI.encode_long(answer, head(OPENAI), Losses()))
    assert max(map(len, pieces)) < 2 * len(compact(vector))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_numbers_and_base64_are_the_same_vector(values: list[float]) -> None:
    text = b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    assert base64_of(Vector(numbers=compact(values))) == text
    assert json.loads(numbers_of(Vector(base64=text))) == values


@pytest.mark.parametrize("text", ["x", "AA==", "é", "AAAAA"])
def test_what_is_not_base64_of_floats_is_malformed(text: str) -> None:
    with pytest.raises(UpstreamMalformed):
        numbers_of(Vector(base64=text))


@pytest.mark.parametrize("numbers", [b'["x"]', b"[", b"{}"])
def test_what_is_no_list_of_numbers_is_malformed(numbers: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        base64_of(Vector(numbers=numbers))


@pytest.mark.parametrize("codec", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"data":[1]}', b'{"embeddings":{"float":3}}', b'{"embeddings":[{}]}', b'{"data":[']
)
def test_what_is_no_answer_is_malformed(codec: EmbedCodec, body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        codec.decode_answer(body)


@pytest.mark.parametrize("codec", ALL, ids=lambda one: one.name)
def test_an_error_instead_of_an_answer_is_one(codec: EmbedCodec) -> None:
    body = b'{"message":"no"}' if codec is COHERE else b'{"error":{"message":"no"}}'
    with pytest.raises(UpstreamError, match="error"):
        codec.decode_answer(body)


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (OPENAI, {"data": [], "usage": {"prompt_tokens": -1}}),
        (OPENAI, {"data": [], "usage": {}}),
        (GEMINI, {"embeddings": [], "usageMetadata": {"promptTokenCount": "5"}}),
        (COHERE, {"embeddings": {"float": []}, "meta": {"billed_units": {"input_tokens": 1.5}}}),
        (COHERE, {"embeddings": {"float": []}, "meta": {"billed_units": {}}}),
    ],
)
def test_a_usage_that_can_not_be_believed_is_none_and_says_why(codec: EmbedCodec, body: Any) -> None:
    _, facts = codec.decode_answer(compact(body))
    assert facts.usage is None
    assert facts.usage_note


def test_errors_are_told_as_each_dialects_clients_read_them() -> None:
    error = BadRequest("no", param="input")
    assert json.loads(GEMINI.error(error))["error"]["status"] == "INVALID_ARGUMENT"
    assert json.loads(OPENAI.error(error))["error"]["type"] == "invalid_request_error"


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "model",
                        "input",
                        "texts",
                        "content",
                        "parts",
                        "text",
                        "data",
                        "embedding",
                        "embeddings",
                        "values",
                        "float",
                        "base64",
                        "usage",
                        "meta",
                        "inputs",
                        "type",
                        "requests",
                        "index",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ).map(compact)
)
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    for codec in ALL:
        survives(codec, body)
