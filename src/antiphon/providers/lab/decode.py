"""From a body's bytes to what was asked.

A request's key is SHA-256 over its top-level fields, sorted by name, each as its own bytes; `stream`
and `stream_options` are left out. So a stream says what the whole answer says, blanks between fields
and their order change nothing, and every other change of the body (a seed, a temperature) makes
another answer.
"""

import re
from hashlib import sha256

import msgspec
from msgspec import Raw

from antiphon.core.error import BadRequest
from antiphon.providers.lab.request import CHAT, MESSAGE, Asked, Chat, Message

FIELDS = msgspec.json.Decoder(dict[str, Raw])
NOT_IN_KEY = frozenset({"stream", "stream_options"})
FIELD_NAMED = re.compile(r"required field `(\w+)`")
PATH_NAMED = re.compile(r" - at `\$\.?(.*)`$")


def decode(body: bytes) -> Asked:
    """Read a request. Raises: BadRequest (400), with `param` where one field is to blame."""
    try:
        fields = FIELDS.decode(body)
        chat = CHAT.decode(body)
        messages = tuple(_message(raw, place) for place, raw in enumerate(chat.messages))
    except msgspec.ValidationError as error:
        raise _blame(error, "") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON ({error}); send one JSON object") from None
    except RecursionError:
        raise BadRequest("the body is nested too deeply; flatten it") from None
    tools = fields.get("tools")
    start = _start(messages)
    return _checked(
        Asked(
            chat=chat,
            messages=messages,
            raw_messages=tuple(bytes(raw) for raw in chat.messages),
            tools_bytes=len(bytes(tools)) if tools is not None and chat.tools else 0,
            key=key_of(fields),
            start=start,
            key_before=key_of({**fields, "messages": without_last(fields["messages"], chat.messages[-1])})
            if start
            else "",
        )
    )


def _start(messages: tuple[Message, ...]) -> str:
    """The start of an answer: a last message of the assistant that is text alone, behind others."""
    last = messages[-1]
    begun = len(messages) > 1 and last.role == "assistant" and not last.tool_calls
    return last.content if begun and isinstance(last.content, str) else ""


def without_last(messages: Raw, last_message: Raw) -> Raw:
    """The bytes of a list of messages less the last one and the comma before it."""
    text, last = bytes(messages), bytes(last_message)
    at = text.rindex(last)
    return Raw(text[:at].rstrip().removesuffix(b",") + text[at + len(last) :])


def _message(raw: Raw, place: int) -> Message:
    try:
        return MESSAGE.decode(raw)
    except msgspec.ValidationError as error:
        raise _blame(error, f"messages[{place}]") from None


def _checked(asked: Asked) -> Asked:
    chat: Chat = asked.chat
    if chat.top_logprobs is not None and not chat.logprobs:
        raise BadRequest("top_logprobs is only allowed when logprobs is true", param="top_logprobs")
    if chat.tool_choice is not None and chat.tool_choice != "none" and not chat.tools:
        raise BadRequest("tool_choice is only allowed when tools are given", param="tool_choice")
    return asked


def key_of(fields: dict[str, Raw]) -> str:
    """What an answer depends on."""
    digest = sha256()
    for name in sorted(fields.keys() - NOT_IN_KEY):
        value = bytes(fields[name])
        digest.update(b"%b\x1f%d\x1f" % (name.encode(), len(value)))
        digest.update(value)
    return digest.hexdigest()


def _blame(error: msgspec.ValidationError, within: str) -> BadRequest:
    """The same complaint, naming the field."""
    said = str(error)
    path = PATH_NAMED.search(said)
    missing = FIELD_NAMED.search(said)
    names = [within, path.group(1) if path else "", missing.group(1) if missing else ""]
    param = ".".join(name for name in names if name)
    return BadRequest(f"invalid request: {PATH_NAMED.sub('', said)} at `{param or 'body'}`", param=param or None)
