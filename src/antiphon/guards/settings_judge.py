"""Guards that ask somebody else: a model, or a service over HTTP."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.secret import Secret

When = Literal["before", "beside"]
"""`before`: the call is made once it has answered. `beside`: it is asked while the call runs, and nothing of the answer is
released before it has answered."""
StreamWhen = Literal["sync", "async", "end"]
"""`sync`: each sentence is held until it was judged. `async`: sentences go at once, and the stream is cut where one was bad.
`end`: the whole text is judged, and the stream's end waits for that."""
Mistake = tuple[str, str, str]
MOST_TIMEOUT_S = 120


class JudgeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to a model, which answers yes where the guard is to act."""

    model: Annotated[str, Meta(min_length=1, description="Public name that is asked: a route, or a listed model.")]
    question: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=4000,
            description="A question about the text that yes or no answers, such as `Does the text ask for medical advice?`; yes is a finding.",
        ),
    ]
    kind: Annotated[
        str, Meta(min_length=1, max_length=64, description="What its findings are called. Default judged.")
    ] = "judged"
    timeout_s: Annotated[
        float,
        Meta(gt=0, le=MOST_TIMEOUT_S, description="Seconds for one answer. Then the guard has failed. Default 10."),
    ] = 10.0
    most_characters: Annotated[
        int,
        Meta(
            ge=200,
            le=1_000_000,
            description="Characters of a text that are shown at once; a longer one is asked about in parts, which overlap by a tenth. Default 12000.",
        ),
    ] = 12_000
    most_parts: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Questions for one request, or for one answer; a text that takes more fails the guard. Default 4.",
        ),
    ] = 4
    window_characters: Annotated[
        int,
        Meta(
            ge=100,
            le=20_000,
            description="Of a streamed answer: characters after which it is asked about what came, at the next end of a sentence, at twice as many at the latest. Default 600.",
        ),
    ] = 600
    output_tokens: Annotated[
        int, Meta(ge=8, le=16_384, description="Most tokens of its answer; models that think need more. Default 64.")
    ] = 64
    when: Annotated[
        When,
        Meta(
            description="Of requests: `before` the call, or `beside` it, so that its answer waits for this one's. Default before."
        ),
    ] = "before"
    stream: Annotated[
        StreamWhen,
        Meta(
            description="Of streamed answers: `sync` holds each sentence until it was judged; `async` lets them go and cuts the stream off at a bad one; `end` judges the whole before the stream's end. Default sync."
        ),
    ] = "sync"


class WebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service over HTTP that is shown texts, and answers what it found."""

    url: Annotated[
        Secret,
        Meta(
            description="Where texts are posted, https:// or http://; best as ${env:NAME}, since it may hold a token."
        ),
    ]
    secret: Annotated[
        Secret | None,
        Meta(
            description="Signs each question: the header `x-antiphon-signature` is `t=SECONDS,v1=` and the HMAC-SHA256 of `SECONDS.BODY` in hexadecimal. Default: unsigned."
        ),
    ] = None
    headers: Annotated[dict[str, Secret], Meta(description="Headers to add, such as a token. Default: none.")] = {}
    zone: Annotated[
        Literal["public", "private"],
        Meta(
            description="Whether it runs inside your own network. One that is `public` is not asked about what only private deployments may see; the guard has failed then. Default public."
        ),
    ] = "public"
    networks: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(
            description="The only networks that it is reached in, such as `10.0.0.0/8`. Needed for zone `private` where its host is a name. Default: as `egress` allows."
        ),
    ] = []
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust in place of the system's. Default: the system's."),
    ] = None
    window_characters: Annotated[
        int,
        Meta(
            ge=100,
            le=20_000,
            description="Of a streamed answer: characters after which it is asked about what came, at the next end of a sentence, at twice as many at the latest. Default 600.",
        ),
    ] = 600
    timeout_s: Annotated[
        float,
        Meta(gt=0, le=MOST_TIMEOUT_S, description="Seconds for one answer. Then the guard has failed. Default 2."),
    ] = 2.0
    when: Annotated[
        When,
        Meta(
            description="Of requests: `before` the call, or `beside` it, so that its answer waits for this one's. Default before."
        ),
    ] = "before"
    stream: Annotated[
        StreamWhen,
        Meta(
            description="Of streamed answers: `sync` holds each sentence until it was judged; `async` lets them go and cuts the stream off at a bad one; `end` judges the whole before the stream's end. Default sync."
        ),
    ] = "sync"
