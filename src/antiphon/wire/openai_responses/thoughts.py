"""Reasoning items, both ways. Source: openai-python 3.52.0, `types/responses/response_reasoning_item.py`."""

from typing import Any

from antiphon.core.content import Extra, Reasoning
from antiphon.wire.fields import Fields, as_list, as_object, merged, present
from antiphon.wire.openai_responses.kept import keep, kept, text_of
from antiphon.wire.openai_responses.proofs import DIALECT, Proves, read_proof, write_proof

CONTENT = "reasoning_text"
"""Label of thoughts that are told themselves; the usual ones are a summary of them."""
_BETWEEN = "\n\n"


def decode_thoughts(fields: Fields) -> tuple[Reasoning, Proves]:
    """Read a reasoning item, and what its proof proves. Raises: BadRequest."""
    fields.drop("type")
    item_id = fields.text("id")
    sealed = fields.text("encrypted_content")
    signature, by, proves = read_proof(sealed) if sealed is not None else (None, "", "thoughts")
    put_by: Extra = {}
    label = ""
    texts = _texts(fields, "summary", "summary_text")
    if not texts:
        told = _texts(fields, "content", CONTENT)
        if told:
            texts, label = told, CONTENT
    if len(texts) > 1:
        keep(put_by, "lengths", [len(text) for text in texts])
    status = fields.peek("status")
    if status is not None:
        fields.drop("status")
        keep(put_by, "status", status)
    if fields.peek("content") == []:
        fields.drop("content")
    thoughts = Reasoning(
        text=_BETWEEN.join(texts),
        signature=signature,
        signed_by=by,
        redacted=proves == "redacted" or (by == DIALECT and not texts),
        id=item_id,
        summary=not label and by in ("", DIALECT),
        label=label,
        extra={**fields.left(), **put_by},
    )
    return thoughts, proves


def _texts(fields: Fields, name: str, kind: str) -> list[str]:
    """The texts of a list of parts; a list that holds anything else stays where it is, and so do none."""
    values = as_list(fields.peek(name))
    if values is None:
        fields.items(name, _nothing)  # refuses another type of a caller's
        return []
    texts: list[str] = []
    for value in values:
        part = as_object(value)
        text = part.get("text") if part is not None and part.get("type") == kind and len(part) == 2 else None
        if not isinstance(text, str):
            return []
        texts.append(text)
    if texts or name == "summary":
        fields.drop(name)
    return texts


def _nothing(fields: Fields) -> None:
    """Of a list that isn't one."""


def encode_thoughts(thoughts: Reasoning) -> dict[str, Any]:
    """Write a reasoning item as it came in this dialect, a foreign proof sealed."""
    by, rest = kept(thoughts.extra)
    texts = _pieces(thoughts.text, by.get("lengths"))
    out: dict[str, Any] = {"type": "reasoning", **present(id=thoughts.id), "summary": []}
    if thoughts.label == CONTENT:
        out["content"] = [{"type": CONTENT, "text": text} for text in texts]
    else:
        out["summary"] = [{"type": "summary_text", "text": text} for text in texts]
    if thoughts.signature is not None:
        proves: Proves = "redacted" if thoughts.redacted else "thoughts"
        out["encrypted_content"] = write_proof(thoughts.signature, thoughts.signed_by, proves)
    out |= present(status=text_of(by, "status"))
    return merged(out, rest)


def _pieces(text: str, lengths: object) -> list[str]:
    """The parts that a text was joined of; one where it was changed since."""
    counts = as_list(lengths)
    if counts and all(type(count) is int and count >= 0 for count in counts):
        sizes = [count for count in counts if isinstance(count, int)]
        if sum(sizes) + len(_BETWEEN) * (len(sizes) - 1) == len(text):
            out: list[str] = []
            at = 0
            for size in sizes:
                out.append(text[at : at + size])
                at += size + len(_BETWEEN)
            return out
    return [text] if text else []


def proof_item(signature: str, signed_by: str, proves: Proves, item_id: str | None = None) -> dict[str, Any]:
    """A reasoning item that carries nothing but a foreign proof."""
    sealed = write_proof(signature, signed_by, proves)
    return {"type": "reasoning", **present(id=item_id), "summary": [], "encrypted_content": sealed}
