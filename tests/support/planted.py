"""A text in its usual place, in the requests, answers and streams of every dialect."""

import json
from collections.abc import Sequence
from typing import Any

from streamed import Heard, pieces

from antiphon.core.body import Body
from antiphon.core.content import Message, Text
from antiphon.core.request import Dialect, Head, Request
from antiphon.core.response import Choice, Delta, Response
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS
from antiphon.wire.losses import Losses

NO_ANSWER: dict[Dialect, str] = {
    "openai_embeddings": "vectors",
    "gemini_embeddings": "vectors",
    "cohere_embeddings": "vectors",
    "openai_speech": "sound",
    "openai_moderations": "verdicts",
}
"""Dialects whose answers say no text, and what they say instead."""
NO_STREAM: dict[Dialect, str] = {"openai_images": "images", "openai_speech": "sound"}
"""Dialects whose streams say none."""


def _fields(dialect: Dialect, text: str) -> dict[str, Any]:
    match dialect:
        case "openai_chat":
            return {"model": "m", "messages": [{"role": "user", "content": text}]}
        case "openai_responses":
            return {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}]}
        case "anthropic_messages":
            return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}]}
        case "gemini":
            return {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        case "openai_completions" | "openai_images":
            return {"model": "m", "prompt": text}
        case "openai_embeddings" | "openai_moderations":
            return {"model": "m", "input": [text]}
        case "gemini_embeddings":
            return {"content": {"parts": [{"text": text}]}}
        case "cohere_embeddings":
            return {"model": "m", "texts": [text], "input_type": "search_query"}
        case "cohere_rerank":
            return {"model": "m", "query": "q", "documents": [text]}
        case "openai_speech":
            return {"model": "m", "input": text, "voice": "v"}
        case _:
            raise KeyError(f"nobody says where {dialect} has its texts")


def _form(endpoint: str, text: str) -> bytes:
    name = "image" if "images" in endpoint else "file"
    part = '--b\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    parts = [part % ("model", "", "m"), part % ("prompt", "", text), part % (name, '; filename="a"', "\x00")]
    return "".join([*parts, "--b--\r\n"]).encode()


FORMS = ("/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations")


def request(endpoint: str, dialect: Dialect, text: str, *, stream: bool = False) -> Request:
    """A request in which a user says a text."""
    headers = {b"content-type": b"multipart/form-data; boundary=b" if endpoint in FORMS else b"application/json"}
    if endpoint in FORMS:
        raw = _form(endpoint, text)
        if stream:
            raw = raw.replace(b"--b--", b'--b\r\ncontent-disposition: form-data; name="stream"\r\n\r\ntrue\r\n--b--')
    else:
        fields = _fields(dialect, text)
        if stream:
            fields |= {"stream_format": "sse"} if dialect == "openai_speech" else {"stream": True}
        if endpoint.endswith("batchEmbedContents"):
            fields = {"requests": [{"model": "models/m", **fields}]}
        raw = json.dumps(fields).encode()
    body, model = Body((raw,)), "m" if "{model}" in endpoint else ""
    asked = Asked(endpoint=endpoint, model=model, stream="stream" in endpoint, headers=headers)
    head, spots = CODECS[dialect].read(body, asked)
    return Request(head=head, body=body, spots=spots, digest="")


def answer(dialect: Dialect, text: str) -> bytes:
    """A whole answer that says a text."""
    match dialect:
        case "openai_chat" | "openai_responses" | "anthropic_messages" | "gemini" | "openai_completions":
            message = Message(role="assistant", parts=(Text(text=text),))
            choice = Choice(index=0, message=message, finish_reason="stop")
            said = Response(dialect="cohere_chat", id="r", model="m", created_s=1, choices=(choice,))
            return CODECS[dialect].encode_answer(said, Head(dialect=dialect, endpoint="/", model="m"), Losses())
        case "openai_transcription":
            return json.dumps({"text": text}).encode()
        case "cohere_rerank":
            return json.dumps({"id": "r", "results": [{"index": 0, "document": {"text": text}}]}).encode()
        case "openai_images":
            return json.dumps(
                {"created": 1, "data": [{"b64_json": "iVBORw0KGgo" * 9, "revised_prompt": text}]}
            ).encode()
        case _:
            raise KeyError(f"nobody says where answers of {dialect} have their texts")


def stream(dialect: Dialect, text: str, size: int = 3) -> Sequence[bytes]:
    """A stream that says a text, some characters at a time."""
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    match dialect:
        case "openai_chat" | "openai_responses" | "anthropic_messages" | "gemini" | "openai_completions":
            return pieces(dialect, [Delta(text=piece) for piece in cut])
        case "openai_transcription":
            events: list[dict[str, Any]] = [{"type": "transcript.text.delta", "delta": piece} for piece in cut]
            events.append({"type": "transcript.text.done", "text": text})
            return [f"data: {json.dumps(event)}\n\n".encode() for event in events]
        case _:
            raise KeyError(f"nobody says where streams of {dialect} have their texts")


def said(dialect: Dialect, stream: bytes) -> str:
    """All that a stream says piece by piece."""
    if dialect != "openai_transcription":
        return Heard(dialect, stream).text
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
    return "".join(event.get("delta", "") for event in events)
