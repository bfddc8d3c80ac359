"""Proofs of thoughts as `encrypted_content`, the one place that this dialect has for them.

OpenAI's own stand as they are. Another provider's names whose it is (`wire.signature`); before it stands what it proves,
where that isn't the thoughts of its item: thoughts that nothing is shown of, the next tool call, or the text before.
Neither base64 nor a dialect's name has a colon.
"""

from typing import Literal

from antiphon.core.request import Dialect
from antiphon.wire.signature import seal, unseal

DIALECT: Dialect = "openai_responses"
Proves = Literal["thoughts", "redacted", "call", "text"]


def write_proof(signature: str, signed_by: str, proves: Proves = "thoughts") -> str:
    """A proof for a caller."""
    if signed_by in ("", DIALECT) or proves == "thoughts":
        return seal(signature, signed_by, DIALECT)
    return seal(f"{proves}:{signature}", signed_by, DIALECT)


def read_proof(value: str) -> tuple[str, str, Proves]:
    """Returns: the proof, whose it is, and what it proves."""
    signature, by = unseal(value, DIALECT)
    if by == DIALECT:
        return signature, by, "thoughts"
    word, colon, rest = signature.partition(":")
    match word:
        case "redacted" | "call" | "text" if colon:
            return rest, by, word
        case _:
            return signature, by, "thoughts"
