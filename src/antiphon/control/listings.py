"""The list of models as each dialect's clients read it.

Source: openai-python 3.52.0, `types/model.py`; anthropic 2.14.0, `types/model_info.py`; google-genai 3.6.1, `types.py`, Model.
"""

from datetime import UTC, datetime
from typing import Literal

from antiphon.control.catalogue import Listed, Page

Shape = Literal["openai", "anthropic", "gemini"]
ACTIONS = ("generateContent", "streamGenerateContent", "countTokens")
Json = dict[str, object]


def shape_of(path: bytes, headers: dict[bytes, bytes]) -> Shape:
    """Whose client asks: Anthropic's says its version, Google's asks under `/v1beta` or sends a header of its own."""
    if b"anthropic-version" in headers:
        return "anthropic"
    return "gemini" if path.startswith(b"/v1beta/") or b"x-goog-api-key" in headers else "openai"


def listed(page: Page, shape: Shape) -> object:
    """All of a page, in one's shape."""
    match shape:
        case "openai":
            return page
        case "anthropic":
            entries = [_anthropic(one) for one in page.data]
            ends = [page.data[0].id, page.data[-1].id] if page.data else [None, None]
            return {"data": entries, "has_more": False, "first_id": ends[0], "last_id": ends[1]}
        case "gemini":
            return {"models": [_gemini(one) for one in page.data]}


def shown(one: Listed, shape: Shape) -> object:
    """One entry, in one's shape."""
    match shape:
        case "openai":
            return one
        case "anthropic":
            return _anthropic(one)
        case "gemini":
            return _gemini(one)


def _anthropic(one: Listed) -> Json:
    created = datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out: Json = {"type": "model", "id": one.id, "display_name": one.id, "created_at": created, "lifecycle": "active"}
    return out | _known(max_input_tokens=one.context_window, max_tokens=one.max_output_tokens)


def _gemini(one: Listed) -> Json:
    out: Json = {
        "name": f"models/{one.id}",
        "displayName": one.id,
        "description": one.description,
        "supportedGenerationMethods": ACTIONS,
    }
    return out | _known(inputTokenLimit=one.context_window, outputTokenLimit=one.max_output_tokens)


def _known(**counts: int | None) -> Json:
    return {name: count for name, count in counts.items() if count is not None}
