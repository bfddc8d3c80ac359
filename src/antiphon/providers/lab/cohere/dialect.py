"""Cohere as a dialect of the lab, and what it says of errors.

Source: https://docs.cohere.com/reference/errors, read 2026-11.
"""

from types import MappingProxyType

import msgspec

from antiphon.core.error import AntiphonError, BadRequest
from antiphon.providers.lab.answer import Overlong
from antiphon.providers.lab.chat import NOT_TEXT
from antiphon.providers.lab.cohere import request
from antiphon.providers.lab.cohere.read import read_chat
from antiphon.providers.lab.cohere.write import ChatWriter, EmbedWriter, JinaWriter, RerankWriter
from antiphon.providers.lab.complaint import FIELDS, Complaint, read
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.dialect import Dialect, Incoming, Manners, Said, Writer
from antiphon.providers.lab.request import Asked, Chat, Message, Part


def said(status: int, message: str) -> Said:
    return Said(status=status, body=msgspec.json.encode({"id": "lab", "message": message}))


def say(error: AntiphonError) -> Said:
    if isinstance(error, Overlong):
        total = error.prompt_tokens + error.wanted
        return said(400, f"too many tokens: total number of tokens {total} exceeds the maximum of {error.window}")
    return said(error.said_status, error.message)


FAULTS = MappingProxyType(
    {
        "rate_limited": said(
            429, "lab fault: You are past the per minute request limit, please wait and try again later."
        ),
        "unauthorized": said(401, "lab fault: invalid api token"),
        "payment_required": said(402, "lab fault: please add or update your payment method to continue"),
        "hidden_quota": said(400, "lab fault: you exceeded your quota"),
        "error_500": said(500, "lab fault: internal server error"),
        "error_503": said(503, "lab fault: service unavailable"),
        "error_529": said(529, "lab fault: overloaded"),
    }
)
_HEAD = b'{"id":"lab","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"'
_START = b'event: message-start\ndata: {"type":"message-start","id":"lab","delta":{"message":{"role":"assistant"}}}\n\n'
_DELTA = b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"'
MANNERS = Manners(
    problem=say,
    faults=FAULTS,
    broken_json=_HEAD + b"te",
    broken_stream=(_START + _DELTA + b'[lab fault] "}}}}\n\n', _DELTA + b"bro\n\n", *NOT_TEXT),
    huge=(_HEAD, b'"}]}}'),
    huge_stream=(_START + _DELTA, b'"}}}}\n\n'),
)


class Cohere(Dialect):
    """What all of Cohere's paths have in common."""

    manners = MANNERS

    def read(self, incoming: Incoming) -> Writer:
        try:
            return self._read(incoming)
        except Complaint as wrong:
            what = {"missing": "field required", "unknown": "unknown field"}.get(wrong.kind, wrong.said)
            raise BadRequest(f"invalid request: {wrong.path}: {what}") from None

    def _read(self, incoming: Incoming) -> Writer:
        raise NotImplementedError


class CohereChat(Cohere):
    name = "cohere_chat"

    def _read(self, incoming: Incoming) -> Writer:
        return ChatWriter(read_chat(incoming.body)[0])


class CohereEmbed(Cohere):
    name = "cohere_embed"

    def _read(self, incoming: Incoming) -> Writer:
        embed = read(request.EMBED, incoming.body)
        given = [embed.texts, embed.images, embed.inputs]
        if sum(one is not None for one in given) != 1:
            raise BadRequest("invalid request: exactly one of texts, images and inputs must be given")
        if embed.texts is not None:
            parts = [[Part("text", text)] for text in embed.texts]
        elif embed.images is not None:
            parts = [[Part("image_url")] for _ in embed.images]
        else:
            parts = [[Part(part.type, part.text) for part in one.content] for one in embed.inputs or ()]
        texts = ["\n".join(part.text or part.type for part in one) for one in parts]
        messages = [Message("user", list(one)) for one in parts]
        return EmbedWriter(plain(embed.model, messages, incoming.body), embed, texts)


class Rerank(Cohere):
    def __init__(self, *, jina: bool) -> None:
        self._jina = jina
        self.name = "jina_rerank" if jina else "cohere_rerank"

    def _read(self, incoming: Incoming) -> Writer:
        rerank = read(request.RERANK, incoming.body)
        texts = [one if isinstance(one, str) else one.text for one in rerank.documents]
        messages = [Message("user", text) for text in (rerank.query, *texts)]
        write = JinaWriter if self._jina else RerankWriter
        return write(plain(rerank.model, messages, incoming.body), rerank)


def plain(model: str, messages: list[Message], raw: bytes) -> Asked:
    """A request that is no conversation: nothing of it is cached."""
    return Asked(
        chat=Chat(model=model, messages=request.NO_MESSAGES),
        messages=tuple(messages),
        raw_messages=(),
        tools_bytes=0,
        key=key_of(read(FIELDS, raw)),
        units=(),
    )
