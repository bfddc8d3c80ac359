"""How requests of every dialect are put to every provider."""

import json
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from msgspec.structs import replace

from antiphon.core.body import Body
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest, CannotCarry
from antiphon.core.request import Dialect, Request
from antiphon.core.secret import Secret
from antiphon.providers.auth.signer import Signer
from antiphon.providers.profile import Profile, Way
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Account, How, Said, Target, say, target
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS, UPSTREAMS

MODELS = {"vertex": "claude-sonnet-5@2026", "bedrock": "anthropic.claude-sonnet-5"}
BODIES: dict[Dialect, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": "hi", "store": False},
    "anthropic_messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "openai_completions": {"model": "m", "prompt": "hi"},
    "openai_embeddings": {"model": "m", "input": "hi"},
    "gemini_embeddings": {"content": {"parts": [{"text": "hi"}]}},
    "cohere_embeddings": {"model": "m", "texts": ["hi"], "input_type": "search_query"},
    "cohere_rerank": {"model": "m", "query": "hi", "documents": ["a"]},
    "openai_moderations": {"model": "m", "input": "hi"},
    "openai_images": {"model": "m", "prompt": "hi"},
    "openai_speech": {"model": "m", "input": "hi", "voice": "alloy"},
}
ENDPOINTS: dict[Dialect, str] = {
    "openai_images": "/v1/images/generations",
    "gemini": "/v1beta/models/{model}:generateContent",
    "gemini_embeddings": "/v1beta/models/{model}:embedContent",
}
STREAMED = frozenset({"openai_chat", "openai_responses", "anthropic_messages", "openai_completions"})


def asked(
    dialect: Dialect,
    *,
    stream: bool = False,
    endpoint: str = "",
    lines: bytes = b"",
    kind: bytes = b"application/json",
    **fields: Any,
) -> Request:
    """A request as its path and its reader make it."""
    body = {**BODIES[dialect], **({"stream": True} if stream and dialect in STREAMED else {}), **fields}
    whole = Body((json.dumps(body).encode(),))
    place = endpoint or ENDPOINTS.get(dialect, "/v1/some")
    beside = Asked(
        endpoint=place,
        model="m" if dialect.startswith("gemini") else "",
        stream=stream,
        headers={b"content-type": kind},
    )
    head, spots = CODECS[dialect].read(whole, beside)
    return Request(head=head, body=whole, spots=spots, digest="", lines=lines)


def aim(profile: Profile | str, model: str = "", **account: Any) -> Target:
    row = PROFILES[profile] if isinstance(profile, str) else profile
    told = {"name": "p", "profile": row, "base_url": row.base_url or "https://up.example/v1", "keys": (Secret("sk-1"),)}
    one = Deployment(name="small", provider="p", model=model or MODELS.get(row.name, "a/b:c"), output_tokens=100)
    return target(one, Account(**{**told, **account}))


def lines(said: Said | bytes) -> list[str]:
    head = said if isinstance(said, bytes) else said.outbound.head
    assert head.endswith(b"\r\n")
    return head.decode("latin-1").removesuffix("\r\n").split("\r\n")


def headers(said: Said | bytes) -> dict[str, str]:
    pairs = [line.split(": ", 1) for line in lines(said)[1:]]
    names = [name.lower() for name, _ in pairs]
    assert len(set(names)) == len(names), "a header comes twice"
    return {name.lower(): value for name, value in pairs}


def place(said: Said | bytes) -> str:
    method, where, version = lines(said)[0].split(" ")
    assert (method, version) == ("POST", "HTTP/1.1")
    return where


def body(said: Said) -> Any:
    whole = b"".join(said.outbound.body)
    assert len(whole) == said.outbound.size_bytes
    return json.loads(whole)


# --- every way of every profile

EACH = [(name, own) for name, row in PROFILES.items() for own in aim(row).ways]


@pytest.mark.parametrize(("name", "own"), EACH)
def test_every_way_of_every_profile_gives_well_formed_heads(name: str, own: Dialect) -> None:
    profile, made = PROFILES[name], aim(name)
    spoken = made.ways[own]
    base = urlsplit(profile.base_url or "https://up.example/v1")
    named = quote(made.deployment.model, safe="")

    for path, heads in (
        (spoken.way.path, spoken.heads),
        (spoken.way.stream_path or spoken.way.path, spoken.stream_heads),
        *((spoken.way.path.replace("{action}", action), one) for action, one in spoken.actions.items()),
    ):
        (head,) = heads
        where, _, query = (
            path.replace("{model}", named).replace("{action}", next(iter(spoken.way.actions), "")).partition("?")
        )
        assert place(head) == f"{base.path}{where}" + (f"?{query}" if query else "")
        told = headers(head)
        assert (told["host"], told["content-type"]) == (base.netloc, "application/json")
        assert told[profile.auth_header] == f"{profile.auth_prefix}sk-1"
        assert all(told[name.lower()] == value for name, value in profile.headers.items())
    assert "{" not in "".join(map(place, (*spoken.heads, *spoken.stream_heads)))


@pytest.mark.parametrize(("name", "own"), EACH)
def test_a_caller_is_served_by_its_own_dialect_where_there_is_one(name: str, own: Dialect) -> None:
    profile, spoken = PROFILES[name], aim(name).ways[own]
    speaks = [way.dialect for way in profile.ways]

    assert UPSTREAMS[spoken.way.dialect].operation == CODECS[own].served_by or spoken.way.dialect == own
    assert (spoken.passage.other is None) == (spoken.way.dialect == own)
    assert own not in speaks or name in MODELS or spoken.way.dialect == own


@pytest.mark.parametrize(("name", "own"), [(name, own) for name, own in EACH if own in BODIES])
@pytest.mark.parametrize("stream", [False, True])
def test_every_request_can_be_said_to_everyone_who_has_a_way(name: str, own: Dialect, stream: bool) -> None:
    if stream and own not in STREAMED | {"gemini"}:
        return
    made = aim(name)

    said = say(asked(own, stream=stream), made)

    spoken, sent = made.ways[own], body(said)
    assert said.outbound.head in (
        *spoken.heads,
        *spoken.stream_heads,
        *(one for few in spoken.actions.values() for one in few),
    )
    assert (
        said.outbound.head
        == (spoken.stream_heads if stream else (spoken.heads if not spoken.actions else (said.outbound.head,)))[0]
    )
    in_path = "{model}" in spoken.way.path
    assert in_path or sent["model"] == made.deployment.model
    assert not (in_path and spoken.way.variant and "model" in sent)


def test_models_decide_on_the_way_where_a_cloud_has_several() -> None:
    claude, gemini = aim("vertex"), aim("vertex", "gemini-3-pro")
    hosted, nova = aim("bedrock"), aim("bedrock", "amazon.nova-pro-v1:0")

    assert {one.way.dialect for one in claude.ways.values()} == {"anthropic_messages"}
    assert {one.way.dialect for one in gemini.ways.values()} == {"gemini"}
    assert hosted.ways["anthropic_messages"].way.variant == "bedrock"
    assert {one.way.dialect for one in nova.ways.values()} == {"bedrock_converse"}


def test_a_names_slashes_and_colons_are_quoted_in_a_path() -> None:
    arn = "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-sonnet-5-v1:0"
    said = say(asked("anthropic_messages", stream=True), aim("bedrock", arn))

    first = place(said)
    assert first == f"/v1/model/{quote(arn, safe='')}/invoke-with-response-stream"
    assert first.count("/") == 4
    assert unquote(first).endswith(f"{arn}/invoke-with-response-stream")


def test_geminis_streams_have_a_path_of_their_own() -> None:
    made = aim("gemini", "gem")

    assert place(say(asked("gemini"), made)) == "/v1beta/models/gem:generateContent"
    for own in ("gemini", "openai_chat", "anthropic_messages"):
        assert place(say(asked(own, stream=True), made)) == "/v1beta/models/gem:streamGenerateContent?alt=sse"


def test_an_account_may_add_to_a_streams_query() -> None:
    said = say(asked("gemini", stream=True), aim("gemini", "gem", query={"v": "1"}))

    assert place(said).endswith(":streamGenerateContent?alt=sse&v=1")


# --- actions


@pytest.mark.parametrize(
    ("dialect", "endpoint", "where"),
    [
        ("openai_images", "/v1/images/generations", "/v1/images/generations"),
        ("gemini_embeddings", "/v1beta/models/{model}:embedContent", "/v1/models/m:embedContent"),
        ("gemini_embeddings", "/v1beta/models/{model}:batchEmbedContents", "/v1/models/m:batchEmbedContents"),
    ],
)
def test_the_last_word_of_a_callers_path_is_kept(dialect: Dialect, endpoint: str, where: str) -> None:
    fields = {"requests": [{"model": "models/m", **BODIES[dialect]}]} if endpoint.endswith("Contents") else {}

    assert place(say(asked(dialect, endpoint=endpoint, **fields), aim("lab", "m"))) == where


def test_another_dialects_path_has_no_say_in_the_action() -> None:
    assert place(say(asked("openai_embeddings", endpoint="/v1/embeddings"), aim("gemini", "m"))) == (
        "/v1beta/models/m:batchEmbedContents"
    )


def test_an_action_that_a_provider_has_not_is_refused_so_that_another_is_asked() -> None:
    request = asked("openai_images", endpoint="/v1/images/edits")

    assert place(say(request, aim("openai", "m"))) == "/v1/images/edits"
    with pytest.raises(CannotCarry) as caught:
        say(request, aim("xai", "m"))
    assert "edits" in caught.value.message


# --- header lines of the caller's

VERSION, BETA = b"anthropic-version: 2024-01-01\r\n", b"anthropic-beta: a, b\r\n"


def test_a_callers_version_goes_out_in_place_of_ours() -> None:
    made = aim("anthropic", "claude")

    assert headers(say(asked("anthropic_messages"), made))["anthropic-version"] == "2023-06-01"
    told = headers(say(asked("anthropic_messages", lines=VERSION + BETA), made))
    assert (told["anthropic-version"], told["anthropic-beta"]) == ("2024-01-01", "a, b")


def test_a_beta_that_reads_like_a_version_takes_none_away() -> None:
    told = headers(
        say(asked("anthropic_messages", lines=b"anthropic-beta: anthropic-version: x\r\n"), aim("anthropic"))
    )

    assert (told["anthropic-version"], told["anthropic-beta"]) == ("2023-06-01", "anthropic-version: x")


def test_an_operators_version_goes_out_in_place_of_everyones() -> None:
    made = aim("anthropic", "claude", headers={"Anthropic-Version": "2026-01-01"})

    told = headers(say(asked("anthropic_messages", lines=VERSION + BETA), made))

    assert (told["anthropic-version"], told["anthropic-beta"]) == ("2026-01-01", "a, b")


@pytest.mark.parametrize("name", ["openai", "gemini", "cohere"])
def test_what_is_meant_for_anthropic_goes_to_nobody_else(name: str) -> None:
    said = say(asked("anthropic_messages", lines=VERSION + BETA), aim(name))

    assert b"anthropic" not in said.outbound.head
    assert "anthropic_beta" not in body(said)


@pytest.mark.parametrize(("name", "version"), [("bedrock", "bedrock-2023-05-31"), ("vertex", "vertex-2023-10-16")])
@pytest.mark.parametrize("stream", [False, True])
def test_the_clouds_get_versions_and_betas_in_the_body(name: str, version: str, stream: bool) -> None:
    said = say(asked("anthropic_messages", stream=stream, lines=BETA), aim(name))

    sent = body(said)
    assert (sent["anthropic_version"], sent["anthropic_beta"]) == (version, ["a", "b"])
    assert "model" not in sent
    assert sent.get("stream") == (True if stream and name == "vertex" else None)
    assert said.passage.framed == (name == "bedrock")


def test_callers_of_another_dialect_reach_a_clouds_model_too() -> None:
    said = say(asked("openai_chat", stream=True), aim("vertex"))

    sent = body(said)
    assert sent["anthropic_version"] == "vertex-2023-10-16"
    assert (sent["max_tokens"], sent["stream"], "model" in sent) == (100, True, False)


# --- content type


def test_a_form_goes_on_with_its_boundary() -> None:
    kind = b"multipart/form-data; boundary=x"
    form = b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
    beside = Asked(endpoint="/v1/audio/translations", headers={b"content-type": kind})
    whole = Body((form,))
    head, spots = CODECS["openai_transcription"].read(whole, beside)
    request = Request(head=head, body=whole, spots=spots, digest="")

    said = say(request, aim("openai", "whisper"))

    assert place(said) == "/v1/audio/translations"
    assert headers(said)["content-type"].startswith("multipart/form-data; boundary=")
    assert b"whisper" in b"".join(said.outbound.body)


# --- what can't be said


def test_what_a_deployment_can_not_be_told_another_may() -> None:
    file = {"type": "file", "file": {"file_id": "file-1"}}
    request = asked("openai_chat", messages=[{"role": "user", "content": [file]}])

    assert body(say(request, aim("openai")))["messages"][0]["content"] == [file]
    with pytest.raises(CannotCarry) as caught:
        say(request, aim("cohere"))
    assert (caught.value.param, caught.value.said_code) == ("messages[0].content[0]", "cannot_carry")


def test_what_nobody_could_read_is_the_callers_mistake() -> None:
    request = asked("openai_chat", messages=[{"role": "user", "content": 5}])

    with pytest.raises(BadRequest) as caught:
        say(request, aim("anthropic"))
    assert not isinstance(caught.value, CannotCarry)
    assert caught.value.param == "messages[0].content"


def test_a_body_is_read_once_however_many_are_tried() -> None:
    request = asked("openai_chat")
    say(request, aim("anthropic"))
    first = request.body.meaning
    say(request, aim("gemini"))

    assert first is not None
    assert request.body.meaning is first


def test_an_operators_prompt_and_a_start_reach_other_dialects() -> None:
    said = say(asked("openai_chat"), aim("anthropic"), How(prompt="Be brief.", so_far="Hel"))

    sent = json.dumps(body(said))
    assert "Be brief." in sent
    assert "Hel" in sent


# --- credentials that change


class Noted(Signer):
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[Any] = []

    def ready(self, now_s: float) -> bool:
        return True

    def due(self, now_s: float) -> bool:
        return False

    async def renew(self) -> None:
        raise AssertionError

    def lines(self, method: str, host: str, path: str, query: str, body: Any) -> bytes:
        self.shown.append((method, host, path, query, b"".join(body)))
        return b"authorization: signed\r\n"


@pytest.mark.parametrize("own", ["anthropic_messages", "openai_chat"])
def test_a_signature_is_over_what_goes_out(own: Dialect) -> None:
    signer = Noted()
    made = aim("bedrock", keys=(), signer=signer, query={"x": "1"})

    said = say(
        asked(own, stream=True, lines=BETA if own == "anthropic_messages" else b""),
        made,
        How(trace=b"traceparent: t\r\n"),
    )

    ((method, host, path, query, shown),) = signer.shown
    assert (method, host, query) == ("POST", "up.example", "x=1")
    assert place(said) == f"{path}?{query}"
    assert shown == b"".join(said.outbound.body)
    told = headers(said)
    assert (told["authorization"], told["traceparent"]) == ("signed", "t")
    assert lines(said)[-1] == "traceparent: t"


def test_through_a_proxy_a_signature_is_over_the_path_alone() -> None:
    signer = Noted()
    made = aim("bedrock", keys=(), signer=signer, base_url="http://up.example:81", proxy="http://proxy:3128")

    said = say(asked("openai_chat"), made)

    assert place(said).startswith("http://up.example:81/model/")
    assert signer.shown[0][1:3] == ("up.example:81", place(said).removeprefix("http://up.example:81"))


def test_a_way_may_be_for_some_models_and_then_others_have_none() -> None:
    row = replace(PROFILES["compatible"], ways=(Way(dialect="openai_chat", path="/chat", models="^gpt"),))

    assert set(aim(row, "gpt-5").ways) >= {"openai_chat", "anthropic_messages"}
    assert aim(row, "other").ways == {}
