"""Files that are texts, which Cohere takes as documents beside the conversation."""

from base64 import b64decode
from urllib.parse import unquote_to_bytes

from antiphon.core.content import File

_TEXTS = ("text/", "application/json", "application/xml", "application/yaml")


def text_of(file: File) -> str | None:
    """What a file says; None where it isn't a text that came with the request."""
    if file.text is not None:
        return file.text
    data, media_type, encoded = file.data or file.url or "", file.media_type or "", True
    if data.startswith("data:"):
        head, _, data = data[5:].partition(",")
        media_type, encoded = head.partition(";")[0] or media_type, head.lower().endswith(";base64")
    elif not file.data:
        return None
    if not media_type.startswith(_TEXTS):
        return None
    try:
        return (b64decode(data, validate=True) if encoded else unquote_to_bytes(data)).decode()
    except ValueError:
        return None
