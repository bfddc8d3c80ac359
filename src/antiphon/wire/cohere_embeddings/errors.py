"""What Cohere says of a request that it refuses: `{"id", "message"}`. Source: https://docs.cohere.com/reference/errors (2026-11)."""

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.wire.openai_chat import errors


class _Said(Struct):
    message: str | None = None


def pass_on(error: AntiphonError, body: bytes) -> None:
    """Let the caller read it; servers of Cohere's form that answer as OpenAI does are read too."""
    try:
        said = msgspec.json.decode(body, type=_Said).message
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        said = None
    if said:
        error.message = said
    else:
        errors.pass_on(error, body)
