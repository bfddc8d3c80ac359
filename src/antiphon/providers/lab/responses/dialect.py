"""OpenAI's Responses API as a dialect of the lab, and what it says of errors."""

from msgspec import structs

from antiphon.core.error import AntiphonError, BadRequest, NotFound
from antiphon.providers.lab.chat import MANNERS as CHAT
from antiphon.providers.lab.chat import NOT_TEXT
from antiphon.providers.lab.complaint import Complaint
from antiphon.providers.lab.dialect import Dialect, Incoming, Said, Writer
from antiphon.providers.lab.responses.memory import Memory
from antiphon.providers.lab.responses.read import read_response
from antiphon.providers.lab.responses.write import ResponseWriter

_HEAD = b'{"id":"resp_lab","object":"response","created_at":0,"model":"lab",'
_ITEM = b'{"id":"msg_lab","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"'
_DELTA = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":1,'
    b'"output_index":0,"content_index":0,"item_id":"msg_lab","logprobs":[],"delta":"'
)
_START = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":'
    + _HEAD
    + b'"status":"in_progress","output":[]}}\n\n'
)
MANNERS = structs.replace(
    CHAT,
    broken_json=_HEAD + b'"output":[{"ty',
    broken_stream=(_START + _DELTA + b'[lab fault] "}\n\n', _DELTA + b"bro\n\n", *NOT_TEXT),
    huge=(_HEAD + b'"status":"completed","output":[' + _ITEM, b'"}]}]}'),
    huge_stream=(_START + _DELTA, b'"}\n\n'),
)


def refused(found: Complaint) -> BadRequest:
    """OpenAI's words for a field that can't be taken."""
    match found.kind:
        case "missing":
            return BadRequest(
                f"Missing required parameter: '{found.path}'.", code="missing_required_parameter", param=found.path
            )
        case "unknown":
            return BadRequest(f"Unknown parameter: '{found.path}'.", code="unknown_parameter", param=found.path)
        case _:
            return BadRequest(f"Invalid value for '{found.path}': {found.said}", code="invalid_value", param=found.path)


class ResponsesDialect(Dialect):
    name = "openai_responses"
    manners = MANNERS

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def read(self, incoming: Incoming) -> Writer:
        try:
            return ResponseWriter(read_response(incoming.body, self._memory), self._memory)
        except Complaint as wrong:
            raise refused(wrong) from None


def kept(memory: Memory, method: str, id_: str) -> Said:
    """GET or DELETE of a stored response. Raises: AntiphonError."""
    found = memory.find(id_)
    if found is None:
        raise missing(id_)
    if method == "DELETE":
        memory.forget(id_)
        return Said(body=b'{"id":"%b","object":"response","deleted":true}' % id_.encode())
    return Said(body=found.body)


def missing(id_: str) -> AntiphonError:
    return NotFound(f"Response with id '{id_}' not found.")
