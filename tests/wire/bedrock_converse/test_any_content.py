"""Whatever the canonical form can say is written for Bedrock and for Cohere, or refused as the caller's to mend."""

import re
from base64 import b64decode
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.content import (
    Audio,
    Cache,
    Citation,
    Content,
    File,
    Image,
    Limits,
    Message,
    Reasoning,
    Refusal,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    Unknown,
)
from antiphon.core.error import BadRequest
from antiphon.wire.bedrock_converse.codec import BedrockConverse
from antiphon.wire.codec import Terms
from antiphon.wire.cohere_chat.codec import CohereChat
from antiphon.wire.losses import Losses

often = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

TEXT = st.text(max_size=4) | st.sampled_from(["a", "f", " "])
EXTRA = st.dictionaries(st.sampled_from(["x_one", "é"]), st.none() | st.integers(0, 3), max_size=1)
OBJECT: st.SearchStrategy[dict[str, Any]] = st.dictionaries(TEXT, st.integers() | TEXT, max_size=2)
COUNT = st.integers(0, 70_000)
CACHE = st.none() | st.builds(Cache, ttl=st.sampled_from(["", "5m", "1h", "24h"]), extra=EXTRA)
PROOF = st.sampled_from([None, "", "aGk="])
SIGNED = st.sampled_from(["", "bedrock_converse", "anthropic_messages", "gemini"])
URL = st.sampled_from(
    ["data:image/png;base64,aGk=", "data:application/pdf;base64,aGk=", "https://x/y.png", "s3://bu/k.png", ""]
)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


PART = st.one_of(
    st.builds(Text, text=TEXT, cache=CACHE, signature=maybe(TEXT), signed_by=SIGNED, extra=EXTRA),
    st.builds(Text, text=TEXT, citations=st.just((Citation(kind="url", url="https://x"),))),
    st.builds(Refusal, text=TEXT, inline=st.booleans(), extra=EXTRA),
    st.builds(Image, url=URL, id=maybe(TEXT), detail=maybe(st.sampled_from(["low", "x"])), cache=CACHE, extra=EXTRA),
    st.builds(
        Audio,
        data=maybe(st.just("aGk=")),
        format=maybe(st.sampled_from(["wav", "x"])),
        id=maybe(TEXT),
        transcript=maybe(TEXT),
        cache=CACHE,
    ),
    st.builds(
        File,
        data=maybe(st.just("aGk=") | URL),
        id=maybe(TEXT),
        name=maybe(TEXT),
        url=maybe(URL),
        text=maybe(TEXT),
        media_type=maybe(st.sampled_from(["application/pdf", "text/plain", "video/mp4", "x/y"])),
        cache=CACHE,
        extra=EXTRA,
    ),
    st.builds(Reasoning, text=TEXT, signature=PROOF, signed_by=SIGNED, redacted=st.booleans(), extra=EXTRA),
    st.builds(Unknown, kind=TEXT, raw=OBJECT),
    st.builds(
        ToolCall,
        id=TEXT,
        name=TEXT,
        arguments=TEXT | st.just('{"a": 1.10}'),
        kind=st.sampled_from(["function", "custom"]),
        cache=CACHE,
        extra=EXTRA,
    ),
)
MESSAGE = st.builds(
    Message,
    role=st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x"]),
    parts=st.lists(PART, max_size=3).map(tuple),
    form=st.sampled_from(["text", "parts", "none"]),
    name=maybe(TEXT),
    tool_call_id=maybe(TEXT),
    failed=st.booleans(),
    cache=CACHE,
    extra=EXTRA,
)
TOOL = st.builds(
    Tool,
    name=st.sampled_from(["f", "g", "", "no good"]),
    kind=st.sampled_from(["function", "function", "web_search", "custom"]),
    description=maybe(TEXT),
    parameters=maybe(OBJECT),
    strict=maybe(st.booleans()),
    cache=CACHE,
    extra=EXTRA,
)
CHOICE = st.builds(
    ToolChoice,
    mode=st.sampled_from(["none", "auto", "required", "named", "other"]),
    name=maybe(st.sampled_from(["f", "h"])),
    names=st.sampled_from([(), ("f",), ("h",)]),
    extra=EXTRA,
)
FORMAT = st.builds(
    ResponseFormat,
    kind=st.sampled_from(["text", "json_object", "json_schema", "other"]),
    name=maybe(TEXT),
    description=maybe(TEXT),
    schema=maybe(OBJECT),
    extra=EXTRA,
)
SAMPLING = st.builds(
    Sampling,
    temperature=maybe(st.floats(-2, 2)),
    top_p=maybe(st.floats(-2, 2)),
    top_k=maybe(COUNT),
    frequency_penalty=maybe(st.floats(-2, 2)),
    presence_penalty=maybe(st.floats(-2, 2)),
    seed=maybe(COUNT),
    stop=maybe(TEXT | st.lists(TEXT, max_size=7).map(tuple)),
    logit_bias=maybe(OBJECT),
    logprobs=maybe(st.booleans()),
    top_logprobs=maybe(COUNT),
    n=maybe(st.integers(1, 2)),
    reasoning_effort=maybe(st.sampled_from(["none", "minimal", "low", "high", "xhigh", "odd"])),
    reasoning_tokens=maybe(st.integers(-1, 70_000)),
    reasoning_shown=maybe(st.booleans()),
    verbosity=maybe(TEXT),
)
CONTENT = st.builds(
    Content,
    dialect=st.just("openai_chat"),
    messages=st.lists(MESSAGE, max_size=4).map(tuple),
    tools=maybe(st.lists(TOOL, max_size=3).map(tuple)),
    tool_choice=maybe(CHOICE),
    parallel_tool_calls=maybe(st.booleans()),
    response_format=maybe(FORMAT),
    sampling=SAMPLING,
    limits=st.builds(Limits, output_tokens=maybe(COUNT)),
    metadata=maybe(st.dictionaries(TEXT, TEXT, max_size=2)),
    user=maybe(TEXT),
    service_tier=maybe(st.sampled_from(["auto", "flex", "odd"])),
    cache_key=maybe(TEXT),
    extra=EXTRA,
)
MODELS = st.sampled_from(
    [
        "us.anthropic.claude-opus-4-7",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-3-5-haiku-20241022-v1:0",
        "amazon.nova-2-lite-v1:0",
        "amazon.nova-pro-v1:0",
        "openai.gpt-oss-120b-1:0",
        "mistral.mistral-large",
        "command-a-reasoning-08-2025",
        "command-r-08-2024",
    ]
)
TERMS = st.builds(
    Terms, model=MODELS, stream=st.booleans(), prompt=maybe(TEXT), so_far=TEXT, output_tokens=maybe(COUNT)
)
FIELD = re.compile(
    r"(messages\[\d+\](\.(role|name|is_error|cache_control(\.\S+)?|reasoning_content|refusal|audio|content|x_one|é|"
    r"(content|tool_calls)\[\d+\]))?"
    r"|tools(\[\d+\])?|tool_choice|response_format|reasoning_(effort|tokens|shown)|[a-z_]+|x_one|é|…)"
    r"([.,].*)?",
    re.DOTALL,
)

CODECS = pytest.mark.parametrize("codec", [BedrockConverse(), CohereChat()], ids=lambda codec: codec.name)


def written(
    codec: BedrockConverse | CohereChat, content: Content, terms: Terms, losses: Losses
) -> dict[str, Any] | None:
    """The body; None when it was refused as the caller's to mend, which must name a field."""
    try:
        return msgspec.json.decode(codec.encode(content, terms, losses))
    except BadRequest as refused:
        error = refused
    assert error.param
    return None


@CODECS
@often
@given(content=CONTENT, terms=TERMS)
def test_any_content_is_written_or_refused_and_every_loss_names_a_field(
    codec: BedrockConverse | CohereChat, content: Content, terms: Terms
) -> None:
    losses = Losses()
    body = written(codec, content, terms, losses)
    assert body is None or body["messages"]
    for loss in losses.told():
        assert FIELD.fullmatch(loss.field), loss
        assert loss.why
        assert loss.effect


@CODECS
@often
@given(content=CONTENT, terms=TERMS)
def test_the_same_content_is_written_alike_each_time(
    codec: BedrockConverse | CohereChat, content: Content, terms: Terms
) -> None:
    assert written(codec, content, terms, Losses()) == written(codec, content, terms, Losses())


@often
@given(content=CONTENT, terms=TERMS)
def test_turns_of_user_and_assistant_come_by_turns_at_bedrock(content: Content, terms: Terms) -> None:
    body = written(BedrockConverse(), content, terms, Losses())
    roles = [turn["role"] for turn in (body or {"messages": []})["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    assert set(roles) <= {"user", "assistant"}


def _as_python(value: Any, shape: Any) -> Any:
    """A JSON body as botocore's callers say it: blobs are bytes, not base64."""
    match shape.type_name:
        case "blob":
            return b64decode(value)
        case "structure" if not getattr(shape, "is_document_type", False):
            assert set(value) <= set(shape.members), f"{shape.name} has no such members"
            return {name: _as_python(inner, shape.members[name]) for name, inner in value.items()}
        case "list":
            return [_as_python(inner, shape.member) for inner in value]
        case _:
            return value


@pytest.fixture(scope="module")
def validated() -> Callable[[dict[str, Any]], str]:
    """Amazon's own check of a request's body. Returns what is wrong with it."""
    loaders = pytest.importorskip("botocore.loaders", reason="botocore is not installed")
    models = pytest.importorskip("botocore.model", reason="botocore is not installed")
    validate = pytest.importorskip("botocore.validate", reason="botocore is not installed")
    service = models.ServiceModel(loaders.Loader().load_service_model("bedrock-runtime", "service-2"))
    shape = service.operation_model("ConverseStream").input_shape
    validator = validate.ParamValidator()

    def check(body: dict[str, Any]) -> str:
        return validator.validate(_as_python({**body, "modelId": "m"}, shape), shape).generate_report()

    return check


@often
@given(content=CONTENT, terms=TERMS)
def test_amazons_own_validator_takes_every_body(
    validated: Callable[[dict[str, Any]], str], content: Content, terms: Terms
) -> None:
    body = written(BedrockConverse(), content, terms, Losses())
    assert body is None or validated(body) == ""
