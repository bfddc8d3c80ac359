"""Puts back what tokens stand for, for a caller who may see it."""

import re
from collections.abc import Mapping

from antiphon.guards.port import Edit
from antiphon.guards.texts import answer_texts

TOKEN = re.compile(r"\[\[[A-Z0-9_]{1,64}\]\]")
"""What tokens look like: see `core.ports.TokenVault.token`."""
_MARK = b"[["


def restored(body: bytes, dialect: str, values: Mapping[str, str]) -> bytes:
    """A whole answer with values in the place of those tokens that are known here. Raises: BadRequest, as `answer_texts`."""
    if not values or _MARK not in body:
        return body
    texts = answer_texts(body, dialect)
    edits: list[tuple[int, list[Edit]]] = []
    for place, text in enumerate(texts.items):
        found = [
            Edit(match.start(), match.end(), values[match[0]])
            for match in TOKEN.finditer(text.text)
            if match[0] in values
        ]
        if found:
            edits.append((place, found))
    return texts.edited(edits).whole() if edits else body
