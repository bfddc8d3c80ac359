"""What an item that a stream ends with says, as a whole."""

from collections.abc import Mapping
from typing import Any

from antiphon.wire.fields import as_list, as_object
from antiphon.wire.openai_responses.thoughts import CONTENT


def thoughts_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """The thoughts of an item, or a summary of them; and the label that tells which."""
    summary = _texts(item, "summary")
    return ("\n\n".join(summary), "") if summary else ("\n\n".join(_texts(item, "content")), CONTENT)


def words_of(item: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The text of a message, and its refusal."""
    return "".join(_texts(item, "content")) or None, "".join(_texts(item, "content", "refusal")) or None


def _texts(item: Mapping[str, Any], name: str, word: str = "text") -> list[str]:
    parts = [as_object(value) or {} for value in as_list(item.get(name)) or ()]
    return [part[word] for part in parts if isinstance(part.get(word), str)]
