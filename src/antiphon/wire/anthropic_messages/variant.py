"""The dialect as the clouds speak it: the model stands in the path, versions and betas in the body.

Source: anthropic 2.14.0, `lib/bedrock/_client.py`, `lib/vertex/_client.py`, which say the version `2026-10-21` to both;
before, each had its own. platform.claude.com/docs/en/api/versioning (2026-11): on Bedrock only Claude 4.7 and later take it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from antiphon.wire.anthropic_messages.errors import THREAD, unthreaded

BEDROCK = "bedrock-2023-05-31"
VERTEX = "vertex-2023-10-16"

_fields = msgspec.json.Decoder(dict[str, Raw])


def for_cloud(
    body: bytes | Mapping[str, Any], version: str, betas: Sequence[str] = (), *, stream_in_path: bool | None = None
) -> bytes:
    """A body for Bedrock or Vertex.

    Args:
        body: As for Anthropic itself. The bytes of its fields are kept.
        version: Such as BEDROCK or VERTEX; one that the body says already stays.
        betas: Names of the header `anthropic-beta`, for a cloud that takes them here.
        stream_in_path: The path says whether to stream, and the body may not. None: so it is where the version is
            Bedrock's own.
    Raises: CannotCarry, where the conversation is held by Anthropic's own servers.
    """
    fields: dict[str, Any] = dict(_fields.decode(body) if isinstance(body, bytes) else body)
    if THREAD in fields:
        raise unthreaded()
    fields.pop("model", None)
    if version == BEDROCK if stream_in_path is None else stream_in_path:
        fields.pop("stream", None)
    fields.setdefault("anthropic_version", version)
    if betas:
        fields.setdefault("anthropic_beta", list(betas))
    return msgspec.json.encode(fields)
