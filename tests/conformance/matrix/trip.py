"""One request's way from a caller to an upstream and back, through the same pieces as in a gateway, without sockets."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from msgspec import Struct, structs

from antiphon.core.body import Body
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect, Request
from antiphon.core.secret import Secret
from antiphon.providers.failure import failure
from antiphon.providers.lab.answer import Job
from antiphon.providers.lab.bedrock.write import frame
from antiphon.providers.lab.dialect import Dialect as LabDialect
from antiphon.providers.lab.dialect import Incoming
from antiphon.providers.lab.paths import find, routes
from antiphon.providers.lab.prefixes import Cached
from antiphon.providers.lab.responses.memory import Memory
from antiphon.providers.lab.settings import LabModel
from antiphon.providers.profile import CHAT as CHAT_WAY
from antiphon.providers.profile import Profile
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Account, Said, Target, say, target
from antiphon.providers.ways import RESPONSES as RESPONSES_WAY
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from matrix import feature
from matrix.feature import Answer, Failure, Json

AT_S = 1_796_000_000
ENDPOINTS: Mapping[Dialect, str] = MappingProxyType(
    {
        feature.CHAT: "/v1/chat/completions",
        feature.RESPONSES: "/v1/responses",
        feature.MESSAGES: "/v1/messages",
        feature.COMPLETIONS: "/v1/completions",
        "openai_embeddings": "/v1/embeddings",
        "cohere_embeddings": "/v2/embed",
    }
)
GEMINI_ACTIONS: Mapping[Dialect, tuple[str, str]] = MappingProxyType(
    {
        feature.GEMINI: ("generateContent", "streamGenerateContent"),
        "gemini_embeddings": ("batchEmbedContents", "batchEmbedContents"),
    }
)
NAMED: Mapping[Dialect, tuple[str, str]] = MappingProxyType(
    {
        feature.CHAT: ("openai", "gpt-5.2"),
        feature.RESPONSES: ("openai", "gpt-5.2"),
        feature.MESSAGES: ("anthropic", "claude-sonnet-4-5"),
        feature.GEMINI: ("gemini", "gemini-3-pro"),
        feature.CONVERSE: ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        feature.COHERE: ("cohere", "command-a-reasoning-08-2025"),
        "openai_embeddings": ("openai", "text-embedding-3-small"),
        "gemini_embeddings": ("gemini", "gemini-embedding-001"),
        "cohere_embeddings": ("cohere", "embed-v4.0"),
    }
)
"""The profile of an upstream of each dialect, and a model that can do most of what there is."""


class Came(Struct, frozen=True, kw_only=True):
    """What the caller got: a whole answer, or a list of the events of a stream."""

    value: Any
    losses: tuple[Loss, ...] = ()


class Sent(Struct, frozen=True, kw_only=True):
    """What an upstream was sent."""

    body: Json
    losses: tuple[Loss, ...]
    said: Said
    request: Request


def at_upstream(dialect: Dialect) -> Target:
    """A deployment that speaks one dialect and no other."""
    profile_name, model = NAMED[dialect]
    account = Account(
        name=profile_name,
        profile=_only(PROFILES[profile_name], dialect),
        base_url=PROFILES[profile_name].base_url or "https://bedrock-runtime.us-east-1.amazonaws.com",
        keys=(Secret("sk-conformance"),),
    )
    return target(Deployment(name=dialect, provider=profile_name, model=model, output_tokens=64_000), account)


def _only(profile: Profile, dialect: Dialect) -> Profile:
    usual = {feature.CHAT: (CHAT_WAY,), feature.RESPONSES: (RESPONSES_WAY,)}.get(dialect)
    return structs.replace(profile, ways=usual or tuple(way for way in profile.ways if way.dialect == dialect))


def request_of(client: Dialect, body: Json, *, stream: bool) -> Request:
    """A request as the server reads it. Raises: BadRequest."""
    codec = CODECS[client]
    actions = GEMINI_ACTIONS.get(client)
    endpoint = f"/v1beta/models/{{model}}:{actions[stream]}" if actions else ENDPOINTS[client]
    if not actions:
        body = {
            "model": "public",
            **{name: value for name, value in body.items() if value is not None},
            **({"stream": True} if stream else {}),
        }
    text = json.dumps(body).encode()
    whole = Body((text,))
    asked = Asked(
        endpoint=endpoint,
        model="public" if actions else "",
        stream=bool(actions) and stream,
        headers={b"content-type": b"application/json"},
    )
    head, spots = codec.read(whole, asked)
    return Request(head=head, body=whole, spots=spots, digest=whole.sha256())


def send(client: Dialect, at: Target, body: Json, *, stream: bool) -> Sent:
    """Raises: BadRequest, CannotCarry."""
    request = request_of(client, body, stream=stream)
    said = say(request, at)
    return Sent(
        body=json.loads(b"".join(said.outbound.body)),
        losses=said.losses,
        said=said,
        request=request,
    )


def _at_lab(sent: Sent) -> tuple[Incoming, LabDialect]:
    """The request as the lab gets it, and the lab's own reading of the protocol."""
    line, *lines = sent.said.outbound.head.decode("latin-1").split("\r\n")
    path, _, query = line.split(" ")[1].partition("?")
    headers = {
        name.lower().encode(): value.encode() for name, _, value in (one.partition(": ") for one in lines if one)
    }
    incoming = Incoming(
        path=unquote(path if path.startswith(("/v1", "/v2", "/model/")) else f"/v1{path}"),
        body=b"".join(sent.said.outbound.body),
        headers=headers,
        query={"alt": "sse"} if query else {},
    )
    found = find(routes(Memory(), signed=False), incoming)
    assert found is not None, f"the lab has no {path}"
    return found[1], found[0]


def lab_answer(sent: Sent) -> bytes:
    """What the lab answers, which reads each protocol strictly and by itself. Raises: AntiphonError, where it refuses."""
    incoming, dialect = _at_lab(sent)
    writer = dialect.read(incoming)
    settings = LabModel(answer_tokens=20)
    job = Job(settings=settings, seed=7, number=1, asked=writer.asked, created_s=AT_S, cached=Cached(1))
    answer = writer.compose(job, None)
    used = writer.usage(answer)
    if writer.stream:
        return b"".join(event.data for event in writer.events(answer, used)) + writer.done
    return writer.whole(answer, used)


def canned(dialect: Dialect, said: Answer, *, stream: bool) -> bytes:
    """An answer that was written down, as the upstream's bytes."""
    if not stream:
        return json.dumps(said.whole).encode()
    if dialect == feature.CONVERSE:
        return b"".join(frame(kind, payload) for event in said.events for kind, payload in event.items())
    out = b"".join(_event(event) for event in said.events)
    return out + b"data: [DONE]\n\n" if dialect == feature.CHAT else out


def _event(event: Json) -> bytes:
    named = b"event: %b\n" % event["type"].encode() if "type" in event else b""
    return named + b"data: " + json.dumps(event).encode() + b"\n\n"


def fail(sent: Sent, failing: Failure) -> Came:
    """What the caller is told of an upstream's error."""
    _, dialect = _at_lab(sent)
    said = dialect.manners.faults.get(failing.fault) or dialect.manners.problem(_problem(failing.status))
    error = failure(failing.status, failing.headers, said.body, "deployment", sent.said.passage.upstream)
    told = {
        "status": error.said_status,
        "retry_after_s": error.retry_after_s,
        "said": error.message,
        "body": json.loads(sent.said.passage.own.error(error)),
    }
    return Came(value=told)


def _problem(status: int) -> BadRequest:
    kind = NotFound if status == 404 else BadRequest
    return kind("the lab says no")


def deliver(sent: Sent, said: bytes, *, stream: bool) -> Came:
    """An upstream's answer, as the caller gets it. Raises: AntiphonError."""
    head, passage = sent.request.head, sent.said.passage
    if not stream:
        passed = passage.whole(said, head, AT_S)
        return Came(value=json.loads(passed.body), losses=passed.losses)
    relay = passage.relay(head, AT_S, hides_usage=sent.said.hides_usage)
    out = relay.feed(said) + relay.end()
    return Came(value=events_of(out), losses=relay.losses)


def events_of(stream: bytes) -> list[Any]:
    """The JSON of each event."""
    data = [line[5:].strip() for line in stream.split(b"\n") if line.startswith(b"data:")]
    return [json.loads(one) for one in data if one != b"[DONE]"]
