"""The contents of a Gemini conversation: what may follow what, and which proofs must come back.

Source: https://ai.google.dev/gemini-api/docs/function-calling and /docs/thought-signatures, read 2026-11.
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Raw

from antiphon.core.error import BadRequest
from antiphon.providers.lab.gemini.request import Content
from antiphon.providers.lab.gemini.request import Part as Piece
from antiphon.providers.lab.proof import sign
from antiphon.providers.lab.request import Message, Part

DATA = (
    "text", "inline_data", "file_data", "function_call", "function_response", "executable_code",
    "code_execution_result", "tool_call", "tool_response",
)  # fmt: skip
DUMMIES = frozenset({b"skip_thought_signature_validator", b"context_engineering_is_the_way_to_go"})
"""Proofs that are taken of histories that come from elsewhere."""


def check(contents: Sequence[Content]) -> None:
    """Raises: BadRequest (400)."""
    if not contents:
        raise BadRequest("* GenerateContentRequest.contents: contents is not specified\n")
    for place, content in enumerate(contents):
        _check_content(content, f"contents[{place}]")
    _check_turns(contents)
    _check_proofs(contents)


def _check_content(content: Content, path: str) -> None:
    if content.role not in (None, "", "user", "model", "function"):
        raise BadRequest(f"Please use a valid role: user, model. ({path} has {content.role!r})")
    if not content.parts:
        raise BadRequest(f"* GenerateContentRequest.{path}.parts: contents.parts must not be empty.\n")
    for place, part in enumerate(content.parts):
        if sum(getattr(part, name) is not None for name in DATA) != 1:
            raise BadRequest(
                f"* GenerateContentRequest.{path}.parts[{place}].data: required oneof field 'data' must have one "
                "initialized field\n"
            )


def _check_turns(contents: Sequence[Content]) -> None:
    called: list[str] | None = None
    before = ""
    for content in contents:
        calls = [part.function_call.name for part in content.parts if part.function_call is not None]
        results = [part.function_response.name for part in content.parts if part.function_response is not None]
        if calls and (not before or (before == "model" and called is None)):
            raise BadRequest(
                "Please ensure that function call turn comes immediately after a user turn or after a function "
                "response turn."
            )
        if results and called is None:
            raise BadRequest("Please ensure that function response turn comes immediately after a function call turn.")
        if called is not None and len(results) != len(called):
            raise BadRequest(
                "Please ensure that the number of function response parts is equal to the number of function call "
                "parts of the function call turn."
            )
        if called is not None and Counter(results) != Counter(called):
            raise BadRequest(f"the function responses {results} don't answer the function calls {called}")
        called = calls or None
        before = content.role or "user"
    if called is not None:
        raise BadRequest("Please ensure that single turn requests end with a user role or the role field is empty.")


def _check_proofs(contents: Sequence[Content]) -> None:
    """In the present turn the first call of each step has its proof; every proof is the lab's."""
    begun = max((place for place, content in enumerate(contents) if _is_question(content)), default=0)
    for place, content in enumerate(contents):
        first = True
        for part in content.parts:
            call = part.function_call
            if part.thought_signature is not None:
                _check_proof(part)
            elif call is not None and first and place > begun:
                raise BadRequest(
                    f"Function call is missing a thought_signature in functionCall parts. This is required for tools to "
                    "work correctly, and missing thought_signature may lead to degraded model performance. Additional "
                    f"data, function call `default_api:{call.name}`, position {place + 1}."
                )
            first = first and call is None


def _is_question(content: Content) -> bool:
    return content.role != "model" and any(part.function_response is None for part in content.parts)


def _check_proof(part: Piece) -> None:
    text = part.thought_signature or ""
    try:
        said = b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise BadRequest("Invalid value at 'thought_signature' (TYPE_BYTES), Base64 decoding failed") from None
    about = part.function_call.name if part.function_call is not None else ""
    if text.encode() not in DUMMIES and said not in DUMMIES and said.decode(errors="replace") != sign("gemini", about):
        raise BadRequest("Corrupted thought signature.")


def messages_of(contents: Sequence[Content]) -> tuple[list[Message], list[bytes]]:
    """The contents in the middle's words, with the bytes of each."""
    said: list[Message] = []
    raws: list[bytes] = []
    for content in contents:
        raw = msgspec.json.encode(content)
        calls = [Raw(msgspec.json.encode(part.function_call)) for part in content.parts if part.function_call]
        parts = [spoken for part in content.parts for spoken in _spoken(part)]
        for part in content.parts:
            result = part.function_response
            if result is not None:
                text = msgspec.json.encode(result.response).decode()
                said.append(Message("tool", text, result.id or result.name))
                raws.append(msgspec.json.encode(part))
        if parts or calls:
            text = parts[0].text if len(parts) == 1 else None
            role = "assistant" if content.role == "model" else "user"
            said.append(Message(role, parts if text is None else text, tool_calls=calls or None))
            raws.append(raw)
    return said, raws


def _spoken(part: Piece) -> list[Part]:
    if part.text is not None:
        return [Part("text", part.text)]
    blob = part.inline_data or part.file_data
    if blob is None:
        return []
    kind = (blob.mime_type or "").partition("/")[0]
    return [Part({"image": "image_url", "audio": "input_audio"}.get(kind, "file"))]
