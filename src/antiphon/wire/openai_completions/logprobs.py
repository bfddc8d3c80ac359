"""How likely each token was, in the form of chats and in that of legacy completions.

Source: openai-python 3.52.0, `types/chat/chat_completion_token_logprob.py`, `types/completion_choice.py`.
"""

from collections.abc import Mapping
from typing import Any

from antiphon.wire.fields import as_list, as_object


def from_chat(said: Mapping[str, Any], offset: int = 0) -> tuple[dict[str, Any], int]:
    """In the form of completions, and where the next token begins.

    Args:
        said: `content` with an item for each token.
        offset: Characters of the answer's text before it.
    """
    tokens: list[str] = []
    chances: list[Any] = []
    tops: list[dict[str, Any]] = []
    offsets: list[int] = []
    for item in as_list(said.get("content")) or ():
        one = as_object(item) or {}
        token = str(one.get("token", ""))
        tokens.append(token)
        chances.append(one.get("logprob"))
        tops.append(_top(one.get("top_logprobs")))
        offsets.append(offset)
        offset += len(token)
    return {"tokens": tokens, "token_logprobs": chances, "top_logprobs": tops, "text_offset": offsets}, offset


def _top(value: object) -> dict[str, Any]:
    tops = [as_object(item) or {} for item in as_list(value) or ()]
    return {str(one.get("token", "")): one.get("logprob") for one in tops}


def to_chat(said: Mapping[str, Any]) -> dict[str, Any]:
    """In the form of chats; what doesn't fit is left out."""
    tokens = as_list(said.get("tokens")) or []
    chances = as_list(said.get("token_logprobs")) or []
    tops = as_list(said.get("top_logprobs")) or []
    content: list[dict[str, Any]] = []
    for index, token in enumerate(tokens):
        top = as_object(tops[index]) if index < len(tops) else None
        content.append(
            {
                "token": str(token),
                "logprob": chances[index] if index < len(chances) else None,
                "bytes": list(str(token).encode(errors="replace")),
                "top_logprobs": [
                    {"token": word, "logprob": chance, "bytes": None} for word, chance in (top or {}).items()
                ],
            }
        )
    return {"content": content, "refusal": None}
