"""Proofs of thoughts as they stand in this dialect, where they are base64.

The SDK reads `thoughtSignature` as base64 and writes it again in the URL-safe alphabet (google-genai 3.6.1,
`_common.py`), so a foreign proof that travels through it has to be base64 too.
"""

import binascii
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from antiphon.core.content import Part, Reasoning, Text, ToolCall
from antiphon.core.request import Dialect

OWN: Dialect = "gemini"
SKIP = "skip_thought_signature_validator"
"""What stands for a proof of a call that Gemini did not make: without one Gemini 3 refuses the calls of the current turn.
It is URL-safe base64 too. Source: cloud.google.com/vertex-ai/generative-ai/docs/thought-signatures, 2026-11."""

_MARK = "antiphon/"
SEALED = b64encode(_MARK.encode()).decode()
"""How every foreign proof begins: nine bytes are twelve letters, whatever follows."""
_WHOLE = "!"
"""Behind the dialect's name: nothing is shown of these thoughts."""


def seal(signature: str, signed_by: str, *, redacted: bool = False) -> str:
    """A proof for a caller; a foreign one names whose it is."""
    if signed_by in ("", OWN) and not redacted:
        return signature
    text = f"{_MARK}{signed_by or OWN}{_WHOLE if redacted else ''}:{signature}"
    return b64encode(text.encode()).decode()


def unseal(value: str) -> tuple[str | None, str, bool]:
    """A proof that came, whose it is, and whether it is all that is told of its thoughts. None: it proves nothing."""
    if value == SKIP:
        return None, "", False
    if not value.startswith(SEALED):
        return value, OWN, False
    try:
        text = urlsafe_b64decode(value.replace("+", "-").replace("/", "_")).decode()
    except (binascii.Error, ValueError):
        return value, OWN, False
    by, colon, signature = text.removeprefix(_MARK).partition(":")
    if not colon:
        return value, OWN, False
    return signature, by.removesuffix(_WHOLE), by.endswith(_WHOLE)


def rejoined(parts: Sequence[Part]) -> list[Part]:
    """Parts whose proofs stand where Gemini put them: one that came by itself, as other dialects' callers keep it, goes
    back to the call or text behind it.
    """
    out: list[Part] = []
    waiting: Reasoning | None = None
    for part in parts:
        if waiting is not None:
            if isinstance(part, ToolCall | Text) and not part.signature:
                out.append(replace(part, signature=waiting.signature, signed_by=waiting.signed_by))
                waiting = None
                continue
            out.append(waiting)
            waiting = None
        if isinstance(part, Reasoning) and not part.text and part.signature and part.signed_by == OWN:
            waiting = part
        else:
            out.append(part)
    return out if waiting is None else [*out, waiting]


def foreign(segments: Iterable[bytes]) -> bool:
    """Whether a body holds any proof that isn't Gemini's, which Gemini would refuse."""
    mark, before = SEALED.encode(), b""
    for segment in segments:
        if mark in segment or mark in before + segment[: len(mark)]:
            return True
        before = segment[-len(mark) :]
    return False
