"""AWS Bedrock as a dialect of the lab, and what it says of errors.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html, read 2026-11.
"""

import re
from types import MappingProxyType

import msgspec
from msgspec import structs

from antiphon.core.error import AntiphonError, BadRequest, NotAllowed
from antiphon.providers.lab.answer import Overlong
from antiphon.providers.lab.anthropic.dialect import refused as anthropic_refused
from antiphon.providers.lab.anthropic.dialect import words as anthropic_words
from antiphon.providers.lab.anthropic.read import body_of, read_messages
from antiphon.providers.lab.bedrock.read import read_converse
from antiphon.providers.lab.bedrock.write import STREAM_LINES, ConverseWriter, InvokeWriter, frame
from antiphon.providers.lab.complaint import FIELDS, Complaint, read
from antiphon.providers.lab.dialect import JSON_LINE, Dialect, Incoming, Manners, Said, Writer

KINDS = MappingProxyType(
    {
        400: "ValidationException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    }
)
SIGNED = re.compile(
    rb"AWS4-HMAC-SHA256 Credential=[^/,\s]+/\d{8}/[a-z0-9-]+/bedrock/aws4_request, ?SignedHeaders=[a-z0-9;-]+, ?"
    rb"Signature=[0-9a-f]{64}"
)
VERSION = "bedrock-2023-05-31"


def said(status: int, message: str, kind: str = "") -> Said:
    named = kind or KINDS.get(status, "ServiceUnavailableException")
    lines = JSON_LINE + b"x-amzn-errortype: %b\r\nx-amzn-requestid: req-lab\r\n" % named.encode()
    return Said(status=status, lines=lines, body=msgspec.json.encode({"message": message}))


def say(error: AntiphonError) -> Said:
    return said(error.said_status, words(error))


def words(error: AntiphonError) -> str:
    """An error in the API's own words, where it has its own."""
    if isinstance(error, Overlong):
        return f"The model returned the following errors: {anthropic_words(error)}"
    return error.message


FAULTS = MappingProxyType(
    {
        "rate_limited": said(429, "lab fault: Too many requests, please wait before trying again."),
        "unauthorized": said(
            403, "lab fault: The security token included in the request is invalid.", "UnrecognizedClientException"
        ),
        "payment_required": said(402, "lab fault: your account has no payment instrument", "AccessDeniedException"),
        "hidden_quota": said(400, "lab fault: you exceeded your quota", "ServiceQuotaExceededException"),
        "error_500": said(500, "lab fault: The system encountered an unexpected error"),
        "error_503": said(503, "lab fault: Bedrock is unable to process your request."),
        "error_529": said(529, "lab fault: overloaded"),
    }
)
_HEAD = b'{"output":{"message":{"role":"assistant","content":[{"text":"'
_DELTA = frame("contentBlockDelta", {"delta": {"text": "[lab fault] "}, "contentBlockIndex": 0})
MANNERS = Manners(
    problem=say,
    faults=FAULTS,
    broken_json=_HEAD + b"te",
    broken_stream=(
        frame("messageStart", {"role": "assistant"}) + _DELTA,
        _DELTA[:-1] + bytes((_DELTA[-1] ^ 1,)),
        b"these bytes are no frame",
    ),
    stream_lines=STREAM_LINES,
    huge=(_HEAD, b'"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}'),
    huge_stream=(b"\x0b\xeb\xc2\x00" * 3, b""),
)


class Bedrock(Dialect):
    """What all of Bedrock's paths have in common."""

    manners = MANNERS

    def __init__(self, *, signed: bool, stream: bool) -> None:
        """`signed`: a request must have an Authorization header of the form of AWS4-HMAC-SHA256."""
        self._signed = signed
        self._stream = stream

    def _check_signed(self, incoming: Incoming) -> None:
        given = incoming.headers.get(b"authorization", b"")
        bearer = given.startswith(b"Bearer ") and len(given) > len(b"Bearer ")
        if self._signed and not bearer and (SIGNED.fullmatch(given) is None or b"x-amz-date" not in incoming.headers):
            raise NotAllowed("Missing Authentication Token")


class ConverseDialect(Bedrock):
    """POST /model/{m}/converse and /converse-stream."""

    name = "bedrock_converse"

    def read(self, incoming: Incoming) -> Writer:
        self._check_signed(incoming)
        try:
            return ConverseWriter(read_converse(incoming.body, incoming.model, stream=self._stream))
        except Complaint as wrong:
            what = (
                "is required" if wrong.kind == "missing" else "is not known" if wrong.kind == "unknown" else wrong.said
            )
            raise BadRequest(f"1 validation error detected: {wrong.path or 'body'}: {what}") from None


class InvokeDialect(Bedrock):
    """POST /model/{m}/invoke and /invoke-with-response-stream, for bodies of Anthropic's."""

    name = "bedrock_invoke"

    def read(self, incoming: Incoming) -> Writer:
        self._check_signed(incoming)
        try:
            fields = read(FIELDS, incoming.body)
            for name in ("model", "stream"):
                if name in fields:
                    raise Complaint(name, "unknown", "")
            body = body_of(incoming.body, count=False)
            if body.anthropic_version != VERSION:
                raise BadRequest(f"anthropic_version: Field required; write {VERSION}")
            found = read_messages(incoming.body, body, beta=bool(body.anthropic_beta))
        except Complaint as wrong:
            raise anthropic_refused(wrong) from None
        chat = structs.replace(found.asked.chat, model=incoming.model, stream=self._stream)
        asked = structs.replace(found.asked, chat=chat)
        return InvokeWriter(structs.replace(found, asked=asked))
