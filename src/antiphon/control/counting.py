"""How many tokens a request has: as its provider counts them where it does, else by the model's own vocabulary where
there is one, else as well as can be told from its size.

No model runs for it. A provider's own count is one attempt to its account, which has a receipt like any other.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec import Raw as RawJson
from msgspec import Struct

from antiphon.calls.story import Story
from antiphon.control.desk import Desk, Refusals
from antiphon.control.probing import NoReply
from antiphon.core.content import Content, File, Reasoning, Refusal, Text, ToolCall, Unknown
from antiphon.core.deployment import Deployment
from antiphon.core.error import AntiphonError, NotFound, UpstreamRefused
from antiphon.core.request import Dialect, Request
from antiphon.policy.verdict import decide, refusal
from antiphon.pricing.estimate import Estimator, script
from antiphon.pricing.media import family, media_of
from antiphon.providers.failure import failure
from antiphon.providers.raw import Asking, Raw
from antiphon.wire.codecs import CODECS
from antiphon.wire.openai_responses.compaction import count_answer

ESTIMATED = b"x-antiphon-estimated: true\r\n"
TOKENIZER = b"x-antiphon-tokenizer: %b\r\n"
"""The vocabulary that cut the texts; what stands around them is estimated."""
_JSON = b"content-type: application/json\r\n"
MOST_BYTES = 1_048_576
"""Of a provider's answer, which is a number and little more."""
A_MESSAGE = 4
A_REPLY = 3
"""Tokens around each message, and those that an answer begins with.

Source: "How to count tokens with tiktoken", OpenAI Cookbook: 3 a message, and one of its role.
"""
A_MEDIUM = 1000
"""Tokens of something that is no text where its provider states no most."""
HTTP_OK = 200
HTTP_BAD_REQUEST = 400


class Native(Struct, frozen=True):
    """Who counts in a dialect, and where."""

    profiles: frozenset[str]
    path: str


NATIVE: Mapping[Dialect, Native] = MappingProxyType(
    {
        "anthropic_messages": Native(frozenset({"anthropic", "lab"}), "/messages/count_tokens"),
        "gemini": Native(frozenset({"gemini", "lab"}), "/models/{model}:countTokens"),
        "openai_responses": Native(frozenset({"openai"}), "/responses/input_tokens"),
    }
)
"""Source: anthropic 2.14.0, `resources/messages/messages.py`; google-genai 3.6.1, `models.py`; openai-python 3.52.0,
`resources/responses/input_tokens.py`. Vertex, Bedrock and Azure count at paths of their own: there it is estimated."""


class Out(Refusals, Protocol):
    """Where a count goes."""

    def whole(self, status: int, headers: bytes, body: bytes) -> None: ...


class Counting(Struct, frozen=True, kw_only=True):
    """What is to be counted."""

    request: Request
    """Its head may name no model; the body is as the provider would get it, but for the model."""
    content: Content


async def count(desk: Desk, story: Story, asked: Counting, out: Out) -> None:
    """Answer with a number of tokens. Raises: AntiphonError subclasses."""
    request = story.request = asked.request
    head = request.head
    content = asked.content
    governor = desk.gateway.revision.governor
    if governor is not None and governor.governs(story.arrival.headers):
        request, _ = await governor.admit(story, request, NoReply())
    deployments = _allowed(desk, story, head.model) if head.model else ()
    for deployment in deployments:
        raw = desk.accounts.get(deployment.provider)
        native = NATIVE[head.dialect]
        if raw is None or raw.account.profile.name not in native.profiles:
            continue
        try:
            body = await _counted(desk, story, raw, deployment, request)
        except UpstreamRefused as error:
            if error.upstream_status == HTTP_BAD_REQUEST:
                raise  # the caller's to mend, whoever counts
            _note(story, error)
        except AntiphonError as error:
            _note(story, error)
        else:
            desk.close(story, "ok", HTTP_OK, release=partial(out.whole, HTTP_OK, _JSON, body))
            return
    first = deployments[0] if deployments else None
    profile = (
        ""
        if first is None or first.provider not in desk.accounts
        else desk.accounts[first.provider].account.profile.name
    )
    tokens, how = await _told(desk, story, content, profile, head.model if first is None else first.model)
    said = written(head.dialect, tokens)
    desk.close(story, "ok", HTTP_OK, release=partial(out.whole, HTTP_OK, _JSON + how, said))


def _note(story: Story, error: AntiphonError) -> None:
    story.notes = (*story.notes, f"count: {error.noted}")


def _allowed(desk: Desk, story: Story, model: str) -> tuple[Deployment, ...]:
    """The deployments that a name leads to. Raises: NotAllowed, NotFound."""
    story.verdict = verdict = story.verdict or decide(story.principal, model)
    if not verdict.allowed:
        raise refusal(verdict, story.principal, model)
    route = desk.gateway.revision.routes.get(model)
    if route is None:
        raise NotFound(
            f"there is no model {model!r}; GET /v1/models lists those there are", code="model_not_found", param="model"
        )
    return tuple(one for one in route.deployments if one.name not in verdict.excluded)


async def _counted(desk: Desk, story: Story, raw: Raw, deployment: Deployment, request: Request) -> bytes:
    """The provider's own answer. Raises: AntiphonError subclasses."""
    dialect, caller = request.head.dialect, desk.gateway.process.caller
    asking = Asking(
        method="POST",
        path=NATIVE[dialect].path.replace("{model}", deployment.model),
        lines=b"Content-Type: application/json\r\n" + request.lines,
        body=(named(request.body.whole(), dialect, deployment.model),),
    )
    attempt = (await desk.send(story, raw, asking)).attempt
    inbound = attempt.inbound
    if inbound is None:
        raise ValueError("an attempt that was sent has an answer")
    try:
        body = await inbound.read(MOST_BYTES)
        if inbound.status != HTTP_OK:
            raise failure(inbound.status, inbound.headers, body, attempt.name, CODECS[dialect])
    except AntiphonError as error:
        said = error.message
        caller.errands.broke(attempt, error)
        if isinstance(error, UpstreamRefused):
            error.message = said  # a refusal speaks in the upstream's own words
        raise
    finally:
        inbound.close()
    caller.settle(attempt, None)
    story.served = attempt
    return body


_members = msgspec.json.Decoder(dict[str, RawJson])


def named(body: bytes, dialect: Dialect, model: str) -> bytes:
    """A body that names the provider's model in the place of ours."""
    fields = _members.decode(body)
    if dialect != "gemini":
        return msgspec.json.encode({**fields, "model": model})
    for name in ("generateContentRequest", "generate_content_request"):
        if name in fields:
            inner = _members.decode(fields[name])
            fields[name] = RawJson(msgspec.json.encode({**inner, "model": f"models/{model}"}))
    return msgspec.json.encode(fields)


async def _told(desk: Desk, story: Story, content: Content, profile: str, model: str) -> tuple[int, bytes]:
    """Tokens that no provider counted, and the headers that say how they were told. Raises: BadRequest."""
    counter = None if desk.tokenizers is None else desk.tokenizers.of(model)
    if desk.tokenizers is not None and counter is not None:
        within_s = desk.limit(story).at_s - desk.now_s
        exact = await desk.tokenizers.count(counter, list(_texts(content)), within_s=within_s)
        if exact is not None:
            around = A_MESSAGE * len(content.messages) + A_REPLY + _media(content, profile, model)
            return exact + around, ESTIMATED + TOKENIZER % counter.encoding.encode()
    return estimate(content, profile, model), ESTIMATED


def estimate(content: Content, profile: str, model: str) -> int:
    """Tokens of a request, about: texts by their script and size, and the most of each picture."""
    text = "\n".join(_texts(content)).encode(errors="replace")
    likely = Estimator().estimate(model, len(text), script(text)).tokens
    return likely + A_MESSAGE * len(content.messages) + _media(content, profile, model)


def _media(content: Content, profile: str, model: str) -> int:
    sees = family(profile, model)
    return sum(sees.most(medium) or A_MEDIUM for medium in media_of(content))


def _texts(content: Content) -> Iterator[str]:
    for message in content.messages:
        for part in message.parts:
            match part:
                case Text() | Refusal() | Reasoning():
                    yield part.text
                case ToolCall():
                    yield part.name
                    yield part.arguments
                case File() if part.text is not None:
                    yield part.text
                case Unknown():
                    yield msgspec.json.encode(part.raw).decode()
                case _:
                    pass
    for tool in content.tools or ():
        yield tool.name
        yield tool.description or ""
        yield msgspec.json.encode(tool.parameters or {}).decode()


def written(dialect: Dialect, tokens: int) -> bytes:
    """A count in the words of a dialect."""
    match dialect:
        case "gemini":
            return msgspec.json.encode({"totalTokens": tokens})
        case "openai_responses":
            return count_answer(tokens)
        case _:
            return msgspec.json.encode({"input_tokens": tokens})
