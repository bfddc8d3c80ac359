"""Gemini's API as a dialect of the lab, and what it says of errors.

Source: https://ai.google.dev/gemini-api/docs/troubleshooting and https://cloud.google.com/apis/design/errors,
read 2026-11.
"""

from types import MappingProxyType

import msgspec
from msgspec import Raw

from antiphon.core.error import AntiphonError, BadRequest, NotFound
from antiphon.providers.lab.answer import Overlong
from antiphon.providers.lab.complaint import FIELDS, Complaint, read
from antiphon.providers.lab.decode import key_of
from antiphon.providers.lab.dialect import JSON_LINE, SSE_LINES, Dialect, Incoming, Json, Manners, Said, Writer
from antiphon.providers.lab.gemini import request
from antiphon.providers.lab.gemini.contents import messages_of
from antiphon.providers.lab.gemini.read import normal, read_contents
from antiphon.providers.lab.gemini.write import LINES, ContentWriter, CountWriter, EmbedWriter
from antiphon.providers.lab.request import Asked, Chat, Message
from antiphon.providers.lab.vectors import DEFAULT_DIMENSIONS

STATUSES = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        402: "FAILED_PRECONDITION",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
        529: "UNAVAILABLE",
    }
)
ACTIONS = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents", "predict")


def error_body(status: int, message: str, word: str = "", details: list[Json] | None = None) -> Json:
    said: Json = {"code": status, "message": message, "status": word or STATUSES.get(status, "UNKNOWN")}
    return {"error": said | ({"details": details} if details else {})}


def words(error: AntiphonError) -> str:
    """An error in the API's own words, where it has its own."""
    if isinstance(error, Overlong):
        return (
            f"The input token count ({error.prompt_tokens}) exceeds the maximum number of tokens allowed "
            f"({error.window})."
        )
    return error.message


def refused(found: Complaint) -> BadRequest:
    """Protobuf's words, which the API uses."""
    path, _, name = found.path.rpartition(".")
    if found.kind == "unknown":
        at = f" at '{path}'" if path else ""
        return BadRequest(f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')
    if found.kind == "missing":
        return BadRequest(f"* GenerateContentRequest.{found.path}: required field is not set\n")
    return BadRequest(f"Invalid value at '{found.path}': {found.said}")


def _fault(status: int, message: str, word: str = "", details: list[Json] | None = None) -> Json:
    return error_body(status, f"lab fault: {message}", word, details)


RETRY: Json = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
BAD_KEY: Json = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
FAULTS: MappingProxyType[str, tuple[int, Json]] = MappingProxyType(
    {
        "rate_limited": (429, _fault(429, "Resource has been exhausted (e.g. check quota).", "", [RETRY])),
        "unauthorized": (400, _fault(400, "API key not valid. Please pass a valid API key.", "", [BAD_KEY])),
        "payment_required": (402, _fault(402, "billing is not enabled")),
        "hidden_quota": (
            400,
            _fault(400, "User has exceeded quota; check your plan and billing", "FAILED_PRECONDITION"),
        ),
        "error_500": (500, _fault(500, "An internal error has occurred.")),
        "error_503": (503, _fault(503, "The model is overloaded. Please try again later.")),
        "error_529": (529, _fault(529, "overloaded")),
    }
)
_HEAD = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"'
_TAIL = b'"}]},"finishReason":"STOP","index":0}],"modelVersion":"lab"}'


def manners(*, array: bool) -> Manners:
    """Errors and broken answers; a stream that is an array has its error in one too."""

    def said(status: int, body: Json) -> Said:
        return Said(status=status, lines=LINES, body=msgspec.json.encode([body] if array else body))

    def say(error: AntiphonError) -> Said:
        return said(error.said_status, error_body(error.said_status, words(error)))

    start, between = (b"[", b"\n,\r\n") if array else (b"data: ", b"\r\n\r\ndata: ")
    return Manners(
        problem=say,
        faults={kind: said(status, body) for kind, (status, body) in FAULTS.items()},
        broken_json=_HEAD + b"te",
        broken_stream=(
            start + _HEAD + b"[lab fault] " + _TAIL,
            between + _HEAD + b"bro\n\n",
            b"this line names no field\n\n",
            b"\xff\xfe\n\n",
        ),
        stream_lines=JSON_LINE if array else SSE_LINES,
        huge=(_HEAD, _TAIL),
        huge_stream=(start + _HEAD, _TAIL + (b"]" if array else b"\r\n\r\n")),
    )


class GeminiDialect(Dialect):
    """All that can be asked of `models/{model}:{action}`."""

    def __init__(self, *, array: bool = False) -> None:
        """`array`: what streams comes as one JSON array, for want of `alt=sse`."""
        self._array = array
        self.name = "gemini"
        self.manners = manners(array=array)

    def read(self, incoming: Incoming) -> Writer:
        try:
            match incoming.action:
                case "generateContent" | "streamGenerateContent":
                    stream = incoming.action == "streamGenerateContent"
                    return ContentWriter(read_contents(incoming.body, incoming.model, stream=stream), array=self._array)
                case "countTokens":
                    return _count(incoming)
                case "embedContent" | "batchEmbedContents" | "predict":
                    return _embed(incoming)
                case _:
                    raise NotFound(f"models/{incoming.model} has no {incoming.action}; it has {', '.join(ACTIONS)}")
        except Complaint as wrong:
            raise refused(wrong) from None


def _count(incoming: Incoming) -> Writer:
    raw = normal(incoming.body)
    count = read(request.COUNT, raw)
    body = count.generate_content_request or request.Body(contents=count.contents, tools=count.tools)
    system = body.system_instruction or count.system_instruction
    if not body.contents:
        raise BadRequest("* CountTokensRequest.contents: contents is not specified\n")
    messages, raws = messages_of([system, *body.contents] if system else body.contents)
    tools_bytes = len(msgspec.json.encode(body.tools)) if body.tools else 0
    return CountWriter(_asked(incoming.model, raw, messages, raws, tools_bytes))


def _embed(incoming: Incoming) -> Writer:
    if incoming.action == "predict":
        predict = read(request.PREDICT, incoming.body)
        wanted = predict.parameters.output_dimensionality or DEFAULT_DIMENSIONS
        texts = [(instance.content, wanted) for instance in predict.instances]
        raw = incoming.body
    else:
        raw = normal(incoming.body)
        many = incoming.action == "batchEmbedContents"
        embeds = read(request.EMBED_MANY, raw).requests if many else [read(request.EMBED, raw)]
        texts = [
            ("\n".join(part.text or "" for part in one.content.parts), one.output_dimensionality or DEFAULT_DIMENSIONS)
            for one in embeds
        ]
    messages = [Message("user", text) for text, _ in texts]
    asked = _asked(incoming.model, raw, messages, [text.encode() for text, _ in texts], 0)
    return EmbedWriter(asked, incoming.action, texts)


def _asked(model: str, raw: bytes, messages: list[Message], raws: list[bytes], tools_bytes: int) -> Asked:
    return Asked(
        chat=Chat(model=model, messages=[Raw(b"{}")]),
        messages=tuple(messages),
        raw_messages=tuple(raws),
        tools_bytes=tools_bytes,
        key=key_of(read(FIELDS, raw)),
        units=(),
    )
